"""Lines of an audit's report: a record, an open voting, slots without a record, a worker, a change.

Hashes and addresses are bytes, sets of workers bitmaps (bit i is index i), times Unix seconds, amounts wei.
"""

from dataclasses import dataclass
from enum import StrEnum

from worknet.chain.events import Role
from worknet.protocol.records import Record
from worknet.protocol.voting import State


@dataclass(frozen=True)
class RecordLine:
    """A record that was appended in this audit's part of the log.

    `voters` are those whose ballot is the recorded pair, after closing for good; `counted` those whose ballot
    was counted or reported, whatever it was. Of the members, `counted & ~voters` were outvoted, and
    `members & ~counted` are missing.
    """

    position: int
    block: int
    record: Record
    policy_version: int
    voters: int
    counted: int
    is_closed: bool


@dataclass(frozen=True)
class OpenVoting:
    """A voting that is not over: `since` is when its state began, `until` when time ends it, 0 for never.

    UNRESOLVED ones are among them, since the owner may reopen them, and CONSENSUS ones whose closing is not
    booked.
    """

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    state: State
    attempt: int
    since: int
    until: int


class Why(StrEnum):
    """Why a slot that was due has no record, as far as the events tell."""

    WAITING = "may still open"
    MISSED = "never opened"
    OPEN = "voting goes on"
    SETTLING = "left to a plurality, not settled"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class WithoutRecord:
    """Slots of a workflow that were due and have no record: from `first` to `last`, both included.

    A slot is known by its number: it covers `[number * every, (number + 1) * every)`.
    """

    workflow_id: bytes
    every: int
    first: int
    last: int
    why: Why


@dataclass(frozen=True)
class WorkerLine:
    """A worker index: whose it is now, its part in the votings closed in this audit, and its rewards so far.

    `claimed` is what claims have taken of what it `earned`, `paid` what its operator got; both over the life
    of the pool, of which the network's last may be.
    """

    index: int
    operator: bytes
    key: bytes
    role: Role
    agreed: int
    outvoted: int
    missing: int
    claimed: int
    paid: int
    unclaimed: int

    @property
    def earned(self) -> int:
        """All that it earned."""
        return self.claimed + self.unclaimed

    @property
    def owed(self) -> int:
        """What was claimed and the pool could not pay."""
        return self.claimed - self.paid


class Act(StrEnum):
    """What changes a member."""

    ENROLLED = "enrolled"
    REMOVED = "removed"
    ROTATED = "rotated"


@dataclass(frozen=True)
class MemberLine:
    """A change of a member in this audit's part of the chain, with who and what it is after that."""

    index: int
    act: Act
    operator: bytes
    key: bytes
    role: Role
    block: int
    time: int
