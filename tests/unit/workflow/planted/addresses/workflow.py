"""Sorts by addresses."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="addresses",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = sorted(meters.iter_rows(named=True), key=id)  # planted: identity
    return Result({"out": [{"id": row["meter"], "wh": number} for number, row in enumerate(rows)]})
