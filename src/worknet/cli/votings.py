"""`worknet votings`: what a worker tells of the votings that it took part in."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from worknet.node.listing import VotingLine, list_votings
from worknet.node.setup import opened
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.times import time_text

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
