"""A voting of the past computed again: what comes out is held against what was, the first row that differs is
named. For a worker that has its own journal, and for an auditor to whom all was disclosed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import decode, encode
from worknet.protocol.ids import Trigger
from worknet.protocol.manifest import Manifest
from worknet.protocol.tables import Kind, Salts
from worknet.tables.differences import Difference, first_difference
from worknet.workflow.declare import Declaration
from worknet.workflow.errors import NotIsolatedError, RunnerError
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Outcome, Runner


@dataclass(frozen=True)
class Then:
    """What was: the pair, the manifest's canonical bytes, the rows of all datasets and tables by kind, name.

    `declaration` are the canonical bytes of what the bundle declared, None where nobody kept them.
    """

    pair: Pair
    manifest: bytes = field(repr=False)
    frames: Mapping[tuple[Kind, str], pl.DataFrame] = field(repr=False)
    declaration: bytes | None = field(default=None, repr=False)

    def of(self, kind: Kind) -> dict[str, pl.DataFrame]:
        """The frames of one kind, by name."""
        return {name: frame for (each, name), frame in self.frames.items() if each == kind}


@dataclass(frozen=True)
class Again:
    """What came out: the pair now (None: the run gave no result); in words what differs from then, empty if
    nothing does; and the first row that does. The last two may hold rows: they are for no log."""

    pair: Pair | None
    text: str = field(default="", repr=False)
    difference: Difference | None = field(default=None, repr=False)


def compute_again(then: Then, runner: Runner, trigger: Trigger, salts: Salts) -> Again:
    """The voting's rows through the runner's bundle, committed with the salts of then.

    Raises `NotIsolatedError` where the bundle cannot be run here, `WorkflowError` where it cannot be loaded.
    """
    declaration = runner.declaration
    if then.declaration not in {None, encode(declaration.document())}:
        return Again(None, "the bundle declares something else than then")
    if wrong := _unlike(declaration, then):
        return Again(None, wrong)
    datasets = then.of("dataset")
    inputs = commit_inputs(declaration, datasets, salts)
    if inputs.root != then.pair.input_root:
        why = "the rows do not give the input root of then: the rows or the data key were changed"
        return Again(Pair(inputs.root, then.pair.result_root), why)
    try:
        outcome = runner.run(datasets, trigger.window)
    except NotIsolatedError:
        raise
    except RunnerError as error:
        return Again(None, f"then there was a result, now there is none: {error}")
    # What it consumed stands in no dataset: which votings they were is the manifest's word of then.
    parents = Manifest.parse(then.manifest).parents
    result = commit_result(declaration, runner.bundle, trigger, outcome, salts, parents)
    pair = Pair(inputs.root, result.root)
    if pair == then.pair:
        return Again(pair)
    difference = _first_row(declaration, then, outcome)
    if difference is not None:
        return Again(pair, difference.text(), difference)
    return Again(pair, _manifests(then.manifest, encode(result.manifest.document())))


def _unlike(declaration: Declaration, then: Then) -> str:
    """Which dataset or table was not there then, or is not declared; empty if all are there and no others."""
    declared: set[tuple[Kind, str]] = {("dataset", each.name) for each in declaration.datasets}
    declared |= {("table", each.name) for each in declaration.tables}
    for kind, name in sorted(declared ^ then.frames.keys()):
        what = "is not declared by the bundle" if (kind, name) in then.frames else "is missing"
        return f"{kind} {name} {what}"
    return ""


def _first_row(declaration: Declaration, then: Then, outcome: Outcome) -> Difference | None:
    tables = then.of("table")
    found = (
        first_difference("table", table.name, table.schema, tables[table.name], outcome.tables[table.name])
        for table in declaration.tables
    )
    return next((difference for difference in found if difference is not None), None)


def _manifests(then: bytes, now: bytes) -> str:
    """What differs between two manifests: of the summary its first name, else the manifest's."""
    one, two = decode(then), decode(now)
    for part in sorted(one):
        if one[part] == two[part]:
            continue
        if part != "summary":
            return f"the manifest differs in {part}"
        name = min(
            key for key in one[part].keys() | two[part].keys() if one[part].get(key) != two[part].get(key)
        )
        return f"summary, {name}: {one[part].get(name)!r}, then {two[part].get(name)!r}"
    return "the rows do not give the result root of then: the rows or the data key were changed"
