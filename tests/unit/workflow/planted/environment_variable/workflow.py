"""A setting from the environment."""

import os

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="environment_variable",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    factor = int(os.environ.get("FACTOR", "2"))  # planted: environment
    return Result({"out": meters.select(id="meter", wh=pl.col("wh") * factor)})
