"""A float that only a format makes."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="formatted_float",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    rows = [
        {"id": f"{row['wh']:.3e}-{row['meter']}", "wh": 1} for row in meters.iter_rows(named=True)
    ]  # planted: float
    return Result({"out": rows})
