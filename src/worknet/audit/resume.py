"""What an audit remembers to go on from: a head of the log, and what was not over at its block.

It is bounded by what is open, not by history: votings that are not over, policies, members with the keys that
they had, what can still be claimed, runs of slots without a record, and of workflows driven by events the ids
of the votings that have one, for nothing else tells that such a one does not come twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from worknet.audit.documents import read, written
from worknet.audit.errors import AuditError
from worknet.audit.ledger import Ledger
from worknet.audit.members import Members
from worknet.audit.policies import Policies
from worknet.audit.recording import Followed
from worknet.audit.slots import Slots
from worknet.protocol.canonical import Value
from worknet.protocol.merkle import ProofError
from worknet.protocol.times import LATEST
from worknet.protocol.trees import Frontier
from worknet.protocol.voting import State
from worknet.protocol.words import MAX_WORKERS, WORD_BYTES

FORMAT = 1

_WITHOUT_ATTEMPT = {State.NONE, State.PENDING, State.UNRESOLVED}


@dataclass(frozen=True)
class Head:
    """A tree head of the log as it stood at a block, whose hash and time are kept with it."""

    size: int
    root: bytes
    block: int
    block_hash: bytes
    time: int


@dataclass(frozen=True)
class AuditState:
    """What an audit that went up to a block leaves to the next one.

    `subtrees` are the log's perfect subtrees, largest first. Its parts are not to be changed: an audit that
    goes on from it makes copies.
    """

    format: int
    chain_id: int
    contract: bytes
    pool: bytes | None
    head: Head
    subtrees: tuple[bytes, ...]
    members: Members
    policies: Policies
    votings: Mapping[bytes, Followed]
    slots: Slots
    ledger: Ledger

    def document(self) -> dict[str, Value]:
        """The state as a canonical document, the same for the same state."""
        bare = {
            voting_id: replace(followed, voting=replace(followed.voting, policies={}))
            for voting_id, followed in self.votings.items()
        }
        document = written(replace(self, votings=bare))
        if not isinstance(document, dict):
            raise TypeError("a state is an object")
        return document

    @classmethod
    def read(cls, document: Value) -> "AuditState":
        """The state that a document is of; AuditError if it is of none, or contradicts itself."""
        if isinstance(document, dict) and document.get("format") != FORMAT:
            raise AuditError(
                f"the remembered state is of format {document.get('format')}, this software has {FORMAT}",
                hint="start the audit anew",
            )
        state = read(cls, document)
        for wrong in _contradictions(state):
            raise AuditError(
                f"the remembered state contradicts itself: {wrong}",
                hint="take it from a copy, or start the audit anew",
            )
        try:
            root = Frontier(state.head.size, state.subtrees).root()
        except ProofError as error:
            raise AuditError(f"the remembered state contradicts itself: {error}") from None
        if root != state.head.root:
            raise AuditError(
                "the remembered state contradicts itself: its subtrees do not make its head",
                hint="take it from a copy, or start the audit anew",
            )
        return state

    def own(self) -> "AuditState":
        """A copy whose parts may be changed."""
        return AuditState.read(self.document())


def _contradictions(state: AuditState) -> Iterator[str]:
    """What no audit can have left, though each value has its form: a file edited by hand."""
    if state.head.time > LATEST:
        yield "its head has a time after the year 9999"
    for index, seat in state.members.seats.items():
        if index >= MAX_WORKERS or not seat.keys:
            yield f"there is no worker {index}, or none without a key"
    for workflow_id, lines in state.policies.lines.items():
        if (
            not lines
            or len(workflow_id) != WORD_BYTES
            or {line.workflow_id for line in lines} != {workflow_id}
        ):
            yield "policies stand under another workflow than theirs"
        if any(len(line.policy_hash) != WORD_BYTES for line in lines):
            yield "a policy has no hash"
    for workflow_id, runs in state.slots.without.items():
        if not {run.version for run in runs} <= {*state.policies.of(workflow_id)}:
            yield "slots are of a policy that was not announced"
        every = state.policies.every(workflow_id) or 1
        if any(run.last < run.first or (run.last + 1) * every > state.head.time for run in runs):
            yield "slots have no record that were not due"
    yield from _of_votings(state)
    if not state.ledger.length:
        yield "reward periods have no length"
    since = state.ledger.since
    if len(since) != len(state.ledger.amounts) or since[:1] != [0] or sorted({*since}) != since:
        yield "the amounts of the rewards do not follow each other from period 0 on"


def _of_votings(state: AuditState) -> Iterator[str]:
    for followed in state.votings.values():
        if len(followed.workflow_id) != WORD_BYTES or len(followed.trigger_id) != WORD_BYTES:
            yield "a voting is about nothing"
        if not followed.voting.attempts and followed.voting.state not in _WITHOUT_ATTEMPT:
            yield "a voting goes on that never opened"
