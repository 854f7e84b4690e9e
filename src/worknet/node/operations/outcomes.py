"""What became of this worker's ballots, attempt by attempt, in the words that operators count by.

`worknet_ballots_total` counts what is told here and nothing else, each outcome of an attempt once. What was
so already when the worker started is not told again.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import StrEnum

import structlog

from worknet.node.causes import Cause
from worknet.node.duties import is_over
from worknet.node.facts import VotingFacts
from worknet.node.moments import allows
from worknet.protocol.canonical import to_hex
from worknet.protocol.voting import FAILOVER_ATTEMPT, Attempt, Part, Voting
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots
from worknet.workflow import StartFailover, When

REMEMBERED = 4096
"""How many votings are remembered, the last looked at: more than a worker looks at in one step."""

log = structlog.get_logger()


class Outcome(StrEnum):
    """What became of a ballot in one attempt; one attempt may have several, one after the other."""

    CAST = "cast"
    """The chain holds the ballot: open, as a seal, or as a report tells."""
    NOT_CAST = "not cast"
    """The time to cast is over, and no transaction with the ballot was ever sent."""
    REVEALED = "revealed"
    """The seal was opened on chain."""
    LOST = "lost"
    """The ballot was sent, or sealed, and what counts (a ballot, or its opening) is not on chain in time."""
    IN_CONSENSUS = "in consensus"
    """The voting is closed, and the ballot is for the recorded pair."""
    OUTVOTED = "outvoted"
    """The voting is closed, and another pair was recorded."""


class Outcomes:
    """Tells each outcome once, as `ballot.outcome`.

    `cause` gives why there is no ballot of an attempt, None if nothing is known to have failed; `was_sent`
    whether a transaction with the ballot of (voting, attempt) was ever sent. Both are asked only about
    ballots that are missing for good.
    """

    def __init__(
        self, cause: Callable[[VotingFacts, int], Cause | None], was_sent: Callable[[bytes, int], bool]
    ) -> None:
        self._cause = cause
        self._was_sent = was_sent
        self._told: OrderedDict[bytes, set[tuple[int, Outcome]]] = OrderedDict()

    def tell(self, facts: VotingFacts, *, quiet: bool = False) -> None:
        """Tells what is new about the voting; `quiet` only takes note of it."""
        told = self._told.setdefault(facts.voting_id, set())
        self._told.move_to_end(facts.voting_id)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        for attempt, outcome in self._outcomes(facts, told):
            told.add((attempt, outcome))
            if quiet:
                continue
            is_bad = outcome in {Outcome.NOT_CAST, Outcome.LOST, Outcome.OUTVOTED}
            why = {"cause": self._why(facts, attempt).value} if outcome is Outcome.NOT_CAST else {}
            say = log.warning if is_bad else log.info
            say(
                "ballot.outcome",
                workflow=facts.workflow,
                voting=to_hex(facts.voting_id),
                attempt=attempt,
                outcome=outcome.value,
                **why,
            )

    def _outcomes(self, facts: VotingFacts, told: set[tuple[int, Outcome]]) -> Iterator[tuple[int, Outcome]]:
        """What is so and was not told."""
        voting, me = at(facts.voting, facts.now), facts.me
        if me is None:
            return
        if not voting.attempts and facts.is_active and is_over(facts) and (1, Outcome.NOT_CAST) not in told:
            # Nobody opened it: neither did this worker, which could have.
            yield 1, Outcome.NOT_CAST
        for attempt in voting.attempts:
            if not attempt.is_member(me):
                continue
            for outcome in _on_chain(voting, attempt, me):
                if (attempt.number, outcome) not in told:
                    yield attempt.number, outcome
            given_up = {(attempt.number, Outcome.NOT_CAST), (attempt.number, Outcome.LOST)}
            if _is_missing(facts, voting, attempt, me) and not given_up & told:
                sealed = me in attempt.seals
                was_sent = sealed or self._was_sent(facts.voting_id, attempt.number)
                yield attempt.number, Outcome.LOST if was_sent else Outcome.NOT_CAST

    def _why(self, facts: VotingFacts, attempt: int) -> Cause:
        known = self._cause(facts, attempt)
        if known is not None:
            return known
        if attempt == FAILOVER_ATTEMPT and _was_left_out(facts):
            return Cause.NO_FAILOVER
        prepared = any(number == attempt for number, _ in facts.prepared)
        return Cause.NOT_IN_TIME if prepared else Cause.NOT_RUNNING


def _was_left_out(facts: VotingFacts) -> bool:
    """Whether a handler decided on the failover, and did not start it."""
    moments = [moment for moment in facts.handled if moment[0] is When.FAILOVER]
    return bool(moments) and not allows(facts, moments[-1], StartFailover)


def _on_chain(voting: Voting, attempt: Attempt, me: int) -> Iterator[Outcome]:
    """The outcomes of which the chain itself tells."""
    reported = attempt.participants >> me & 1
    if me in attempt.ballots or me in attempt.seals or reported:
        yield Outcome.CAST
    if me in attempt.ballots and voting.policies[attempt.policy_version].ballots is Ballots.SEALED:
        yield Outcome.REVEALED
    if voting.closed and attempt is voting.current:
        part = voting.part_of(me)
        if part is Part.AGREED:
            yield Outcome.IN_CONSENSUS
        elif part is Part.OUTVOTED:
            yield Outcome.OUTVOTED


def _is_missing(facts: VotingFacts, voting: Voting, attempt: Attempt, me: int) -> bool:
    """Whether the worker's ballot is not on chain, or not opened there, and can come no more."""
    if me in attempt.ballots or attempt.participants >> me & 1:
        return False
    is_past = attempt is not voting.current or voting.closed
    return is_past or facts.now >= (attempt.end if me in attempt.seals else attempt.cast_end)
