"""Earnings: what a worker earns of one closed voting, and of one ended period (section 8).

Pure functions of what the chain keeps. Which votings and periods there are, and what was claimed and paid,
stands in `rewards`; whose ballot was counted, in `voting`.

Amounts are in the chain's smallest unit. All sets of workers are bitmaps: bit i is the worker with index i.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from worknet.protocol.ballots import seconds_left
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.voting import FactError
from worknet.protocol.words import MAX_WORKERS, WORD_BYTES, Ballots, How


@dataclass(frozen=True)
class ClosedVoting:
    """A recorded voting whose bitmaps are final, with all that its rewards depend on.

    `accurate` are the members whose counted ballot is the recorded pair; `seals` the stored seals of the
    recorded attempt by worker, needed only where a quorum of sealed ballots pays for speed. `FactError` if
    these contradict the record; whether the policy is the record's, `rewards` checks.
    """

    record: Record
    policy: Policy
    accurate: int
    seals: Mapping[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.accurate & ~self.record.members or self.record.voters & ~self.accurate:
            raise FactError("the accurate are not members, or not all voters of the record are among them")
        if self.rewards_speed:
            for worker in _indices(self.accurate):
                if len(self.seals.get(worker, b"")) != WORD_BYTES:
                    raise FactError(f"worker {worker} is accurate without a stored seal")

    @property
    def rewards_speed(self) -> bool:
        """Whether somebody was the fastest: recorded by quorum from sealed ballots."""
        return self.record.how is How.QUORUM and self.policy.ballots is Ballots.SEALED

    @property
    def counts_for_period(self) -> bool:
        """Whether its closing goes into `taken` and `missed`: open ballots and pluralities do not."""
        return self.rewards_speed or self.record.how is How.REPORT


@dataclass(frozen=True)
class Period:
    """The words of a period as the network's contract tells them.

    `eligible`: enrolled, in either role, throughout the period. `taken`, `missed`: whose ballot was the
    recorded pair in some, was not in some, of the votings whose closing was booked in it and that it was a
    member of.
    """

    eligible: int = 0
    checked_in: int = 0
    taken: int = 0
    missed: int = 0


@dataclass(frozen=True)
class Amounts:
    """What a period pays for, as the pool's contract tells it: the base and the consistency amount."""

    base: int = 0
    consistency: int = 0


def fastest(voting_id: bytes, accurate: int, seals: Mapping[int, bytes]) -> int | None:
    """Who of the accurate has its seal in the earliest block; None if nobody is accurate.

    The earliest has the most seconds left in the last two bytes of its stored seal; of several it is the
    first index at or after `voting_id mod 120`, cyclically.
    """
    first = int.from_bytes(voting_id, "big") % MAX_WORKERS
    return min(
        _indices(accurate),
        key=lambda worker: (-seconds_left(seals[worker]), (worker - first) % MAX_WORKERS),
        default=None,
    )


def of_voting(voting: ClosedVoting, worker: int) -> int:
    """What a worker earns of a closed voting: accuracy, and speed if it was the fastest."""
    if voting.record.how is How.PLURALITY or not voting.accurate >> worker & 1:
        return 0
    if voting.rewards_speed and worker == fastest(voting.record.voting_id, voting.accurate, voting.seals):
        return voting.policy.accuracy + voting.policy.speed
    return voting.policy.accuracy


def of_period(period: Period, amounts: Amounts, worker: int) -> int:
    """What a worker earns of an ended period, with the amounts that count in it: base and consistency."""
    was_seen = (period.checked_in | period.taken) >> worker & 1
    base = amounts.base if was_seen and period.eligible >> worker & 1 else 0
    return base + (amounts.consistency if (period.taken & ~period.missed) >> worker & 1 else 0)


def _indices(workers: int) -> Iterator[int]:
    return (worker for worker in range(workers.bit_length()) if workers >> worker & 1)
