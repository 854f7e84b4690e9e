"""`worknet up`: a whole local network from one command."""

import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from worknet.network.folder import NetworkFolder
from worknet.network.local import LocalNetwork
from worknet.network.processes import end_of

POLL_SECONDS = 0.5


def up(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The network's folder, as `worknet demo` writes one.")
    ],
) -> None:
    """Start a local network - chain, services, a process for each worker - and keep it up until Ctrl-C.

    What was deployed and recorded before is found again; what is missing on chain is made first.
    """
    # Both set: a shell starts background jobs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with LocalNetwork(NetworkFolder(folder)) as network:
        try:
            network.start(typer.echo)
            typer.echo("up; Ctrl-C stops everything")
            while True:
                for process in network.ended():
                    error = end_of(process)
                    typer.echo(f"{error} ({error.hint})", err=True)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            typer.echo("stopping")
