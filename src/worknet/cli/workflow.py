"""`worknet workflow`: what the author of a workflow does on a desk, without network, chain or node."""

import json
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from worknet.cli.check import check_workflow
from worknet.cli.dataset_files import dataset_files
from worknet.cli.failures import REFUSED, report, warn
from worknet.cli.new_workflow import new_workflow
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.ids import Trigger
from worknet.protocol.tables import Salter
from worknet.protocol.times import time_text
from worknet.tables import read_table, write_csv
from worknet.testing.datasets import MADE_UP, desk_data, desk_trigger
from worknet.workflow import Declaration, WorkflowError, runtime
from worknet.workflow.archive import SUFFIX, pack
from worknet.workflow.errors import FolderError, RunnerError, RuntimeMismatchError
from worknet.workflow.folder import RUNTIME, SAMPLES, Bundle, read_bundle
from worknet.workflow.process import Limits
from worknet.workflow.roots import CommittedInputs, CommittedResult, commit_inputs, commit_result
from worknet.workflow.runner import Outcome, Runner

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command("new")(new_workflow)
app.command("check")(check_workflow)

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
            "--dataset",
            metavar="NAME=FILE",
            help="A dataset's CSV or Parquet file; default: the sample data in tests/data.",
        ),
    ] = None,
    window: Annotated[
        str,
        typer.Option(
            "--window",
            metavar="START",
            help="Start of the window: a slot of the trigger, in UTC; no event's.",
        ),
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
            trigger = desk_trigger(declaration, window)
            frames = _read_datasets(folder, declaration, trigger, dataset or [])
            _clear(out, declaration)
            outcome = runner.run(frames, trigger.window)
    except RunnerError as error:
        report(error)
        if error.stderr:
            _write(out, {STDERR: error.stderr.encode()})
            warn(f"what the run printed stands in {out / STDERR}")
        raise typer.Exit(REFUSED) from None
    inputs = commit_inputs(declaration, frames, DESK)
    result = commit_result(declaration, bundle, trigger, outcome, DESK)
    roots = _roots(declaration, bundle, trigger, inputs, result)
    _write(out, _files(declaration, outcome, roots))
    if as_json:
        typer.echo(json.dumps({"out": str(out), **roots, "summary": outcome.summary}))
        return
    _show(declaration, frames, outcome, roots, out)


@app.command("digest")
def show_digest(folder: Folder, as_json: AsJson = False) -> None:
    """Show the digest that a policy pins and the files that it covers, each with its size in bytes.

    The digest stands alone on the first line. Warns if a node here would not run the bundle.
    """
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
            "sizes": {path: len(content) for path, content in sorted(bundle.files.items())},
            "runtime": problem or "fits",
        }
        typer.echo(json.dumps(document))
        return
    typer.echo(to_hex(bundle.digest))
    for path, content in sorted(bundle.files.items()):
        typer.echo(f"{len(content):>12}  {path}")
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


@app.command("pack")
def pack_workflow(
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The archive; default: DIGEST.tar.gz, here."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the bundle as an archive, named by its digest, that nodes fetch from a folder or an address.

    Tests and hidden files are left out. Equal bundles give equal archives.
    """
    bundle = read_bundle(folder)
    file = out or Path(f"{bundle.digest.hex()}{SUFFIX}")
    content = pack(bundle)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise _unwritable(file, error) from None
    document = {"digest": to_hex(bundle.digest), "file": str(file), "bytes": len(content)}
    typer.echo(json.dumps(document) if as_json else f"{to_hex(bundle.digest)}\n{file}")


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


def _read_datasets(
    folder: Path, declaration: Declaration, trigger: Trigger, given: list[str]
) -> dict[str, pl.DataFrame]:
    """The datasets from `NAME=FILE` options, else from the folder's sample data, moved into the window."""
    frames: dict[str, pl.DataFrame] = {}
    for name, file in dataset_files(given).items():
        frames[name] = read_table(file, name, declaration.dataset(name).schema)
    missing = [dataset.name for dataset in declaration.datasets if dataset.name not in frames]
    if not missing:
        return frames
    desk = desk_data(folder, declaration)
    for name in missing:
        if desk.origin[name] == MADE_UP:
            hint = f"add --dataset {name}=FILE, or sample data as {folder / SAMPLES / name}.csv"
            raise WorkflowError(f"no file is given for the dataset {name}", hint)
    return {**desk.frames(trigger), **frames}


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
    declaration: Declaration,
    bundle: Bundle,
    trigger: Trigger,
    inputs: CommittedInputs,
    result: CommittedResult,
) -> dict[str, Any]:
    window = trigger.window
    return {
        "kind": "desk",
        "note": DESK_NOTE,
        "workflow": declaration.name,
        "bundle": to_hex(bundle.digest),
        "window": window and {"start": time_text(window.start), "end": time_text(window.end)},
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
    if roots["window"]:
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
