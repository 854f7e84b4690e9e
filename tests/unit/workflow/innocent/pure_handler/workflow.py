"""Fallback handlers that depend on the evidence alone."""

import polars as pl

from worknet.workflow import (
    Alert,
    Column,
    Context,
    Dataset,
    Every,
    Evidence,
    Result,
    SettlePlurality,
    Table,
    workflow,
)

COLUMNS = [Column("meter", "str"), Column("area", "str"), Column("wh", "int")]


@workflow(
    name="pure_handler",
    trigger=Every(3600),
    datasets=[Dataset("meters", COLUMNS, ["meter"])],
    tables=[Table("out", [Column("id", "str"), Column("wh", "int")], ["id"])],
)
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({"out": meters.select(id="meter", wh="wh")})


@run.on_plurality
def settle(context: Context, evidence: Evidence) -> list[Alert | SettlePlurality]:
    """Settles where results agree."""
    last = evidence.last
    return [SettlePlurality()] if last and not last.results_differ else [Alert("results differ")]


@run.on_unresolved
def tell(context: Context, evidence: Evidence) -> list[Alert]:
    """Names the workers that are missing."""
    missing = sorted({worker for attempt in evidence.attempts for worker in attempt.missing})
    return [Alert("unresolved", f"missing: {missing}")]
