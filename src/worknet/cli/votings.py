"""`worknet votings` and `worknet prove`: what a worker tells of the votings that it took part in."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from worknet.cli.naming import AnyVoting, voting_named
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.listing import VotingLine, list_votings
from worknet.node.prove import Prover, Selection
from worknet.node.setup import opened
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.times import time_text
from worknet.verify import parse, verify

Config = Annotated[Path, typer.Argument(metavar="NODE_TOML", help="The worker's configuration.")]


def votings(
    config: Config,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each voting.")] = False,
) -> None:
    """List the votings of a worker's workflows: how they stand, and the worker's part in them."""
    with opened(config) as access:
        names = {workflow_id(name): name for name in access.config.workflows}
        me = next((member.index for member in access.index.members() if member.worker == access.worker), None)
        for line in list_votings(access.index, access.journal, names, me, access.now):
            typer.echo(json.dumps(_document(line)) if as_json else _text(line))


def prove(
    config: Config,
    voting: AnyVoting,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the evidence is written.")],
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="Disclose a row of this result table.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Disclose a row of this input dataset.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="COLUMN=VALUE", help="The row's key; once for each column of it."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field", metavar="COLUMN", help="Show only this field, where fields can be shown alone."
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Prove against the tree head of so many records; default: the newest."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write evidence of a recorded result, with one row if a table or dataset is named.

    Whoever gets the file can check it with `worknet verify`. It discloses the manifest and that row only.
    """
    selection = _selection(table, dataset, key or [], tuple(field or ()))
    with opened(config) as access:
        voting_id, _ = voting_named(access.network, access.client, access.index, voting)
        record = access.index.record_of(voting_id)
        if record is None:
            raise UnknownVoting(
                f"voting {to_hex(voting_id)} has no record", hint="`worknet votings` lists all"
            )
        prover = Prover(access.index, access.journal, access.config.data_key)
        evidence = prover.evidence(record, selection, size)
    content = evidence.to_bytes()
    verify(parse(content), evidence.head)
    write_whole(out, content)
    told = {"evidence": str(out), "head": str(evidence.head), "position": record.position}
    typer.echo(json.dumps(told) if as_json else f"{out}: evidence against the tree head {evidence.head}")


def _selection(
    table: str | None, dataset: str | None, key: list[str], fields: tuple[str, ...]
) -> Selection | None:
    if table is not None and dataset is not None:
        raise RequestError("a row is of a table or of a dataset", hint="give --table or --dataset")
    name = table if table is not None else dataset
    if name is None:
        if key or fields:
            raise RequestError("a key without a table", hint="give --table or --dataset too")
        return None
    pairs: dict[str, str] = {}
    for text in key:
        column, equals, value = text.partition("=")
        if not equals:
            raise RequestError(f"{text!r} is no key", hint="write --key COLUMN=VALUE")
        pairs[column] = value
    return Selection("table" if table is not None else "dataset", name, pairs, fields)


def write_whole(path: Path, content: bytes) -> None:
    """Writes the file whole or not at all, for its owner's eyes only."""
    part = path.with_name(path.name + ".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        part.replace(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror}") from None


def _document(line: VotingLine) -> dict[str, Any]:
    window = line.trigger.window
    return {
        "voting": to_hex(line.voting_id),
        "workflow": line.workflow,
        "trigger": to_hex(line.trigger.trigger_id),
        "start": time_text(window.start) if window else None,
        "end": time_text(window.end) if window else None,
        "state": line.state.name.lower(),
        "attempt": line.attempt,
        "ballots": line.ballots,
        "n": line.n,
        "needed": line.needed,
        "position": line.position,
        "part": line.part or "",
        "causes": list(line.causes),
        "summary": line.summary,
    }


def _text(line: VotingLine) -> str:
    position = "" if line.position is None else f", position {line.position}"
    part = f", this worker {line.part}" if line.part else ""
    count = f"{line.ballots} of {line.n} ballots"
    window = line.trigger.window
    # In full, so that it can be given to `prove`; with it the event's trigger id, which logs name.
    event = f"{line.workflow} {to_hex(line.voting_id)} of event {to_hex(line.trigger.trigger_id)}"
    name = f"{line.workflow}@{time_text(window.start)}" if window else event
    return f"{name}  {line.state.name.lower()}, attempt {line.attempt}, {count}{position}{part}"
