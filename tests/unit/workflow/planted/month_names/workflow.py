"""The name of the month, as the locale calls it."""

from datetime import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="month_names",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    start = datetime.fromisoformat(context.window.start)
    month = start.strftime("%B")  # planted: locale
    return Result({"out": [{"id": month, "wh": meters.height}]})
