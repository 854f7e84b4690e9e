"""At which times something may happen in a voting because time passes, and nothing else: pure.

Between these a simulation need not look, while no transaction is on its way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from worknet.node.duties import TURN_SECONDS
from worknet.protocol.voting import FAILOVER_ATTEMPT, State, Voting
from worknet.protocol.voting_time import at

LAST_PART = 8
"""Who is late acts in the last of so many parts of a window."""


@dataclass(frozen=True)
class Pace:
    """What a late worker needs at the end of a window to be in time, in seconds; and how many workers take
    turns."""

    least: int
    workers: int

    def last_part(self, begin: int, end: int) -> int:
        """Since when the last part of a window lasts; never before it begins."""
        return max(begin, end - max((end - begin) // LAST_PART, self.least))


@dataclass(frozen=True)
class Phase:
    """What a voting waits for, in a state: from `begin` to `end`, or, without an end, for somebody's turn.

    `of_standbys` says that standbys may have something to do then.
    """

    state: State
    begin: int
    end: int | None
    of_standbys: bool = True

    def times(self, pace: Pace) -> Iterator[int]:
        """When something may happen of itself."""
        if self.end is None:
            yield from (self.begin + TURN_SECONDS * turn for turn in range(pace.workers + 1))
        else:
            yield self.end

    def late(self, pace: Pace) -> int:
        """When who is late acts."""
        if self.end is None:
            return self.begin + TURN_SECONDS * pace.workers
        return pace.last_part(self.begin, self.end)


def phase(voting: Voting | None, due: int, patience: int, now: int, *, has_ended: bool) -> Phase | None:
    """The phase of a voting at a time; None where nothing is left to happen.

    `voting` is what the chain tells of it, None if nothing; `due` is since when it may open, `patience` for
    how long. `has_ended` says that the contract told its end.
    """
    if voting is None or not voting.attempts:
        waits = Phase(State.NONE, due, due + patience, of_standbys=False)
        return waits if now < due + patience else None
    voting = at(voting, now)
    current = voting.current
    last = voting.next_attempt or current.number
    of_standbys = last >= FAILOVER_ATTEMPT
    match voting.state:
        case State.CASTING:
            return Phase(voting.state, current.opened, current.cast_end, of_standbys)
        case State.REVEALING:
            return Phase(voting.state, current.cast_end, current.end, of_standbys)
        case State.CONSENSUS if not voting.closed:
            return Phase(voting.state, current.opened, current.end, of_standbys)
        case State.PENDING:
            return Phase(voting.state, voting.ended, voting.stalls, of_standbys)
        case State.SETTLING:
            return Phase(voting.state, voting.ended, None)
    if has_ended:
        return None
    return Phase(voting.state, voting.ended if voting.state is State.UNRESOLVED else current.end, None)
