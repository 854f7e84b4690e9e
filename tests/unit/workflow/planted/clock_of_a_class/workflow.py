"""A clock that a class of its own has from the library."""

from datetime import datetime

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow


class Stamp(datetime):
    """A moment."""


COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="clock_of_a_class",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": [{"id": "year", "wh": Stamp.now().year}]})  # planted: clock
