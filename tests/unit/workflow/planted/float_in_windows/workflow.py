"""A mean over windows of rows that is an integer again."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_in_windows",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = meters.sort("meter").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    windows = rows.group_by_dynamic("row", every="5i")
    found = windows.agg((pl.col("wh").mean() * 10).cast(pl.Int64).alias("wh"))  # planted: float
    return Result({"out": found.select(pl.col("row").cast(pl.String).alias("id"), "wh")})
