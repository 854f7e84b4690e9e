"""The backlog: due slots, oldest first."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from tests.unit.node.test_duties import SEALED

from worknet.node.backlog import Backlog, Standing
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy

FOREVER = replace(SEALED, max_age=0, start=7200)


def numbers(
    backlog: Backlog,
    policies: Sequence[Policy],
    now: int,
    over: Collection[int] = (),
    put_off: Collection[int] = (),
    reach: int = 1000,
) -> list[int]:
    def standing(slot: Slot) -> Standing:
        if slot.number in over:
            return Standing.OVER
        return Standing.PUT_OFF if slot.number in put_off else Standing.NOW

    return [slot.number for slot in backlog.due(policies, now, reach, standing)]


def test_slots_are_due_from_the_start_of_the_policy_in_order() -> None:
    assert numbers(Backlog(), [FOREVER], 5 * 3600) == [2, 3, 4]


def test_a_start_inside_a_slot_begins_with_the_next_slot() -> None:
    assert numbers(Backlog(), [replace(FOREVER, start=7201)], 4 * 3600) == [3]


def test_slots_that_are_over_are_left_out() -> None:
    assert numbers(Backlog(), [FOREVER], 5 * 3600, over={3}) == [2, 4]


def test_slots_that_are_put_off_do_not_stand_in_the_way_of_newer_ones() -> None:
    assert numbers(Backlog(), [FOREVER], 5 * 3600, put_off={2, 3}) == [4]


def test_a_slot_that_was_put_off_comes_back() -> None:
    backlog = Backlog()
    numbers(backlog, [FOREVER], 5 * 3600, over={3, 4}, put_off={2})
    assert numbers(backlog, [FOREVER], 5 * 3600, over={3, 4}) == [2]


def test_history_that_is_over_is_asked_about_once() -> None:
    backlog = Backlog()
    asked: list[int] = []

    def standing(slot: Slot) -> Standing:
        asked.append(slot.number)
        return Standing.OVER if slot.number < 50 else Standing.NOW

    list(backlog.due([FOREVER], 60 * 3600, 1000, standing))
    asked.clear()
    list(backlog.due([FOREVER], 60 * 3600, 1000, standing))
    assert asked == list(range(50, 60))


def test_of_more_slots_than_are_looked_at_it_is_the_first_and_the_last() -> None:
    assert numbers(Backlog(), [FOREVER], 12 * 3600, over={2, 10}, reach=5) == [3, 4, 5, 9, 11]
    assert numbers(Backlog(), [FOREVER], 6 * 3600, reach=4) == [2, 3, 4, 5]
    assert numbers(Backlog(), [FOREVER], 5 * 3600, reach=1) == [2]


def test_a_slot_that_waits_for_its_delay_keeps_back_no_newer_one_without() -> None:
    slow, quick = replace(FOREVER, delay=7200), replace(FOREVER, start=4 * 3600)
    assert numbers(Backlog(), [slow, quick], 5 * 3600) == [2, 4]


def test_no_slot_before_the_first_version_is_due() -> None:
    versions = [FOREVER, replace(FOREVER, start=4 * 3600)]
    assert numbers(Backlog(), versions, 6 * 3600) == [2, 3, 4, 5]


def test_with_a_limit_on_the_age_ancient_slots_are_not_walked_through() -> None:
    limited = replace(SEALED, max_age=3600, start=0)
    due = numbers(Backlog(), [limited], 1_000_000 * 3600)
    assert due[0] > 1_000_000 - 10


def test_no_policy_means_no_slot() -> None:
    assert numbers(Backlog(), [], 10**9) == []
