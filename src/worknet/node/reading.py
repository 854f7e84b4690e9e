"""Reading the datasets of one preparation side by side, and cutting off what does not come in time.

A thread that hangs in a source cannot be ended. It is left behind, and a source that holds too many of them
is asked no further until one comes back: what hangs costs its own votings, and never more than a few threads.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDoneError

import polars as pl

from worknet.node.errors import SourceTimeout
from worknet.sources import Source
from worknet.sources.occasion import Occasion

MOST_LEFT_BEHIND = 4


class Reader:
    """Reads the datasets of one workflow; several readings may go on at once."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._left_behind = dict.fromkeys(sources, 0)

    def read(self, occasion: Occasion, seconds: float) -> dict[str, pl.DataFrame]:
        """All datasets by name; `SourceTimeout` where one is not there within the seconds.

        Raises what the sources raise; of several the first, by name.
        """
        end = time.monotonic() + seconds
        # Before any of them begins: what nobody waits for would not be counted as left behind.
        for name in sorted(self._sources):
            self._check(name)
        readings = {name: self._begin(name, occasion) for name in sorted(self._sources)}
        frames: dict[str, pl.DataFrame] = {}
        faults: list[Exception] = []
        for name, reading in readings.items():
            try:
                frames[name] = reading.result(max(0.0, end - time.monotonic()))
            except NotDoneError:
                self._leave_behind(name, reading)
                wrong = f"dataset {name} was not read within {seconds:.0f} s"
                hint = "see that its source answers; the cast window leaves no more time for it"
                faults.append(SourceTimeout(wrong, hint))
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is raised below
                faults.append(fault)
        if faults:
            raise faults[0]
        return frames

    def _check(self, name: str) -> None:
        with self._lock:
            if self._left_behind[name] >= MOST_LEFT_BEHIND:
                raise SourceTimeout(
                    f"dataset {name}: {MOST_LEFT_BEHIND} earlier readings have not come back",
                    hint="its source hangs; see that it answers, or give it a timeout",
                )

    def _begin(self, name: str, occasion: Occasion) -> "Future[pl.DataFrame]":
        reading: Future[pl.DataFrame] = Future()

        def read() -> None:
            try:
                reading.set_result(self._sources[name].read(occasion))
            except BaseException as fault:  # noqa: BLE001 - it is raised where the result is waited for
                reading.set_exception(fault)

        # Daemons, so that one that hangs does not keep the process when the worker stops.
        threading.Thread(target=read, name=f"source {name}", daemon=True).start()
        return reading

    def _leave_behind(self, name: str, reading: "Future[pl.DataFrame]") -> None:
        with self._lock:
            self._left_behind[name] += 1

        def come_back(_: object) -> None:
            with self._lock:
                self._left_behind[name] -= 1

        reading.add_done_callback(come_back)
