"""Refuses floats, and so speaks of them."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


def whole(value: float | int) -> int:
    """The value, if it is a whole number."""
    if isinstance(value, float):
        raise TypeError("a float")
    return value


@workflow(
    name="guards",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    if any(dtype in {pl.Float32, pl.Float64} or dtype == pl.Float64 for dtype in meters.dtypes):
        raise TypeError("floats")
    rows = [{"id": row["meter"], "wh": whole(row["wh"])} for row in meters.iter_rows(named=True)]
    return Result({"out": rows})
