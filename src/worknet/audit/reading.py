"""The facts of an audit, read from a chain: events with their blocks and transactions, views as of a block.

Blocks and transactions are asked for in batches, each once. The RPC is believed about what stands in a block;
that the events are all of them, the contract's own answers show. What no chain can have is no finding but an
RPC that does not work: events that were not asked for, two in one place, time that goes back.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from worknet.audit.facts import Happening, Malformed, Place, Question
from worknet.chain import events
from worknet.chain.answers import Header, Log, Sent
from worknet.chain.errors import ChainError, RpcRefusedError
from worknet.chain.interface import call_data, output
from worknet.chain.rpc import Rpc
from worknet.protocol.times import LATEST

LARGEST_RANGE = 2000
"""Blocks asked for in one eth_getLogs; halved as often as the RPC refuses so many."""

_TRIES = 5

_ANOTHER_RPC = "use another RPC: what this one answers, no chain holds"

Progress = Callable[[str, int, int], None]
"""Told as an audit goes on: what is being done, how much of it is done, of how much."""


class Reading:
    """Reads one network's chain for an audit up to block `last`."""

    def __init__(self, rpc: Rpc, place: Place, last: int) -> None:
        self._rpc, self._place, self._last = rpc, place, last
        self._range = LARGEST_RANGE
        self._latest = 0, 0

    def header(self, number: int) -> Header:
        """The block of that number; ChainError where the chain has none."""
        header = self._rpc.header(number)
        if header is None:
            raise ChainError(f"the RPC does not have block {number}", hint="try again, or name another RPC")
        self._follow(number, header)
        return header

    def happenings(self, first: int, progress: Progress | None) -> Iterator[Happening]:
        """All events of the contracts from block `first` on, in the order of the chain."""
        following, tries = first, 0
        while following <= self._last:
            end = min(following + self._range - 1, self._last)
            try:
                logs = self._logs(following, end)
            except RpcRefusedError:
                if following == end:
                    raise
                self._range = (end - following + 1) // 2
                continue
            found = self._with_blocks(logs)
            if found is None:
                tries += 1
                if tries > _TRIES:
                    raise ChainError(
                        f"the RPC at {self._rpc.shown_url} gives events under hashes that their blocks do not"
                        " have",
                        hint="its nodes disagree; use another RPC, or try again later",
                    )
                continue
            yield from found
            following, self._range = end + 1, min(LARGEST_RANGE, self._range * 2)
            if progress is not None:
                progress("blocks read", end - first + 1, self._last - first + 1)

    def balance(self, address: bytes) -> int:
        """Wei that an address holds after the last block."""
        return self._rpc.balance(address, self._last)

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """What views answer as of the last block; None for one that refuses, or answers in another form."""
        calls = [
            (
                self._place.contract if question.contract == "WorkerNetwork" else self._place.pool or b"",
                call_data(question.view, *question.arguments, contract=question.contract),
            )
            for question in questions
        ]
        answers = self._rpc.calls(calls, self._last)
        return [_value(question, answer) for question, answer in zip(questions, answers, strict=True)]

    def code(self, address: bytes) -> bytes:
        """The code at an address."""
        return self._rpc.code(address)

    def _logs(self, first: int, last: int) -> list[Log]:
        logs = self._rpc.logs(self._place.contract, first, last)
        if self._place.pool is not None:
            logs += self._rpc.logs(self._place.pool, first, last)
        asked = {self._place.contract, self._place.pool}
        if not all(log.address in asked and first <= log.block <= last for log in logs):
            raise ChainError(
                f"the RPC at {self._rpc.shown_url} gives events of other contracts or blocks than it was"
                " asked for",
                hint=_ANOTHER_RPC,
            )
        found = {(log.block, log.index): log for log in logs}
        if len(found) != len(logs):
            raise ChainError(
                f"the RPC at {self._rpc.shown_url} gives two events one place in a block", hint=_ANOTHER_RPC
            )
        return [found[place] for place in sorted(found)]

    def _with_blocks(self, logs: Sequence[Log]) -> list[Happening] | None:
        """The events with their blocks and transactions; None where these do not fit, so that they are read
        anew."""
        numbers = sorted({log.block for log in logs})
        headers = dict(zip(numbers, self._rpc.headers(numbers), strict=True))
        sent = self._sent(logs)
        found = []
        for log in logs:
            header, call = headers[log.block], sent.get(log.transaction)
            if header is None or header.hash != log.block_hash or call is None:
                return None
            self._follow(log.block, header)
            found.append(self._happening(log, header, call))
        return found

    def _follow(self, number: int, header: Header) -> None:
        """Goes on to a block, which must be the one that was asked for, and no older than those before."""
        before, time = self._latest
        is_back = number > before and header.time < time
        if header.number != number or is_back or not 0 <= header.time <= LATEST:
            raise ChainError(
                f"the RPC at {self._rpc.shown_url} answers with block {header.number} of the time"
                f" {header.time} where block {number} belongs",
                hint=_ANOTHER_RPC,
            )
        if number >= before:
            self._latest = number, header.time

    def _sent(self, logs: Sequence[Log]) -> dict[bytes, Sent]:
        """The transactions of the events; nodes forget the hashes of old ones, and still have the blocks."""
        blocks = {log.transaction: log.block for log in logs}
        told = zip(blocks, self._rpc.transactions([*blocks]), strict=True)
        sent = {digest: each for digest, each in told if each is not None}
        for block in sorted({block for digest, block in blocks.items() if digest not in sent}):
            sent.update(self._rpc.transactions_of(block))
        return sent

    def _happening(self, log: Log, header: Header, call: Sent) -> Happening:
        event: events.Event | events.PoolEvent | Malformed | None
        try:
            event = events.read_of_pool(log) if log.address == self._place.pool else events.read(log)
        except ChainError as error:
            event = Malformed(str(error))
        if event is None:
            event = Malformed("an event that the contract does not have")
        return Happening(event, log.block, header.time, log.index, log.transaction, call)


def _value(question: Question, answer: bytes | None) -> Any:
    if answer is None:
        return None
    try:
        value = output(question.view, answer, contract=question.contract)
    except ChainError:
        return None
    return tuple(value) if isinstance(value, list) else value
