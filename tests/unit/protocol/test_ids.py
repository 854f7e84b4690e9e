"""Slots and ids."""

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.ids import (
    Event,
    Slot,
    TriggerError,
    Window,
    event_trigger_id,
    trigger_of,
    voting_id,
    workflow_id,
)

TIMES = st.integers(0, 2**63)
LENGTHS = st.integers(1, 2**32 - 1)


@given(LENGTHS, TIMES)
def test_a_time_lies_in_exactly_one_slot(every: int, time: int) -> None:
    slot = Slot.at(every, time)
    assert slot.window.start <= time < slot.window.end
    assert slot.window.end - slot.window.start == every
    assert Slot.at(every, slot.window.end).number == slot.number + 1


@given(LENGTHS, TIMES)
def test_a_trigger_id_names_its_slot(every: int, time: int) -> None:
    slot = Slot.at(every, time)
    assert Slot.of_trigger(slot.trigger_id) == slot


@given(st.binary(min_size=32, max_size=32))
def test_an_id_is_a_slot_in_one_form_only(trigger_id: bytes) -> None:
    try:
        slot = Slot.of_trigger(trigger_id)
    except TriggerError:
        return
    assert slot.trigger_id == trigger_id


@given(LENGTHS, TIMES)
def test_the_trigger_of_a_workflow_with_slots_is_a_slot(every: int, time: int) -> None:
    slot = Slot.at(every, time)
    assert trigger_of(slot.trigger_id, every) == slot


@given(st.binary(min_size=32, max_size=32))
def test_the_trigger_of_a_workflow_without_slots_is_an_event(trigger_id: bytes) -> None:
    event = trigger_of(trigger_id, 0)
    assert event == Event(trigger_id)
    assert event.window is None


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_event_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(TriggerError):
        Event(bytes(size))


@given(LENGTHS, TIMES, st.integers(0, 2**32 - 1))
def test_a_slot_is_due_after_its_end_and_the_delay(every: int, time: int, delay: int) -> None:
    slot = Slot.at(every, time)
    assert slot.due(delay) == slot.window.start + every + delay


@pytest.mark.parametrize(("start", "end"), [(0, 0), (1, 0), (-1, 1)])
def test_a_window_runs_forward_from_1970_on(start: int, end: int) -> None:
    with pytest.raises(TriggerError):
        Window(start, end)


def test_voting_ids_depend_on_all_that_they_bind() -> None:
    parts = [246, b"\1" * 20, workflow_id("a"), Slot(3600, 1).trigger_id]
    others = [247, b"\2" * 20, workflow_id("b"), Slot(3600, 2).trigger_id]
    found = {voting_id(*parts)}  # type: ignore[arg-type]  # one argument of each kind
    for position, other in enumerate(others):
        found.add(voting_id(*[*parts[:position], other, *parts[position + 1 :]]))  # type: ignore[arg-type]  # as above
    assert len(found) == 5


def test_an_event_id_is_the_hmac_of_its_names() -> None:
    text = b'["settle","order","message","4711"]'
    wanted = hmac.new(b"k" * 32, text, sha256).digest()
    assert event_trigger_id(b"k" * 32, "settle", "order", "message", "4711") == wanted
