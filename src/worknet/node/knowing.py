"""Gathers what is known of one voting, for its explanation: from the index, and from one worker's journal."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from worknet.chain.index import NetworkIndex
from worknet.config import ConfigError
from worknet.node.causes import Cause
from worknet.node.errors import UnknownVoting
from worknet.node.explaining import Act, Compared, Handled, Known, Own, OwnBallot, OwnFailure, TableRoot
from worknet.node.journal import Ballot, Journal
from worknet.node.journal.handlings import Handling
from worknet.node.preparing import unpack
from worknet.node.statements import Gathered
from worknet.protocol.canonical import decode, to_hex
from worknet.protocol.ids import Slot, Trigger, trigger_of, workflow_id
from worknet.protocol.policy import version_at
from worknet.protocol.tables import Kind, Salter
from worknet.protocol.voting import Reopened, Voting
from worknet.tables import commit_table
from worknet.workflow import CallWebhook, Declaration


@dataclass(frozen=True)
class Subject:
    """What a voting is about, where the chain cannot tell it: it never opened."""

    workflow: str
    trigger: Trigger


def public_part(
    index: NetworkIndex,
    names: Mapping[bytes, str],
    voting_id: bytes,
    now: int,
    subject: Subject | None = None,
) -> Known:
    """What the chain tells of a voting at the time `now`, to anybody; `names` are workflows by their ids.

    Raises `UnknownVoting` for a voting that never opened and of which nothing else is known.
    """
    entry = index.entry(voting_id, now=now)
    if entry is None and subject is None:
        raise UnknownVoting(
            f"the network has no voting {to_hex(voting_id)}",
            hint="name one that never opened as WORKFLOW@START",
        )
    if entry is not None:
        key, workflow = entry.workflow_id, names.get(entry.workflow_id, subject.workflow if subject else "")
        trigger, voting = entry.trigger, entry.voting
    elif subject is not None:
        key, workflow, trigger = workflow_id(subject.workflow), subject.workflow, subject.trigger
        voting = Voting({policy.version: policy.policy for policy in index.policies(key)})
    reopened = tuple(fact.attempt for fact in index.facts(voting_id) if isinstance(fact, Reopened))
    return Known(
        voting_id=voting_id,
        workflow=workflow,
        trigger=trigger,
        voting=voting,
        now=now,
        policy_version=_version(voting, trigger),
        members=tuple(index.members()),
        is_paused=index.opening_paused(),
        reopened=reopened,
    )


@dataclass(frozen=True)
class Knowing:
    """What one worker knows: the public part, and what its journal holds.

    `names` are workflows by their ids. `data_key` gives the members' data key of an epoch, or raises
    `ConfigError`; without it roots of datasets and tables are not known.
    """

    index: NetworkIndex
    journal: Journal
    names: Mapping[bytes, str]
    data_key: Callable[[int], bytes] | None = None

    def known(
        self,
        voting_id: bytes,
        me: int | None,
        now: int,
        subject: Subject | None = None,
        *,
        roots: bool = False,
    ) -> Known:
        """All that is known to the worker with the index `me`, None if it has none.

        With `roots` also those of its own datasets and tables, which are computed anew from all of their
        rows. Raises what `public_part` raises, and `JournalError`.
        """
        known = public_part(self.index, self.names, voting_id, now, subject or self._journalled(voting_id))
        return known if me is None else replace(known, own=self._own(known, me, roots))

    def _journalled(self, voting_id: bytes) -> Subject | None:
        """What the journal holds of a voting that may never have opened."""
        try:
            workflow, trigger_id = self.journal.triggers.get(voting_id)
        except UnknownVoting:
            return None
        policies = self.index.policies(workflow_id(workflow))
        every = policies[0].policy.every if policies else 0
        return Subject(workflow, trigger_of(trigger_id, every))

    def _own(self, known: Known, me: int, roots: bool) -> Own:
        voting_id = known.voting_id
        details = self.journal.failures.details(voting_id)
        prepared = self.journal.ballots.prepared(voting_id)
        attempts = {attempt.number for attempt in known.voting.attempts}
        with_rows = self.journal.ballots.with_rows(voting_id)
        return Own(
            me=me,
            failures=tuple(
                OwnFailure(
                    failure.attempt,
                    _cause(failure.cause),
                    failure.message,
                    details.get((failure.attempt, failure.cause), ""),
                )
                for failure in self.journal.failures.of(voting_id)
            ),
            ballots=tuple(
                OwnBallot(
                    attempt,
                    version,
                    prepared[attempt, version].pair,
                    tuple(self._tables(voting_id, attempt, version)) if roots else (),
                    (attempt, version) in with_rows,
                )
                for attempt, version in sorted(prepared)
            ),
            sent=frozenset(
                each for each in attempts if self.journal.transactions.has_ballot(voting_id, each)
            ),
            handled=tuple(_handled(handling) for handling in self.journal.handlings.of(voting_id)),
        )

    def _tables(self, voting_id: bytes, attempt: int, version: int) -> Iterator[TableRoot]:
        ballot = self.journal.ballots.get(voting_id, attempt, version)
        if not ballot.frames:
            return
        declaration = Declaration.of_document(decode(ballot.declaration))
        for dataset in declaration.datasets:
            yield self._table(ballot, declaration, "dataset", dataset.name, dataset.committed)
        for table in declaration.tables:
            yield self._table(ballot, declaration, "table", table.name, committed=True)

    def _table(
        self, ballot: Ballot, declaration: Declaration, kind: Kind, name: str, committed: bool
    ) -> TableRoot:
        frame = unpack(ballot.frames[kind, name])
        if not committed or self.data_key is None:
            return TableRoot(kind, name, frame.height, committed=committed)
        try:
            salter = Salter(self.data_key(ballot.data_key_epoch), ballot.voting_id, ballot.attempt)
        except ConfigError:
            return TableRoot(kind, name, frame.height)
        declared = declaration.table if kind == "table" else declaration.dataset
        table = commit_table(kind, name, declared(name).schema, frame, salter)
        return TableRoot(kind, name, table.rows, table.root)


def compared_of(gathered: Gathered) -> Compared:
    """What members' statements tell of an attempt, for its explanation."""
    return Compared(
        gathered.attempt,
        gathered.differences,
        tuple((refused.where, refused.reason) for refused in gathered.refused),
        gathered.absent,
    )


def _handled(handling: Handling) -> Handled:
    return Handled(
        when=handling.when.value,
        attempt=handling.attempt,
        by=handling.by.value if handling.decided else "",
        acts=tuple(
            Act(
                errand.action.kind,
                errand.action.name if isinstance(errand.action, CallWebhook) else "",
                errand.state.value,
                errand.error,
            )
            for errand in handling.errands
        ),
        fault=": ".join(filter(None, (handling.cause, handling.message))),
    )


def _version(voting: Voting, trigger: Trigger) -> int:
    """The policy version of the last attempt, or of the one that may open first."""
    if voting.attempts:
        return voting.current.policy_version
    starts = [policy.start for _, policy in sorted(voting.policies.items())]
    if isinstance(trigger, Slot):
        return version_at(starts, trigger.window.start) or 1
    return len(starts)


def _cause(text: str) -> Cause:
    """The cause that a journal holds, which may be of another version of worknet."""
    return Cause(text) if text in set(Cause) else Cause.FAULT
