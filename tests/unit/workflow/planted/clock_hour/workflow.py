"""The hour of the day at which it runs."""

from datetime import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="clock_hour",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    hour = datetime.now().hour  # noqa: DTZ005  # planted: clock
    return Result({"out": [{"id": "hour", "wh": hour}]})
