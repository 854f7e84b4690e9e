"""The least that a workflow on events can be."""

import polars as pl

from worknet.workflow import Column, Context, Dataset, OnMessage, Result, Table, workflow

COLUMNS = [Column("batch", "str"), Column("wh", "int")]


@workflow(
    name="light_events",
    trigger=OnMessage("batches", key="batch"),
    datasets=[Dataset("event", columns=COLUMNS, key=["batch"])],
    tables=[Table("event_again", columns=COLUMNS, key=["batch"])],
)
def light_events(context: Context, event: pl.DataFrame) -> Result:
    """The event as it is."""
    return Result(tables={"event_again": event})
