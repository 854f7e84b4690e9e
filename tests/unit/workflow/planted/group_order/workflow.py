"""The number of a group in the order in which Polars gives them."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="group_order",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    groups = meters.group_by("area").agg(pl.col("wh").sum())  # planted: order
    numbered = groups.with_row_index("number")
    return Result({"out": numbered.select(id="area", wh=pl.col("number").cast(pl.Int64))})
