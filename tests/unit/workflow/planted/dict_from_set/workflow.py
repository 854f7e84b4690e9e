"""The first key of a mapping that was made from a set."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="dict_from_set",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    by_area = dict.fromkeys(set(meters["area"]), 0)  # planted: order
    first = next(iter(by_area))
    return Result({"out": [{"id": first, "wh": 1}]})
