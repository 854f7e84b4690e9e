"""What the hours of 24/7 matching come to over thirty days: a report made from recorded results alone.

Whole watt-hours throughout. An hour without a record counts for nothing and is listed: nothing is guessed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, Window, WorkflowError, workflow

DAY = 86_400
PPM = 1_000_000
HOUR = timedelta(hours=1)
"""The length of the slots of 24/7 matching."""

hours = Dataset(
    "hours",
    columns=[Column("hour", "time"), Column("outcome", "str", nullable=True)],
    key=["hour"],
)
scores = Dataset(
    "scores",
    columns=[
        Column("hour", "time"),
        Column("consumer", "str"),
        Column("wh", "int"),
        Column("matched_wh", "int"),
    ],
    key=["hour", "consumer"],
)
left_generation = Dataset(
    "left_generation",
    columns=[Column("hour", "time"), Column("generator", "str"), Column("wh", "int")],
    key=["hour", "generator"],
)
consumers = Table(
    "consumers",
    columns=[
        Column("consumer", "str"),
        Column("hours", "int"),
        Column("wh", "bigint"),
        Column("matched_wh", "bigint"),
        Column("score_ppm", "int", nullable=True),
        Column("volume_ppm", "int", nullable=True),
    ],
    key=["consumer"],
)
missing = Table("missing", columns=[Column("hour", "time")], key=["hour"])


# A day for the last hours to be settled in: while one is open yet, the report waits.
@workflow(
    name="monthly_report",
    trigger=Every(30 * DAY, delay=DAY),
    datasets=[hours, scores, left_generation],
    tables=[consumers, missing],
    public_summary=True,
)
def run(context: Context, hours: pl.DataFrame, scores: pl.DataFrame, left_generation: pl.DataFrame) -> Result:
    """Sum up the hours that were recorded, per consumer and for all, and list the others."""
    if context.window is None:
        raise WorkflowError("a report is about a window")
    every = list(_hours_of(context.window))
    recorded = dict(hours.filter(pl.col("outcome").is_not_null()).iter_rows())
    for name, frame in (("scores", scores), ("left_generation", left_generation)):
        for hour in frame["hour"].unique().sort():
            if hour not in recorded:
                raise WorkflowError(f"table {name}, hour {hour}: there is no record of it")
    not_recorded = [hour for hour in every if hour not in recorded]

    # In Python's integers: sums of many hours may exceed 64 bits.
    wanted, matched, counts = dict[str, int](), dict[str, int](), dict[str, int]()
    for _, consumer, wh, matched_wh in scores.iter_rows():
        wanted[consumer] = wanted.get(consumer, 0) + wh
        matched[consumer] = matched.get(consumer, 0) + matched_wh
        counts[consumer] = counts.get(consumer, 0) + 1
    consumed, given = sum(wanted.values()), sum(matched.values())
    generated = given + sum(left_generation["wh"].to_list())
    volume_ppm = ppm(min(generated, consumed), consumed)
    rows = [
        {
            "consumer": consumer,
            "hours": counts[consumer],
            "wh": str(wh),
            "matched_wh": str(matched[consumer]),
            "score_ppm": ppm(matched[consumer], wh),
            "volume_ppm": volume_ppm if wh else None,
        }
        for consumer, wh in wanted.items()
    ]
    return Result(
        tables={"consumers": rows, "missing": [{"hour": hour} for hour in not_recorded]},
        summary={
            "hours": len(every),
            "hours_counted": len(every) - len(not_recorded),
            "hours_missing": len(not_recorded),
            "hours_by_plurality": sum(outcome == "plurality" for outcome in recorded.values()),
            "consumers": len(rows),
            "consumption_wh": _total(consumed),
            "generation_wh": _total(generated),
            "matched_wh": _total(given),
            "score_ppm": ppm(given, consumed),
            "volume_ppm": volume_ppm,
        },
    )


def ppm(part: int, whole: int) -> int | None:
    """`part` of `whole` in parts per million, rounded down; None if there is no whole."""
    return part * PPM // whole if whole else None


def _hours_of(window: Window) -> Iterator[str]:
    """The starts of the window's hours."""
    hour, end = (datetime.fromisoformat(text) for text in (window.start, window.end))
    while hour < end:
        yield hour.strftime("%Y-%m-%dT%H:%M:%SZ")
        hour += HOUR


def _total(wh: int) -> int | str:
    """A sum as canonical values write it: a number below 2^53, a string of digits from there on."""
    return wh if wh < 2**53 else str(wh)
