"""What a check changes around a workflow's runs, one thing at a time, and what it cannot change here."""

import ctypes
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count, islice
from random import Random
from typing import Final

import polars as pl

from worknet.workflow.surroundings import Surroundings

RUNS: Final = 16
"""How many runs a check makes unless told otherwise: each variation once, hash seeds and orders twice."""

_LATER: Final = 217 * 86_400 + 40_271
_SEVERAL: Final = "4"
_THREADS: Final = (
    "POLARS_MAX_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS", "PYTHON_CPU_COUNT",
)  # fmt: skip
_PROCESSOR: Final = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-FMA,-BMI2,-ERMS",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX2 FMA3",
    "OPENBLAS_CORETYPE": "Prescott",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
}
_USER: Final = {
    "USER": "somebody",
    "LOGNAME": "somebody",
    "HOSTNAME": "elsewhere",
    "HOME": "/",
    "LANGUAGE": "tr",
}
_LOCALES: Final = ("tr_TR.UTF-8", "cs_CZ.UTF-8", "de_DE.UTF-8", "sv_SE.UTF-8", "ar_EG.UTF-8", "fr_FR.UTF-8")
_ALL_CATEGORIES: Final = 0x1FBF  # LC_ALL_MASK of glibc


@dataclass(frozen=True)
class Variation:
    """One thing that is otherwise in a run. `rows`: in which other order sources deliver; 0: in the same."""

    name: str
    surroundings: Surroundings = field(default_factory=Surroundings)
    rows: int = 0

    def delivered(self, frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """The datasets' rows in the order in which the sources deliver them this time."""
        return {name: _in_order(frame, self.rows) for name, frame in frames.items()}


FIRST: Final = Variation("as a node runs it")
AGAIN: Final = Variation("the same again")
SEEDED: Final = Variation("hash seed 1", Surroundings({"PYTHONHASHSEED": "1"}))
WATCHED: Final = Variation("watched", Surroundings(watched=True))


def variations(runs: int) -> list[Variation]:
    """Those of so many runs that come after `FIRST` and `WATCHED`: each once, then more seeds and orders."""
    chosen = [
        AGAIN,
        SEEDED,
        Variation("sets, groups, joins and folders in reverse order", Surroundings(order=1)),
        Variation("rows in reverse order, in 3 pieces", Surroundings(pieces=3), rows=1),
        _with(f"{_SEVERAL} threads", **dict.fromkeys(_THREADS, _SEVERAL)),
        Variation("217 days later", Surroundings(later=_LATER)),
        Variation("another user, home and machine's name", Surroundings(_USER, host="elsewhere")),
        _with("time zone UTC+05:45", TZ="NPT-5:45"),
        _with("time zone UTC-09:30", TZ="MAT9:30"),
        *(_with(f"locale {name}", LC_ALL=name, LANG=name) for name in (installed_locales() or ["C"])[:2]),
        _with("fewer instructions of the processor", **_PROCESSOR),
        _with("hash seed 2", PYTHONHASHSEED="2"),
        Variation("sets, groups, joins and folders in order 2", Surroundings(order=2)),
        Variation("rows in order 2, in 2 pieces", Surroundings(pieces=2), rows=2),
    ]
    more = (
        variation
        for number in count(3)
        for variation in (
            _with(f"hash seed {number}", PYTHONHASHSEED=str(number)),
            Variation(f"sets, groups, joins and folders in order {number}", Surroundings(order=number)),
            Variation(f"rows in order {number}", rows=number),
        )
    )
    wanted = max(0, runs - 2)
    return [*chosen, *islice(more, max(0, wanted - len(chosen)))][:wanted]


def not_tried() -> dict[str, str]:
    """What a check cannot change on this machine, and why."""
    missing = {
        "instructions of the processor that Polars uses": "it asks the processor itself, and has no switch",
        f"Python releases other than {platform.python_version()}": "only one runs the check",
    }
    absent = [name for name in _LOCALES if name not in installed_locales()]
    if absent:
        missing[f"locales {', '.join(absent)}"] = "not installed here"
    if not sys.platform.startswith("linux"):
        missing["another name of the machine"] = "only Linux lets a process change it for itself"
    if (os.cpu_count() or 1) < 2:
        missing["threads that run at once"] = "the machine has one processor"
    return missing


def installed_locales() -> list[str]:
    """Those of a few languages with other orders, letters and numbers that this machine knows."""
    if not sys.platform.startswith("linux"):
        return []
    libc = ctypes.CDLL(None)
    libc.newlocale.restype = ctypes.c_void_p
    return [name for name in _LOCALES if libc.newlocale(_ALL_CATEGORIES, name.encode(), None)]


def _with(name: str, **environment: str) -> Variation:
    return Variation(name, Surroundings(environment))


def _in_order(frame: pl.DataFrame, order: int) -> pl.DataFrame:
    if order < 2:
        return frame.reverse() if order else frame
    places = list(range(frame.height))
    Random(order).shuffle(places)  # noqa: S311 - the same order each time
    return frame[places]
