"""Sums floats by group, and rounds them in the end."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_sum",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    totals: dict[str, int] = {}
    for area in sorted(set(meters["area"])):
        shares = [
            row["wh"] * 0.001 for row in meters.iter_rows(named=True) if row["area"] == area
        ]  # planted: float
        totals[area] = round(sum(shares))
    return Result({"out": [{"id": area, "wh": kwh} for area, kwh in totals.items()]})
