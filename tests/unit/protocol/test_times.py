"""Times as text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.times import TimeError, parse_time, time_text

LATEST = 253402300799


@given(st.integers(0, LATEST))
def test_a_time_is_read_back_as_it_was_written(seconds: int) -> None:
    text = time_text(seconds)
    assert parse_time(text) == seconds
    assert datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z") == datetime.fromtimestamp(seconds, UTC)


@given(st.integers(0, LATEST), st.integers(0, LATEST))
def test_texts_are_in_the_order_of_the_times(first: int, second: int) -> None:
    assert (time_text(first) < time_text(second)) == (first < second)


@pytest.mark.parametrize(
    "text",
    [
        None,
        1767268800,
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.0Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z\n",
        "\u0662026-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(TimeError):
        parse_time(text)


@pytest.mark.parametrize("seconds", [-1, LATEST + 1])
def test_times_outside_four_digits_of_a_year_have_no_text(seconds: int) -> None:
    with pytest.raises(TimeError):
        time_text(seconds)
