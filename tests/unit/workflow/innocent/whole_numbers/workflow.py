"""Division and rounding of whole numbers."""

import math

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="whole_numbers",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    total = meters["wh"].sum() or 1
    rows = [
        {"id": row["meter"], "wh": round(row["wh"] * 1000 // total, -1) + math.isqrt(row["wh"]) % 2}
        for row in meters.iter_rows(named=True)
    ]
    return Result({"out": rows})
