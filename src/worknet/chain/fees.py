"""What a transaction offers for its gas, today and when it takes another's place.

Chains with a base fee (EIP-1559) get `maxFeePerGas` and `maxPriorityFeePerGas`, all others `gasPrice`; wei
per unit of gas throughout.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from worknet.chain.errors import RpcRefusedError
from worknet.chain.rpc import Rpc

MOST_OF_TODAY = 2
"""No replacement pays more than so many times today's fees: an RPC that refuses all drives no fee up for
ever."""


@dataclass(frozen=True)
class Fees:
    """What a transaction should offer now, by JSON-RPC names; number and base fee of the newest block, 0
    where there is none."""

    offer: dict[str, int]
    base_fee: int
    block: int


def ask_fees(rpc: Rpc) -> Fees:
    """Today's fees: room for a base fee that doubles, and the tip that the chain's node proposes."""
    header = rpc.header()
    block = 0 if header is None else header.number
    if header is None or header.base_fee is None:
        return Fees({"gasPrice": rpc.gas_price()}, 0, block)
    try:
        tip = rpc.priority_fee()
    except RpcRefusedError:
        tip = max(rpc.gas_price() - header.base_fee, 0)
    offer = {"maxFeePerGas": 2 * header.base_fee + tip, "maxPriorityFeePerGas": tip}
    return Fees(offer, header.base_fee, block)


def higher(old: Mapping[str, int], today: Mapping[str, int]) -> dict[str, int] | None:
    """Today's fees, but an eighth (12.5 %) above the old ones, as chains' nodes want it of a replacement.

    None where that is more than `MOST_OF_TODAY`.
    """
    offer = {name: max(fee, old.get(name, 0) * 9 // 8 + 1) for name, fee in today.items()}
    return None if highest(offer) > MOST_OF_TODAY * highest(today) else offer


def highest(offer: Mapping[str, int]) -> int:
    """The most that is paid for a unit of gas, in wei."""
    return max(offer.values())
