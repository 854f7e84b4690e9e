"""A float type of Polars, found by its name."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="float_type_by_name",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    kind = getattr(pl, "Float" + "64")
    halves = meters["wh"].cast(kind) * 2  # planted: float
    return Result({"out": pl.DataFrame({"id": meters["meter"], "wh": halves.cast(pl.Int64)})})
