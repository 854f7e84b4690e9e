"""`worknet simulate`: a whole network of a workflow in this process, with the faults that are asked for."""

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from worknet.cli.dataset_files import DatasetFiles, dataset_files
from worknet.cli.failures import REFUSED
from worknet.protocol.policy import DENOMINATOR_BOUND
from worknet.protocol.words import MAX_WORKERS, MIN_WORKERS, Ballots, Fallback
from worknet.testing.datasets import desk_data
from worknet.testing.errors import SimulationError
from worknet.testing.faults import Faults
from worknet.testing.inline import InlineRunner
from worknet.testing.run import Setup
from worknet.testing.stretches import play
from worknet.workflow.folder import read_bundle


class BallotsChoice(StrEnum):
    """How the workers vote."""

    SEALED = "sealed"
    OPEN = "open"


class FallbackChoice(StrEnum):
    """What happens when attempt 2 fails."""

    ALERT = "alert"
    PLURALITY = "plurality"
    FAILOVER = "failover"
    FAILOVER_THEN_PLURALITY = "failover_then_plurality"


def simulate_network(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The workflow folder, with workflow.py in it.")
    ],
    workers: Annotated[
        int, typer.Option("--workers", min=MIN_WORKERS, max=MAX_WORKERS, help="How many active workers.")
    ] = 7,
    standbys: Annotated[
        int,
        typer.Option("--standbys", min=0, max=MAX_WORKERS, help="How many more, who vote in attempt 3 only."),
    ] = 2,
    faults: Annotated[
        str,
        typer.Option(
            "--faults",
            metavar="LIST",
            help='What goes wrong, such as "late:1,silent:1,wrong:1,copy:1,equivocate:1,withhold:1,skew:2s,'
            'partition:2|5,crash:p=0.01". Standbys are honest.',
        ),
    ] = "",
    votings: Annotated[int, typer.Option("--votings", min=1, help="How many votings.")] = 10,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="All chance comes from it: the same seed, the same report.")
    ] = 1,
    confirmations: Annotated[
        int,
        typer.Option(
            "--confirmations", min=0, max=64, help="How many blocks workers wait before they believe one."
        ),
    ] = 0,
    ballots: Annotated[BallotsChoice, typer.Option("--ballots", help="How they vote.")] = (
        BallotsChoice.SEALED
    ),
    threshold: Annotated[
        str,
        typer.Option(
            "--threshold",
            metavar="NUM/DEN",
            help="The part of the members that must agree; never less than a majority.",
        ),
    ] = "majority",
    fallback: Annotated[
        FallbackChoice, typer.Option("--fallback", help="What happens when attempt 2 fails.")
    ] = FallbackChoice.FAILOVER_THEN_PLURALITY,
    dataset: DatasetFiles = None,
    isolate: Annotated[
        bool,
        typer.Option("--isolate", help="Run the workflow in processes of their own, as a node does."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Simulate a network on this machine: real workers and the real contract, virtual time, chosen faults.

    The report tells what came of the votings and every promise that was broken. `seconds` apart, it is the
    same for the same seed. Exit codes: 0 every promise was kept; 1 some were broken; 2 the command line, the
    folder or a file cannot be used.
    """
    begun = time.monotonic()
    asked = Faults.parse(faults)
    asked.check(workers)
    if workers + standbys > MAX_WORKERS:
        raise SimulationError(
            f"{workers} workers and {standbys} standbys are too many",
            hint=f"a network has {MAX_WORKERS} workers at the most, standbys among them",
        )
    given = dataset_files(dataset or [])
    part = _threshold(threshold)
    bundle = read_bundle(folder)
    with InlineRunner(bundle) as runner:
        data = desk_data(folder, runner.declaration, given, seed)
    setup = Setup(
        bundle=bundle,
        data=data.frames,
        workers=workers,
        standbys=standbys,
        votings=votings,
        seed=seed,
        faults=asked,
        ballots=Ballots[ballots.name],
        threshold=part,
        fallback=Fallback[fallback.name],
        confirmations=confirmations,
        isolate=isolate,
    )
    found = play(setup)
    seconds = round(time.monotonic() - begun, 1)
    if as_json:
        typer.echo(json.dumps({**found.document(), "data": dict(data.origin), "seconds": seconds}))
    else:
        typer.echo(found.text())
        typer.echo(f"{'seconds':<18}{seconds}")
    if found.violations:
        raise typer.Exit(REFUSED)


def _threshold(text: str) -> tuple[int, int]:
    """The part of the members that must agree; 0/1 is the simple majority."""
    if text == "majority":
        return 0, 1
    num, slash, den = text.partition("/")
    if slash and num.isascii() and num.isdigit() and den.isascii() and den.isdigit():
        part = int(num), int(den)
        if 0 < part[1] < DENOMINATOR_BOUND and part[0] <= part[1]:
            return part
    raise SimulationError(f"--threshold {text}: no part of the members", hint="such as 2/3, or majority")
