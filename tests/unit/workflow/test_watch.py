"""What the watch of a run notes of a call, and that it costs little."""

import sys
from datetime import UTC, datetime

import pytest

from worknet.workflow.determinism.watch import Watch
from worknet.workflow.surroundings import Surroundings

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - such a one is what is tried
MOST_EVENTS = 60


def told_of(function):
    """Kinds and lines that are noted where this is called."""
    watch = Watch(Surroundings(watched=True))
    watch.of("workflow.py").function(function, 7, 1)
    return [(place.kind, place.line) for place in watch.told().places]


@pytest.mark.parametrize("function", [NAIVE.timestamp, NAIVE.astimezone], ids=["timestamp", "astimezone"])
def test_a_time_without_a_zone_that_is_taken_for_the_machine_s_is_named_by_its_line(function):
    assert told_of(function) == [("locale", 7)]


def test_a_time_with_a_zone_is_blamed_for_nothing():
    assert told_of(datetime(2026, 1, 1, tzinfo=UTC).timestamp) == []


def test_a_watched_call_tells_the_profiler_little_as_it_is_made_for_each_row():
    module = Watch(Surroundings(watched=True)).of("workflow.py")
    append, before, events = [].append, sys.getprofile(), []
    sys.setprofile(lambda _frame, event, _argument: events.append(event))
    try:
        module.function(append, 7, 1)
    finally:
        sys.setprofile(before)
    assert 0 < len(events) < MOST_EVENTS
