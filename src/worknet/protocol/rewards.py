"""The rewards of a network: a fold of what happened on chain, so that anyone computes them (section 8).

`Rewards` holds what a network and its pool keep: the words of each period, the amounts, who has claimed what,
what is owed, the pool. `apply` adds the facts in their order on chain. Whatever the contracts refuse is a
`RewardError` with their own revert reason; a fact that they can never have told, whoever calls them, is a
`FactError`; either changes nothing. What a worker earns of one voting or period stands in `earnings`.

Amounts are in the chain's smallest unit. All sets of workers are bitmaps: bit i is the worker with index i.
Times are Unix seconds of blocks.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from worknet.protocol.earnings import Amounts, ClosedVoting, Period, of_period, of_voting
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.voting import FactError
from worknet.protocol.words import MAX_WORKERS

AMOUNT_BOUND = 1 << 128
CHANGES_OF_AMOUNTS = 65_535
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
    """The owner set the amounts per period: from the next one on, and of several in a period the last."""

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
class Closed:
    """By now the voting's window is over: its ballots are final, though no transaction has booked that yet.

    From then on it can be claimed; no period has counted it.
    """

    time: int
    voting: ClosedVoting


@dataclass(frozen=True)
class ClosingBooked:
    """A transaction found the voting closed, at once or long after; it belongs to that one's period.

    `Closed` need not come before it.
    """

    time: int
    voting: ClosedVoting


@dataclass(frozen=True)
class Funded:
    """Somebody paid into the pool.

    The contract also pays from what is forced on it without a call; no event tells of that, nor does this.
    """

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
    Enrolled | Removed | CheckedIn | RewardsSet | RecordLogged | Closed | ClosingBooked | Funded | Claimed
)


@dataclass(frozen=True)
class Payment:
    """What a claim added to what is owed, and what of that the operator was paid."""

    earned: int
    paid: int


class Rewards:
    """A network's rewards after the facts so far; `length` is its reward period in seconds.

    `created_at` is the time of the pool's creation: it pays for no record before that, so that a second pool
    of a network does not pay again for what the first has paid. `funded` and `paid` are sums over its life.
    """

    def __init__(self, length: int, created_at: int = 0) -> None:
        if length <= 0:
            raise FactError(f"a reward period of {length} s")
        self.length = length
        self.created_at = created_at
        self.funded = 0
        self.paid = 0
        self._time = 0
        self._enrolled = 0
        self._known = 0
        # What each change counts from, ascending strictly, beside the amounts; before any they are zero.
        self._since: list[int] = [0]
        self._amounts: list[Amounts] = [Amounts()]
        self._periods: dict[int, Period] = {}
        self._records: dict[bytes, Record] = {}
        self._closed: dict[bytes, ClosedVoting] = {}
        self._booked: set[bytes] = set()
        self._policy_hashes: dict[Policy, bytes] = {}
        self._claimed_of_voting: dict[bytes, int] = {}
        self._claimed_of_period: dict[int, int] = {}
        self._owed: dict[int, int] = {}

    @property
    def pool(self) -> int:
        """What is there to be paid."""
        return self.funded - self.paid

    def owed(self, worker: int) -> int:
        """What the worker has earned by claims and was not yet paid, the pool being short."""
        return self._owed.get(worker, 0)

    def claimed_of_voting(self, voting_id: bytes) -> int:
        """Who has claimed the rewards of a voting."""
        return self._claimed_of_voting.get(voting_id, 0)

    def claimed_of_period(self, number: int) -> int:
        """Who has claimed the rewards of a period."""
        return self._claimed_of_period.get(number, 0)

    def period(self, number: int) -> Period:
        """The words of a period, as they are so far if it has not ended; zeros if nothing happened in it."""
        return self._periods.get(number, Period())

    def amounts_in(self, number: int) -> Amounts:
        """The amounts that count in a period, by what was set so far: of a later one they may yet change."""
        return self._amounts[bisect_right(self._since, number) - 1]

    def unclaimed(self, worker: int, now: int) -> tuple[list[Record], list[int]]:
        """The votings and periods of which the worker could claim something at this time, oldest first."""
        votings = [
            voting.record
            for voting_id, voting in self._closed.items()
            if voting.record.time >= self.created_at
            and of_voting(voting, worker)
            and not self.claimed_of_voting(voting_id) >> worker & 1
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
            case Closed():
                self._close(fact.voting)
            case ClosingBooked():
                self._book(fact)
            case Funded():
                self.funded += fact.amount
            case Claimed():
                paid = self._claim(fact)
        self._time = fact.time
        return paid

    def _enrol(self, fact: Enrolled) -> None:
        if not 0 <= fact.worker < MAX_WORKERS:
            raise FactError(f"a network has {MAX_WORKERS} workers, {fact.worker} is none of them")
        if _is_in(self._enrolled, fact.worker):
            raise RewardError("members: already enrolled")
        self._touch(fact.time)
        self._enrolled |= 1 << fact.worker
        self._known |= 1 << fact.worker

    def _remove(self, fact: Removed) -> None:
        if not _is_in(self._enrolled, fact.worker):
            raise RewardError("members: not enrolled")
        bit = 1 << fact.worker
        number, period = self._touch(fact.time)
        self._periods[number] = replace(period, eligible=period.eligible & ~bit)
        self._enrolled &= ~bit

    def _check_in(self, fact: CheckedIn) -> None:
        if not _is_in(self._enrolled, fact.worker):
            raise RewardError("members: not enrolled")
        number, period = self._touch(fact.time)
        self._periods[number] = replace(period, checked_in=period.checked_in | 1 << fact.worker)

    def _set_amounts(self, fact: RewardsSet) -> None:
        if not (0 <= fact.base < AMOUNT_BOUND and 0 <= fact.consistency < AMOUNT_BOUND):
            raise RewardError("rewards: amount too large")
        amounts, since = Amounts(fact.base, fact.consistency), period_of(fact.time, self.length) + 1
        if self._since[-1] == since:
            self._amounts[-1] = amounts
        elif len(self._since) > CHANGES_OF_AMOUNTS:
            raise RewardError("rewards: too many changes")
        else:
            self._since.append(since)
            self._amounts.append(amounts)

    def _log(self, record: Record) -> None:
        if record.voting_id in self._records:
            raise FactError("a second record of one voting")
        if record.members & ~self._known:
            raise FactError("a voting with a member that was never enrolled")
        self._records[record.voting_id] = record

    def _close(self, voting: ClosedVoting) -> None:
        record = voting.record
        if self._records.get(record.voting_id) != record:
            raise FactError("a voting closed with another record than was logged, or with none")
        if record.voting_id in self._closed:
            raise FactError("a voting closed twice")
        if self._policy_hash(voting.policy) != record.policy_hash:
            raise FactError("a voting closed under another policy than its record names")
        self._closed[record.voting_id] = voting

    def _book(self, fact: ClosingBooked) -> None:
        voting, record = fact.voting, fact.voting.record
        if record.voting_id in self._booked:
            raise FactError("a closing booked twice")
        if self._closed.get(record.voting_id) != voting:
            self._close(voting)
        self._booked.add(record.voting_id)
        if voting.counts_for_period:
            number, period = self._touch(fact.time)
            self._periods[number] = replace(
                period,
                taken=period.taken | voting.accurate,
                missed=period.missed | record.members & ~voting.accurate,
            )

    def _claim(self, fact: Claimed) -> Payment:
        worker = fact.worker
        if not _is_in(self._known, worker):
            raise RewardError("members: unknown index")
        votings = {record.voting_id: self._left_of_voting(record, worker) for record in fact.records}
        if any(number >= period_of(fact.time, self.length) for number in fact.periods):
            raise RewardError("rewards: period not over")
        periods = {number: self._left_of_period(number, worker) for number in fact.periods}
        earned = sum(votings.values()) + sum(periods.values())
        owed = self.owed(worker) + earned
        if not owed:
            raise RewardError("rewards: nothing to claim")

        bit = 1 << worker
        for voting_id, amount in votings.items():
            if amount:
                self._claimed_of_voting[voting_id] = self.claimed_of_voting(voting_id) | bit
        for number, amount in periods.items():
            if amount:
                self._claimed_of_period[number] = self.claimed_of_period(number) | bit
        paid = min(owed, self.pool)
        self._owed[worker] = owed - paid
        self.paid += paid
        return Payment(earned, paid)

    def _left_of_voting(self, record: Record, worker: int) -> int:
        if self._records.get(record.voting_id) != record:
            raise RewardError("rewards: not the record")
        if record.time < self.created_at:
            raise RewardError("rewards: before the pool")
        voting = self._closed.get(record.voting_id)
        if voting is None:
            raise RewardError("rewards: voting not closed")
        return 0 if _is_in(self.claimed_of_voting(record.voting_id), worker) else of_voting(voting, worker)

    def _left_of_period(self, number: int, worker: int) -> int:
        if _is_in(self.claimed_of_period(number), worker):
            return 0
        return of_period(self.period(number), self.amounts_in(number), worker)

    def _policy_hash(self, policy: Policy) -> bytes:
        """The policy's hash, computed once: many votings share a policy, and keccak-256 is slow here."""
        if policy not in self._policy_hashes:
            self._policy_hashes[policy] = policy.hash()
        return self._policy_hashes[policy]

    def _touch(self, time: int) -> tuple[int, Period]:
        """The present period. Its first fact stores who is enrolled before that fact, if only nobody."""
        number = period_of(time, self.length)
        return number, self._periods.setdefault(number, Period(self._enrolled))


def period_of(time: int, length: int) -> int:
    """The number of the period in which the time lies; `length` is the reward period in seconds."""
    return time // length


def fold(length: int, facts: Iterable[Fact], created_at: int = 0) -> Rewards:
    """The rewards of a network after these facts, in their order on chain."""
    rewards = Rewards(length, created_at)
    for fact in facts:
        rewards.apply(fact)
    return rewards


def _is_in(workers: int, worker: int) -> bool:
    return 0 <= worker < MAX_WORKERS and bool(workers >> worker & 1)
