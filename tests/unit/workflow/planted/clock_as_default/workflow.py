"""The clock as a field's default."""

import time
from dataclasses import dataclass, field

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@dataclass
class Reading:
    """A reading, with the moment at which it was made."""

    meter: str
    at: int = field(default_factory=time.time_ns)  # planted: clock


@workflow(
    name="clock_as_default",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = [Reading(row["meter"]) for row in meters.iter_rows(named=True)]
    return Result({"out": [{"id": row.meter, "wh": row.at % 7} for row in rows]})
