"""Which preparations begin: the most urgent first, and never those that keep failing before the others."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.node.test_duties import DUE, OPENED, SEALED, facts_of

from worknet.node.duties import Prepare
from worknet.node.schedule import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, Wanted, begin, pause_after
from worknet.protocol.ids import Slot
from worknet.protocol.voting import Voting
from worknet.protocol.voting_rules import fold

ROOM = {"hourly": 8}


def wanted(slot: int, *, failures: int = 0, is_open: bool = False) -> Wanted:
    voting = fold({1: SEALED}, [OPENED]) if is_open else Voting({1: SEALED})
    return Wanted(
        replace(facts_of(voting, DUE), trigger=Slot(3600, slot), since=slot), Prepare(1, 1), failures
    )


def slots(chosen: list[Wanted]) -> list[int]:
    return [each.facts.since for each in chosen]


def test_the_oldest_slots_begin_first() -> None:
    assert slots(begin([wanted(3), wanted(1), wanted(2)], 2, ROOM)) == [1, 2]


def test_a_voting_whose_window_runs_comes_before_older_ones_that_wait_to_be_opened() -> None:
    assert slots(begin([wanted(1), wanted(2, is_open=True)], 1, ROOM)) == [2]


def test_what_failed_before_never_keeps_back_what_has_not() -> None:
    assert slots(begin([wanted(1, failures=1), wanted(2)], 1, ROOM)) == [2]


def test_what_failed_before_is_tried_again_when_there_is_room() -> None:
    assert slots(begin([wanted(1, failures=1), wanted(2)], 2, ROOM)) == [2, 1]


def test_no_workflow_gets_more_places_than_it_has_room_for() -> None:
    other = wanted(3)
    other = replace(other, facts=replace(other.facts, workflow="other"))
    room = {"hourly": 1, "other": 1}
    assert slots(begin([wanted(1), wanted(2), other], 8, room)) == [1, 3]


def test_nothing_begins_where_nothing_is_free() -> None:
    assert begin([wanted(1)], 0, ROOM) == begin([wanted(1)], -1, ROOM) == []


@given(failures=st.integers(1, 10_000), cast_window=st.integers(1, 10_000))
def test_pauses_grow_up_to_half_of_the_window_and_never_beyond_the_longest(
    failures: int, cast_window: int
) -> None:
    pause = pause_after(failures, cast_window)
    assert FIRST_RETRY_SECONDS <= pause <= max(FIRST_RETRY_SECONDS, min(LAST_RETRY_SECONDS, cast_window // 2))
    assert pause <= pause_after(failures + 1, cast_window)
