"""Pauses, repetitions, and an end to calls that have none."""

import threading
import time

import pytest

from worknet.sources import Origin, RefusedError, UnavailableError
from worknet.sources.waiting import LONGEST_PAUSE, pause, repeated, within

ORIGIN = Origin("d", "somewhere")


def test_pauses_double_vary_and_stay_below_the_longest() -> None:
    assert all(0.5 * 2**attempt <= pause(attempt, 1) <= 2**attempt for attempt in range(4))
    assert all(LONGEST_PAUSE / 2 <= pause(attempt, 1) <= LONGEST_PAUSE for attempt in (5, 50, 5000))
    assert len({pause(3, 1) for _ in range(20)}) > 1


def test_what_is_unavailable_is_tried_again_and_the_tries_are_told() -> None:
    tries: list[float] = []

    def read(left: float) -> str:
        tries.append(left)
        raise UnavailableError(ORIGIN, "gone", "hint", 7)

    with pytest.raises(UnavailableError, match=r"gone \(3 tries\)") as caught:
        repeated(read, retries=2, backoff=0.01, deadline=5)
    assert len(tries) == 3
    assert tries[0] > tries[1] > tries[2] > 4
    assert (caught.value.hint, caught.value.retry_after) == ("hint", 7)


def test_what_is_refused_is_not_tried_again() -> None:
    tries: list[float] = []

    def read(left: float) -> str:
        tries.append(left)
        raise RefusedError(ORIGIN, "no")

    with pytest.raises(RefusedError):
        repeated(read, retries=5, backoff=0.01, deadline=5)
    assert len(tries) == 1


def test_no_try_begins_after_the_deadline() -> None:
    def read(left: float) -> str:
        assert left > 0
        raise UnavailableError(ORIGIN, "gone")

    started = time.monotonic()
    with pytest.raises(UnavailableError):
        repeated(read, retries=1000, backoff=0.02, deadline=0.2)
    assert time.monotonic() - started < 0.5


def test_a_call_without_end_is_left_behind() -> None:
    hold = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        within(0.05, lambda: hold.wait(10))
    assert time.monotonic() - started < 1
    hold.set()


def test_a_call_s_result_and_error_are_its_caller_s() -> None:
    assert within(5, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(5, lambda: {}["x"])
