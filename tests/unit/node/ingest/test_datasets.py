"""A dataset that a broker brings: from messages to the frame of a window."""

import json
import time
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from structlog.testing import capture_logs
from tests.unit.node.ingest.given import GivenFeed, deliver

from worknet.node.inbox import Kind
from worknet.node.ingest import datasets
from worknet.node.ingest.datasets import DatasetInlet, FedDataset, InboxSource
from worknet.node.ingest.rows import DatasetForm, RowForm
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal
from worknet.node.journal.inbox import Inbox
from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    RefusedError,
    SchemaViolationError,
    UnavailableError,
)
from worknet.sources.forms import Forms
from worknet.sources.occasion import Occasion

HOUR = 3600
DAY = 24 * HOUR
NOW = 1_700_006_400
SCHEMA = Schema((Column("meter", "str"), Column("price", "decimal", digits=2)), ("meter",))
OCCASION = Occasion(window=Window(NOW - HOUR, NOW))


def message(meter: str, price: object = 1.5, at: int = NOW - 1) -> bytes:
    return json.dumps({"meter": meter, "price": price, "at": at}).encode()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "CATCH_UP_SECONDS", 0)


class Fed:
    """A fed dataset with what it hangs on."""

    def __init__(self, journal: Journal, *, markers: bool = False, schema: Schema = SCHEMA) -> None:
        self.feed = GivenFeed()
        form = DatasetForm(RowForm(schema, forms=Forms("padded")), "at", HOUR, markers)
        dataset = FedDataset(journal.inbox, "matching", "prices", form, 35 * DAY, 600, lambda: NOW)
        self.inlet = DatasetInlet("nats", self.feed, dataset, 3, Writing())
        self.source = InboxSource(dataset, lambda: self.inlet.gap)

    def take(self, *bodies: bytes) -> None:
        # One at a time, so that no batch is a full one.
        deliver(self.inlet, self.feed, *([body] for body in bodies))

    def read(self, occasion: Occasion = OCCASION) -> dict[str, list[Any]]:
        return self.source.read(occasion).to_dict(as_series=False)


def test_messages_become_the_windows_rows_sorted_by_the_key(journal: Journal) -> None:
    fed = Fed(journal)
    fed.take(message("m2"), message("m1", 7), message("m3", at=NOW))
    assert fed.read() == {"meter": ["m1", "m2"], "price": ["7.00", "1.50"]}


def test_a_window_without_rows_is_an_empty_table_of_the_schemas_types(journal: Journal) -> None:
    assert Fed(journal).source.read(OCCASION).schema == {"meter": pl.String, "price": pl.String}


def test_what_comes_after_an_attempt_has_read_changes_later_attempts_only(journal: Journal) -> None:
    fed = Fed(journal)
    fed.take(message("m1"))
    assert fed.read()["meter"] == ["m1"]
    fed.take(message("m2"))
    assert fed.read()["meter"] == ["m1"]
    assert fed.read(Occasion(window=OCCASION.window, attempt=2))["meter"] == ["m1", "m2"]


def test_a_batch_is_told_with_the_number_of_each_kind_and_no_row(journal: Journal) -> None:
    fed = Fed(journal)
    with capture_logs() as logs:
        bodies = [message("m1"), message("m1"), message("m1", 2), b"secret", message("m9", at=1)]
        deliver(fed.inlet, fed.feed, bodies)
    (told,) = logs
    assert {kind.value: told[kind.value] for kind in Kind if told[kind.value]} == {
        "accepted": 1,
        "duplicate": 1,
        "conflict": 1,
        "malformed": 1,
        "too_old": 1,
    }
    assert (told["event"], told["log_level"], told["reason"]) == (
        "inbox.taken",
        "warning",
        "no JSON (line 1, column 1)",
    )
    assert "secret" not in str(logs)


def test_a_window_is_not_read_while_the_feed_is_not_connected(journal: Journal) -> None:
    fed = Fed(journal)
    fed.feed.fault = "nats 127.0.0.1: not connected yet"
    with pytest.raises(UnavailableError, match="rows may be missing: the feed does not run: nats"):
        fed.read()


def test_a_window_is_not_read_while_the_feed_brings_what_has_piled_up(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = Fed(journal)
    monkeypatch.setattr(datasets, "CATCH_UP_SECONDS", 60)
    deliver(fed.inlet, fed.feed, [message("m1")])
    with pytest.raises(UnavailableError, match="what has piled up"):
        fed.read()
    monkeypatch.setattr(datasets, "CATCH_UP_SECONDS", 0.05)
    time.sleep(0.06)
    assert fed.read()["meter"] == ["m1"]
    # A full batch: there may be more where it comes from.
    monkeypatch.setattr(datasets, "CATCH_UP_SECONDS", 60)
    deliver(fed.inlet, fed.feed, [message("m2"), message("m3"), message("m4")])
    with pytest.raises(UnavailableError, match="what has piled up"):
        fed.read()


def test_a_window_is_not_read_while_a_full_batch_is_journalled(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed, gaps, take = Fed(journal), list[str](), Inbox.take

    def slow(*arguments: Any, **more: Any) -> Any:
        gaps.append(fed.inlet.gap)
        return take(*arguments, **more)

    monkeypatch.setattr(Inbox, "take", slow)
    deliver(fed.inlet, fed.feed, [message("m1")], [message("m2"), message("m3"), message("m4")])
    assert gaps == ["", "the feed brings what has piled up"]


class Connected:
    """A fed dataset whose feed was connected `ago` seconds ago, by a clock that only the test moves."""

    def __init__(self, journal: Journal, monkeypatch: pytest.MonkeyPatch, ago: float) -> None:
        self.fed, self.now = Fed(journal), 1000.0
        monkeypatch.setattr(datasets, "CATCH_UP_SECONDS", 2)
        monkeypatch.setattr(datasets, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.connect(ago)

    def connect(self, ago: float) -> None:
        self.fed.feed.connected_at = self.fed.feed.up_since = self.now - ago

    def take(self, *ats: int) -> None:
        """A batch that is not full, of rows of these times."""
        rows = [message(f"m{number}", at=at) for number, at in enumerate(ats)]
        deliver(self.fed.inlet, self.fed.feed, [b"[" + b",".join(rows) + b"]"])

    @property
    def gap(self) -> str:
        return self.fed.inlet.gap


OLD, NEW = NOW - HOUR - 601, NOW - HOUR  # the one's window is due, the other's is not: its delay is 600 s
PILED = "the feed brings what has piled up"


@pytest.mark.parametrize(
    ("ago", "ats", "gap"),
    [
        (1.0, (OLD,), PILED),
        (1.0, (OLD, OLD - HOUR), PILED),
        (1.0, (NEW,), ""),
        (1.0, (OLD, NEW), ""),
        (1.0, (), ""),
        # It was quiet in between: what comes late now is late, and no sign of more.
        (3.0, (OLD,), ""),
    ],
)
def test_small_batches_of_old_rows_prolong_the_catching_up_while_it_lasts(
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    ago: float,
    ats: tuple[int, ...],
    gap: str,
) -> None:
    connected = Connected(journal, monkeypatch, ago)
    connected.take(*ats)
    connected.now += 1.5
    assert connected.gap == gap


def test_somebody_who_sends_old_rows_for_ever_keeps_no_window_from_being_read_for_ever(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected, begun = Connected(journal, monkeypatch, 0), 1000.0
    while connected.gap:
        connected.take(OLD)
        connected.now += 1.5
    assert 0 <= connected.now - begun - datasets.OLD_ROWS_SECONDS <= 2 * datasets.CATCH_UP_SECONDS


def test_a_cut_too_short_to_be_seen_as_a_fault_begins_the_catching_up_anew(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = Connected(journal, monkeypatch, 100)
    assert connected.gap == ""
    connected.connect(0)
    assert connected.gap == PILED


def test_a_feed_that_is_run_again_has_to_catch_up_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = Fed(journal)
    fed.take(message("m1"))
    assert fed.inlet.gap == ""
    monkeypatch.setattr(datasets, "CATCH_UP_SECONDS", 60)
    # The journal was full, say; the feed was connected all the while.
    fed.take(message("m2"))
    assert fed.inlet.gap == "the feed brings what has piled up"


def test_a_window_with_markers_is_incomplete_until_its_marker_has_come(journal: Journal) -> None:
    fed = Fed(journal, markers=True)
    fed.take(message("m1"))
    with pytest.raises(IncompleteError):
        fed.read()
    fed.take(b'{"end_of": %d}' % NOW)
    # What is complete may be read whether or not the feed is connected now.
    fed.feed.fault = "not connected"
    assert fed.read()["meter"] == ["m1"]


def test_a_window_that_is_kept_no_longer_is_refused_and_not_read_as_empty(journal: Journal) -> None:
    old = NOW - 40 * DAY
    with pytest.raises(RefusedError, match="kept no longer"):
        Fed(journal).read(Occasion(window=Window(old, old + HOUR)))


@pytest.mark.parametrize("occasion", [Occasion(), Occasion(window=Window(NOW - DAY, NOW))])
def test_only_windows_of_the_triggers_length_are_read(journal: Journal, occasion: Occasion) -> None:
    with pytest.raises(NonsenseError):
        Fed(journal).read(occasion)


def test_rows_of_an_earlier_schema_are_refused_with_a_hint(journal: Journal) -> None:
    Fed(journal).take(message("m1"))
    other = Schema((Column("meter", "str"), Column("price", "int")), ("meter",))
    with pytest.raises(SchemaViolationError) as caught:
        Fed(journal, schema=other).read()
    assert "earlier schema" in caught.value.hint


def test_what_is_kept_no_longer_is_purged_as_more_arrives(journal: Journal) -> None:
    fed = Fed(journal)
    fed.take(message("m1", at=NOW - 34 * DAY))
    later = DatasetForm(RowForm(SCHEMA, forms=Forms("padded")), "at", HOUR)
    dataset = FedDataset(journal.inbox, "matching", "prices", later, 30 * DAY, 600, lambda: NOW)
    inlet = DatasetInlet("nats", fed.feed, dataset, 3, Writing())
    with capture_logs() as logs:
        fed.inlet = inlet
        fed.take(message("m2"))
    assert [told for told in logs if told["event"] == "inbox.purged"] == [
        {"event": "inbox.purged", "log_level": "info", "workflow": "matching", "dataset": "prices", "rows": 1}
    ]
