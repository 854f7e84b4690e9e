"""What an audit is made of: the events of a network as values, each with where it stands and how it came.

Nothing is asked here and nothing judged: `reading` gets the facts from a chain, and the rules stand in the
modules that fold them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from worknet.chain.answers import Sent
from worknet.chain.events import Event, PoolEvent
from worknet.chain.interface import Contract, selected


@dataclass(frozen=True)
class Malformed:
    """An event that the contract cannot have told, and why not."""

    reason: str


@dataclass(frozen=True)
class Happening:
    """An event: its block and that one's time, its number in it, and the transaction that it came with."""

    event: Event | PoolEvent | Malformed
    block: int
    time: int
    log: int
    transaction: bytes
    call: Sent


@dataclass(frozen=True)
class Place:
    """Which contracts are audited: the network's, and its pool's if there is one."""

    chain_id: int
    contract: bytes
    pool: bytes | None = None


@dataclass(frozen=True)
class Question:
    """A view of one of the contracts, asked as of the audit's last block."""

    contract: Contract
    view: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Expected:
    """What a view must answer if the events are the whole truth, and the rule that is broken if not."""

    question: Question
    answer: Any
    rule: str
    what: str
    voting_id: bytes = b""


Ask: TypeAlias = Callable[[Sequence[Question]], Sequence[Any]]
"""Asks views as of the audit's last block, in order; the answer of one that refuses is None."""


def asked(happening: Happening, contract: bytes, interface: Contract = "WorkerNetwork") -> Any:
    """Function and values of the call that the transaction was; None if it called another contract first.

    What another contract then called, no event tells.
    """
    call = happening.call
    return selected(call.data, interface) if call.to == contract else None


def workers_of(bitmap: int) -> list[int]:
    """The indices in a bitmap, ascending."""
    return [index for index in range(bitmap.bit_length()) if bitmap >> index & 1]


def bitmap_of(workers: Sequence[int]) -> int:
    """The bitmap of these indices."""
    return sum(1 << worker for worker in workers)
