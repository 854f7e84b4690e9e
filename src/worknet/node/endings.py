"""Tells that an attempt has failed, and how votings end, with the reasons, as logs and alerts show them.

What was so already when the worker started is not told again. No row, and no key of a row, is told.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import structlog

from worknet.chain.errors import ChainError
from worknet.chain.index import NetworkIndex
from worknet.node.errors import UnknownVoting
from worknet.node.explaining import Compared, Known, explain
from worknet.node.explaining.attempts import workers_of
from worknet.node.facts import VotingFacts
from worknet.node.journal import Journal
from worknet.node.knowing import Knowing, Subject, compared_of
from worknet.node.statements import StatementReader
from worknet.node.stating import to_be_explained
from worknet.node.telling import about
from worknet.protocol.canonical import to_hex
from worknet.protocol.voting import Attempt, State
from worknet.protocol.voting_time import at
from worknet.protocol.words import How

REMEMBERED = 4096
"""Of how many votings it is remembered which attempts were told, of the last looked at."""

log = structlog.get_logger()


class Endings:
    """Tells how attempts and votings ended for one worker; `names` are its workflows by their ids, `reader`
    reads members' statements, if they share any."""

    def __init__(
        self,
        index: NetworkIndex,
        journal: Journal,
        names: Mapping[bytes, str],
        reader: StatementReader | None = None,
    ) -> None:
        self._knowing = Knowing(index, journal, names)
        self._reader = reader
        self._told: OrderedDict[bytes, int] = OrderedDict()

    def look(self, facts: VotingFacts, *, quiet: bool = False) -> None:
        """Tells, once, that the last attempt failed and another may open; `quiet` only takes note of it."""
        voting = at(facts.voting, facts.now)
        if voting.state is not State.PENDING or not voting.attempts or facts.me is None:
            return
        last = voting.current.number
        if self._told.get(facts.voting_id, 0) >= last:
            return
        self._told[facts.voting_id] = last
        self._told.move_to_end(facts.voting_id)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        if not quiet:
            fields = about(facts.workflow, facts.trigger, facts.voting_id, last)
            log.warning("voting.repeated", next=voting.next_attempt, explanation=self.lines(facts), **fields)

    def end(self, facts: VotingFacts) -> None:
        """Tells how a voting ended for this worker."""
        voting = at(facts.voting, facts.now)
        last = voting.attempts[-1] if voting.attempts else None
        fields = about(facts.workflow, facts.trigger, facts.voting_id, last.number if last else 0)
        if voting.state is State.UNRESOLVED:
            log.error(
                "voting.unresolved",
                tally=_tally(last),
                missing=_missing(last),
                explanation=self.lines(facts),
                **fields,
            )
        elif last is not None and voting.recorded is not None and facts.me is not None:
            how, part = voting.recorded.how, voting.part_of(facts.me)
            told = log.warning if how is How.PLURALITY else log.info
            if part is not None:
                ballots = (last.members & ~last.missing()).bit_count()
                told("voting.recorded", how=how.name.lower(), part=part.value, ballots=ballots, **fields)

    def lines(self, facts: VotingFacts) -> list[str]:
        """Why the voting stands as these facts say, as far as chain and journal tell."""
        return explain(self._known(facts)).brief()

    def all_lines(self, facts: VotingFacts) -> list[str]:
        """The same, and what members have told so far; to compare may take a while."""
        compared = tuple(self._compared(facts)) if self._reader is not None else ()
        return explain(replace(self._known(facts), compared=compared)).brief()

    def _known(self, facts: VotingFacts) -> Known:
        subject = Subject(facts.workflow, facts.trigger)
        known = self._knowing.known(facts.voting_id, facts.me, facts.now, subject)
        return replace(known, voting=at(facts.voting, facts.now))

    def _compared(self, facts: VotingFacts) -> Iterator[Compared]:
        """What statements tell that were taken already. Of attempts that a reorganisation took: nothing."""
        for attempt in to_be_explained(facts.confirmed):
            with suppress(ChainError, UnknownVoting):
                if self._reader is not None:
                    yield compared_of(self._reader.gather(facts.voting_id, attempt.number, ask=False))


def _tally(attempt: Attempt | None) -> list[dict[str, object]]:
    """The pairs that were voted for, each with the indices of its voters."""
    pairs = attempt.tally() if attempt else {}
    return [
        {
            "input_root": to_hex(pair.input_root),
            "result_root": to_hex(pair.result_root),
            "workers": list(workers_of(voters)),
        }
        for pair, voters in sorted(pairs.items(), key=lambda each: workers_of(each[1]))
    ]


def _missing(attempt: Attempt | None) -> list[int]:
    return list(workers_of(attempt.missing())) if attempt else []
