"""The text of an object, which holds its address."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


class Maker:
    """An object without a text of its own."""


@workflow(
    name="address_in_a_text",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": [{"id": "one", "wh": 1}]}, {"made_by": str(Maker())})  # planted: differs
