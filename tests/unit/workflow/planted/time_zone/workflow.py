"""The machine's own time zone."""

from datetime import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="time_zone",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    hour = datetime.fromtimestamp(1_767_225_600).hour  # noqa: DTZ006  # planted: locale
    return Result({"out": [{"id": "hour", "wh": hour}]})
