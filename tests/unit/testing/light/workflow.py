"""The least that a workflow can be: simulations of it cost what the network costs."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("wh", "int")]


@workflow(
    name="light",
    trigger=Every(3600),
    datasets=[Dataset("readings", columns=COLUMNS, key=["meter"])],
    tables=[Table("readings_again", columns=COLUMNS, key=["meter"])],
)
def light(context: Context, readings: pl.DataFrame) -> Result:
    """The rows as they are."""
    return Result(tables={"readings_again": readings}, summary={"rows": readings.height})
