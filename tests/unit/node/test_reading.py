"""Reading datasets: side by side, cut off in time, and never more than a few threads left behind."""

import threading
import time
from collections.abc import Callable

import polars as pl
import pytest

from worknet.node.errors import SourceTimeout
from worknet.node.reading import MOST_LEFT_BEHIND, Reader
from worknet.protocol.ids import Window
from worknet.sources import UnavailableError
from worknet.sources.errors import Origin
from worknet.sources.occasion import Occasion

OCCASION = Occasion(Window(0, 3600))
FRAME = pl.DataFrame({"id": ["a"]})


class Told:
    """A source that does what it is told."""

    def __init__(self, read: Callable[[], pl.DataFrame]) -> None:
        self._read = read

    def read(self, occasion: Occasion) -> pl.DataFrame:
        assert occasion == OCCASION
        return self._read()


@pytest.fixture
def gate() -> threading.Event:
    """What hanging sources wait for."""
    return threading.Event()


def hanging(gate: threading.Event) -> Told:
    def read() -> pl.DataFrame:
        gate.wait(30)
        return FRAME

    return Told(read)


def failing() -> Told:
    def read() -> pl.DataFrame:
        raise UnavailableError(Origin("bad", "host"), "down")

    return Told(read)


def test_datasets_are_read_side_by_side() -> None:
    meeting = threading.Barrier(2)

    def read() -> pl.DataFrame:
        meeting.wait(10)
        return FRAME

    frames = Reader({"a": Told(read), "b": Told(read)}).read(OCCASION, 20)
    assert frames.keys() == {"a", "b"}


def test_a_source_that_hangs_is_cut_off(gate: threading.Event) -> None:
    started = time.monotonic()
    with pytest.raises(SourceTimeout, match="dataset slow was not read within 0 s"):
        Reader({"fast": Told(lambda: FRAME), "slow": hanging(gate)}).read(OCCASION, 0.05)
    assert time.monotonic() - started < 5
    gate.set()


def test_the_fault_of_a_source_is_passed_on() -> None:
    with pytest.raises(UnavailableError):
        Reader({"bad": failing(), "good": Told(lambda: FRAME)}).read(OCCASION, 20)


def test_a_source_with_too_many_hanging_readings_is_asked_no_further(gate: threading.Event) -> None:
    reader = Reader({"slow": hanging(gate)})
    for _ in range(MOST_LEFT_BEHIND):
        with pytest.raises(SourceTimeout, match="not read within"):
            reader.read(OCCASION, 0.01)
    with pytest.raises(SourceTimeout, match="have not come back"):
        reader.read(OCCASION, 20)
    gate.set()


def test_beside_a_source_that_is_asked_no_further_nothing_is_read_in_vain(gate: threading.Event) -> None:
    asked: list[int] = []

    def read() -> pl.DataFrame:
        asked.append(1)
        return FRAME

    reader = Reader({"a": Told(read), "slow": hanging(gate)})
    for _ in range(MOST_LEFT_BEHIND + 3):
        with pytest.raises(SourceTimeout):
            reader.read(OCCASION, 0.01)
    assert len(asked) == MOST_LEFT_BEHIND
    gate.set()


def test_a_source_that_comes_back_is_asked_again(gate: threading.Event) -> None:
    reader = Reader({"slow": hanging(gate)})
    for _ in range(MOST_LEFT_BEHIND):
        with pytest.raises(SourceTimeout):
            reader.read(OCCASION, 0.01)
    gate.set()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert reader.read(OCCASION, 20)["slow"].equals(FRAME)
            return
        except SourceTimeout:
            assert time.monotonic() < deadline
            time.sleep(0.01)
