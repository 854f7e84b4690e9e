"""`worknet node`: what an operator does with a worker."""

import json
import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import structlog
import typer

from worknet import __version__
from worknet.cli.failures import report
from worknet.cli.node_status import status
from worknet.config import NodeConfig
from worknet.node.assembly import opened_worker
from worknet.node.creation import create_node
from worknet.node.errors import JournalError, NodeError
from worknet.node.operations.logs import open_log
from worknet.node.worker import Worker
from worknet.protocol.addresses import AddressError, read_address
from worknet.protocol.canonical import to_hex

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command("status")(status)

RECURSION_LIMIT = 1000
"""Python's own: an answer that is nested without end is then an error, and does not end the process."""
PARENT_CHECK_SECONDS = 0.5
ORPHAN_SECONDS = 2.0
"""How long a worker without its parent may take to stop in order."""


@app.command("init")
def init_node(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new worker's folder.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What you call the worker.")],
    network: Annotated[
        Path,
        typer.Option(
            "--network", metavar="NETWORK_TOML", help="The network's file, with its workflows' folders."
        ),
    ],
    operator: Annotated[
        str,
        typer.Option("--operator", metavar="ADDRESS", help="The company's account: 0x and 40 digits."),
    ],
    rpc: Annotated[str, typer.Option("--rpc", metavar="URL", help="A JSON-RPC of the chain that you trust.")],
    allow_unisolated: Annotated[
        bool,
        typer.Option("--allow-unisolated", help="Run workflows even where their network cannot be cut."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a worker's keys and the beginning of its node.toml; say what the owner needs to enrol it.

    Nothing is sent. The members' data key comes from the owner; where the datasets come from is for the
    operator to write into node.toml.
    """
    company = _account(operator)
    made = create_node(folder, name, network, rpc, allow_unisolated=allow_unisolated)
    if as_json:
        document = {
            "config": str(folder / "node.toml"),
            "operator": to_hex(company),
            "worker": to_hex(made.address),
            "encryption_key": to_hex(made.encryption_key),
            "data_keys": [str(file) for file in made.data_keys],
            "trigger_key": made.trigger_key and str(made.trigger_key),
        }
        typer.echo(json.dumps(document))
        return
    typer.echo(
        f"made the worker {to_hex(made.address)}; say where its data comes from: {folder / 'node.toml'}"
    )
    for file in made.data_keys:
        typer.echo(f"still to come from the owner: the members' data key, into {file}")
    if made.trigger_key:
        typer.echo(f"still to come from the owner: the members' trigger key, into {made.trigger_key}")
    typer.echo("it pays for its transactions: send it some of the chain's currency")
    typer.echo("what the owner runs to enrol it:")
    typer.echo(
        f"  worknet network enrol {shlex.quote(network.name)} --operator {to_hex(company)} "
        f"--worker {to_hex(made.address)} --encryption-key {to_hex(made.encryption_key)} "
        "--keystore owner.json --password-file owner.password"
    )


def _account(operator: str) -> bytes:
    try:
        return read_address(operator)
    except AddressError as error:
        raise NodeError(f"--operator {operator}: {error}", hint=error.hint) from None


@app.command("run")
def run_node(
    config: Annotated[Path, typer.Argument(metavar="NODE_TOML", help="The worker's configuration.")],
    parent: Annotated[
        int | None, typer.Option(hidden=True, help="Stop when the process with this id is not the parent.")
    ] = None,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="Go on with a key whose last worker is lost together with its journal: wait a minute for a "
            "sign of life of it, then vote.",
        ),
    ] = False,
) -> None:
    """Run a worker until it is told to stop (SIGTERM or Ctrl-C); its log goes to standard output, or a file.

    It then begins nothing new and finishes what it cast, as long as `stop_within` in node.toml allows; a
    second signal stops it at once. A worker that was stopped, or died, goes on where it was when it is
    started again. Exit codes: 0 stopped in order; 2 it cannot start, or not go on; 3 another worker votes
    with the same key, so that it must not be started again by itself.
    """
    # eth-account's libraries raise it so far that Python's JSON decoder crashes before it is reached.
    sys.setrecursionlimit(RECURSION_LIMIT)
    lines = open_log(NodeConfig.load(config))
    lines.use()
    stop, at_once = threading.Event(), threading.Event()

    def be_told(*_: object) -> None:
        (at_once if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, be_told)
    if parent is not None:
        threading.Thread(target=_stop_without, args=(parent, stop), daemon=True).start()
    log = structlog.get_logger()
    with opened_worker(config, lines, take_over=take_over) as worker:
        log.info("worker.started", config=str(config), version=__version__)
        code = _work(worker, stop, at_once)
    # Threads that still wait for a slow source would keep the process for as long as its timeouts.
    sys.stdout.flush()
    os._exit(code)


def _work(worker: Worker, stop: threading.Event, at_once: threading.Event) -> int:
    """Runs the worker to its end, whatever that is; returns the exit code."""
    log = structlog.get_logger()
    try:
        worker.run(stop, at_once)
    except Exception as error:  # noqa: BLE001 - as in `main`: whatever comes here becomes one line
        if isinstance(error, JournalError):
            # Without its traceback, which may quote what was to be written.
            log.error("worker.journal_failed", error=str(error), hint=error.hint)  # noqa: TRY400 - as said
        return report(error)
    log.info("worker.stopped")
    return 0


def _stop_without(parent: int, stop: threading.Event) -> None:
    while not stop.wait(PARENT_CHECK_SECONDS):
        if os.getppid() != parent:
            stop.set()
            # It may wait long for a chain or a source that ended too. What must survive is on disk.
            time.sleep(ORPHAN_SECONDS)
            os._exit(0)
