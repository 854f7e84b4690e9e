"""A fallback handler that looks at the clock."""

import time

import polars as pl

from worknet.workflow import Alert, Column, Context, Dataset, Every, Evidence, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="handler_clock",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": meters.select(id="meter", wh="wh")})


@run.on_unresolved
def tell(context: Context, evidence: Evidence) -> list[Alert]:
    """Says how late it is."""
    return [Alert("unresolved", f"at {time.time_ns() // 10**12}")]  # planted: clock
