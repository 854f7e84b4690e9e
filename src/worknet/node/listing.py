"""Votings as a worker sees them: how each stands on chain, and what its journal knows of the result."""

from collections.abc import Iterator
from dataclasses import dataclass

from worknet.chain.index import NetworkIndex
from worknet.node.errors import UnknownVoting
from worknet.node.journal import Journal
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value
from worknet.protocol.ids import Trigger
from worknet.protocol.manifest import Manifest
from worknet.protocol.voting import Attempt, Part, State

PAGE = 500


@dataclass(frozen=True)
class VotingLine:
    """A voting in a list. `part` is this worker's, None while undecided and where it is no member.

    `summary` is that of the recorded result, None where this worker has not computed it. `attempt` is the
    last that opened, 0 of a slot that was reopened and never opened. `ballots` counts those that were counted
    on chain or told by a report.
    """

    voting_id: bytes
    workflow: str
    trigger: Trigger
    state: State
    attempt: int
    ballots: int
    n: int
    needed: int
    position: int | None
    part: Part | None
    causes: tuple[str, ...]
    summary: dict[str, Value] | None


def list_votings(
    index: NetworkIndex, journal: Journal, workflows: dict[bytes, str], me: int | None, now: int
) -> Iterator[VotingLine]:
    """All votings of these workflows (names by id) in the order of opening, as they stand at time `now`."""
    offset = 0
    while page := index.votings(now=now, workflow_ids=workflows, limit=PAGE, offset=offset):
        offset += len(page)
        for entry in page:
            voting = entry.voting
            attempt = voting.attempts[-1] if voting.attempts else None
            recorded = None if voting.recorded is None else voting.recorded.pair
            yield VotingLine(
                voting_id=entry.voting_id,
                workflow=workflows[entry.workflow_id],
                trigger=entry.trigger,
                state=voting.state,
                attempt=attempt.number if attempt else 0,
                ballots=(attempt.members & ~attempt.missing()).bit_count() if attempt else 0,
                n=attempt.n if attempt else 0,
                needed=attempt.needed if attempt else 0,
                position=entry.position,
                part=None if me is None else voting.part_of(me),
                causes=tuple(str(failure) for failure in journal.failures.of(entry.voting_id)),
                summary=_summary(journal, entry.voting_id, attempt, recorded),
            )


def _summary(
    journal: Journal, voting_id: bytes, attempt: Attempt | None, recorded: Pair | None
) -> dict[str, Value] | None:
    if attempt is None:
        return None
    try:
        ballot = journal.ballots.get(voting_id, attempt.number, attempt.policy_version, with_rows=False)
    except UnknownVoting:
        return None
    return dict(Manifest.parse(ballot.manifest).summary) if ballot.pair == recorded else None
