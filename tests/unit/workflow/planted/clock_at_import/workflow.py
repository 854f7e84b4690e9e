"""The date on which the module was loaded."""

import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]

TODAY = datetime.date.today()  # noqa: DTZ011  # planted: clock


@workflow(
    name="clock_at_import",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": [{"id": "year", "wh": TODAY.year}]})
