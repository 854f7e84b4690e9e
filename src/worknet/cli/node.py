"""`worknet node`: what an operator does with a worker."""

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import structlog
import typer

from worknet.node.setup import opened_worker

app = typer.Typer(no_args_is_help=True, add_completion=False)

PARENT_CHECK_SECONDS = 0.5


@app.callback()
def group() -> None:
    """What an operator does with a worker."""


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
