"""A decimal that was made of a float."""

from decimal import Decimal

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="decimal_of_float",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    factor = Decimal(0.1)  # noqa: RUF032  # planted: float
    rows = [{"id": row["meter"], "wh": int(row["wh"] * factor)} for row in meters.iter_rows(named=True)]
    return Result({"out": rows})
