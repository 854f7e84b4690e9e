"""What a finished simulation left behind, as values: what the chain tells, and what each worker's disk holds.

Nothing is asked of a worker, and nothing is judged here: `promises` does that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worknet.chain import events
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Trigger
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Attempt, Voting
from worknet.testing.faults import Role
from worknet.workflow.evidence import When


@dataclass(frozen=True)
class Seen:
    """An event of the contract, with the time of its block."""

    time: int
    event: events.Event


@dataclass(frozen=True)
class VotingHistory:
    """One voting that was asked for: its trigger, since when it could open, and all that the chain tells.

    `voting` is folded from the events by the protocol's rules, at the end of the simulation; it has no
    attempts where nobody opened it. `leaf` is what the contract holds as its record.
    """

    voting_id: bytes
    trigger: Trigger
    due: int
    voting: Voting
    events: tuple[Seen, ...] = ()
    leaf: bytes | None = None


@dataclass(frozen=True)
class Kept:
    """A ballot as a worker's journal holds it.

    `seal` is what its salt makes of it at this worker's place. `input_root` is computed again from the rows
    that the journal holds, None where it holds none.
    """

    pair: Pair
    seal: bytes
    input_root: bytes | None


@dataclass(frozen=True)
class Claim:
    """What a worker earned by the protocol's rules, and what the pool's contract counted and paid, in wei."""

    by_rules: int
    earned: int
    paid: int


@dataclass(frozen=True)
class WorkerHistory:
    """One worker, by its index.

    `kept` are the ballots of its journal by (voting, attempt), `handled` the moments of each voting that it
    journalled as handled, by When and attempt. `away` are the spans of chain time in which it was down or
    cut off, and `behind` is by how many seconds it sees every block late. `strays` says where the worker's
    own index tells of the chain otherwise than the chain itself.
    """

    index: int
    role: Role
    kept: Mapping[tuple[bytes, int], Kept] = field(default_factory=dict)
    handled: Mapping[bytes, tuple[tuple[When, int], ...]] = field(default_factory=dict)
    away: tuple[tuple[int, int], ...] = ()
    behind: float = 0
    claim: Claim = Claim(0, 0, 0)
    strays: str = ""

    def is_there(self, start: int, end: int) -> bool:
        """Whether nothing kept it from its work between two times."""
        return all(until < start or since > end for since, until in self.away)


@dataclass(frozen=True)
class History:
    """A whole simulation, until the chain's time `now`.

    `active` is the bitmap of the workers that are no standbys. `skew`: seconds by which clocks may be off,
    `confirming`: seconds until a block is confirmed. `funded` is what was paid into the pool, in wei.
    `handlers` are those that the workflow declares. `happened` counts what went wrong, by its name, and what
    malicious workers tried. `log_faults` says where the log, or evidence of it, does not verify;
    `unfinished` are the votings that were not over at the end.
    """

    policy: Policy
    votings: tuple[VotingHistory, ...]
    workers: tuple[WorkerHistory, ...]
    active: int
    now: int
    skew: int = 0
    confirming: int = 0
    funded: int = 0
    handlers: frozenset[When] = frozenset()
    happened: Mapping[str, int] = field(default_factory=dict)
    log_faults: tuple[str, ...] = ()
    unfinished: tuple[bytes, ...] = ()

    def members(self, attempt: Attempt) -> list[WorkerHistory]:
        """The workers that are members of an attempt."""
        return [worker for worker in self.workers if attempt.is_member(worker.index)]

    def dependable(self, bitmap: int, start: int, end: int) -> list[WorkerHistory]:
        """Of these workers those that do what the protocol asks, and whom nothing kept from it then."""
        return [
            worker
            for worker in self.workers
            if bitmap >> worker.index & 1 and worker.role.computes and worker.is_there(start, end)
        ]
