"""What time does to a voting: phases end, and fallbacks follow, at computed times (section 6).

However late it is looked at, a voting is where it would be had someone looked at every second.
"""

from dataclasses import replace

from worknet.protocol.voting import FAILOVER_ATTEMPT, ORDINARY_ATTEMPTS, State, Voting
from worknet.protocol.words import Ballots, Fallback


def at(voting: Voting, now: int) -> Voting:
    """The voting with the time that has passed applied."""
    while (later := _next_phase(voting, now)) is not None:
        voting = later
    return voting


def _next_phase(voting: Voting, now: int) -> Voting | None:
    """What follows the present phase if its time is over by now, None if it is not."""
    match voting.state:
        case State.CASTING if now >= voting.current.cast_end:
            if voting.policy.ballots is Ballots.SEALED:
                return replace(voting, state=State.REVEALING)
            return _without(voting, voting.current.number, voting.current.end)
        case State.REVEALING if now >= voting.current.end:
            return _without(voting, voting.current.number, voting.current.end)
        case State.PENDING if now >= voting.stalls:
            return _without(voting, voting.next_attempt, voting.stalls)
        case State.CONSENSUS if not voting.closed and now >= voting.current.end:
            return replace(voting, closed=True)
    return None


def _without(voting: Voting, attempt: int | None, time: int) -> Voting:
    """What follows when an attempt brought no consensus by then: it failed, or it never opened."""
    if attempt == 1:
        return _pending(voting, ORDINARY_ATTEMPTS, time)
    if attempt == ORDINARY_ATTEMPTS:
        return _fallback(voting, time)
    if attempt == FAILOVER_ATTEMPT and voting.policy.fallback is Fallback.FAILOVER_THEN_PLURALITY:
        return _plurality(voting, time)
    return _standing(voting, State.UNRESOLVED, time)


def _fallback(voting: Voting, time: int) -> Voting:
    """What the policy wants when the ordinary attempts are over."""
    match voting.policy.fallback:
        case Fallback.ALERT:
            return _standing(voting, State.UNRESOLVED, time)
        case Fallback.PLURALITY:
            return _plurality(voting, time)
        case Fallback.FAILOVER | Fallback.FAILOVER_THEN_PLURALITY:
            return _pending(voting, FAILOVER_ATTEMPT, time)


def _plurality(voting: Voting, time: int) -> Voting:
    leads = voting.current.leading() is not None
    return _standing(voting, State.SETTLING if leads else State.UNRESOLVED, time)


def _pending(voting: Voting, attempt: int, time: int) -> Voting:
    """Waits for the attempt; a stall of 0 leaves it no time, and is over as soon as it begins."""
    stalls = time + voting.policy.stall
    return replace(voting, state=State.PENDING, next_attempt=attempt, ended=time, stalls=stalls)


def _standing(voting: Voting, state: State, time: int) -> Voting:
    return replace(voting, state=state, next_attempt=None, ended=time, stalls=0)
