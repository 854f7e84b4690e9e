"""The moments at which a workflow's fallback handlers run, and what they may decide then. Pure.

A moment is what the confirmed chain says: what a handler decides is done once and not taken back, so nothing
that a reorganisation could undo may lead to it.
"""

from worknet.node.facts import Errand, ErrandState, Moment, VotingFacts
from worknet.protocol.voting import FAILOVER_ATTEMPT, State, Voting
from worknet.protocol.voting_time import at
from worknet.workflow import Action, SettlePlurality, StartFailover, When

HANDLE_WITHIN = 86_400
"""Chain seconds after which nobody is told any more of a voting that has ended: a worker that was away for
long is to wake nobody for what is past. What still waits for a decision has no age."""


def moment_of(facts: VotingFacts) -> Moment | None:
    """The moment at which the voting stands; None where no handler is asked, or this worker has no part."""
    voting, head = facts.confirmed, at(facts.voting, facts.now)
    last = voting.attempts[-1].number if voting.attempts else 0
    if not _takes_part(facts, voting):
        return None
    if voting.state is State.SETTLING and head.state is State.SETTLING:
        return When.PLURALITY, last
    if voting.state is State.UNRESOLVED and head.state is State.UNRESOLVED:
        is_recent = facts.now - voting.ended <= HANDLE_WITHIN
        return (When.UNRESOLVED, last) if is_recent and _was_there(facts, voting) else None
    return failover_of(head) if failover_of(voting) is not None else None


def failover_of(voting: Voting) -> Moment | None:
    """The moment that leads to attempt 3, while that waits or is open; None before and after."""
    waits = voting.state is State.PENDING and voting.next_attempt == FAILOVER_ATTEMPT
    is_open = bool(voting.attempts) and voting.current.number == FAILOVER_ATTEMPT and not voting.closed
    if not waits and not (is_open and voting.state in {State.CASTING, State.REVEALING, State.CONSENSUS}):
        return None
    return When.FAILOVER, max(each.number for each in voting.attempts if each.number < FAILOVER_ATTEMPT)


def allows(facts: VotingFacts, moment: Moment | None, action: type[StartFailover | SettlePlurality]) -> bool:
    """Whether it was decided at that moment that the worker does this."""
    errands = facts.handled.get(moment, ()) if moment is not None else ()
    return any(isinstance(each.action, action) and each.state is ErrandState.DONE for each in errands)


def errand_of(number: int, action: Action, moment: Moment) -> Errand:
    """What becomes of an action at once.

    One that belongs to another moment is refused, since the policy allows it there alone; what the worker's
    own duties do is done with the decision. Everything else waits.
    """
    if not isinstance(action, StartFailover | SettlePlurality):
        return Errand(number, action)
    when, _ = moment
    if action.at is when:
        return Errand(number, action, ErrandState.DONE)
    wrong = f"{action.kind} is for the moment {action.at}, and this is {when}: the policy does not allow it"
    return Errand(number, action, ErrandState.REFUSED, error=wrong)


def _takes_part(facts: VotingFacts, voting: Voting) -> bool:
    """Whether this worker is one of those who answer for the voting."""
    if facts.me is None or not facts.holds_key:
        return False
    is_member = bool(voting.attempts) and voting.current.is_member(facts.me)
    return facts.is_enrolled or is_member


def _was_there(facts: VotingFacts, voting: Voting) -> bool:
    """Whether a voting that came to nothing is this worker's affair: it is a member of an attempt, or was
    enrolled when the voting failed. Who joins later finds failures before it, and wakes nobody for them."""
    is_member = any(facts.me is not None and attempt.is_member(facts.me) for attempt in voting.attempts)
    return is_member or (facts.is_enrolled and facts.enrolled_since <= voting.ended)
