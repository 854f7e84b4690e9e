"""Facts to duties: what a worker must do about one voting. Pure: the same facts give the same duties.

Whatever was begun before a crash is found again here, since nothing but the facts is looked at.
"""

from dataclasses import dataclass
from typing import TypeAlias

from worknet.node.facts import Action, VotingFacts
from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Ballots, PolicyError
from worknet.protocol.voting import ORDINARY_ATTEMPTS, Attempt, State, Voting
from worknet.protocol.voting_time import at

ADVANCE_TURN = 10
"""Seconds that a worker leaves to the one whose turn it is before it applies the time itself."""


@dataclass(frozen=True)
class Prepare:
    """Read the inputs, run the workflow, and put the ballot into the journal."""

    attempt: int


@dataclass(frozen=True)
class Send:
    """Send a transaction; `pair` is the ballot it carries, or for `advance` the recorded pair, if any."""

    action: Action
    attempt: int
    pair: Pair | None


Duty: TypeAlias = Prepare | Send


def duties(facts: VotingFacts) -> list[Duty]:
    """What to do now about the voting; empty while there is nothing but waiting, or nothing more."""
    voting = at(facts.voting, facts.now)
    if facts.me is None:
        return []
    wanted = _vote(facts, voting) or _reveal(facts, voting) or _advance(facts, voting)
    if isinstance(wanted, Send) and (wanted.action, wanted.attempt) in facts.waiting:
        return []
    return [wanted] if wanted else []


def is_over(facts: VotingFacts) -> bool:
    """Whether nothing can be left to do about the voting, now or later, on this chain."""
    voting = at(facts.voting, facts.now)
    if voting.state is State.NONE:
        age = facts.policy.max_age
        return bool(age) and facts.now > facts.slot.due(facts.policy.delay) + age
    return facts.has_ended and (voting.closed or voting.state is State.UNRESOLVED)


def _vote(facts: VotingFacts, voting: Voting) -> Duty | None:
    """Prepare and send this worker's ballot of the attempt that is open, or that may be opened."""
    attempt = _attempt_to_vote_in(facts, voting)
    if attempt is None:
        return None
    if attempt not in facts.prepared:
        return Prepare(attempt)
    action = Action.CAST if facts.policy.ballots is Ballots.OPEN else Action.SEAL
    return Send(action, attempt, facts.prepared[attempt].pair)


def _attempt_to_vote_in(facts: VotingFacts, voting: Voting) -> int | None:
    me = facts.me or 0
    if voting.state is State.NONE:
        try:
            facts.policy.check_opening(facts.slot, facts.now)
        except PolicyError:
            return None
        return 1 if facts.is_active else None
    current = voting.current
    if voting.state is State.PENDING:
        may_vote = facts.is_enrolled and voting.attempts[0].is_member(me)
        return voting.next_attempt if may_vote and voting.next_attempt == ORDINARY_ATTEMPTS else None
    casting = voting.state is State.CASTING or (voting.state is State.CONSENSUS and not voting.closed)
    if not casting or facts.now >= current.cast_end or not current.is_member(me):
        return None
    done = current.ballots.keys() | current.seals.keys()
    return None if me in done else current.number


def _reveal(facts: VotingFacts, voting: Voting) -> Duty | None:
    """Open this worker's seal, once the reveal phase stands in a confirmed block."""
    if facts.confirmed.state not in {State.REVEALING, State.CONSENSUS} or voting.closed:
        return None
    if voting.state not in {State.REVEALING, State.CONSENSUS}:
        return None
    attempt = voting.current
    me = facts.me or 0
    mine = facts.prepared.get(attempt.number)
    if mine is None or me not in attempt.seals or me in attempt.ballots:
        return None
    if facts.confirmed.current.number != attempt.number:
        return None
    return Send(Action.REVEAL, attempt.number, mine.pair)


def _advance(facts: VotingFacts, voting: Voting) -> Duty | None:
    """Apply the time that ends the voting, if no transaction has done so; workers take turns."""
    ended = voting.closed or voting.state is State.UNRESOLVED
    if not ended or facts.has_ended:
        return None
    if not facts.is_enrolled and not voting.current.is_member(facts.me or 0):
        return None
    end = voting.ended if voting.state is State.UNRESOLVED else voting.current.end
    if facts.now < end + ADVANCE_TURN * _turn(facts, voting.current):
        return None
    pair = voting.recorded.pair if voting.recorded else None
    return Send(Action.ADVANCE, voting.current.number, pair)


def _turn(facts: VotingFacts, attempt: Attempt) -> int:
    """How many workers come before this one; who is first differs from voting to voting."""
    members = [worker for worker in range(attempt.members.bit_length()) if attempt.is_member(worker)]
    if not members or facts.me not in members:
        return len(members)
    first = int.from_bytes(facts.voting_id, "big") % len(members)
    return (members.index(facts.me) - first) % len(members)
