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

from worknet.cli.options import address
from worknet.node.creation import create_node
from worknet.node.setup import opened_worker
from worknet.protocol.canonical import to_hex

app = typer.Typer(no_args_is_help=True, add_completion=False)

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
    company = address("--operator", operator)
    made = create_node(folder, name, network, rpc, allow_unisolated=allow_unisolated)
    if as_json:
        document = {
            "config": str(folder / "node.toml"),
            "operator": to_hex(company),
            "worker": to_hex(made.address),
            "encryption_key": to_hex(made.encryption_key),
            "data_keys": [str(file) for file in made.data_keys],
        }
        typer.echo(json.dumps(document))
        return
    typer.echo(
        f"made the worker {to_hex(made.address)}; say where its data comes from: {folder / 'node.toml'}"
    )
    for file in made.data_keys:
        typer.echo(f"still to come from the owner: the members' data key, into {file}")
    typer.echo("it pays for its transactions: send it some of the chain's currency")
    typer.echo("what the owner runs to enrol it:")
    typer.echo(
        f"  worknet network enrol {shlex.quote(network.name)} --operator {to_hex(company)} "
        f"--worker {to_hex(made.address)} --encryption-key {to_hex(made.encryption_key)} "
        "--keystore owner.json --password-file owner.password"
    )


@app.command("run")
def run_node(
    config: Annotated[Path, typer.Argument(metavar="NODE_TOML", help="The worker's configuration.")],
    parent: Annotated[
        int | None, typer.Option(hidden=True, help="Stop when the process with this id is not the parent.")
    ] = None,
) -> None:
    """Run a worker until it is told to stop (SIGTERM or Ctrl-C); its log goes to standard output.

    A worker that was stopped, or died, goes on where it was when it is started again.
    """
    _log_lines()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if parent is not None:
        threading.Thread(target=_stop_without, args=(parent, stop), daemon=True).start()
    log = structlog.get_logger()
    with opened_worker(config) as worker:
        log.info("worker.started", config=str(config))
        worker.run(stop)
    log.info("worker.stopped")
    # Threads that still wait for a slow source would keep the process for as long as its timeouts.
    sys.stdout.flush()
    os._exit(0)


def _log_lines() -> None:
    """One JSON object for each event."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(),
        ],
        cache_logger_on_first_use=True,
    )


def _stop_without(parent: int, stop: threading.Event) -> None:
    while not stop.wait(PARENT_CHECK_SECONDS):
        if os.getppid() != parent:
            stop.set()
            # It may wait long for a chain or a source that ended too. What must survive is on disk.
            time.sleep(ORPHAN_SECONDS)
            os._exit(0)
