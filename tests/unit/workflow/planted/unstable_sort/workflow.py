"""Sorts by a column that is the same in many rows, and numbers them."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="unstable_sort",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    ranked = meters.sort("area").with_row_index("rank")  # planted: order
    return Result({"out": ranked.select(id="meter", wh=pl.col("rank").cast(pl.Int64))})
