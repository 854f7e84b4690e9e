"""Triggers: what authors declare, and what tells one event from another."""

import pytest

from worknet.workflow import Column, Dataset, Declaration, OnLog, OnMessage, OnPoll, OnWebhook, Table
from worknet.workflow.errors import DeclarationError
from worknet.workflow.triggers import Every, Trigger, of_document

EVENT = Dataset(
    "event",
    [
        Column("batch", "str"),
        Column("number", "int"),
        Column("at", "time"),
        Column("site", "str", nullable=True),
    ],
    ["batch"],
)
OUT = Table("out", [Column("id", "str")], ["id"])
EVENTS: list[Trigger] = [
    OnMessage("ready", key="batch"),
    OnWebhook("ordered"),
    OnPoll("listed", key="number", every=30),
    OnLog("moved", event="Transfer(address indexed from, address indexed to, uint256 value)"),
]


def declared(trigger: Trigger, *datasets: Dataset) -> Declaration:
    return Declaration("w", trigger, datasets or (EVENT,), (OUT,))


@pytest.mark.parametrize("trigger", [Every(3600, 60), *EVENTS])
def test_a_trigger_survives_its_document(trigger: Trigger) -> None:
    assert of_document(trigger.document()) == trigger


@pytest.mark.parametrize("trigger", EVENTS)
def test_a_declaration_with_events_survives_its_document(trigger: Trigger) -> None:
    declaration = declared(trigger)
    assert Declaration.of_document(declaration.document()) == declaration


@pytest.mark.parametrize("trigger", EVENTS)
def test_the_policy_of_events_has_no_slots(trigger: Trigger) -> None:
    assert (declared(trigger).every, declared(trigger).delay) == (0, 0)


@pytest.mark.parametrize("trigger", EVENTS)
def test_a_workflow_of_events_reads_what_they_say(trigger: Trigger) -> None:
    other = Dataset("meters", [Column("id", "str")], ["id"])
    with pytest.raises(DeclarationError, match="no dataset is what its events say"):
        declared(trigger, other)


@pytest.mark.parametrize("key", ["missing", "at", "site"])
def test_a_key_that_tells_no_events_apart_is_refused(key: str) -> None:
    for trigger in (OnMessage("ready", key=key), OnPoll("listed", key=key)):
        with pytest.raises(DeclarationError, match="tells no events apart"):
            declared(trigger)


@pytest.mark.parametrize("name", ["", "Ready", "a b", 7])
def test_the_name_of_a_trigger_is_a_name(name: str) -> None:
    with pytest.raises(DeclarationError):
        OnWebhook(name)


def test_a_poll_without_a_pause_is_refused() -> None:
    with pytest.raises(DeclarationError, match="pause between polls"):
        OnPoll("listed", key="number", every=0)


def test_an_event_of_a_contract_is_declared_with_its_parameters() -> None:
    with pytest.raises(DeclarationError, match="declares no event"):
        OnLog("moved", event="Transfer")
