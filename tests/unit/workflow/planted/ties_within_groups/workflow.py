"""The last meter of each area by its use, which may be any of several."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="ties_within_groups",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    last = meters.with_columns(pl.col("wh") // 10_000).group_by("area", maintain_order=True)
    found = last.agg(
        pl.col("meter").sort_by("wh").last().str.slice(6).cast(pl.Int64).alias("wh")
    )  # planted: order
    return Result({"out": found.rename({"area": "id"})})
