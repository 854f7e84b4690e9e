"""The rewards of a network: a fold of what happened on chain, so that anyone computes them (section 8).

`Rewards` holds what the contract keeps: the words of each period, who has claimed what, what is owed, the
pool. `apply` adds the facts in their order on chain. Whatever the contract refuses is a `RewardError` with
the contract's own revert reason; a fact that it can never have told, whoever calls it, is a `FactError`;
either changes nothing. What a worker earns of one voting or period stands in `earnings`.

Amounts are in the chain's smallest unit. All sets of workers are bitmaps: bit i is the worker with index i.
Times are Unix seconds of blocks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from worknet.protocol.earnings import ClosedVoting, Period, of_period, of_voting
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import MAX_WORKERS, Policy
from worknet.protocol.records import Record
from worknet.protocol.voting import FactError

AMOUNT_BOUND = 1 << 128
RECORDS_OF_A_CLAIM = 50
PERIODS_OF_A_CLAIM = 100


class RewardError(ProtocolError):
    """A transaction that the rules refuse; the message is the contract's revert reason."""


@dataclass(frozen=True)
class Enrolled:
    """A worker was enrolled, in either role."""

    time: int
    worker: int


@dataclass(frozen=True)
class Removed:
    """A worker was removed."""

    time: int
    worker: int


@dataclass(frozen=True)
class CheckedIn:
    """A worker showed that it is there."""

    time: int
    worker: int


@dataclass(frozen=True)
class RewardsSet:
    """The owner set the amounts per period, which count from the next one."""

    time: int
    base: int
    consistency: int


@dataclass(frozen=True)
class RecordLogged:
    """A voting was recorded; it may close later."""

    record: Record

    @property
    def time(self) -> int:
        """The time of the record's block."""
        return self.record.time


@dataclass(frozen=True)
class ClosingBooked:
    """A transaction found the voting closed, at once or long after; it belongs to that one's period."""

    time: int
    voting: ClosedVoting


@dataclass(frozen=True)
class Funded:
    """Somebody paid into the pool."""

    time: int
    amount: int


@dataclass(frozen=True)
class Claimed:
    """Somebody claimed for a worker what it earned of these votings and periods.

    The contract takes up to `RECORDS_OF_A_CLAIM` and `PERIODS_OF_A_CLAIM` of them at once.
    """

    time: int
    worker: int
    records: Sequence[Record] = ()
    periods: Sequence[int] = ()


Fact: TypeAlias = (
    Enrolled | Removed | CheckedIn | RewardsSet | RecordLogged | ClosingBooked | Funded | Claimed
)


@dataclass(frozen=True)
class Payment:
    """What a claim added to what is owed, and what of that the operator was paid."""

    earned: int
    paid: int


class Rewards:
    """A network's rewards after the facts so far; `length` is its reward period in seconds.

    `funded` and `paid` are sums over the network's life.
    """

    def __init__(self, length: int) -> None:
        if length <= 0:
            raise FactError(f"a reward period of {length} s")
        self.length = length
        self.funded = 0
        self.paid = 0
        self._time = 0
        self._enrolled = 0
        self._known = 0
        self._amounts = (0, 0)
        self._periods: dict[int, Period] = {}
        self._records: dict[bytes, Record] = {}
        self._closed: dict[bytes, ClosedVoting] = {}
        self._policy_hashes: dict[Policy, bytes] = {}
        self._claimed: dict[bytes, int] = {}
        self._owed: dict[int, int] = {}

    @property
    def pool(self) -> int:
        """What is there to be paid."""
        return self.funded - self.paid

    def owed(self, worker: int) -> int:
        """What the worker has earned by claims and was not yet paid, the pool being short."""
        return self._owed.get(worker, 0)

    def claimed(self, voting_id: bytes) -> int:
        """Who has claimed the rewards of a voting."""
        return self._claimed.get(voting_id, 0)

    def period(self, number: int) -> Period:
        """The words of a period, as they are so far if it has not ended; zeros if nothing happened in it."""
        return self._periods.get(number, Period())

    def unclaimed(self, worker: int, now: int) -> tuple[list[Record], list[int]]:
        """The votings and periods of which the worker could claim something at this time, oldest first."""
        votings = [
            voting.record
            for voting_id, voting in self._closed.items()
            if of_voting(voting, worker) and not self.claimed(voting_id) >> worker & 1
        ]
        periods = [
            number
            for number in sorted(self._periods)
            if number < period_of(now, self.length) and self._left_of_period(number, worker)
        ]
        return votings, periods

    def apply(self, fact: Fact) -> Payment | None:
        """Adds what happened next; what was paid, if it is a claim.

        `RewardError` for what the contract refuses, `FactError` for what it cannot have told; then nothing
        has changed.
        """
        if fact.time < self._time:
            raise FactError(f"a fact of {fact.time} s after one of {self._time} s")
        paid = None
        match fact:
            case Enrolled():
                self._enrol(fact)
            case Removed():
                self._remove(fact)
            case CheckedIn():
                self._check_in(fact)
            case RewardsSet():
                self._set_amounts(fact)
            case RecordLogged():
                self._log(fact.record)
            case ClosingBooked():
                self._close(fact)
            case Funded():
                self.funded += fact.amount
            case Claimed():
                paid = self._claim(fact)
        self._time = fact.time
        return paid

    def _enrol(self, fact: Enrolled) -> None:
        bit = _bit(fact.worker)
        if self._enrolled & bit:
            raise RewardError("members: already enrolled")
        self._touch(fact.time)
        self._enrolled |= bit
        self._known |= bit

    def _remove(self, fact: Removed) -> None:
        bit = _bit(fact.worker)
        if not self._enrolled & bit:
            raise RewardError("members: not enrolled")
        number, period = self._touch(fact.time)
        self._periods[number] = replace(period, eligible=period.eligible & ~bit)
        self._enrolled &= ~bit

    def _check_in(self, fact: CheckedIn) -> None:
        bit = _bit(fact.worker)
        if not self._enrolled & bit:
            raise RewardError("members: not enrolled")
        number, period = self._touch(fact.time)
        self._periods[number] = replace(period, checked_in=period.checked_in | bit)

    def _set_amounts(self, fact: RewardsSet) -> None:
        if not (0 <= fact.base < AMOUNT_BOUND and 0 <= fact.consistency < AMOUNT_BOUND):
            raise RewardError("rewards: amount too large")
        self._touch(fact.time)
        self._amounts = fact.base, fact.consistency

    def _log(self, record: Record) -> None:
        if record.voting_id in self._records:
            raise FactError("a second record of one voting")
        if record.members & ~self._known:
            raise FactError("a voting with a member that was never enrolled")
        self._records[record.voting_id] = record

    def _close(self, fact: ClosingBooked) -> None:
        voting, record = fact.voting, fact.voting.record
        if self._records.get(record.voting_id) != record:
            raise FactError("a voting closed with another record than was logged, or with none")
        if record.voting_id in self._closed:
            raise FactError("a voting closed twice")
        if self._policy_hash(voting.policy) != record.policy_hash:
            raise FactError("a voting closed under another policy than its record names")
        self._closed[record.voting_id] = voting
        if voting.counts_for_period:
            number, period = self._touch(fact.time)
            self._periods[number] = replace(
                period,
                taken=period.taken | voting.accurate,
                missed=period.missed | record.members & ~voting.accurate,
            )

    def _claim(self, fact: Claimed) -> Payment:
        worker = fact.worker
        if not (0 <= worker < MAX_WORKERS and self._known >> worker & 1):
            raise RewardError("rewards: unknown worker")
        votings = {record.voting_id: self._left_of_voting(record, worker) for record in fact.records}
        if any(number >= period_of(fact.time, self.length) for number in fact.periods):
            raise RewardError("rewards: period not over")
        periods = {number: self._left_of_period(number, worker) for number in fact.periods}
        earned = sum(votings.values()) + sum(periods.values())
        owed = self.owed(worker) + earned
        if not owed:
            raise RewardError("rewards: nothing to claim")

        bit = _bit(worker)
        for voting_id, amount in votings.items():
            self._claimed[voting_id] = self.claimed(voting_id) | (bit if amount else 0)
        for number, amount in periods.items():
            if amount:
                period = self._periods[number]
                self._periods[number] = replace(period, claimed=period.claimed | bit)
        paid = min(owed, self.pool)
        self._owed[worker] = owed - paid
        self.paid += paid
        return Payment(earned, paid)

    def _left_of_voting(self, record: Record, worker: int) -> int:
        if self._records.get(record.voting_id) != record:
            raise RewardError("rewards: not the record")
        voting = self._closed.get(record.voting_id)
        if voting is None:
            raise RewardError("rewards: voting not closed")
        return 0 if self.claimed(record.voting_id) >> worker & 1 else of_voting(voting, worker)

    def _left_of_period(self, number: int, worker: int) -> int:
        period = self.period(number)
        return 0 if period.claimed >> worker & 1 else of_period(period, worker)

    def _policy_hash(self, policy: Policy) -> bytes:
        """The policy's hash, computed once: many votings share a policy, and keccak-256 is slow here."""
        if policy not in self._policy_hashes:
            self._policy_hashes[policy] = policy.hash()
        return self._policy_hashes[policy]

    def _touch(self, time: int) -> tuple[int, Period]:
        """The present period. Its first fact stores what holds before that fact: who is enrolled, if only
        nobody, and the amounts."""
        number = period_of(time, self.length)
        began = Period(self._enrolled, base=self._amounts[0], consistency=self._amounts[1])
        return number, self._periods.setdefault(number, began)


def period_of(time: int, length: int) -> int:
    """The number of the period in which the time lies; `length` is the reward period in seconds."""
    return time // length


def fold(length: int, facts: Iterable[Fact]) -> Rewards:
    """The rewards of a network after these facts, in their order on chain."""
    rewards = Rewards(length)
    for fact in facts:
        rewards.apply(fact)
    return rewards


def _bit(worker: int) -> int:
    if not 0 <= worker < MAX_WORKERS:
        raise FactError(f"a network has {MAX_WORKERS} workers, {worker} is none of them")
    return 1 << worker
