"""The backlog: due slots, oldest first, each under the policy that governs it."""

from dataclasses import replace

from tests.unit.node.test_duties import SEALED

from worknet.node.backlog import Backlog
from worknet.protocol.ids import Slot

FOREVER = replace(SEALED, max_age=0, start=7200)


def numbers(backlog: Backlog, policies: list, now: int, over: set[int]) -> list[tuple[int, int]]:
    due = backlog.due(policies, now, lambda slot, _: slot.number in over)
    return [(slot.number, version) for slot, version in due]


def test_slots_are_due_from_the_start_of_the_policy_in_order() -> None:
    assert numbers(Backlog(), [FOREVER], 5 * 3600, set()) == [(2, 1), (3, 1), (4, 1)]


def test_a_start_inside_a_slot_begins_with_the_next_slot() -> None:
    assert numbers(Backlog(), [replace(FOREVER, start=7201)], 4 * 3600, set()) == [(3, 1)]


def test_slots_that_are_over_are_left_out() -> None:
    assert numbers(Backlog(), [FOREVER], 5 * 3600, {3}) == [(2, 1), (4, 1)]


def test_history_that_is_over_is_asked_about_once() -> None:
    backlog = Backlog()
    asked: list[int] = []

    def is_over(slot: Slot, _: int) -> bool:
        asked.append(slot.number)
        return slot.number < 50

    list(backlog.due([FOREVER], 60 * 3600, is_over))
    asked.clear()
    list(backlog.due([FOREVER], 60 * 3600, is_over))
    assert asked == list(range(50, 60))


def test_a_later_version_governs_the_slots_from_its_start() -> None:
    versions = [FOREVER, replace(FOREVER, start=4 * 3600)]
    assert numbers(Backlog(), versions, 6 * 3600, set()) == [(2, 1), (3, 1), (4, 2), (5, 2)]


def test_with_a_limit_on_the_age_ancient_slots_are_not_walked_through() -> None:
    limited = replace(SEALED, max_age=3600, start=0)
    due = numbers(Backlog(), [limited], 1_000_000 * 3600, set())
    assert due[0][0] > 1_000_000 - 10


def test_no_policy_means_no_slot() -> None:
    assert numbers(Backlog(), [], 10**9, set()) == []
