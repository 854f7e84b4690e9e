"""A voting as a state machine: a pure function of what happened on chain, and of time (section 6).

`Voting` is immutable. `at` applies the time that has passed; `opened`, `cast`, `sealed` and `revealed`
apply what a transaction did at a block's time, each after the time; `fold` applies a list of such facts.
Whatever the contract refuses is a `VotingError` with the contract's own revert reason; a fact that it can
never have told, whoever calls it, is a `FactError`.

All sets of workers are bitmaps: bit i is the worker with index i. Times are Unix seconds of blocks.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import TypeAlias

from worknet.protocol.ballots import Pair
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import MAX_WORKERS, MIN_WORKERS, Ballots, Policy
from worknet.protocol.records import How

ORDINARY_ATTEMPTS = 2


class VotingError(ProtocolError):
    """A transaction that the rules refuse; the message is the contract's revert reason."""


class FactError(ProtocolError):
    """A fact that no contract can have told: whoever gives the facts leaves out or alters some."""


class State(IntEnum):
    """Where a voting stands."""

    NONE = 0
    CASTING = 1
    REVEALING = 2
    PENDING = 3
    SETTLING = 4
    UNRESOLVED = 5
    CONSENSUS = 6


class Part(StrEnum):
    """What a member did in the attempt that was recorded."""

    AGREED = "agreed"
    OUTVOTED = "outvoted"
    MISSING = "missing"


@dataclass(frozen=True)
class Opened:
    """An attempt opened, with the members, n and needed that are frozen for it."""

    time: int
    attempt: int
    policy_version: int
    members: int
    n: int
    needed: int


@dataclass(frozen=True)
class Cast:
    """A worker's open ballot was counted."""

    time: int
    attempt: int
    worker: int
    pair: Pair


@dataclass(frozen=True)
class Sealed:
    """A worker's seal was stored."""

    time: int
    attempt: int
    worker: int
    seal: bytes


@dataclass(frozen=True)
class Revealed:
    """Sealed ballots for one pair were opened, in one batch."""

    time: int
    attempt: int
    pair: Pair
    workers: int


Fact: TypeAlias = Opened | Cast | Sealed | Revealed


@dataclass(frozen=True)
class Recorded:
    """The outcome that the contract logs: the pair, who had voted for it by then, and when."""

    attempt: int
    pair: Pair
    voters: int
    how: How
    time: int


@dataclass(frozen=True)
class Attempt:
    """One attempt: its frozen members, and the ballots and seals so far.

    `ballots` are the counted ones (open, or revealed). `cast_end` is when casting ends or ended, `end`
    when the whole attempt does: both move forward when everyone is done early.
    """

    number: int
    opened: int
    policy_version: int
    members: int
    n: int
    needed: int
    cast_end: int
    end: int
    seals: Mapping[int, Sealed] = field(default_factory=dict)
    ballots: Mapping[int, Pair] = field(default_factory=dict)

    def voters(self, pair: Pair) -> int:
        """Who voted for the pair."""
        return sum(1 << worker for worker, ballot in self.ballots.items() if ballot == pair)

    def tally(self) -> dict[Pair, int]:
        """The pairs that were voted for, each with its voters."""
        return {pair: self.voters(pair) for pair in set(self.ballots.values())}

    def missing(self) -> int:
        """The members whose ballot has not been counted."""
        return self.members & ~sum(1 << worker for worker in self.ballots)

    def is_member(self, worker: int) -> bool:
        """Whether the worker with this index is a member of the attempt."""
        return bool(self.members >> worker & 1)


@dataclass(frozen=True)
class Voting:
    """A voting under its policy. `attempts` are in order; the last is the current one."""

    policy: Policy
    attempts: tuple[Attempt, ...] = ()
    state: State = State.NONE
    recorded: Recorded | None = None
    closed: bool = False
    ended: int = 0

    @property
    def current(self) -> Attempt:
        """The last attempt that opened."""
        if not self.attempts:
            raise VotingError("votings: not open")
        return self.attempts[-1]

    @property
    def next_attempt(self) -> int:
        """The number that the next ordinary attempt to open would have."""
        return len(self.attempts) + 1

    @property
    def stalls(self) -> int:
        """When a PENDING voting stalls, if its next attempt does not open before."""
        return self.ended + self.policy.stall

    def part_of(self, worker: int) -> Part | None:
        """A worker's part in the recorded attempt; None without a record, and for who is no member there.

        MISSING is for now only while the voting is not closed: the ballot may yet come.
        """
        if self.recorded is None:
            return None
        attempt = self.attempts[self.recorded.attempt - 1]
        if not attempt.is_member(worker):
            return None
        ballot = attempt.ballots.get(worker)
        if ballot is None:
            return Part.MISSING
        return Part.AGREED if ballot == self.recorded.pair else Part.OUTVOTED


def at(voting: Voting, now: int) -> Voting:
    """The voting with the time that has passed applied: phases end at computed times."""
    if voting.state is State.CASTING and now >= voting.current.cast_end:
        sealed = voting.policy.ballots is Ballots.SEALED
        voting = replace(voting, state=State.REVEALING) if sealed else _end(voting)
    if voting.state is State.REVEALING and now >= voting.current.end:
        voting = _end(voting)
    if voting.state is State.PENDING and now >= voting.stalls:
        voting = replace(voting, state=State.UNRESOLVED, ended=voting.stalls)
    if voting.state is State.CONSENSUS and not voting.closed and now >= voting.current.end:
        voting = replace(voting, closed=True)
    return voting


def members_of_next(voting: Voting, active: int, enrolled: int) -> tuple[int, int]:
    """The members, and n, with which the next ordinary attempt would open.

    `active` and `enrolled` are who has that standing now. A removal never lowers n.
    """
    if not voting.attempts:
        return active, active.bit_count()
    first = voting.attempts[0]
    members = first.members & enrolled
    return members, max(first.n, members.bit_count())


def opened(voting: Voting, fact: Opened) -> Voting:
    """Opens the next attempt; `FactError` unless its members, n and needed are those that the rules give."""
    voting = at(voting, fact.time)
    if voting.state not in {State.NONE, State.PENDING} or fact.attempt != voting.next_attempt:
        raise VotingError("votings: other attempt")
    if not voting.attempts and fact.n < MIN_WORKERS:
        raise VotingError("votings: too few workers")
    if voting.attempts and fact.policy_version != voting.attempts[0].policy_version:
        raise VotingError("votings: other policy")
    _check_opening(voting, fact)
    cast_end = fact.time + voting.policy.cast_window
    attempt = Attempt(
        number=fact.attempt,
        opened=fact.time,
        policy_version=fact.policy_version,
        members=fact.members,
        n=fact.n,
        needed=fact.needed,
        cast_end=cast_end,
        end=_end_after(voting.policy, cast_end),
    )
    return replace(voting, attempts=(*voting.attempts, attempt), state=State.CASTING, ended=0)


def cast(voting: Voting, fact: Cast) -> Voting:
    """Counts an open ballot; at `needed` equal ones the voting is in consensus."""
    voting = at(voting, fact.time)
    attempt = _current(voting, fact.attempt)
    if voting.policy.ballots is not Ballots.OPEN:
        raise VotingError("votings: ballots are sealed")
    if voting.closed or voting.state not in {State.CASTING, State.CONSENSUS}:
        raise VotingError("votings: not casting")
    _check_member(attempt, fact.worker, attempt.ballots)
    attempt = replace(attempt, ballots={**attempt.ballots, fact.worker: fact.pair})
    if not attempt.missing():
        attempt = replace(attempt, cast_end=fact.time, end=fact.time)
    return at(_tallied(_with(voting, attempt), fact.pair, fact.time), fact.time)


def sealed(voting: Voting, fact: Sealed) -> Voting:
    """Stores a seal; when every member has sealed, revealing starts."""
    voting = at(voting, fact.time)
    attempt = _current(voting, fact.attempt)
    if voting.policy.ballots is not Ballots.SEALED:
        raise VotingError("votings: ballots are open")
    if voting.state is not State.CASTING:
        raise VotingError("votings: not casting")
    _check_member(attempt, fact.worker, attempt.seals)
    attempt = replace(attempt, seals={**attempt.seals, fact.worker: fact})
    if len(attempt.seals) == attempt.members.bit_count():
        attempt = replace(attempt, cast_end=fact.time, end=_end_after(voting.policy, fact.time))
    return at(_with(voting, attempt), fact.time)


def revealed(voting: Voting, fact: Revealed) -> Voting:
    """Counts a batch of opened seals for one pair, whole, then tallies it once."""
    voting = at(voting, fact.time)
    attempt = _current(voting, fact.attempt)
    if voting.policy.ballots is not Ballots.SEALED:
        raise VotingError("votings: ballots are open")
    if voting.closed or voting.state not in {State.REVEALING, State.CONSENSUS}:
        raise VotingError("votings: not revealing")
    workers = [worker for worker in attempt.seals if fact.workers >> worker & 1]
    known = sum(1 << worker for worker in workers)
    if not workers or known != fact.workers or attempt.ballots.keys() & set(workers):
        raise VotingError("votings: nothing to reveal")
    attempt = replace(attempt, ballots={**attempt.ballots, **dict.fromkeys(workers, fact.pair)})
    if len(attempt.ballots) == len(attempt.seals):
        attempt = replace(attempt, end=fact.time)
    return at(_tallied(_with(voting, attempt), fact.pair, fact.time), fact.time)


def apply(voting: Voting, fact: Fact) -> Voting:
    """The voting after a fact."""
    match fact:
        case Opened():
            return opened(voting, fact)
        case Cast():
            return cast(voting, fact)
        case Sealed():
            return sealed(voting, fact)
        case Revealed():
            return revealed(voting, fact)


def fold(policy: Policy, facts: Iterable[Fact], now: int | None = None) -> Voting:
    """The voting after these facts, in their order on chain, and at the time `now` if it is given."""
    voting = Voting(policy)
    for fact in facts:
        voting = apply(voting, fact)
    return voting if now is None else at(voting, now)


def _check_opening(voting: Voting, fact: Opened) -> None:
    """Members only of attempt 1, its n, and needed as the policy says: the rest is the contract's own."""
    if fact.members >> MAX_WORKERS:
        raise FactError(f"a network has {MAX_WORKERS} workers, attempt {fact.attempt} another one")
    members, n = members_of_next(voting, fact.members, fact.members)
    if members != fact.members:
        raise FactError(f"attempt {fact.attempt} has members that attempt 1 had not")
    if fact.n != n:
        raise FactError(f"attempt {fact.attempt} has n {fact.n}, by its members it is {n}")
    needed = voting.policy.needed(n)
    if fact.needed != needed:
        raise FactError(f"attempt {fact.attempt} needs {fact.needed} of {n}, by the policy {needed}")


def _end(voting: Voting) -> Voting:
    """What follows an attempt that ends without consensus."""
    end = voting.current.end
    again = voting.current.number < ORDINARY_ATTEMPTS
    return replace(voting, state=State.PENDING if again else State.UNRESOLVED, ended=end)


def _tallied(voting: Voting, pair: Pair, now: int) -> Voting:
    voters = voting.current.voters(pair)
    if voting.recorded is not None or voters.bit_count() < voting.current.needed:
        return voting
    record = Recorded(voting.current.number, pair, voters, How.QUORUM, now)
    return replace(voting, recorded=record, state=State.CONSENSUS)


def _current(voting: Voting, attempt: int) -> Attempt:
    if voting.current.number != attempt:
        raise VotingError("votings: other attempt")
    return voting.current


def _check_member(attempt: Attempt, worker: int, done: Mapping[int, object]) -> None:
    if not attempt.is_member(worker):
        raise VotingError("votings: not a member")
    if worker in done:
        raise VotingError("votings: already cast")


def _with(voting: Voting, attempt: Attempt) -> Voting:
    return replace(voting, attempts=(*voting.attempts[:-1], attempt))


def _end_after(policy: Policy, cast_end: int) -> int:
    return cast_end + (policy.reveal_window if policy.ballots is Ballots.SEALED else 0)
