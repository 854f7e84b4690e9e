"""Hourly energy of each turbine of a wind farm, out of the ten-minute readings of its control system (SCADA).

Whole watts and watt-hours throughout: every worker comes to the same result to the last one. What does not
count is not guessed, but listed with the reason.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, Window, WorkflowError, workflow

STEP = timedelta(minutes=10)
"""What a reading is the mean power of, from `at` on."""
READINGS_PER_HOUR = 6
LEAST_PERMILLE, MOST_PERMILLE = -50, 1050
"""Between which parts of the rated power a reading is believed: at rest a turbine draws a little."""

NO_ROW = "no row"
NO_VALUE = "no value"
OUT_OF_RANGE = "out of range"
OFF_THE_GRID = "off the grid"
UNKNOWN_TURBINE = "unknown turbine"

scada = Dataset(
    "scada",
    columns=[
        Column("turbine", "str"),
        Column("at", "time"),
        Column("kw", "decimal", nullable=True, digits=3),
    ],
    key=["turbine", "at"],
)
energy = Table(
    "energy",
    columns=[
        Column("turbine", "str"),
        Column("wh", "int", nullable=True),
        Column("readings", "int"),
    ],
    key=["turbine"],
)
left_out = Table(
    "left_out",
    columns=[Column("turbine", "str"), Column("at", "time"), Column("reason", "str")],
    key=["turbine", "at"],
)


@workflow(
    name="wind_farm",
    trigger=Every(3600, delay=600),
    datasets=[scada],
    tables=[energy, left_out],
    public_summary=True,
)
def run(context: Context, scada: pl.DataFrame) -> Result:
    """Sum up the hour's readings of each turbine in the parameters, and list those that do not count."""
    if context.window is None:
        raise WorkflowError("the energy of a wind farm is that of a window")
    rated, grid = _rated(context.parameters), _grid(context.window)
    watts: dict[str, list[int]] = {turbine: [] for turbine in rated}
    reasons: dict[tuple[str, str], str] = {(turbine, at): NO_ROW for turbine in rated for at in grid}
    for row in scada.iter_rows(named=True):
        turbine, at = str(row["turbine"]), str(row["at"])
        reasons.pop((turbine, at), None)
        value = None if row["kw"] is None else _watts(str(row["kw"]))
        if reason := _reason(rated.get(turbine), at in grid, value):
            reasons[turbine, at] = reason
        elif value is not None:
            watts[turbine].append(value)
    return Result(
        tables={
            "energy": [
                {"turbine": turbine, "wh": _watt_hours(some) if some else None, "readings": len(some)}
                for turbine, some in watts.items()
            ],
            "left_out": [
                {"turbine": turbine, "at": at, "reason": reason} for (turbine, at), reason in reasons.items()
            ],
        },
        summary={
            "wh": sum(_watt_hours(some) for some in watts.values()),
            "readings": sum(map(len, watts.values())),
            "left_out": dict(Counter(reasons.values())),
        },
    )


def _rated(parameters: Mapping[str, Any]) -> dict[str, int]:
    """The rated power of each turbine, in kW."""
    rated = parameters.get("rated_kw")
    if not isinstance(rated, Mapping) or not all(type(kw) is int and kw > 0 for kw in rated.values()):
        raise WorkflowError("parameters.json: rated_kw holds each turbine's rated power, in whole kW")
    return dict(rated)


def _grid(window: Window) -> list[str]:
    """The times at which the window's readings begin."""
    start, end = datetime.fromisoformat(window.start), datetime.fromisoformat(window.end)
    steps = range((end - start) // STEP)
    return [(start + step * STEP).strftime("%Y-%m-%dT%H:%M:%SZ") for step in steps]


def _reason(rated_kw: int | None, is_on_grid: bool, watts: int | None) -> str:
    """Why a reading does not count; empty if it does."""
    if rated_kw is None:
        return UNKNOWN_TURBINE
    if not is_on_grid:
        return OFF_THE_GRID
    if watts is None:
        return NO_VALUE
    # A permille of as many kW is as many W.
    return "" if LEAST_PERMILLE * rated_kw <= watts <= MOST_PERMILLE * rated_kw else OUT_OF_RANGE


def _watts(kw: str) -> int:
    """The text of a decimal with three digits, in thousandths."""
    return int(kw.replace(".", ""))


def _watt_hours(watts: list[int]) -> int:
    """The energy of the readings, rounded once, half to even."""
    whole, rest = divmod(sum(watts), READINGS_PER_HOUR)
    return whole + (rest * 2 + whole % 2 > READINGS_PER_HOUR)
