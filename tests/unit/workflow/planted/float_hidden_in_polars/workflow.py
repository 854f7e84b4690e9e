"""A mean that is an integer again before any column sees it."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_hidden_in_polars",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    means = meters.group_by("area").agg(
        (pl.col("wh").mean() * 10).round().cast(pl.Int64).alias("wh")
    )  # planted: float
    return Result({"out": means.rename({"area": "id"})})
