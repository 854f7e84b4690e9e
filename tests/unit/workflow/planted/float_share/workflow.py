"""A share by true division, made an integer at once."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_share",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    total = meters["wh"].sum() or 1
    rows = [
        {"id": row["meter"], "wh": int(row["wh"] / total * 100)} for row in meters.iter_rows(named=True)
    ]  # planted: float
    return Result({"out": rows})
