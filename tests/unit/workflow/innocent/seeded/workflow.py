"""A generator of its own with a seed, which draws whole numbers."""

import random

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="seeded",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    dice = random.Random(len(meters["meter"].to_list()))
    rows = [{"id": row["meter"], "wh": dice.getrandbits(8)} for row in meters.iter_rows(named=True)]
    return Result({"out": rows})
