"""`worknet workflow`: what the author of a workflow does on a desk, without network, chain or node."""

import json
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from worknet.cli.failures import REFUSED, report, warn
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.ids import Slot
from worknet.protocol.tables import Salter
from worknet.protocol.times import TimeError, parse_time, time_text
from worknet.tables import read_table, write_csv
from worknet.workflow import Declaration, WorkflowError, runtime
from worknet.workflow.errors import FolderError, RunnerError, RuntimeMismatchError
from worknet.workflow.folder import RUNTIME, Bundle, read_bundle
from worknet.workflow.process import Limits
from worknet.workflow.roots import CommittedInputs, CommittedResult, commit_inputs, commit_result
from worknet.workflow.runner import Outcome, Runner

app = typer.Typer(no_args_is_help=True, add_completion=False)

DESK = Salter(data_key=bytes(32), voting_id=bytes(32), attempt=1)
STDERR = "stderr.txt"
DESK_NOTE = "salted with the all-zero desk key: equal inputs and code give equal roots, never those of a vote"

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The workflow folder, with workflow.py in it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("run")
def run_workflow(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the results are written.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset", metavar="NAME=FILE", help="A dataset's CSV or Parquet file; once for each."
        ),
    ] = None,
    window: Annotated[
        str,
        typer.Option("--window", metavar="START", help="Start of the window: a slot of the trigger, in UTC."),
    ] = "1970-01-01T00:00:00Z",
    seconds: Annotated[float, typer.Option(min=0.1, help="Limit on the run's time.")] = Limits.wall_seconds,
    memory: Annotated[int, typer.Option(min=640, help="Limit on the run's memory, in MiB.")] = (
        Limits.memory_bytes >> 20
    ),
    allow_unisolated: Annotated[
        bool, typer.Option("--allow-unisolated", help="Run even where the network cannot be cut.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a workflow on files; write its tables as DIR/NAME.csv, DIR/summary.json and DIR/roots.json.

    Exit codes: 0 done; 1 the workflow failed or refused its inputs; 2 the command line, the folder or a file
    cannot be used.
    """
    bundle = read_bundle(folder)
    try:
        runtime.check(bundle)
    except RuntimeMismatchError as error:
        warn(f"{error}; a node would refuse this bundle", error.hint)
    limits = Limits(wall_seconds=seconds, cpu_seconds=int(seconds) + 1, memory_bytes=memory << 20)
    try:
        with Runner(bundle, limits, allow_unisolated=allow_unisolated, any_runtime=True, waiting=1) as runner:
            declaration = runner.declaration
            slot = _slot(declaration, window)
            frames = _read_datasets(declaration, dataset or [])
            _clear(out, declaration)
            outcome = runner.run(frames, slot.window)
    except RunnerError as error:
        report(error)
        if error.stderr:
            _write(out, {STDERR: error.stderr.encode()})
            warn(f"what the run printed stands in {out / STDERR}")
        raise typer.Exit(REFUSED) from None
    inputs = commit_inputs(declaration, frames, DESK)
    result = commit_result(declaration, bundle, slot, outcome, DESK)
    roots = _roots(declaration, bundle, slot, inputs, result)
    _write(out, _files(declaration, outcome, roots))
    if as_json:
        typer.echo(json.dumps({"out": str(out), **roots, "summary": outcome.summary}))
        return
    _show(declaration, frames, outcome, roots, out)


@app.command("digest")
def show_digest(folder: Folder, as_json: AsJson = False) -> None:
    """Show the digest that a policy pins, and warn if a node here would not run the bundle."""
    bundle = read_bundle(folder)
    problem = hint = ""
    try:
        runtime.check(bundle)
    except RuntimeMismatchError as error:
        problem, hint = str(error), error.hint
    if as_json:
        document = {
            "digest": to_hex(bundle.digest),
            "files": sorted(bundle.files),
            "runtime": problem or "fits",
        }
        typer.echo(json.dumps(document))
        return
    typer.echo(to_hex(bundle.digest))
    if problem:
        warn(f"{problem}; a node would refuse this bundle", hint)


@app.command("lock")
def lock_runtime(
    folder: Folder,
    package: Annotated[
        list[str] | None,
        typer.Option("--package", metavar="NAME", help="A package to pin beside polars; may be repeated."),
    ] = None,
) -> None:
    """Write runtime.json, which pins the runner and the installed packages; show the new digest.

    Packages that it pins already stay pinned.
    """
    bundle = read_bundle(folder)
    pinned: set[str] = set(package or [])
    if RUNTIME in bundle.files:
        pinned |= runtime.pinned_packages(bundle).keys()
    content = runtime.lock(pinned)
    _write(folder, {RUNTIME: content})
    typer.echo(to_hex(Bundle({**bundle.files, RUNTIME: content}).digest))


def _clear(out: Path, declaration: Declaration) -> None:
    """Removes the results of an earlier run, so that none are there after one that fails."""
    for name in (
        *(f"{table.name}.csv" for table in declaration.tables),
        "summary.json",
        "roots.json",
        STDERR,
    ):
        try:
            (out / name).unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(out, error) from None


def _slot(declaration: Declaration, start: str) -> Slot:
    every = declaration.trigger.seconds
    try:
        time = parse_time(start)
    except TimeError as error:
        raise WorkflowError(f"--window {start}: {error}", "write it in UTC with Z at the end") from None
    slot = Slot.at(every, time)
    if slot.window.start != time:
        before, after = time_text(slot.window.start), time_text(slot.window.end)
        raise WorkflowError(
            f"--window {start}: no slot of the trigger (every {every} seconds) starts then",
            f"the nearest are {before} and {after}",
        )
    return slot


def _read_datasets(declaration: Declaration, given: list[str]) -> dict[str, pl.DataFrame]:
    """The datasets from `NAME=FILE` options; each declared one exactly once."""
    frames: dict[str, pl.DataFrame] = {}
    for option in given:
        name, separator, file = option.partition("=")
        if not separator or not file:
            raise WorkflowError(f"--dataset {option}: not NAME=FILE")
        dataset = declaration.dataset(name)
        if name in frames:
            raise WorkflowError(f"--dataset {name}: given twice")
        frames[name] = read_table(Path(file), name, dataset.schema)
    for dataset in declaration.datasets:
        if dataset.name not in frames:
            hint = f"add --dataset {dataset.name}=FILE"
            raise WorkflowError(f"no file is given for the dataset {dataset.name}", hint)
    return frames


def _files(declaration: Declaration, outcome: Outcome, roots: dict[str, Any]) -> dict[str, bytes]:
    """All files of a run by name; nothing is written before all of them can be."""
    files = {
        f"{table.name}.csv": write_csv(outcome.tables[table.name], table.name, table.schema)
        for table in declaration.tables
    }
    files["summary.json"] = encode(outcome.summary) + b"\n"
    files["roots.json"] = (json.dumps(roots, indent=2) + "\n").encode()
    if outcome.stderr:
        files["stderr.txt"] = outcome.stderr.encode()
    return files


def _roots(
    declaration: Declaration, bundle: Bundle, slot: Slot, inputs: CommittedInputs, result: CommittedResult
) -> dict[str, Any]:
    return {
        "kind": "desk",
        "note": DESK_NOTE,
        "workflow": declaration.name,
        "bundle": to_hex(bundle.digest),
        "window": {"start": time_text(slot.window.start), "end": time_text(slot.window.end)},
        "desk_input_root": to_hex(inputs.root),
        "desk_result_root": to_hex(result.root),
        "datasets": {
            name: {"rows": table.rows, "root": to_hex(table.root)} for name, table in inputs.datasets.items()
        },
        "tables": {
            name: {"rows": table.rows, "root": to_hex(table.root)} for name, table in result.tables.items()
        },
    }


def _write(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> FolderError:
    reason = (error.strerror or type(error).__name__).lower()
    return FolderError(f"{error.filename or folder}: cannot be written: {reason}")


def _show(
    declaration: Declaration,
    frames: dict[str, pl.DataFrame],
    outcome: Outcome,
    roots: dict[str, Any],
    out: Path,
) -> None:
    lines = [("workflow", f"{declaration.name}, bundle {roots['bundle']}")]
    lines += [("window", f"{roots['window']['start']} to {roots['window']['end']}")]
    lines += [("dataset", f"{name}: {frame.height} rows") for name, frame in frames.items()]
    lines += [
        ("table", f"{name}: {frame.height} rows in {out / name}.csv")
        for name, frame in outcome.tables.items()
    ]
    lines += [("summary", encode(outcome.summary).decode())]
    lines += [("desk input root", roots["desk_input_root"]), ("desk result root", roots["desk_result_root"])]
    for label, text in lines:
        typer.echo(f"{label:<18}{text}")
    typer.echo(f"{'':<18}({DESK_NOTE})")
