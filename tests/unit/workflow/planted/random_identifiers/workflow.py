"""Identifiers that are made up anew."""

import uuid

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="random_identifiers",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = [
        {"id": str(uuid.uuid4()), "wh": row["wh"]} for row in meters.iter_rows(named=True)
    ]  # planted: random
    return Result({"out": rows})
