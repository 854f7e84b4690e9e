"""A voting's facts and its state: what the contract told of it, and where it stands after that (section 6).

A `Fact` is what a transaction did at a block's time. `Voting` is immutable; `voting_rules` says what a fact
does to it, `voting_time` what time does. Whatever the contract refuses is a `VotingError` with the contract's
own revert reason; a fact that it can never have told, whoever calls it, is a `FactError`.

All sets of workers are bitmaps: bit i is the worker with index i. Times are Unix seconds of blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

from worknet.protocol.ballots import Pair
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import Policy
from worknet.protocol.words import How

ORDINARY_ATTEMPTS = 2
FAILOVER_ATTEMPT = 3
MAX_ATTEMPT = 255


class VotingError(ProtocolError):
    """A transaction that the rules refuse; the message is the contract's revert reason."""


class FactError(ProtocolError):
    """A fact that no contract can have told: whoever gives the facts leaves out or alters some."""


class State(IntEnum):
    """Where a voting stands. CONSENSUS: recorded by quorum or report; SETTLED: recorded by plurality."""

    NONE = 0
    CASTING = 1
    REVEALING = 2
    PENDING = 3
    SETTLING = 4
    UNRESOLVED = 5
    CONSENSUS = 6
    SETTLED = 7


class Part(StrEnum):
    """What a member did in the attempt that was recorded."""

    AGREED = "agreed"
    OUTVOTED = "outvoted"
    MISSING = "missing"


@dataclass(frozen=True)
class Opened:
    """An attempt opened, with the members, n and needed that are frozen for it.

    `standbys` are who was enrolled as a standby at that moment, which the enrolments before it tell; only
    those of attempt 1 matter, for they are members of attempt 3.
    """

    time: int
    attempt: int
    policy_version: int
    members: int
    n: int
    needed: int
    standbys: int = 0


@dataclass(frozen=True)
class Cast:
    """A worker's open ballot was counted."""

    time: int
    attempt: int
    worker: int
    pair: Pair


@dataclass(frozen=True)
class Sealed:
    """A worker's seal was stored, whoever brought it."""

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


@dataclass(frozen=True)
class Reported:
    """A report was taken: of the participants these voted for the pair, and these of them signed it.

    If it opened its attempt, the opening is a fact of its own before it.
    """

    time: int
    attempt: int
    pair: Pair
    participants: int
    voters: int
    signers: int


@dataclass(frozen=True)
class Settled:
    """The pair that leads was recorded by plurality."""

    time: int
    pair: Pair


@dataclass(frozen=True)
class Reopened:
    """The owner allows one more attempt: its number, and until when it may open."""

    time: int
    attempt: int
    until: int


Fact: TypeAlias = Opened | Cast | Sealed | Revealed | Reported | Settled | Reopened


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

    `ballots` are those counted on chain (open, or revealed); what a report says of ballots stands in
    `report`. `cast_end` is when casting ends or ended, `end` when the whole attempt does: both move forward
    when everyone is done early.
    """

    number: int
    opened: int
    policy_version: int
    members: int
    standbys: int
    n: int
    needed: int
    cast_end: int
    end: int
    seals: Mapping[int, Sealed] = field(default_factory=dict)
    ballots: Mapping[int, Pair] = field(default_factory=dict)
    report: Reported | None = None

    @property
    def participants(self) -> int:
        """Those of whom a report tells; none without one."""
        return self.report.participants if self.report else 0

    def voters(self, pair: Pair) -> int:
        """Whose ballot for the pair was counted on chain."""
        return sum(1 << worker for worker, ballot in self.ballots.items() if ballot == pair)

    def tally(self) -> dict[Pair, int]:
        """The pairs that were voted for on chain, each with its voters."""
        return {pair: self.voters(pair) for pair in set(self.ballots.values())}

    def missing(self) -> int:
        """The members whose ballot has neither been counted nor reported."""
        return self.members & ~_bitmap(self.ballots) & ~self.participants

    def unrevealed(self) -> int:
        """Whose seals may yet be opened: a report speaks for its participants."""
        return _bitmap(self.seals) & ~_bitmap(self.ballots) & ~self.participants

    def is_member(self, worker: int) -> bool:
        """Whether the worker with this index is a member of the attempt."""
        return bool(self.members >> worker & 1)

    def leading(self) -> Pair | None:
        """The pair that a plurality may record; None if the counted ballots give none.

        At least `needed` ballots were counted, and the pair alone has the most: at least 2, more than n/3.
        """
        if len(self.ballots) < self.needed:
            return None
        counts = {pair: voters.bit_count() for pair, voters in self.tally().items()}
        most = max(counts.values())
        leaders = [pair for pair, count in counts.items() if count == most]
        return leaders[0] if len(leaders) == 1 and most >= 2 and 3 * most > self.n else None


@dataclass(frozen=True)
class Voting:
    """A voting under its workflow's policies, by version. `attempts` are in order, the last is the current.

    `next_attempt` is the number of the attempt that may open now, None while none may. `ended` is since when
    it is PENDING, SETTLING or UNRESOLVED, `stalls` until when it is PENDING; both are 0 otherwise.
    """

    policies: Mapping[int, Policy]
    attempts: tuple[Attempt, ...] = ()
    state: State = State.NONE
    next_attempt: int | None = 1
    ended: int = 0
    stalls: int = 0
    recorded: Recorded | None = None
    closed: bool = False

    @property
    def current(self) -> Attempt:
        """The last attempt that opened."""
        if not self.attempts:
            raise VotingError("votings: not open")
        return self.attempts[-1]

    @property
    def policy(self) -> Policy:
        """The policy of the current attempt."""
        return self.policies[self.current.policy_version]

    def attempt(self, number: int) -> Attempt | None:
        """The attempt with this number, None if it never opened."""
        return next((attempt for attempt in self.attempts if attempt.number == number), None)

    @property
    def accurate(self) -> int:
        """Whose counted or reported ballot is the recorded pair: no one without a record.

        After closing it no longer changes, and rewards are computed from it.
        """
        if self.recorded is None:
            return 0
        return self.recorded.voters | self.current.voters(self.recorded.pair)

    @property
    def is_record_only(self) -> bool:
        """Whether a report opened the voting and closed it: the contract then holds only the record."""
        if self.recorded is None or self.current.number != 1:
            return False
        return not self.current.seals and not self.current.ballots

    def part_of(self, worker: int) -> Part | None:
        """A worker's part in the recorded attempt; None without a record, and for who is no member there.

        OUTVOTED also if a report tells that it took part, but not that it voted for the pair. MISSING is for
        now only while the voting is not closed: the ballot may yet come.
        """
        if self.recorded is None or not self.current.is_member(worker):
            return None
        if self.accurate >> worker & 1:
            return Part.AGREED
        return Part.MISSING if self.current.missing() >> worker & 1 else Part.OUTVOTED


def _bitmap(workers: Mapping[int, object]) -> int:
    return sum(1 << worker for worker in workers)
