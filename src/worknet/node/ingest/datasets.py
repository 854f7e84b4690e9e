"""A dataset that a broker brings row by row: fed into the journal's inbox, read from it window by window."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import polars as pl
import structlog

from worknet.node.inbox import Aside, Kind, Row
from worknet.node.ingest.rows import DatasetForm
from worknet.node.ingest.writing import Writing
from worknet.node.journal.inbox import Inbox
from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    SchemaViolationError,
    UnavailableError,
)
from worknet.sources.feed import Feed, Message
from worknet.sources.occasion import Occasion
from worknet.sources.source import violation
from worknet.tables import DataError, empty, frame_of_rows, validate

log = structlog.get_logger()

DAY = 86_400
PURGE_SECONDS = 600.0
CATCH_UP_SECONDS = 2.0
"""How long a feed that is connected must bring nothing of what has piled up before that is over."""
OLD_ROWS_SECONDS = 60.0
"""For how long after connecting old rows count as what has piled up: somebody may send such for ever."""
_AT_ONCE = 10_000
_ASIDE_KINDS = (Kind.MALFORMED, Kind.CONFLICT, Kind.TOO_OLD)


@dataclass(frozen=True)
class FedDataset:
    """A dataset in the inbox: of which workflow, how its messages are read, and for how long rows are kept.

    `delay` is by how many seconds after its end a window may be read. `clock` and `chain_clock` give the
    times, in Unix seconds, by which windows are due and rows are too old, or cannot be yet: a chain that
    replays the past, or stands still, must not have rows set aside that it will ask for.
    """

    inbox: Inbox
    workflow: str
    name: str
    form: DatasetForm
    keep: int
    delay: int
    clock: Callable[[], float] = time.time
    chain_clock: Callable[[], float] = time.time

    @property
    def oldest(self) -> int:
        """The start of the oldest window that is kept."""
        return int(min(self.clock(), self.chain_clock())) - self.keep - self.form.every

    @property
    def newest(self) -> int:
        """The last start of a window that a row may say it belongs to: clocks differ, but not by a day."""
        return int(max(self.clock(), self.chain_clock())) + DAY

    @property
    def due(self) -> int:
        """The last start of a window that may be read already: whose rows should all have come."""
        return int(min(self.clock(), self.chain_clock())) - self.delay - self.form.every


class DatasetInlet:
    """Feeds one dataset, in batches of at most `batch` messages. What becomes of each row says
    `worknet.node.inbox`."""

    def __init__(self, kind: str, feed: Feed, dataset: FedDataset, batch: int, writing: Writing) -> None:
        self.kind, self.workflow, self.name = kind, dataset.workflow, dataset.name
        self._feed, self._dataset, self._batch, self._writing = feed, dataset, batch, writing
        self._purged = -inf
        self._takes_piled = False
        self._piled_at = -inf

    @property
    def fault(self) -> str:
        """Why nothing arrives, if so."""
        return self._feed.fault

    @property
    def gap(self) -> str:
        """Why rows may be missing that are at the broker already, if so: a worker that was down, or cut off,
        must not vote on the half of a window while the other half is still on its way.

        May be asked from any thread."""
        if fault := self.fault:
            return f"the feed does not run: {fault}"
        if self._takes_piled or self._is_catching_up:
            return "the feed brings what has piled up"
        return ""

    async def run(self) -> None:
        """Reads the feed until cancelled."""
        await self._feed.run(self._take)

    @property
    def _is_catching_up(self) -> bool:
        """Whether it was not quiet yet since the connection was made, or since a full batch."""
        return time.monotonic() - max(self._feed.up_since, self._piled_at) < CATCH_UP_SECONDS

    async def _take(self, messages: Sequence[Message]) -> None:
        is_full = len(messages) >= self._batch
        # Small batches too: over MQTT, or a slow link, what has piled up comes in no others.
        counts_old = self._is_catching_up and time.monotonic() - self._feed.up_since < OLD_ROWS_SECONDS
        self._takes_piled = is_full or counts_old
        is_old = False
        try:
            is_old = await self._writing.do(self._journal, messages)
        finally:
            # From now on, however long this batch took to be journalled.
            if is_full or (counts_old and is_old):
                self._piled_at = time.monotonic()
            self._takes_piled = False

    def _journal(self, messages: Sequence[Message]) -> bool:
        """Whether most of the rows are of windows that may be read already."""
        dataset = self._dataset
        arrivals = [arrival for message in messages for arrival in dataset.form.arrivals(message)]
        counts = dataset.inbox.take(
            self.workflow, self.name, arrivals, oldest=dataset.oldest, newest=dataset.newest
        )
        fields = {
            "workflow": self.workflow,
            "dataset": self.name,
            **{kind.value: counts[kind] for kind in Kind},
        }
        if any(counts[kind] for kind in _ASIDE_KINDS):
            reasons = [arrival.reason for arrival in arrivals if isinstance(arrival, Aside)]
            fields["reason"] = reasons[0] if reasons else "a key that came before, or a window out of reach"
            log.warning("inbox.taken", **fields)
        else:
            log.debug("inbox.taken", **fields)
        self._purge()
        ages = [arrival.start <= dataset.due for arrival in arrivals if isinstance(arrival, Row)]
        return 2 * sum(ages) > len(ages)

    def _purge(self) -> None:
        """Now and then forgets what is kept no longer."""
        if time.monotonic() - self._purged < PURGE_SECONDS:
            return
        self._purged = time.monotonic()
        dataset = self._dataset
        rows = dataset.inbox.purge(self.workflow, self.name, oldest=dataset.oldest, keep=dataset.keep)
        if rows:
            log.info("inbox.purged", workflow=self.workflow, dataset=self.name, rows=rows)


class InboxSource:
    """A fed dataset as a source. Reading a window for an attempt fixes for good what that attempt gets.

    `gap` tells why rows may be missing, if so.
    """

    def __init__(self, dataset: FedDataset, gap: Callable[[], str]) -> None:
        self._dataset = dataset
        self._gap = gap

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The window's rows; see `worknet.sources.Source`.

        Of a dataset with end markers `IncompleteError` before the window's, of others `UnavailableError`
        while rows may be missing; `RefusedError` for a window that is kept no longer.
        """
        dataset, window = self._dataset, occasion.window
        origin = Origin(dataset.name, "the inbox")
        if window is None:
            raise NonsenseError(origin, "a broker brings rows of windows, and an event has none")
        if window.end - window.start != dataset.form.every:
            raise NonsenseError(origin, f"windows here are {dataset.form.every} s long")
        if window.start < dataset.oldest:
            hint = f"`keep` of the dataset is {dataset.keep} s"
            raise RefusedError(origin, "the rows of this window are kept no longer", hint)
        if dataset.form.markers and not dataset.inbox.is_marked(dataset.workflow, dataset.name, window.start):
            raise IncompleteError(origin, "no message has said that the window is complete")
        if not dataset.form.markers and (gap := self._gap()):
            raise UnavailableError(origin, f"rows may be missing: {gap}")
        rows = dataset.inbox.read(dataset.workflow, dataset.name, window.start, occasion.attempt)
        return _frame(rows, dataset.form.rows.schema, origin)


def _frame(rows: Sequence[bytes], schema: Schema, origin: Origin) -> pl.DataFrame:
    frames = [empty(schema)]
    try:
        # In portions, for decoded rows take many times the room that they take in a frame.
        for start in range(0, len(rows), _AT_ONCE):
            decoded = json.loads(b"[" + b",".join(rows[start : start + _AT_ONCE]) + b"]")
            frames.append(frame_of_rows(origin.dataset, schema, decoded))
        return validate(origin.dataset, schema, pl.concat(frames))
    except DataError as error:
        if isinstance(found := violation(origin, error), SchemaViolationError):
            found.hint = "rows of an earlier schema lie in the inbox: their windows can be voted on no more"
        raise found from None
