"""From a trigger to a ballot: read the inputs, run the workflow, commit to both. Nothing is sent here."""

import io
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from worknet.config import ConfigError
from worknet.node.errors import BundleMismatch, DataKeyMismatch, NodeError
from worknet.node.journal import Ballot
from worknet.protocol.ballots import SEAL_SALT_BYTES, Pair
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy
from worknet.protocol.salts import data_key_commitment
from worknet.protocol.tables import Salter
from worknet.sources import Source, SourceError
from worknet.workflow import Declaration, WorkflowError
from worknet.workflow.errors import FailedError, RunnerError, WrongTablesError
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Runner


class PreparationFailed(NodeError):
    """There is no ballot. `cause` may be shown to anyone; `detail` may hold rows and stays in the journal."""

    def __init__(self, cause: str, detail: str = "", hint: str = "") -> None:
        super().__init__(cause, hint)
        self.cause, self.detail = cause, detail


@dataclass(frozen=True)
class Task:
    """The ballot that is asked for: of which attempt of which voting, under which policy."""

    voting_id: bytes
    slot: Slot
    attempt: int
    policy: Policy
    policy_version: int


class Preparer:
    """Prepares the ballots of one workflow; several at once, each in a thread of its own."""

    def __init__(
        self, runner: Runner, sources: Mapping[str, Source], data_key: Callable[[int], bytes]
    ) -> None:
        self._runner = runner
        self._sources = sources
        self._data_key = data_key

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

    def prepare(self, task: Task) -> Ballot:
        """The ballot, with a fresh salt for its seal; `PreparationFailed` says why there is none."""
        self.check(task.policy)
        datasets = self._read(task)
        salter = Salter(self._data_key(task.policy.data_key_epoch), task.voting_id, task.attempt)
        try:
            outcome = self._runner.run(datasets, task.slot.window)
        except (FailedError, WrongTablesError) as error:
            cause = error.cause if isinstance(error, FailedError) else f"workflow: {error.cause}"
            # Message and hint may be the author's and name rows.
            detail = "\n".join(text for text in (str(error), error.hint, error.stderr) if text)
            hint = "the journal holds its message"
            raise PreparationFailed(cause, detail, hint) from None
        except RunnerError as error:
            raise PreparationFailed(f"workflow: {error.cause}", error.stderr, error.hint) from None
        except WorkflowError as error:
            raise PreparationFailed(f"workflow: {error}", hint=error.hint) from None
        inputs = commit_inputs(self.declaration, datasets, salter)
        result = commit_result(self.declaration, self._runner.bundle, task.slot, outcome, salter)
        return Ballot(
            voting_id=task.voting_id,
            attempt=task.attempt,
            policy_version=task.policy_version,
            pair=Pair(inputs.root, result.root),
            salt=secrets.token_bytes(SEAL_SALT_BYTES),
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

    def _read(self, task: Task) -> dict[str, pl.DataFrame]:
        """All datasets of the window, read side by side."""
        with ThreadPoolExecutor(len(self._sources), "source") as readers:
            reading = {
                name: readers.submit(source.read, task.slot.window) for name, source in self._sources.items()
            }
        try:
            return {name: future.result() for name, future in reading.items()}
        except SourceError as error:
            raise PreparationFailed(str(error), hint=error.hint) from None


def pack(frame: pl.DataFrame) -> bytes:
    """A frame in Arrow IPC form, compressed, as the journal holds it."""
    content = io.BytesIO()
    frame.write_ipc(content, compression="zstd")
    return content.getvalue()


def unpack(content: bytes) -> pl.DataFrame:
    """The frame that `pack` packed."""
    return pl.read_ipc(io.BytesIO(content))
