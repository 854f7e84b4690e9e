"""How much energy the meters of each site counted in a window; the rest is left out, with the reason."""

import polars as pl

from worknet.workflow import (
    Action,
    Alert,
    Column,
    Context,
    Dataset,
    Every,
    Evidence,
    Result,
    SettlePlurality,
    Table,
    WorkflowError,
    workflow,
)

readings = Dataset(
    "readings",
    columns=[Column("meter", "str"), Column("site", "str"), Column("wh", "int", nullable=True)],
    key=["meter"],
)
sites = Table(
    "sites",
    columns=[Column("site", "str"), Column("wh", "int"), Column("meters", "int")],
    key=["site"],
)
left_out = Table("left_out", columns=[Column("meter", "str"), Column("reason", "str")], key=["meter"])


@workflow(
    name="new_workflow",
    trigger=Every(3600, delay=60),
    datasets=[readings],
    tables=[sites, left_out],
)
def run(context: Context, readings: pl.DataFrame) -> Result:
    """Add up each site's readings, and list those that do not count."""
    most: int = context.parameters["most_wh"]
    found: dict[str, list[int]] = {}
    refused: list[dict[str, str]] = []
    for row in readings.iter_rows(named=True):
        meter, wh = row["meter"], row["wh"]
        if wh is None:
            refused.append({"meter": meter, "reason": "no value"})
        elif wh < 0:
            raise WorkflowError(f"meter {meter}: {wh} Wh", "meters only count up: see what exported them")
        elif wh > most:
            refused.append({"meter": meter, "reason": "more than a meter can count"})
        else:
            found.setdefault(row["site"], []).append(wh)
    total = sum(sum(values) for values in found.values())
    return Result(
        tables={
            "sites": [
                {"site": site, "wh": sum(values), "meters": len(values)} for site, values in found.items()
            ],
            "left_out": refused,
        },
        summary={"wh": total, "left_out": len(refused)},
    )


@run.on_plurality
def settle_what_enough_agree_on(context: Context, evidence: Evidence) -> list[Action]:
    """No majority agrees: the leading result counts if at least so many workers came to it."""
    leading = len(evidence.last.pairs()[0][1]) if evidence.last and evidence.last.ballots else 0
    if leading >= context.parameters["least_votes"]:
        return [SettlePlurality(), Alert(f"settled with {leading} votes", level="info")]
    return [Alert(f"not settled: {leading} votes are too few", evidence.text())]


@run.on_unresolved
def tell(context: Context, evidence: Evidence) -> list[Action]:
    """Nothing agreed: the operators are told what each attempt came to."""
    about = evidence.window.start if evidence.window else evidence.trigger_id
    return [Alert(f"no result for {about}", evidence.text())]
