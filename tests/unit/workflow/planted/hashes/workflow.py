"""Sorts by the hashes of texts."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="hashes",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    names = sorted(meters["meter"], key=lambda name: hash(name))  # planted: identity
    return Result({"out": [{"id": name, "wh": number} for number, name in enumerate(names)]})
