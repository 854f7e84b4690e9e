"""24/7 matching, every hour: the tables and the entry point. The rule itself stands in `rule.py`."""

from typing import Any

import polars as pl
from rule import Consumer, Generator, Outcome, RuleError, match, parse_priorities, score_ppm

from worknet.workflow import (
    Action,
    Alert,
    AttemptEvidence,
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

SETTLE_PERCENT = 50
"""How much of the counted ballots must be for one pair before it is settled without a consensus."""

consumption = Dataset(
    "consumption",
    columns=[
        Column("consumer", "str"),
        Column("wh", "int"),
        Column("site", "str", nullable=True),
        Column("region", "str", nullable=True),
        Column("country", "str", nullable=True),
        Column("priorities", "str"),
        Column("in_region", "bool"),
        Column("in_country", "bool"),
        Column("in_other", "bool"),
    ],
    key=["consumer"],
)
generation = Dataset(
    "generation",
    columns=[
        Column("generator", "str"),
        Column("wh", "int"),
        Column("site", "str", nullable=True),
        Column("region", "str", nullable=True),
        Column("country", "str", nullable=True),
        Column("energy_type", "str"),
    ],
    key=["generator"],
)
matches = Table(
    "matches",
    columns=[Column("consumer", "str"), Column("generator", "str"), Column("wh", "int")],
    key=["consumer", "generator"],
)
left_consumption = Table(
    "left_consumption",
    columns=[Column("consumer", "str"), Column("wh", "int")],
    key=["consumer"],
)
left_generation = Table(
    "left_generation",
    columns=[Column("generator", "str"), Column("wh", "int")],
    key=["generator"],
)
scores = Table(
    "scores",
    columns=[
        Column("consumer", "str"),
        Column("wh", "int"),
        Column("matched_wh", "int"),
        Column("score_ppm", "int", nullable=True),
    ],
    key=["consumer"],
)


@workflow(
    name="matching_24_7",
    trigger=Every(3600, delay=0),
    datasets=[consumption, generation],
    tables=[matches, left_consumption, left_generation, scores],
    public_summary=True,
)
def run(context: Context, consumption: pl.DataFrame, generation: pl.DataFrame) -> Result:
    """Match the hour's consumption with its generation and score every consumer."""
    try:
        consumers = [_consumer(row) for row in consumption.iter_rows(named=True)]
        generators = [Generator(**row) for row in generation.iter_rows(named=True)]
        outcome = match(consumers, generators)
    except RuleError as error:
        raise WorkflowError(str(error)) from error
    consumers.sort(key=lambda consumer: consumer.consumer)
    return Result(
        tables={
            "matches": _matches(outcome),
            "left_consumption": _left("consumer", outcome.left_consumption),
            "left_generation": _left("generator", outcome.left_generation),
            "scores": _scores(consumers, outcome),
        },
        summary=_summary(consumers, generators, outcome),
    )


@run.on_plurality
def settle_what_enough_agree_on(context: Context, evidence: Evidence) -> list[Action]:
    """Settle the leading pair if enough ballots are for it; otherwise leave the hour to people."""
    attempt = evidence.attempts[-1]
    _, voters = attempt.pairs()[0]
    if len(voters) * 100 >= len(attempt.ballots) * SETTLE_PERCENT:
        return [SettlePlurality()]
    return [_alert(evidence, f"not settled, {len(voters)} of {len(attempt.ballots)} ballots agree")]


@run.on_unresolved
def tell_who_was_missing_and_what_differed(context: Context, evidence: Evidence) -> list[Action]:
    """Tell the operator how each attempt went, and where to look."""
    return [_alert(evidence, "unresolved")]


def _alert(evidence: Evidence, outcome: str) -> Alert:
    hour = evidence.window.start if evidence.window else evidence.trigger_id
    lines = [f"{attempt.text()}. {_where_to_look(attempt)}" for attempt in evidence.attempts]
    return Alert(f"24/7 matching of {hour}: {outcome}", "\n".join(lines), "failure")


def _where_to_look(attempt: AttemptEvidence) -> str:
    if attempt.inputs_differ:
        return "Companies read different consumption or generation: compare what their sources gave."
    if attempt.results_differ:
        return "The same rows were matched differently: compare the machines and releases."
    return "There are too few ballots, and all are equal: ask the missing workers."


def _consumer(row: dict[str, Any]) -> Consumer:
    try:
        priorities = parse_priorities(str(row["priorities"]))
    except RuleError as error:
        raise RuleError(
            f"table consumption, row {row['consumer']!r}, column 'priorities': {error}"
        ) from error
    return Consumer(**{**row, "priorities": priorities})


def _matches(outcome: Outcome) -> pl.DataFrame:
    # Column by column: a thousand consumers and a thousand generators may come to a million matches.
    columns = {
        "consumer": [consumer for consumer, answers in outcome.matches.items() for _ in answers],
        "generator": [generator for answers in outcome.matches.values() for generator in answers],
        "wh": [wh for answers in outcome.matches.values() for wh in answers.values()],
    }
    return pl.DataFrame(columns, schema={"consumer": pl.String, "generator": pl.String, "wh": pl.Int64})


def _left(entity: str, left: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame(
        {entity: list(left), "wh": list(left.values())}, schema={entity: pl.String, "wh": pl.Int64}
    )


def _scores(consumers: list[Consumer], outcome: Outcome) -> pl.DataFrame:
    rows = []
    for consumer in consumers:
        matched = consumer.wh - outcome.left_consumption[consumer.consumer]
        rows.append((consumer.consumer, consumer.wh, matched, score_ppm(matched, consumer.wh)))
    schema = {"consumer": pl.String, "wh": pl.Int64, "matched_wh": pl.Int64, "score_ppm": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _summary(
    consumers: list[Consumer], generators: list[Generator], outcome: Outcome
) -> dict[str, int | str | dict[str, int | str] | None]:
    consumed = sum(consumer.wh for consumer in consumers)
    matched = sum(outcome.strategies.values())
    return {
        "consumers": len(consumers),
        "generators": len(generators),
        "matches": sum(len(answers) for answers in outcome.matches.values()),
        "consumption_wh": _total(consumed),
        "generation_wh": _total(sum(generator.wh for generator in generators)),
        "matched_wh": _total(matched),
        "score_ppm": score_ppm(matched, consumed),
        "strategies_wh": {name: _total(wh) for name, wh in outcome.strategies.items()},
    }


def _total(wh: int) -> int | str:
    """A sum as canonical values write it: a number below 2^53, a string of digits from there on."""
    return wh if wh < 2**53 else str(wh)
