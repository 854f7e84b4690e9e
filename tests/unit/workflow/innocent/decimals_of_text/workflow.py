"""Decimals and fractions, of texts and whole numbers."""

import math
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="decimals_of_text",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = []
    for row in meters.iter_rows(named=True):
        value = (Decimal(row["wh"]) / Decimal("1000")).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        share = Fraction(row["wh"], 3) / 2
        rows.append({"id": f"{row['meter']} {value:.2f}", "wh": math.floor(share)})
    return Result({"out": rows})
