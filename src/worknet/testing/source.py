"""A source for tests: rows that are given, and the faults that befall one reading after the other."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeAlias

import polars as pl

from worknet.sources import UnavailableError
from worknet.sources.errors import Origin
from worknet.sources.occasion import Occasion
from worknet.sources.source import violation
from worknet.tables import DataError
from worknet.testing.clock import Clock
from worknet.testing.datasets import frame_of
from worknet.workflow import Dataset
from worknet.workflow.declare import Rows

Answers: TypeAlias = "Rows | Callable[[Occasion], Rows]"
"""The same rows at each reading, or those of the occasion."""


class SourceFault(StrEnum):
    """What befalls a reading."""

    NONE = "none"
    UNAVAILABLE = "unavailable"
    """Nobody answers: it fails at once."""
    TIMEOUT = "timeout"
    """It fails after `seconds`, in which nobody answered."""
    LATE = "late"
    """The rows come after `seconds`."""


class FakeSource:
    """A source of one dataset, as a worker reads it: `read` gives validated rows, or raises `SourceError`.

    `faults` befall the readings in order; later ones have none. What takes time takes it from `clock`, at
    once. `asked` are the occasions it was read for.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: Answers,
        faults: Iterable[SourceFault | str] = (),
        *,
        seconds: float = 30,
        clock: Clock | None = None,
    ) -> None:
        self._dataset, self._rows, self._seconds = dataset, rows, seconds
        self._faults = iter([SourceFault(fault) for fault in faults])
        self.clock = clock or Clock()
        self.asked: list[Occasion] = []

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The rows for the occasion; `SourceError` where a fault says so, or for rows that do not fit."""
        self.asked.append(occasion)
        fault = next(self._faults, SourceFault.NONE)
        origin = Origin(self._dataset.name, "a test")
        if fault is SourceFault.UNAVAILABLE:
            raise UnavailableError(origin, "nobody answers")
        if fault is not SourceFault.NONE:
            self.clock.sleep(self._seconds)
        if fault is SourceFault.TIMEOUT:
            raise UnavailableError(origin, f"no answer within {self._seconds:g} s")
        rows = self._rows(occasion) if callable(self._rows) else self._rows
        try:
            return frame_of(self._dataset.name, self._dataset.schema, rows)
        except DataError as error:
            raise violation(origin, error) from None
