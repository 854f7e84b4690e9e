"""The command `worknet`: finds the group that is asked for and imports only that one.

Groups are listed here with a line of help each, so that `worknet --help` imports neither Polars nor web3.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, NoReturn

import structlog
import typer

from worknet import __version__
from worknet.cli.failures import report


@dataclass(frozen=True)
class Entry:
    """Where a command is: a function, or a `typer.Typer` for a group, called `attribute` in the module."""

    module: str
    attribute: str
    help: str


ENTRIES = {
    "demo": Entry("worknet.cli.demo", "demo", "Play the whole product on this machine."),
    "workflow": Entry(
        "worknet.cli.workflow", "app", "Run a workflow on a desk; show its digest, pin its runtime."
    ),
    "simulate": Entry(
        "worknet.cli.simulate", "simulate_network", "Simulate a network of a workflow, with faults."
    ),
    "node": Entry("worknet.cli.node", "app", "Make a worker's keys and configuration; run and ask it."),
    "network": Entry("worknet.cli.network", "app", "Deploy, change and show a network, as its owner."),
    "init": Entry("worknet.cli.init", "init", "Write a local network for a workflow of one's own."),
    "up": Entry("worknet.cli.up", "up", "Start a whole local network and keep it up."),
    "rewards": Entry("worknet.cli.rewards", "app", "Show what workers earned; have it paid."),
    "report": Entry("worknet.cli.report", "app", "Sign what came of a voting; bring what enough signed."),
    "votings": Entry("worknet.cli.votings", "votings", "List the votings that a worker takes part in."),
    "voting": Entry("worknet.cli.voting", "app", "Show one voting: its attempts, and why it failed."),
    "prove": Entry("worknet.cli.prove", "prove", "Write evidence of a result, with what of it is disclosed."),
    "key": Entry("worknet.cli.key", "key", "Make a key to which members seal what they hand over."),
    "disclose": Entry(
        "worknet.cli.disclose", "disclose", "Hand all that stands behind a voting to an auditor, sealed."
    ),
    "replay": Entry("worknet.cli.replay", "replay", "Run a voting again from its inputs, and compare."),
    "verify": Entry("worknet.cli.verify", "verify", "Check a result without trusting who hands it over."),
    "audit": Entry("worknet.cli.audit", "audit_network", "Check a network's whole log, and what is new."),
}


def run(arguments: Sequence[str] | None = None) -> None:
    """The console script. Ends the process with one of the exit codes that `failures` documents."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    called = next((argument for argument in given if not argument.startswith("-")), None)
    _be_silent()
    try:
        typer.main.get_command(application(called))(given, prog_name="worknet")
    except Exception as error:  # noqa: BLE001 - the outermost frame: whatever comes here becomes one line
        sys.exit(report(error))


def _be_silent() -> None:
    """Nothing is logged where nobody reads a log: an error says what went wrong. `node run` has a log of its
    own."""
    structlog.configure(processors=[_drop])


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


def application(called: str | None) -> typer.Typer:
    """All commands by name and help; only the one called is imported and can run."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name, entry in ENTRIES.items():
        if name != called:
            app.command(name, help=entry.help)(_not_called)
            continue
        found = getattr(import_module(entry.module), entry.attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=entry.help)
        else:
            app.command(name)(found)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"worknet {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Networks of workers that agree on results computed from private data."""


def _not_called() -> None:
    """Stands for a command in the list of all."""
