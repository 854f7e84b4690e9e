"""Facts to duties: what a worker must do about one voting. Pure: the same facts give the same duties.

Whatever was begun before a crash is found again here, since nothing but the facts is looked at.
"""

from dataclasses import dataclass
from typing import TypeAlias

from worknet.node.facts import Action, VotingFacts
from worknet.node.moments import allows, failover_of, moment_of
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot
from worknet.protocol.policy import PolicyError
from worknet.protocol.voting import FAILOVER_ATTEMPT, Attempt, State, Voting
from worknet.protocol.voting_rules import members_of_next
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots
from worknet.workflow import SettlePlurality, StartFailover, When

TURN_SECONDS = 10
"""Seconds that a worker leaves to the one whose turn it is before it settles or advances a voting itself."""


@dataclass(frozen=True)
class Prepare:
    """Read the inputs, run the workflow, and put the ballot into the journal."""

    attempt: int
    policy_version: int


@dataclass(frozen=True)
class Send:
    """Send a transaction about an attempt under a policy version.

    `pair` is the ballot it carries; for `settle` the leading pair, for `advance` the recorded one, if any.
    """

    action: Action
    attempt: int
    policy_version: int
    pair: Pair | None


@dataclass(frozen=True)
class Handle:
    """Have the workflow's handler decide what is to be done at this moment, and put that into the journal.

    `attempt` is the last that had opened by then, 0 if none had; `policy_version` is its own.
    """

    when: When
    attempt: int
    policy_version: int


Duty: TypeAlias = Prepare | Send | Handle


def duties(facts: VotingFacts) -> list[Duty]:
    """What to do now about the voting; empty while there is nothing but waiting, or nothing more.

    At most one of them is about this worker's ballot or a transaction, and one a `Handle` beside it.
    """
    voting = at(facts.voting, facts.now)
    if facts.me is None:
        return []
    handle = _handle(facts, voting)
    beside: list[Duty] = [handle] if handle else []
    wanted = (
        _vote(facts, voting, facts.me)
        or _reveal(facts, voting, facts.me)
        or _settle(facts, voting, facts.me)
        or _advance(facts, voting, facts.me)
    )
    if isinstance(wanted, Send) and (wanted.action, wanted.attempt) in facts.waiting:
        return beside
    return [*beside, wanted] if wanted else beside


def has_sealed(facts: VotingFacts) -> bool:
    """Whether this worker's seal waits on chain to be opened, and may be by now or later."""
    voting = at(facts.voting, facts.now)
    waits = voting.state in {State.CASTING, State.REVEALING, State.CONSENSUS} and not voting.closed
    return waits and facts.me is not None and bool(voting.current.unrevealed() >> facts.me & 1)


def is_over(facts: VotingFacts) -> bool:
    """Whether nothing can be left to do about the voting on this chain, unless the owner reopens it."""
    voting = at(facts.voting, facts.now)
    if voting.state is State.NONE:
        # An event never gets too old; the contract knows no time of it.
        age = facts.policy.max_age if isinstance(facts.trigger, Slot) else 0
        return bool(age) and facts.now > facts.since + age
    has_ended = facts.has_ended and (voting.closed or voting.state is State.UNRESOLVED)
    return has_ended and _handle(facts, voting) is None


def _handle(facts: VotingFacts, voting: Voting) -> Handle | None:
    """Have decided what the workflow wants at the moment at which the voting stands, once."""
    moment = moment_of(facts)
    if moment is None or moment in facts.handled:
        return None
    when, number = moment
    attempt = voting.attempt(number)
    return Handle(when, number, facts.policy_version if attempt is None else attempt.policy_version)


def _vote(facts: VotingFacts, voting: Voting, me: int) -> Duty | None:
    """Prepare and send this worker's ballot of the attempt that is open, or that may be opened."""
    if not facts.holds_key:
        return None
    place = _to_open(facts, voting, me) or _open(facts, voting, me)
    if place is None:
        return None
    attempt, version = place
    if attempt == FAILOVER_ATTEMPT and not allows(facts, failover_of(voting), StartFailover):
        return None
    if place not in facts.prepared:
        return Prepare(attempt, version)
    is_open = voting.policies[version].ballots is Ballots.OPEN
    return Send(Action.CAST if is_open else Action.SEAL, attempt, version, facts.prepared[place].pair)


def _to_open(facts: VotingFacts, voting: Voting, me: int) -> tuple[int, int] | None:
    """The attempt, and its policy version, that this worker's ballot may open now."""
    if voting.state is State.NONE:
        try:
            facts.policy.check_opening(facts.trigger, facts.now)
        except PolicyError:
            return None
        return (1, facts.policy_version) if facts.is_active and not facts.is_paused else None
    if voting.state is not State.PENDING or voting.next_attempt is None:
        return None
    # Of the bitmaps that the contract holds only this worker's bits are looked at.
    members, _ = members_of_next(voting, facts.is_active << me, facts.is_enrolled << me)
    if not members:
        return None
    version = facts.version_in_force
    if voting.next_attempt <= FAILOVER_ATTEMPT:
        version = voting.current.policy_version
    return None if version is None else (voting.next_attempt, version)


def _open(facts: VotingFacts, voting: Voting, me: int) -> tuple[int, int] | None:
    """The attempt, and its policy version, that is open and lacks this worker's ballot.

    Open ballots are cast also after consensus, while the window lasts.
    """
    if not voting.attempts:
        return None
    current = voting.current
    late = voting.state is State.CONSENSUS and voting.policy.ballots is Ballots.OPEN and not voting.closed
    if not (voting.state is State.CASTING or late) or facts.now >= current.cast_end:
        return None
    if not current.is_member(me) or me in current.ballots or me in current.seals:
        return None
    return current.number, current.policy_version


def _reveal(facts: VotingFacts, voting: Voting, me: int) -> Duty | None:
    """Open this worker's seal, once the reveal phase stands in a confirmed block."""
    revealing = (State.REVEALING, State.CONSENSUS)
    if facts.confirmed.state not in revealing or voting.state not in revealing or voting.closed:
        return None
    attempt = voting.current
    mine = facts.prepared.get((attempt.number, attempt.policy_version))
    if mine is None or not attempt.unrevealed() >> me & 1:
        return None
    if facts.confirmed.current.number != attempt.number:
        return None
    return Send(Action.REVEAL, attempt.number, attempt.policy_version, mine.pair)


def _settle(facts: VotingFacts, voting: Voting, me: int) -> Duty | None:
    """Have the leading pair recorded where policy and handler leave it to a plurality; workers take turns."""
    if voting.state is not State.SETTLING or not _is_its_turn(facts, voting, me, voting.ended):
        return None
    attempt = voting.current
    if not allows(facts, (When.PLURALITY, attempt.number), SettlePlurality):
        return None
    return Send(Action.SETTLE, attempt.number, attempt.policy_version, attempt.leading())


def _advance(facts: VotingFacts, voting: Voting, me: int) -> Duty | None:
    """Apply the time that ends the voting, if no transaction has done so; workers take turns."""
    is_unresolved = voting.state is State.UNRESOLVED
    if facts.has_ended or not (voting.closed or is_unresolved):
        return None
    end = voting.ended if is_unresolved else voting.current.end
    if not _is_its_turn(facts, voting, me, end):
        return None
    if not voting.attempts:
        return Send(Action.ADVANCE, 0, facts.policy_version, None)
    pair = voting.recorded.pair if voting.recorded else None
    return Send(Action.ADVANCE, voting.current.number, voting.current.policy_version, pair)


def _is_its_turn(facts: VotingFacts, voting: Voting, me: int, since: int) -> bool:
    """Whether this worker is to do now what any one of them has to do, since that time."""
    attempt = voting.attempts[-1] if voting.attempts else None
    takes_part = facts.is_enrolled or (attempt is not None and attempt.is_member(me))
    if not (takes_part and facts.holds_key):
        return False
    # A slot that was reopened in vain has no members: the workers come in the order of their indices.
    turn = me if attempt is None else _turn(facts, attempt)
    return facts.now >= since + TURN_SECONDS * turn


def _turn(facts: VotingFacts, attempt: Attempt) -> int:
    """How many workers come before this one; who is first differs from voting to voting."""
    members = [worker for worker in range(attempt.members.bit_length()) if attempt.is_member(worker)]
    if not members or facts.me not in members:
        return len(members)
    first = int.from_bytes(facts.voting_id, "big") % len(members)
    return (members.index(facts.me) - first) % len(members)
