"""The fake source: rows, faults in their order, and time that passes at once."""

from collections.abc import Iterable

import pytest

from worknet.node.reading import Reader
from worknet.protocol.ids import Window
from worknet.sources import SourceError, UnavailableError
from worknet.sources.occasion import Occasion
from worknet.testing.clock import Clock
from worknet.testing.source import FakeSource, SourceFault
from worknet.workflow import Column, Dataset

METERS = Dataset("meters", [Column("id", "str"), Column("wh", "int")], ["id"])
ROWS = [{"id": "b", "wh": 2}, {"id": "a", "wh": 1}]
NOW, THEN = Occasion(Window(3600, 7200)), Occasion(Window(0, 3600))


def source(faults: Iterable[SourceFault | str] = ()) -> FakeSource:
    return FakeSource(METERS, ROWS, faults, seconds=30)


def test_it_is_read_as_any_other_source() -> None:
    frames = Reader({"meters": source()}).read(NOW, 5)
    assert frames["meters"].to_dicts() == sorted(ROWS, key=lambda row: str(row["id"]))


def test_faults_befall_one_reading_after_the_other() -> None:
    meters = source(["unavailable", "timeout", "late"])
    for message in ("nobody answers", "no answer within 30 s"):
        with pytest.raises(UnavailableError, match=message):
            meters.read(NOW)
    assert meters.read(NOW).height == meters.read(NOW).height == 2
    assert meters.clock.slept == [30, 30]


def test_what_takes_time_takes_it_from_the_clock_that_is_given() -> None:
    clock = Clock(now=1000)
    FakeSource(METERS, ROWS, [SourceFault.LATE], seconds=7, clock=clock).read(NOW)
    assert clock() == 1007


def test_rows_may_depend_on_the_occasion() -> None:
    meters = FakeSource(METERS, lambda occasion: [{"id": "a", "wh": occasion.window.start}])
    assert [meters.read(occasion)["wh"][0] for occasion in (NOW, THEN)] == [3600, 0]
    assert meters.asked == [NOW, THEN]


def test_a_fault_that_there_is_not_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="slow"):
        source(["slow"])


def test_rows_that_do_not_fit_are_the_source_s_fault() -> None:
    with pytest.raises(SourceError, match="a str where the column is of type int"):
        FakeSource(METERS, [{"id": "a", "wh": "1"}]).read(NOW)
