"""What a chain's JSON-RPC answers, as values: blocks, logs, receipts, and how each is read out of JSON.

Hashes and addresses are bytes, amounts are wei. An answer of another shape than the method's is a
`RpcUnavailableError`: it is no answer. `SHAPES` has the readers of the methods
whose answers are small enough to be read on arrival.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from worknet.chain.errors import RpcUnavailableError


@dataclass(frozen=True)
class Header:
    """A block's number, hashes, time (unix seconds) and base fee (wei per gas; None before London)."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    base_fee: int | None


@dataclass(frozen=True)
class Log:
    """One event of a contract and where it stands; `index` counts the logs of its block."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: bytes
    transaction: bytes
    index: int


@dataclass(frozen=True)
class Receipt:
    """What a transaction came to. `contract` is the one that it created, if it did; `fee` is what it cost, in
    wei, as far as the chain says at which price it was taken."""

    transaction: bytes
    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    fee: int
    contract: bytes | None
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Sent:
    """A transaction as the chain has it; `to` None creates a contract."""

    sender: bytes
    to: bytes | None
    data: bytes
    gas: int


def integer(value: object) -> int:
    """A number, from its hex digits."""
    if isinstance(value, str):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where a number belongs")


def octets(value: object) -> bytes:
    """Bytes, from 0x and their hex digits."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where hex bytes belong")


def an_object(value: object) -> dict[str, Any]:
    """A JSON object."""
    if isinstance(value, dict):
        return value
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where an object belongs")


def a_list(value: object) -> list[Any]:
    """A JSON array."""
    if isinstance(value, list):
        return value
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where a list belongs")


def header(answer: object) -> Header:
    """A block."""
    block = an_object(answer)
    base_fee = block.get("baseFeePerGas")
    return Header(
        number=integer(block.get("number")),
        hash=octets(block.get("hash")),
        parent=octets(block.get("parentHash")),
        time=integer(block.get("timestamp")),
        base_fee=None if base_fee is None else integer(base_fee),
    )


def log(entry: object) -> Log:
    """One event."""
    told = an_object(entry)
    return Log(
        address=octets(told.get("address")),
        topics=tuple(octets(topic) for topic in a_list(told.get("topics"))),
        data=octets(told.get("data")),
        block=integer(told.get("blockNumber")),
        block_hash=octets(told.get("blockHash")),
        transaction=octets(told.get("transactionHash")),
        index=integer(told.get("logIndex")),
    )


def logs(answer: object) -> list[Log]:
    """Events in the order of the chain, each once, without those that a reorganisation took away."""
    entries = [an_object(entry) for entry in a_list(answer)]
    found = {log(entry) for entry in entries if not entry.get("removed")}
    return sorted(found, key=lambda each: (each.block, each.index))


def receipt(transaction: bytes, answer: object) -> Receipt | None:
    """What became of the transaction of that hash; None while it is in no block."""
    if answer is None or an_object(answer).get("blockNumber") is None:
        return None
    told = an_object(answer)
    created = told.get("contractAddress")
    gas_used = integer(told.get("gasUsed"))
    return Receipt(
        transaction=transaction,
        block=integer(told.get("blockNumber")),
        block_hash=octets(told.get("blockHash")),
        succeeded=integer(told.get("status")) == 1,
        gas_used=gas_used,
        fee=gas_used * integer(told.get("effectiveGasPrice", "0x0")),
        contract=octets(created) if created else None,
        logs=tuple(log(entry) for entry in a_list(told.get("logs"))),
    )


def sent(answer: object) -> Sent | None:
    """A transaction; None for one that the chain does not know."""
    if answer is None:
        return None
    told = an_object(answer)
    to = told.get("to")
    return Sent(
        sender=octets(told.get("from")),
        to=octets(to) if to else None,
        data=octets(told.get("input")),
        gas=integer(told.get("gas")),
    )


def sent_in(answer: object) -> dict[bytes, Sent]:
    """The transactions of a block that was told with them, by their hashes."""
    told = a_list(an_object(answer).get("transactions"))
    found = {octets(an_object(each).get("hash")): sent(each) for each in told}
    return {digest: each for digest, each in found.items() if each is not None}


SHAPES: Mapping[str, Callable[[object], object]] = {
    "eth_chainId": integer,
    "eth_blockNumber": integer,
    "eth_getBlockByNumber": lambda answer: None if answer is None else header(answer),
    "eth_getTransactionCount": integer,
    "eth_getBalance": integer,
    "eth_getCode": octets,
    "eth_call": octets,
    "eth_gasPrice": integer,
    "eth_maxPriorityFeePerGas": integer,
}
