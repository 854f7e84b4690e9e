"""The clock, in a module beside."""

import polars as pl
from days import day_number

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="clock_in_helper",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": [{"id": "day", "wh": day_number()}]})
