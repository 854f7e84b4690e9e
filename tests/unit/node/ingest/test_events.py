"""Events by message: an identity that all members derive alike, and a payload that counts once."""

import json
import random

import polars as pl
import pytest
from structlog.testing import capture_logs
from tests.unit.node.ingest.given import FORM, KEY, SCHEMA, GivenFeed, book, deliver

from worknet.node.causes import Cause, cause_of
from worknet.node.ingest.events import UnknownEvent, event_frame, event_row
from worknet.node.ingest.messages import MessageInlet
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal
from worknet.protocol.columns import Column
from worknet.protocol.ids import event_trigger_id
from worknet.protocol.tables import Schema
from worknet.sources import SourceError
from worknet.workflow.triggers import OnMessage

TRIGGER = OnMessage("ready", "batch")


def body(batch: str, wh: object = 1) -> bytes:
    return json.dumps({"batch": batch, "wh": wh}).encode()


def trigger_id(batch: str) -> bytes:
    return event_trigger_id(KEY, "billing", "ready", "message", batch)


def take(journal: Journal, *batches: list[bytes]) -> None:
    feed = GivenFeed()
    inlet = MessageInlet("nats", feed, book(journal, TRIGGER), FORM, "batch", Writing())
    deliver(inlet, feed, *batches)


def test_a_messages_event_has_the_id_that_the_protocol_gives_its_key(journal: Journal) -> None:
    take(journal, [body("b1")])
    assert [opened.trigger_id for opened in journal.events.open("billing")] == [trigger_id("b1")]


def test_an_events_payload_is_the_dataset_event_of_its_voting(journal: Journal) -> None:
    take(journal, [b' {"wh": 7, "batch": "b1", "more": [1.5]} '])
    frame = event_frame(journal.events, "billing", trigger_id("b1"), SCHEMA)
    assert frame.equals(pl.DataFrame({"batch": ["b1"], "wh": [7]}))
    assert event_row(journal.events, "billing", trigger_id("b1")) == {"batch": "b1", "wh": 7}


def test_an_event_that_was_not_seen_has_no_payload(journal: Journal) -> None:
    with pytest.raises(UnknownEvent):
        event_row(journal.events, "billing", trigger_id("b1"))


@pytest.mark.parametrize("column", [Column("wh", "str"), Column("kwh", "int")])
def test_an_event_journalled_under_another_schema_is_bad_data_and_no_fault_of_worknet(
    journal: Journal, column: Column
) -> None:
    take(journal, [body("b1", 4711)])
    other = Schema((SCHEMA.columns[0], column), ("batch",))
    with pytest.raises(SourceError) as caught:
        event_frame(journal.events, "billing", trigger_id("b1"), other)
    assert (cause_of(caught.value), "another schema" in caught.value.hint) == (Cause.BAD_DATA, True)
    assert "4711" not in str(caught.value)


def test_the_same_payload_in_other_bytes_is_no_conflict(journal: Journal) -> None:
    with capture_logs() as logs:
        take(journal, [body("b1")], [b'{ "wh":1,\n"batch":"b1"}'])
    assert [told["event"] for told in logs] == ["event.seen", "event.duplicates"]


def test_another_payload_under_the_same_key_is_a_conflict_told_once_and_the_first_counts(
    journal: Journal,
) -> None:
    with capture_logs() as logs:
        take(journal, [body("b1", 1)], [body("b1", 2)], [body("b1", 2)])
    told = [entry for entry in logs if entry["event"] == "event.conflict"]
    assert [entry["trigger"] for entry in told] == ["0x" + trigger_id("b1").hex()]
    assert event_row(journal.events, "billing", trigger_id("b1"))["wh"] == 1
    assert journal.events.conflicts("billing", trigger_id("b1")) == [b'{"batch":"b1","wh":2}']


def test_of_an_event_nothing_is_told_but_its_trigger_id(journal: Journal) -> None:
    with capture_logs() as logs:
        take(journal, [body("hush")], [body("hush", 2)], [body("hush", "hush")], [b"hush"])
    assert "hush" not in str(logs)


def test_what_is_no_event_is_set_aside_with_the_reason_and_acknowledged(journal: Journal) -> None:
    take(journal, [b"", body("b1", "x"), body(""), body("b2")])
    reasons = {aside.reason for aside in journal.inbox.asides("billing", "event")}
    assert reasons == {
        "no JSON (line 1, column 1)",
        "column wh: a str where an integer is due",
        "column batch: nothing that tells events apart",
    }
    assert len(journal.events.open("billing")) == 1


def test_any_order_number_and_batching_of_the_same_messages_gives_the_same_events(
    journal: Journal,
) -> None:
    messages = [body(f"b{number}") for number in range(20)] * 3
    dice = random.Random(7)
    dice.shuffle(messages)
    take(journal, *(messages[at : at + 7] for at in range(0, len(messages), 7)))
    assert {opened.trigger_id for opened in journal.events.open("billing")} == {
        trigger_id(f"b{number}") for number in range(20)
    }
