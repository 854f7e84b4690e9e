"""A network's contract as of one block, asked over JSON-RPC: its views, and its events, in parts where a
provider wants that.

Answers of another form than the contract's are an `RpcError`, or refuse the contract. What they mean stands
in `rpc`. Interface: `docs/reference/contract.md`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from worknet.protocol.abi import ADDRESS_BYTES, WORD_BYTES, words
from worknet.protocol.canonical import to_hex
from worknet.protocol.keccak import keccak256
from worknet.verify.errors import RefusedError, RpcError, require
from worknet.verify.transport import AnsweredError, Transport

MOVED = keccak256(b"Moved(uint256,address,uint256,bytes32)")
ENROLLED = keccak256(b"Enrolled(uint256,address,address,uint256,bytes32)")
ROTATED = keccak256(b"Rotated(uint256,address,address,bytes32)")
OPENED = keccak256(b"Opened(bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256,uint256)")
CAST = keccak256(b"Cast(bytes32,uint256,bytes32,bytes32)")
SEALED = keccak256(b"Sealed(bytes32,uint256,bytes32)")
SEALS_BROUGHT = keccak256(b"SealsBrought(bytes32,uint256,uint256,bytes32[])")
REVEALED = keccak256(b"Revealed(bytes32,uint256,bytes32,bytes32,uint256)")
REPORTED = keccak256(b"Reported(bytes32,uint256,uint256,uint256,uint256)")
RECORDED = keccak256(b"Recorded(bytes32,uint256,uint256,bytes32,bytes32,uint256,uint256)")

Moment = tuple[int, int]
"""When something happened: block, and number of the event in it."""


@dataclass(frozen=True)
class Event:
    """An event: its topics, of which the first is its kind, its data in words, and its moment."""

    topics: tuple[bytes, ...]
    data: tuple[bytes, ...]
    moment: Moment

    @property
    def kind(self) -> bytes:
        """Which of the kinds above."""
        return self.topics[0]

    def number(self, word: int) -> int:
        """A word of the data as a number."""
        return number(self.data[word])

    def address(self, topic: int) -> bytes:
        """A topic as an address."""
        return self.topics[topic][-ADDRESS_BYTES:]


class Contract:
    """The network's contract as of one block."""

    def __init__(self, rpc: Transport, address: bytes, block: int) -> None:
        self.block = block
        self._rpc = rpc
        self._address = to_hex(address)
        self._span: int | None = None
        self._born = 0

    def exists(self, block: int | None = None) -> bool:
        """Whether there is code at the address, in that block or in the one that all is read of."""
        return bool(self._rpc.data("eth_getCode", self._address, hex(self.block if block is None else block)))

    def call(self, function: str, *arguments: int | bytes) -> bytes:
        """What a function answers."""
        return self.calls(function, [arguments])[0]

    def calls(self, function: str, many: Sequence[Sequence[int | bytes]]) -> list[bytes]:
        """What a function answers to each list of arguments."""
        selector = keccak256(function.encode())[:4]
        data = [to_hex(selector + words(*arguments)) for arguments in many]
        asked = [({"to": self._address, "data": call}, hex(self.block)) for call in data]
        try:
            answers = self._rpc.ask_all("eth_call", asked)
            return [self._rpc.bytes_of("eth_call", answer) for answer in answers]
        except AnsweredError as error:
            if not error.reverted:
                raise
            raise RefusedError("network.contract", f"is no network: it refuses {function}") from error

    def word(self, function: str, *arguments: int | bytes) -> bytes:
        """The one word that a function answers."""
        answer = self.call(function, *arguments)
        require(len(answer) == WORD_BYTES, "network.contract", f"is no network: {function} gives no word")
        return answer

    def number(self, function: str, *arguments: int | bytes) -> int:
        """The same as a number."""
        return number(self.word(function, *arguments))

    def events(self, kinds: Sequence[bytes], about: bytes | None = None) -> Iterator[Event]:
        """All events of these kinds, in their order; `about` is their first indexed word.

        Providers answer for a limited number of blocks or events: on a refusal fewer blocks are asked for.
        """
        topics: list[Any] = [[to_hex(kind) for kind in kinds]]
        topics += [] if about is None else [to_hex(about)]
        first = self._born
        span = self._span or self.block + 1
        while first <= self.block:
            last = min(first + span - 1, self.block)
            asked = {
                "address": self._address,
                "fromBlock": hex(first),
                "toBlock": hex(last),
                "topics": topics,
            }
            try:
                answer = self._rpc.ask("eth_getLogs", asked)
            except AnsweredError:
                if span == 1:
                    raise
                if self._span is None:
                    self._born = first = self._birth()
                self._span = span = span // 2
                continue
            yield from self._parsed(answer, kinds, about)
            first = last + 1

    def _birth(self) -> int:
        """The first block in which the contract exists; 0 where the RPC does not know such old states."""
        low, high = 0, self.block
        try:
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.exists(middle) else (middle + 1, high)
        except AnsweredError:
            return 0
        return low

    def _parsed(self, answer: Any, kinds: Sequence[bytes], about: bytes | None) -> list[Event]:
        if not isinstance(answer, list):
            raise RpcError(f"{self._rpc.shown}, eth_getLogs: a list is due")
        events = [self._event(log) for log in answer]
        for event in events:
            if event.topics[0] not in kinds or (about is not None and event.topics[1] != about):
                raise RpcError(f"{self._rpc.shown}, eth_getLogs: an event that was not asked for")
        return sorted(events, key=lambda event: event.moment)

    def _event(self, log: Any) -> Event:
        method = "eth_getLogs"
        try:
            topics = tuple(self._rpc.bytes_of(method, topic) for topic in log["topics"])
            data = self._rpc.bytes_of(method, log["data"])
            moment = (int(log["blockNumber"], 16), int(log["logIndex"], 16))
            ours = str(log["address"]).lower() == self._address and not log.get("removed")
            topic_count, words_least = _FORMS[topics[0]]
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            raise RpcError(f"{self._rpc.shown}, {method}: an event of another form") from error
        whole = len(data) % WORD_BYTES == 0 and all(len(topic) == WORD_BYTES for topic in topics)
        parts = tuple(data[at : at + WORD_BYTES] for at in range(0, len(data), WORD_BYTES))
        length = len(parts) if topics[0] != SEALS_BROUGHT else len(parts) - _listed(parts)
        if not ours or not whole or (len(topics), length) != (topic_count, words_least):
            raise RpcError(f"{self._rpc.shown}, {method}: an event of another form")
        return Event(topics, parts, moment)


# Per event: how many topics it has, and how many words of data, those of a list's elements not counted.
_FORMS = {
    MOVED: (2, 3),
    ENROLLED: (4, 2),
    ROTATED: (4, 1),
    OPENED: (3, 6),
    CAST: (2, 3),
    SEALED: (2, 2),
    SEALS_BROUGHT: (2, 4),
    REVEALED: (2, 4),
    REPORTED: (2, 4),
    RECORDED: (2, 6),
}


def _listed(parts: Sequence[bytes]) -> int:
    """How many seals an event says that it lists: as many as its bitmap has workers."""
    return number(parts[3]) if len(parts) > 3 and number(parts[1]).bit_count() == number(parts[3]) else 0


def number(word: bytes) -> int:
    """A word as a number."""
    return int.from_bytes(word, "big")
