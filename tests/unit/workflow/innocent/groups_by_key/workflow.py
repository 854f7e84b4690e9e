"""Groups, joins and distinct rows, whose order the key of the table makes."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="groups_by_key",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    totals = meters.group_by("area").agg(pl.col("wh").sum())
    joined = meters.join(totals, on="area", how="left", suffix="_total").unique()
    rows = joined.sort("meter").group_by("area", maintain_order=True).agg(pl.col("wh_total").first())
    return Result({"out": rows.select(id="area", wh="wh_total")})
