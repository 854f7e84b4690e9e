"""The logs of any contract on any chain, read once they are as deep as asked for, in ranges from a cursor.

An event is declared as Solidity writes it, such as `Transfer(address indexed from, address indexed to,
uint256 value)`: no ABI file is needed. What was read is the caller's to keep, together with the cursor.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from worknet.chain.answers import Log
from worknet.chain.errors import ChainError, RpcRefusedError
from worknet.chain.rpc import Rpc
from worknet.protocol.keccak import keccak256

Decoded = int | bool | str | Sequence[object]
"""Integers and booleans as they are, addresses and bytes as 0x hex, text; of arrays a sequence of such."""

_EVENT = re.compile(r"\s*(?:event\s+)?([A-Za-z_$][\w$]*)\s*\(([^()]*)\)\s*;?\s*", re.ASCII)
_PARAMETER = re.compile(r"([a-z][a-z0-9]*)((?:\[[0-9]*\])*)\s+(?:(indexed)\s+)?([A-Za-z_$][\w$]*)", re.ASCII)
_TYPES = frozenset(
    ["address", "bool", "string", "bytes"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in range(8, 257, 8)]
    + [f"bytes{size}" for size in range(1, 33)]
)
_MOST_BLOCKS = 2_000


class EventFormError(ChainError):
    """A text that declares no event."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of an event: its ABI type in canonical form, and whether it is a topic."""

    name: str
    type: str
    indexed: bool

    @property
    def is_hashed(self) -> bool:
        """Whether the log holds only the hash of the value: topics are one word."""
        return self.indexed and (self.type in {"string", "bytes"} or self.type.endswith("]"))


@dataclass(frozen=True)
class EventForm:
    """An event as a contract declares it."""

    name: str
    parameters: tuple[Parameter, ...]

    @classmethod
    def parse(cls, text: str) -> "EventForm":
        """The event that a declaration in Solidity's words says; `EventFormError` for anything else."""
        hint = "write Transfer(address indexed from, address indexed to, uint256 value)"
        found = _EVENT.fullmatch(text)
        if found is None:
            raise EventFormError(f"{text!r} declares no event", hint)
        parameters = tuple(_parameter(part, hint) for part in found[2].split(",") if found[2].strip())
        names = [parameter.name for parameter in parameters]
        if len(set(names)) != len(names):
            raise EventFormError(f"two parameters of {found[1]} have one name", hint)
        if sum(parameter.indexed for parameter in parameters) > 3:
            raise EventFormError(f"{found[1]} has more than three indexed parameters", hint)
        return cls(found[1], parameters)

    @property
    def topic(self) -> bytes:
        """The first topic of its logs: the hash of name and types."""
        types = ",".join(parameter.type for parameter in self.parameters)
        return keccak256(f"{self.name}({types})".encode())

    def decode(self, log: Log) -> dict[str, Decoded]:
        """The parameters' values in a log; `EventFormError` for a log that is not of this form."""
        from eth_abi.abi import decode
        from eth_abi.exceptions import DecodingError

        topics = [parameter for parameter in self.parameters if parameter.indexed]
        others = [parameter for parameter in self.parameters if not parameter.indexed]
        if len(log.topics) != len(topics) + 1 or log.topics[0] != self.topic:
            raise EventFormError("the log has other topics than the event that is declared")
        types = ["bytes32" if parameter.is_hashed else parameter.type for parameter in topics]
        try:
            values = list(decode(types, b"".join(log.topics[1:])))
            values += decode([parameter.type for parameter in others], log.data)
        except (DecodingError, UnicodeDecodeError, OverflowError):
            raise EventFormError("the log's data is not that of the event that is declared") from None
        return {
            parameter.name: _plain(value) for parameter, value in zip([*topics, *others], values, strict=True)
        }


@dataclass(frozen=True)
class Seen:
    """A log that is deep enough. `index` counts the logs of its transaction from 0, `time` is its block's in
    Unix seconds. `values` are its parameters; where it is not of the declared form, `fault` says why."""

    block: int
    time: int
    transaction: bytes
    index: int
    contract: bytes
    values: Mapping[str, Decoded] = field(repr=False)
    fault: str = ""


@dataclass(frozen=True)
class Found:
    """The logs of the blocks up to and with `block`. `moved`: the block that was the last one to be read is
    another one now, so the chain has changed deeper than was waited for, and some blocks were read again."""

    logs: tuple[Seen, ...]
    block: int
    block_hash: bytes
    moved: bool
    at_head: bool


class LogWatch:
    """Reads one event of one contract, from block `first` on.

    A block counts where the newest one is `confirmations` or more above it.
    """

    def __init__(self, rpc: Rpc, contract: bytes, form: EventForm, confirmations: int, first: int) -> None:
        self._rpc, self._contract, self._form = rpc, contract, form
        self._confirmations, self._first = confirmations, first
        self._most = _MOST_BLOCKS
        chain = rpc.chain_id.to_bytes(32, "big")
        self.watched = sha256(chain + contract + form.topic).digest()
        """What tells this event of this contract on this chain from all others."""

    def next(self, cursor: tuple[int, bytes] | None) -> Found | None:
        """What follows the cursor, a block's number and hash, or None before anything was read.

        Gives None while there is nothing deep enough. Raises `ChainError` where the chain
        cannot be read, or changed while it was.
        """
        self._rpc.check_chain()
        last = self._rpc.block_number() - self._confirmations
        start, moved = self._first, False
        if cursor is not None:
            block, block_hash = cursor
            if block > last:
                return None
            header = self._rpc.headers([block])[0]
            moved = header is None or header.hash != block_hash
            # Where the chain parted is not known: twice the depth that was to be enough is read again.
            start = max(self._first, block - 2 * self._confirmations - 1) if moved else block + 1
        if start > last:
            return None
        end, logs = self._logs(start, last)
        return self._found(logs, end, moved, at_head=end == last)

    def _logs(self, start: int, last: int) -> tuple[int, list[Log]]:
        """The logs from a block on, as far as the RPC gives them at once; and up to which block that is."""
        while True:
            end = min(last, start + self._most - 1)
            try:
                logs = self._rpc.logs(self._contract, start, end, [self._form.topic])
            except RpcRefusedError:
                if end == start:
                    raise
                # Many RPCs bound the blocks or the logs of one answer, and each says so in other words.
                self._most = max(1, (end - start + 1) // 2)
            else:
                self._most = min(_MOST_BLOCKS, 2 * self._most)
                return end, logs

    def _found(self, logs: Sequence[Log], end: int, moved: bool, *, at_head: bool) -> Found:
        numbers = sorted({log.block for log in logs} | {end})
        headers = dict(zip(numbers, self._rpc.headers(numbers), strict=True))
        firsts = {
            transaction: self._first_index(transaction) for transaction in {log.transaction for log in logs}
        }
        seen = []
        for log in logs:
            header = headers[log.block]
            if header is None or header.hash != log.block_hash:
                raise ChainError(f"block {log.block} changed while its logs were read")
            try:
                values, fault = self._form.decode(log), ""
            except EventFormError as error:
                values, fault = {}, str(error)
            index = log.index - firsts[log.transaction]
            seen.append(Seen(log.block, header.time, log.transaction, index, log.address, values, fault))
        newest = headers[end]
        if newest is None:
            raise ChainError(f"block {end} is gone, though a later one was there")
        return Found(tuple(seen), end, newest.hash, moved, at_head)

    def _first_index(self, transaction: bytes) -> int:
        """The index in its block of a transaction's first log."""
        receipt = self._rpc.receipt(transaction)
        if receipt is None or not receipt.logs:
            raise ChainError(f"transaction 0x{transaction.hex()} is gone, though its logs were there")
        return min(log.index for log in receipt.logs)


def _parameter(text: str, hint: str) -> Parameter:
    found = _PARAMETER.fullmatch(text.strip())
    if found is None:
        raise EventFormError(f"{text.strip()!r} is no parameter of an event, with type and name", hint)
    kind = {"uint": "uint256", "int": "int256"}.get(found[1], found[1])
    if kind not in _TYPES:
        raise EventFormError(f"{found[1]} is no type of a parameter that can be read", hint)
    return Parameter(found[4], kind + found[2], found[3] is not None)


def _plain(value: object) -> Decoded:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [_plain(element) for element in value]
    # eth_abi writes addresses in small letters.
    assert isinstance(value, int | str)
    return value
