"""What a batch of energy costs, once it is announced; or why it cannot be billed."""

import polars as pl

from worknet.workflow import (
    Action,
    Alert,
    Column,
    Context,
    Dataset,
    Evidence,
    OnMessage,
    Result,
    SettlePlurality,
    Table,
    WorkflowError,
    workflow,
)

event = Dataset(
    "event",
    columns=[Column("batch", "str"), Column("customer", "str"), Column("wh", "int", nullable=True)],
    key=["batch"],
)
bills = Table(
    "bills",
    columns=[Column("batch", "str"), Column("customer", "str"), Column("millicents", "int")],
    key=["batch"],
)
refused = Table("refused", columns=[Column("batch", "str"), Column("reason", "str")], key=["batch"])


@workflow(
    name="new_workflow",
    trigger=OnMessage("batch_ready", key="batch"),
    datasets=[event],
    tables=[bills, refused],
)
def run(context: Context, event: pl.DataFrame) -> Result:
    """Bill the batch of the event at the price in the parameters."""
    price: int = context.parameters["millicents_per_wh"]
    billed: list[dict[str, str | int]] = []
    left: list[dict[str, str]] = []
    for row in event.iter_rows(named=True):
        batch, wh = row["batch"], row["wh"]
        if wh is None:
            left.append({"batch": batch, "reason": "no value"})
        elif wh < 0:
            raise WorkflowError(f"batch {batch}: {wh} Wh", "meters only count up: see what announced it")
        else:
            billed.append({"batch": batch, "customer": row["customer"], "millicents": wh * price})
    return Result(
        tables={"bills": billed, "refused": left},
        summary={"bills": len(billed), "refused": len(left)},
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
    return [Alert(f"no result for {evidence.trigger_id}", evidence.text())]
