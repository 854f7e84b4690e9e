"""The contracts' code on the chain, held against what this software ships.

A contract's code is what its artifact creates, and behind it its immutables, one word each: what they say,
the contract's views tell.
"""

from collections.abc import Mapping

from worknet.audit.notes import Notes
from worknet.chain.interface import Contract
from worknet.contracts import artifact
from worknet.protocol.words import WORD_BYTES

IMMUTABLES: Mapping[Contract, int] = {"WorkerNetwork": 2, "Rewards": 3}
"""How many words a contract keeps behind its code: confirmations and reward period; network, reward period
and time of creation."""

_RULES: Mapping[Contract, str] = {"WorkerNetwork": "code.network", "Rewards": "code.pool"}


def check_code(contract: Contract, code: bytes, notes: Notes) -> None:
    """Notes it where the code at a contract's address is not that of its artifact."""
    built = artifact(contract)
    fixed = code[: -IMMUTABLES[contract] * WORD_BYTES]
    notes.checked["contracts' code"] += 1
    if len(code) != built.runtime_size or fixed not in built.bytecode:
        what = f"the code is not that of the {contract} that this software ships"
        notes.broken(_RULES[contract], what, size=len(code), due=built.runtime_size)
