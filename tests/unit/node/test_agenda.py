"""The agenda: which slots, events and reopened triggers of a workflow are looked at in a step."""

from dataclasses import replace

from tests.unit.node.test_duties import SEALED

from worknet.node.agenda import LEAST_REACH, Agenda
from worknet.node.backlog import Standing
from worknet.protocol.ids import Event, Slot, Trigger

SLOTS = replace(SEALED, max_age=0, start=0)
EVENTS = replace(SEALED, every=0)
NOON = 3 * 3600


def event(number: int) -> Event:
    return Event(bytes([number]) * 32)


def now(_: Trigger) -> Standing:
    return Standing.NOW


def over(_: Trigger) -> Standing:
    return Standing.OVER


def never(trigger: Trigger) -> Standing:
    raise AssertionError(f"asked about {trigger}")


def test_slots_that_are_due_are_looked_at_oldest_first() -> None:
    assert list(Agenda(1).due([SLOTS], NOON, [], [], now)) == [Slot(3600, n) for n in range(3)]


def test_events_are_looked_at_in_the_order_in_which_they_came() -> None:
    came = [event(2), event(1)]
    assert list(Agenda(1).due([EVENTS], NOON, [], came, now)) == came


def test_events_that_never_open_keep_back_none_that_come() -> None:
    came = [Event(number.to_bytes(32, "big")) for number in range(LEAST_REACH + 50)]
    looked_at = set(Agenda(1).due([EVENTS], NOON, [], came, now))
    assert len(looked_at) == LEAST_REACH
    assert {came[0], came[-1]} <= looked_at


def test_slots_that_never_open_keep_back_none_that_come_due() -> None:
    agenda = Agenda(1)
    for due in (LEAST_REACH + 50, LEAST_REACH + 51):
        looked_at = list(agenda.due([SLOTS], due * 3600, [], [], now))
        assert len(looked_at) == LEAST_REACH
        assert looked_at == sorted(looked_at)
        assert (looked_at[0], looked_at[-1]) == (Slot(3600, 0), Slot(3600, due - 1))


def test_every_event_is_looked_at_once() -> None:
    for many in range(6):
        came = [event(number) for number in range(many)]
        assert sorted(Agenda(1).due([EVENTS], NOON, [], came, now)) == came


def test_without_a_policy_nothing_is_looked_at() -> None:
    assert list(Agenda(1).due([], NOON, [], [event(1)], never)) == []


def test_what_was_put_off_is_passed_over_until_its_time() -> None:
    agenda = Agenda(1)
    agenda.put_off(event(1), NOON + 10)
    assert list(agenda.due([EVENTS], NOON, [], [event(1), event(2)], now)) == [event(2)]
    assert list(agenda.due([EVENTS], NOON + 10, [], [event(1), event(2)], now)) == [event(1), event(2)]


def test_what_was_put_off_may_be_taken_up_before_its_time() -> None:
    agenda = Agenda(1)
    agenda.put_off(event(1), NOON + 10)
    agenda.take_up(event(1).trigger_id)
    assert list(agenda.due([EVENTS], NOON, [], [event(1)], now)) == [event(1)]


def test_what_is_over_is_asked_about_once() -> None:
    for policy in (SLOTS, EVENTS):
        agenda = Agenda(1)
        assert list(agenda.due([policy], NOON, [], [event(1)], over)) == []
        assert list(agenda.due([policy], NOON, [], [event(1)], never)) == []


def test_slots_after_one_that_waits_are_asked_about_once_when_they_are_over() -> None:
    agenda, asked = Agenda(1), []

    def first_waits(trigger: Trigger) -> Standing:
        asked.append(trigger)
        return Standing.PUT_OFF if trigger == Slot(3600, 0) else Standing.OVER

    for _ in range(2):
        assert list(agenda.due([SLOTS], NOON, [], [], first_waits)) == []
    assert asked == [Slot(3600, 0), Slot(3600, 1), Slot(3600, 2), Slot(3600, 0)]


def test_what_was_reopened_is_looked_at_however_old_until_it_is_over_again() -> None:
    for policy, trigger in ((SLOTS, Slot(3600, 0)), (EVENTS, event(9))):
        agenda = Agenda(1)
        assert list(agenda.due([policy], NOON, [], [], over)) == []
        assert next(iter(agenda.due([policy], NOON, [trigger.trigger_id], [], now))) == trigger
        assert list(agenda.due([policy], NOON, [], [], over)) == []
        assert trigger not in agenda.due([policy], NOON, [], [], never)


def test_a_trigger_is_looked_at_once_in_a_step() -> None:
    looked = list(Agenda(1).due([SLOTS], NOON, [Slot(3600, 1).trigger_id], [], now))
    assert sorted(looked) == [Slot(3600, n) for n in range(3)]


def test_a_step_has_an_end_however_much_is_due() -> None:
    assert len(list(Agenda(1).due([SLOTS], 10_000 * 3600, [], [], now))) == LEAST_REACH
