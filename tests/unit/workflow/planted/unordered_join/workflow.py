"""Numbers the rows of a join."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="unordered_join",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    joined = meters.join(meters.select("area", other="meter"), on="area", how="inner")  # planted: order
    first = joined.group_by("meter", maintain_order=True).agg(pl.col("other").first())
    rows = [{"id": meter, "wh": len(other) + ord(other[-1])} for meter, other in first.iter_rows()]
    return Result({"out": rows})
