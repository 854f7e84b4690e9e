"""The clock, under a name that is put together."""

import time

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="clock_by_getattr",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    now = getattr(time, "ti" + "me_ns")()  # planted: clock
    return Result({"out": [{"id": "late", "wh": int(now > 0)}]})
