"""`worknet workflow new`: a folder to begin with, which runs, is tested and simulated as it stands."""

import json
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from worknet.protocol.canonical import to_hex
from worknet.testing.new_folder import new_folder
from worknet.workflow import Every, WorkflowError
from worknet.workflow.folder import read_bundle

DELAY = 60
"""Seconds after a slot's end at which a new workflow's votings are due."""


def new_workflow(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The new workflow's folder.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The workflow's name; default: the folder's.")
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="DURATION", help="A voting for each slot so long: 15m, 1h, 1d; default: 1h."
        ),
    ] = None,
    event: Annotated[
        bool, typer.Option("--event", help="A voting for each message of a broker, in place of slots.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a folder with a small workflow, its sample data and its tests, ready to run, check and simulate.

    Change one thing after the other, and run its tests in between. A folder with something in it is refused.
    """
    if event and every is not None:
        raise WorkflowError("--every and --event: a workflow votes on slots or on events", "choose one")
    trigger = None if event else Every(_seconds(every or "1h"), DELAY)
    chosen = re.sub(r"\W", "_", folder.absolute().name.lower()) if name is None else name
    files = new_folder(folder, chosen, trigger)
    digest = to_hex(read_bundle(folder).digest)
    if as_json:
        document = {"folder": str(folder), "workflow": chosen, "files": files, "digest": digest}
        typer.echo(json.dumps(document))
        return
    typer.echo(f"{folder}: the workflow {chosen}, with sample data and tests")
    for file in files:
        typer.echo(f"  {file}")
    place = shlex.quote(str(folder))
    typer.echo(f"run it: worknet workflow run {place} --out result")
    typer.echo(f"test it: pytest {place}")
    typer.echo(f"simulate it: worknet simulate {place} --workers 5 --votings 20")


def _seconds(text: str) -> int:
    """The length of a slot; a number alone is seconds."""
    from pydantic import TypeAdapter, ValidationError

    from worknet.config.values import Duration

    hint = 'write "90s", "15m", "1h" or "1d"'
    try:
        seconds: int = TypeAdapter(Duration).validate_python(int(text) if text.isdecimal() else text)
    except ValidationError:
        raise WorkflowError(f"--every {text}: not the length of a slot", hint) from None
    if not seconds:
        raise WorkflowError(f"--every {text}: a slot of no length", hint)
    return seconds
