"""From a trigger to a ballot: read the inputs, run the workflow, commit to both. Nothing is sent here.

The one way from the node to a workflow's code, its fallback handlers included.
"""

import io
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import polars as pl

from worknet.chain.errors import ChainError
from worknet.config import ConfigError
from worknet.node.causes import Cause, cause_of
from worknet.node.errors import BundleMismatch, DataKeyMismatch, NodeError
from worknet.node.journal import Ballot
from worknet.node.parents import Results, parents_of
from worknet.node.reading import Reader
from worknet.protocol.ballots import SEAL_SALT_BYTES, Pair
from worknet.protocol.canonical import decode, encode, to_hex
from worknet.protocol.ids import Slot, Trigger
from worknet.protocol.policy import Policy
from worknet.protocol.salts import data_key_commitment
from worknet.protocol.tables import Salter
from worknet.sources import Occasion, Source, SourceError
from worknet.workflow import Action, Declaration, Evidence, WorkflowError
from worknet.workflow.errors import FailedError, RunnerError, WrongActionsError, WrongTablesError
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Outcome, Runner
from worknet.workflow.triggers import EVENT_DATASET

Consumed = Callable[[Slot, int, float], Results]
"""The recorded results that an attempt of a slot's voting consumes, waited for within so many seconds; raises
`ParentMissing` and ChainError."""

LEAST_SECONDS = 1.0
"""What a run gets even if reading has taken all the time: it may be done in no time."""


class PreparationFailed(NodeError):
    """There is no ballot, and why: a cause, a message that may be shown to anyone, and a detail that may hold
    rows and stays in the journal."""

    def __init__(self, cause: Cause, message: str, detail: str = "", hint: str = "") -> None:
        super().__init__(message, hint)
        self.cause, self.detail = cause, detail


@dataclass(frozen=True)
class Task:
    """The ballot that is asked for: of which attempt of which voting, under which policy.

    `seconds` is how long its preparation may take before it is cut off.
    """

    voting_id: bytes
    trigger: Trigger
    attempt: int
    policy: Policy
    policy_version: int
    seconds: float


class Preparer:
    """Prepares the ballots of one workflow; several at once, each in a thread of its own."""

    def __init__(
        self,
        runner: Runner,
        sources: Mapping[str, Source],
        data_key: Callable[[int], bytes],
        payload: Callable[[bytes], pl.DataFrame] | None = None,
        *,
        consumed: Consumed | None = None,
        reader: Callable[[Mapping[str, Source]], Reader] = Reader,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`payload` gives what the event of a trigger id says, as dataset `event`; None: there are none.

        `consumed` gives the results of other workflows that datasets are fed from; None: none are.
        `random_bytes` makes the salts of the seals: whoever can tell them can open the seals.
        """
        self._runner = runner
        self._reader = reader(sources)
        self._random_bytes = random_bytes
        self._data_key = data_key
        self._payload = payload
        self._consumed = consumed

    @property
    def declaration(self) -> Declaration:
        """What the workflow declares."""
        return self._runner.declaration

    @property
    def bundle_digest(self) -> bytes:
        """The digest of the bundle on this machine."""
        return self._runner.bundle.digest

    def check(self, policy: Policy) -> None:
        """Raises `BundleMismatch` or `DataKeyMismatch` unless this worker has what the policy names."""
        if policy.bundle_digest != self.bundle_digest:
            raise BundleMismatch(
                f"the bundle of {self.declaration.name} here has the digest {to_hex(self.bundle_digest)}, "
                f"the policy pins {to_hex(policy.bundle_digest)}",
                hint="get the folder that the owner announced; `worknet workflow digest` shows its digest",
            )
        epoch = policy.data_key_epoch
        try:
            data_key = self._data_key(epoch)
        except ConfigError as error:
            raise DataKeyMismatch(f"the data key of epoch {epoch}: {error}", error.hint) from None
        if data_key_commitment(data_key) != policy.data_key_commitment:
            raise DataKeyMismatch(
                f"the data key of epoch {epoch} is not the one that the policy of "
                f"{self.declaration.name} commits to",
                hint=f"get the members' data key {epoch} again from the owner",
            )

    def prepare(self, task: Task, turns: AbstractContextManager[object] | None = None) -> Ballot:
        """The ballot, with a fresh salt for its seal; `PreparationFailed` says why there is none.

        `turns` bounds how many run at once. Reading takes none, since a source may hang; waiting for a turn
        is no part of the task's seconds.
        """
        end = time.monotonic() + task.seconds
        with _told():
            self.check(task.policy)
            results = self._results(task, end - time.monotonic())
            datasets = self._read(task, results, end - time.monotonic())
            left = max(LEAST_SECONDS, end - time.monotonic())
            with turns or nullcontext():
                outcome = self._runner.run(datasets, task.trigger.window, left)
                return self._ballot(task, datasets, outcome, parents_of(results))

    def handle(self, evidence: Evidence, seconds: float) -> tuple[Action, ...] | None:
        """What the workflow's handler for the evidence's moment decides; None if it has none.

        `PreparationFailed` says why it decided nothing, or not within so many seconds.
        """
        with _told():
            return self._runner.handle(evidence, seconds)

    def input_roots(self, ballot: Ballot) -> dict[str, bytes]:
        """The roots of the committed datasets behind a ballot, by name; none once its rows are forgotten.

        Raises `DataKeyMismatch` if the data key of that time is not here.
        """
        if not ballot.frames:
            return {}
        try:
            data_key = self._data_key(ballot.data_key_epoch)
        except ConfigError as error:
            raise DataKeyMismatch(f"the data key of epoch {ballot.data_key_epoch}: {error}") from None
        declaration = Declaration.of_document(decode(ballot.declaration))
        datasets = {
            name: unpack(content) for (kind, name), content in ballot.frames.items() if kind == "dataset"
        }
        inputs = commit_inputs(declaration, datasets, Salter(data_key, ballot.voting_id, ballot.attempt))
        return {name: table.root for name, table in inputs.datasets.items()}

    def _ballot(
        self,
        task: Task,
        datasets: Mapping[str, pl.DataFrame],
        outcome: Outcome,
        parents: tuple[bytes, ...],
    ) -> Ballot:
        """The commitment to what was read and computed."""
        salter = Salter(self._data_key(task.policy.data_key_epoch), task.voting_id, task.attempt)
        inputs = commit_inputs(self.declaration, datasets, salter)
        bundle = self._runner.bundle
        result = commit_result(self.declaration, bundle, task.trigger, outcome, salter, parents)
        return Ballot(
            voting_id=task.voting_id,
            attempt=task.attempt,
            policy_version=task.policy_version,
            pair=Pair(inputs.root, result.root),
            salt=self._random_bytes(SEAL_SALT_BYTES),
            data_key_epoch=task.policy.data_key_epoch,
            manifest=encode(result.manifest.document()),
            declaration=encode(self.declaration.document()),
            frames={
                **{("dataset", name): pack(frame) for name, frame in datasets.items()},
                **{("table", name): pack(frame) for name, frame in outcome.tables.items()},
            },
        )

    def close(self) -> None:
        """Ends the runs that are under way."""
        self._runner.close()

    def _results(self, task: Task, seconds: float) -> Results:
        """The results of other workflows that the task's attempt consumes."""
        if self._consumed is None or not isinstance(task.trigger, Slot):
            return {}
        return self._consumed(task.trigger, task.attempt, seconds)

    def _read(self, task: Task, results: Results, seconds: float) -> dict[str, pl.DataFrame]:
        """All datasets of the trigger: of a slot for its window, of an event for what it says."""
        trigger = task.trigger
        if isinstance(trigger, Slot):
            occasion = Occasion(trigger.window, attempt=task.attempt, results=results)
            return self._reader.read(occasion, seconds)
        if self._payload is None:
            raise NodeError(f"{self.declaration.name} votes on slots, and an event came")
        payload = self._payload(trigger.trigger_id)
        occasion = Occasion(event=payload.row(0, named=True), attempt=task.attempt)
        return {EVENT_DATASET: payload, **self._reader.read(occasion, seconds)}


@contextmanager
def _told() -> Iterator[None]:
    """Tells each error of sources, chain, workflow and node as `PreparationFailed`, without what may name
    rows."""
    try:
        yield
    except (NodeError, SourceError, ChainError) as error:
        raise PreparationFailed(cause_of(error), str(error), hint=error.hint) from None
    except (FailedError, WrongTablesError, WrongActionsError) as error:
        message = error.cause if isinstance(error, FailedError) else f"workflow: {error.cause}"
        # Message and hint may be the author's and name rows.
        detail = "\n".join(text for text in (str(error), error.hint, error.stderr) if text)
        raise PreparationFailed(cause_of(error), message, detail, "the journal holds its message") from None
    except RunnerError as error:
        message = f"workflow: {error.cause}"
        raise PreparationFailed(cause_of(error), message, error.stderr, error.hint) from None
    except WorkflowError as error:
        raise PreparationFailed(cause_of(error), f"workflow: {error}", hint=error.hint) from None


def pack(frame: pl.DataFrame) -> bytes:
    """A frame in Arrow IPC form, compressed, as the journal holds it."""
    content = io.BytesIO()
    frame.write_ipc(content, compression="zstd")
    return content.getvalue()


def unpack(content: bytes) -> pl.DataFrame:
    """The frame that `pack` packed."""
    return pl.read_ipc(io.BytesIO(content))
