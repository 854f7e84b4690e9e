"""`worknet init`: a local network for one's own workflow, ready for `worknet up`."""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from worknet.chain.development import choose_engine
from worknet.network.errors import NetworkError
from worknet.network.folder import create
from worknet.network.planning import Wish, plan
from worknet.protocol.times import TimeError, parse_time
from worknet.protocol.words import MAX_WORKERS, MIN_WORKERS


class BallotsChoice(StrEnum):
    """How the workers vote."""

    SEALED = "sealed"
    OPEN = "open"


class ChainChoice(StrEnum):
    """Which development chain; auto is anvil where it is installed."""

    AUTO = "auto"
    ANVIL = "anvil"
    BUILTIN = "builtin"


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new network's folder.")],
    workflow: Annotated[Path, typer.Option("--workflow", metavar="FOLDER", help="The workflow folder.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            metavar="NAME=PATH_OR_URL",
            help="Where a dataset comes from: a CSV or Parquet file, or an HTTP address that answers in "
            "JSON. {start} and {end} in it are the window's, also as {start:%Y-%m-%d}. Once for each; "
            "default: the sample data in the workflow's tests/data, where it has no times.",
        ),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            "--time-column",
            metavar="NAME",
            help="In files without {start}: the column with each row's time, by which windows are cut out.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", min=MIN_WORKERS, max=MAX_WORKERS, help="How many companies.")
    ] = 3,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="TIME",
            help="Start of the first slot to vote on, in UTC, such as 2026-01-01T00:00:00Z; default: the "
            "slot that goes on now. All slots since a time in the past are due at once.",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="For recorded data: the chain begins as if it were this time (genesis_time in local.toml), "
            "so that the slots from --start to it are due at once, and later ones as time goes on.",
        ),
    ] = None,
    ballots: Annotated[BallotsChoice, typer.Option("--ballots", help="How they vote.")] = (
        BallotsChoice.SEALED
    ),
    chain: Annotated[ChainChoice, typer.Option("--chain", help="Which development chain.")] = (
        ChainChoice.AUTO
    ),
    allow_unisolated: Annotated[
        bool,
        typer.Option("--allow-unisolated", help="Run the workflow even where its network cannot be cut."),
    ] = False,
) -> None:
    """Write a local network for a workflow: configuration and fresh keys of an owner and some companies.

    All companies read the same data here. `worknet up DIR` then starts it. Access tokens, other names of
    columns and the like are written into nodes/*/node.toml before that.
    """
    wish = Wish(
        workflow=workflow,
        datasets=_datasets(dataset or []),
        workers=workers,
        ballots=ballots.value,
        chain_kind=choose_engine(folder / "chain", chain.value),
        time_column=time_column,
        start=_time("--start", start),
        until=_time("--until", until),
        allow_unisolated=allow_unisolated,
    )
    network = create(folder, plan(wish))
    typer.echo(f"{network.network_file}: {workers} companies, configuration and keys beside it")
    typer.echo(f"start it: worknet up {shlex.quote(str(folder))}")


def _datasets(given: list[str]) -> dict[str, str]:
    datasets: dict[str, str] = {}
    for option in given:
        name, separator, place = option.partition("=")
        # What stands there may hold an access token: it is not repeated.
        if not separator or not place:
            raise NetworkError("a --dataset is not NAME=PATH_OR_URL", hint="--dataset NAME=data/{start}.csv")
        if name in datasets:
            raise NetworkError(f"--dataset {name}: given twice")
        datasets[name] = place
    return datasets


def _time(option: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_time(text)
    except TimeError as error:
        raise NetworkError(f"{option} {text}: {error}", hint="write it in UTC with Z at the end") from None
