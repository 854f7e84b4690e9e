"""`worknet workflow check`: whether a workflow gives the same result everywhere, and where it does not."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from worknet.cli.dataset_files import DatasetFiles, dataset_files
from worknet.cli.failures import REFUSED, warn
from worknet.protocol.ids import Trigger
from worknet.testing.datasets import DeskData, desk_data, desk_trigger
from worknet.workflow import Declaration, runtime
from worknet.workflow.determinism.check import LIMITS, NoResultError, Report, check
from worknet.workflow.determinism.variations import RUNS
from worknet.workflow.errors import RuntimeMismatchError
from worknet.workflow.folder import read_bundle
from worknet.workflow.process import Limits


def check_workflow(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The workflow folder, with workflow.py in it.")
    ],
    dataset: DatasetFiles = None,
    window: Annotated[
        str,
        typer.Option(
            "--window",
            metavar="START",
            help="Start of the window: a slot of the trigger, in UTC; default: the first of 2026.",
        ),
    ] = "",
    runs: Annotated[int, typer.Option("--runs", min=2, max=1000, help="How many runs.")] = RUNS,
    seconds: Annotated[float, typer.Option(min=0.1, help="Limit on each run's time.")] = LIMITS.wall_seconds,
    allow_unisolated: Annotated[
        bool, typer.Option("--allow-unisolated", help="Run even where the network cannot be cut.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for what makes workers differ: read the code, watch it run, run it often in other surroundings.

    Names the lines of code, and the first row that differs; rows are shown. Exit codes: 0 nothing was found
    (but warnings, maybe); 1 findings; 2 the command line, the folder or the data cannot be used.
    """
    began = time.monotonic()
    given = dataset_files(dataset or [])
    read: list[DeskData] = []

    def datasets(declaration: Declaration) -> tuple[Trigger, Mapping[str, pl.DataFrame]]:
        trigger = desk_trigger(declaration, window)
        read.append(desk_data(folder, declaration, given))
        return trigger, read[0].frames(trigger)

    limits = Limits(seconds, int(seconds) * 2 + 1, LIMITS.memory_bytes)
    bundle = read_bundle(folder)
    problem = hint = ""
    try:
        runtime.check(bundle)
    except RuntimeMismatchError as error:
        problem, hint = str(error), error.hint
    try:
        report = check(bundle, datasets, runs=runs, allow_unisolated=allow_unisolated, limits=limits)
    except NoResultError as error:
        for finding in error.findings:
            for line in finding.lines():
                typer.echo(line, err=True)
        raise
    origin = dict(read[0].origin) if read else {}
    if as_json:
        taken = round(time.monotonic() - began, 1)
        typer.echo(
            json.dumps(
                {**report.document(), "datasets": origin, "runtime": problem or "fits", "seconds": taken}
            )
        )
    else:
        _show(report, origin)
        if problem:
            warn(f"{problem}; a node would refuse this bundle", hint)
    if not report.is_fine:
        raise typer.Exit(REFUSED)


def _show(report: Report, origin: Mapping[str, str]) -> None:
    for finding in report.findings:
        for line in finding.lines():
            typer.echo(line)
    for one in report.differences:
        typer.echo(f"differs with: {one.variation}\n    {one.text}")
    if report.failure:
        warn(f"the workflow fails: {report.failure}")
    lines = [("workflow", f"{report.workflow or '(it does not load)'}, bundle {report.bundle}")]
    lines += [("dataset", f"{name}: {where}") for name, where in origin.items()]
    lines += [("run", f"{len(report.tried)} times: {'; '.join(report.tried)}")]
    lines += [("handlers", ", ".join(report.handlers))] if report.handlers else []
    lines += [("not tried", f"{what}: {why}") for what, why in report.not_tried.items()]
    certain = sum(finding.certain for finding in report.findings)
    told = (
        f"{certain} errors, {len(report.findings) - certain} warnings, {len(report.differences)} differences"
    )
    lines += [("found", "nothing" if report.is_fine and not report.findings else told)]
    for label, text in lines:
        typer.echo(f"{label:<10}{text}")
