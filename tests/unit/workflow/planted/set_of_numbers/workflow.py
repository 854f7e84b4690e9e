"""Walks a set of numbers: no hash seed changes its order, another release may."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="set_of_numbers",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    total = 0
    for wh in {wh * 1_000_003 for wh in meters["wh"]}:  # planted: order
        total = total * 31 % 1_000_007 + wh
    return Result({"out": [{"id": "all", "wh": total % 1_000_007}]})
