"""Divides with a function that is called otherwise."""

from operator import truediv as share

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_operator",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = [
        {"id": meter, "wh": int(share(wh, 7))} for meter, wh in meters.select("meter", "wh").iter_rows()
    ]  # planted: float
    return Result({"out": rows})
