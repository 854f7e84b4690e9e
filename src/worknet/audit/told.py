"""What the contract must tell besides: the ends that time computes, what follows from a ballot (section 6).

The protocol's fold says where a voting stands before and after; from both follows what is told, in its order.
"""

from typing import TypeAlias

from worknet.chain import events
from worknet.protocol.voting import Fact, Settled, State, Voting

Told: TypeAlias = events.Failed | events.Settling | events.Unresolved | events.Recorded | events.Closed
"""An event that follows from facts; a `Recorded` that is due has position -1."""

RULES: dict[type[Told], str] = {
    events.Failed: "attempt.end",
    events.Settling: "attempt.end",
    events.Unresolved: "attempt.end",
    events.Recorded: "record.consensus",
    events.Closed: "closing.time",
}
"""The rule that is broken where such an event is left out, or told without reason."""

_RUNNING = (State.CASTING, State.REVEALING)
_ENDED = (State.PENDING, State.SETTLING, State.UNRESOLVED)


def of_time(voting_id: bytes, before: Voting, after: Voting) -> list[Told]:
    """What is told of ends that lie between two looks at a voting."""
    found: list[Told] = []
    if before.state in _RUNNING and after.state in _ENDED:
        found.append(events.Failed(voting_id, after.current.number, after.current.end))
    if after.state is not before.state:
        if after.state is State.SETTLING:
            found.append(events.Settling(voting_id, after.ended))
        elif after.state is State.UNRESOLVED:
            found.append(events.Unresolved(voting_id, after.ended))
    return found


def of_fact(voting_id: bytes, before: Voting, after: Voting, fact: Fact) -> list[Told]:
    """What is told of what follows from a fact, `before` being the voting at the fact's time."""
    found: list[Told] = []
    recorded = after.recorded
    if recorded is None:
        return of_time(voting_id, before, after)
    if before.recorded is None and not isinstance(fact, Settled):
        found.append(
            events.Recorded(voting_id, -1, recorded.attempt, recorded.pair, recorded.voters, recorded.how)
        )
    # A last ballot for another pair makes the ballots final as well, but its transaction does not know the
    # recorded pair: that closing is booked later.
    if after.closed and not before.closed and getattr(fact, "pair", None) == recorded.pair:
        found.append(events.Closed(voting_id))
    return found
