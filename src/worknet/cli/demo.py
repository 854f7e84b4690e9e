"""`worknet demo`: what the demo tells while it plays, and how it ends."""

import json
import signal
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from worknet.chain.development import choose_engine
from worknet.chain.development.anvil import find_anvil
from worknet.chain.errors import DevelopmentChainError
from worknet.cli.failures import REFUSED
from worknet.demo.companies import DemoPlan
from worknet.demo.story import PPM, Ending, play
from worknet.network.watch import WatchedVoting
from worknet.protocol.times import time_text

INTERRUPTED = 130


class BallotsChoice(StrEnum):
    """How the workers vote."""

    SEALED = "sealed"
    OPEN = "open"


class ChainChoice(StrEnum):
    """Which development chain is started."""

    AUTO = "auto"
    ANVIL = "anvil"
    BUILTIN = "builtin"


def demo(
    workers: Annotated[int, typer.Option(min=2, max=31, help="How many companies run a worker.")] = 3,
    hours: Annotated[int, typer.Option(min=1, max=168, help="How many recorded hours are replayed.")] = 24,
    ballots: Annotated[BallotsChoice, typer.Option(help="How the workers vote.")] = BallotsChoice.SEALED,
    chain: Annotated[
        ChainChoice, typer.Option(help="The development chain; auto: anvil if it is installed.")
    ] = ChainChoice.AUTO,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the network is made; an earlier demo goes.")
    ] = Path("demo-out"),
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one JSON object on a line of its own.")
    ] = False,
) -> None:
    """Play the whole product on this machine: companies agree hour by hour, and a stranger verifies.

    Exit codes: 0 all hours were agreed on and the proof was verified; 1 not so; 130 stopped by Ctrl-C.
    """
    # Both set: a shell starts background jobs with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    started = time.monotonic()
    console = Console(highlight=False, soft_wrap=True)
    engine = choose_engine(out / "none", chain.value)
    if engine == "anvil" and find_anvil() is None:
        raise DevelopmentChainError("anvil was not found", hint="install it, or leave --chain out")
    plan = DemoPlan(workers, hours, ballots.value, engine)
    try:
        with _bar(console) as bar:
            task = bar.add_task("hours agreed on", total=hours)

            def progress(votings: Sequence[WatchedVoting]) -> None:
                bar.update(task, completed=sum(voting.has_ended for voting in votings))

            ending = play(out, plan, lambda step: console.print(f"· {step}", markup=False), progress)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        raise typer.Exit(INTERRUPTED) from None
    seconds = time.monotonic() - started
    _tell(console, ending, seconds)
    if as_json:
        sys.stdout.write(json.dumps(_document(ending, round(seconds, 1))) + "\n")
    if not ending.verified or ending.consensus < hours:
        raise typer.Exit(REFUSED)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _tell(console: Console, ending: Ending, seconds: float) -> None:
    table = Table(title="Votings", title_justify="left")
    for heading in ("hour", "outcome", "attempt", "ballots", "position in the log"):
        table.add_column(heading, justify="left" if heading in {"hour", "outcome"} else "right")
    for voting in ending.votings:
        position = "-" if voting.position is None else str(voting.position)
        counted = f"{voting.ballots} of {voting.n}"
        start = "-" if voting.window is None else time_text(voting.window.start)
        table.add_row(start, voting.state.name.lower(), str(voting.attempt), counted, position)
    console.print(table)
    console.print(f"Matched hour by hour:       {_percent(ending.hourly_score)} of the consumption was green")
    console.print(
        f"The same as a yearly total: {_percent(ending.annual_score)}, which is what is published today"
    )
    console.print(f"\nThe log holds {ending.log_size} records; its tree head is {ending.head}")
    if ending.customer:
        values = ", ".join(f"{name} {value}" for name, value in ending.customer["values"].items())
        console.print(f"One customer's row: {values}", markup=False)
        outcome = (
            "verified offline (level 1) and against the chain (level 3)" if ending.verified else "REFUSED"
        )
        console.print(f"Its proof, {ending.evidence}, was {outcome}")
    folder = ending.folder
    console.print(
        f"""
Everything lies in {folder.path}:
  network.toml            the network that all members share
  nodes/NAME/             a company: node.toml, keys, journal and index, node.log
  chain/                  the development chain
  published/              the results, for everybody
  evidence.json           the customer's proof
Try:
  worknet verify {ending.evidence} --head {ending.head}
  worknet up {folder.path}
Took {seconds:.1f} s.""",
        markup=False,
    )


def _percent(ppm: int) -> str:
    return f"{ppm * 100 // PPM}.{ppm * 1000 // PPM % 10} %"


def _document(ending: Ending, seconds: float) -> dict[str, object]:
    return {
        "votings": len(ending.votings),
        "consensus": ending.consensus,
        "verified": ending.verified,
        "log_size": ending.log_size,
        "hourly_score": ending.hourly_score,
        "annual_score": ending.annual_score,
        "evidence": str(ending.evidence),
        "head": ending.head,
        "seconds": seconds,
        "folder": str(ending.folder.path),
        "customer": ending.customer,
        "checked": list(ending.checks),
    }
