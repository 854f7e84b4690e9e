"""A fallback handler that names workers in the order of a set."""

import polars as pl

from worknet.workflow import Alert, Column, Context, Dataset, Every, Evidence, Result, Table, workflow

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="handler_order",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": meters.select(id="meter", wh="wh")})


@run.on_unresolved
def tell(context: Context, evidence: Evidence) -> list[Alert]:
    """Names the roots that were voted for."""
    roots = {roots.result_root for attempt in evidence.attempts for roots in attempt.ballots.values()}
    return [Alert("unresolved", " ".join(roots))]  # planted: order
