"""The plan of a local network for any workflow folder: its policy, and where its datasets come from.

What a plan is, and how it becomes files, stands in `folder`. The same data is named for every worker, as fits
a first look on one machine; a network of several companies has a node.toml of its own for each.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worknet.network.errors import NetworkError
from worknet.network.folder import NetworkPlan, Settings, WorkflowPlan
from worknet.network.local import free_port
from worknet.protocol.ids import Slot
from worknet.protocol.times import time_text
from worknet.sources import source_from
from worknet.workflow.declare import Dataset, Declaration
from worknet.workflow.errors import NotIsolatedError
from worknet.workflow.folder import read_bundle, sample_file
from worknet.workflow.runner import Runner

WINDOWS = {"cast_window": "60s", "reveal_window": "60s", "stall": "10m", "fallback": "alert"}


@dataclass(frozen=True)
class Wish:
    """What somebody says of a new local network; times in Unix seconds.

    `datasets` maps names to paths or addresses, which may hold `{start}` and `{end}`; one that is not named
    is the workflow's sample data, if that has no times. `time_column` tells the time of each row in files
    that hold several windows. The first voting is about the slot that begins at `start` (None: the one that
    goes on now). With `until`, it is that time on the chain when it begins, so that all slots from `start`
    to `until` are due at once.
    """

    workflow: Path
    datasets: Mapping[str, str]
    workers: int
    ballots: str
    chain_kind: str
    time_column: str | None = None
    start: int | None = None
    until: int | None = None
    allow_unisolated: bool = False


def plan(wish: Wish, now: int | None = None) -> NetworkPlan:
    """The plan that fulfils the wish; `now` is the time at which the chain begins unless it says another.

    Raises NetworkError, and what reading the workflow folder and its declaration raises.
    """
    bundle = read_bundle(wish.workflow)
    with Runner(bundle, allow_unisolated=wish.allow_unisolated, waiting=0) as runner:
        declaration = runner.declaration
    genesis, start = _times(wish, declaration, int(time.time()) if now is None else now)
    return NetworkPlan(
        name=declaration.name,
        members=[f"company-{number}" for number in range(1, wish.workers + 1)],
        workflow=WorkflowPlan(
            name=declaration.name,
            folder=wish.workflow,
            policy={"start": time_text(start), "threshold": "majority", "ballots": wish.ballots, **WINDOWS},
            datasets=_datasets(wish, declaration),
            is_public=declaration.public_summary,
        ),
        chain_kind=wish.chain_kind,
        chain_port=free_port(),
        genesis_time=genesis,
        allow_unisolated=wish.allow_unisolated,
    )


def why_not_isolated(workflow: Path) -> str:
    """Why runs of this workflow folder cannot be cut off the network on this machine; empty if they can."""
    with Runner(read_bundle(workflow), waiting=0) as runner:
        try:
            _ = runner.declaration
        except NotIsolatedError as error:
            return str(error)
    return ""


def _times(wish: Wish, declaration: Declaration, now: int) -> tuple[int, int]:
    """When the chain begins, and with which slot the votings do."""
    every, delay = declaration.every, declaration.delay
    if not every:
        raise NetworkError(
            f"{declaration.name} votes on events, and where they come from cannot be told here",
            hint="`worknet workflow run` tries it on files; its members make a network with `network deploy`",
        )
    if wish.until is not None and (wish.start is None or wish.until <= wish.start):
        raise NetworkError("--until is no time after --start", hint="name the first slot with --start")
    genesis = now if wish.until is None else wish.until + delay
    start = genesis if wish.start is None else wish.start
    slot = Slot.at(every, start)
    if wish.start is not None and slot.window.start != start:
        raise NetworkError(
            f"--start {time_text(start)}: no slot of {declaration.name} (every {every} seconds) begins then",
            hint=f"the nearest are {time_text(slot.window.start)} and {time_text(slot.window.end)}",
        )
    return genesis, slot.window.start


def _datasets(wish: Wish, declaration: Declaration) -> dict[str, Settings]:
    """The settings of each declared dataset, each of which must be given."""
    for name in wish.datasets:
        declaration.dataset(name)
    found: dict[str, Settings] = {}
    for dataset in declaration.datasets:
        if dataset.name in wish.datasets:
            settings = _settings(wish.datasets[dataset.name], wish.time_column)
        else:
            settings = _settings(_sample(wish, declaration, dataset), None)
        options = {key: value for key, value in settings.items() if key != "source"}
        if "path" in options:
            options["path"] = Path(str(options["path"]))
        # Refuses what no worker could use: an unknown kind of file, a placeholder that is none.
        source_from(str(settings["source"]), dataset.name, dataset.schema, **options)
        found[dataset.name] = settings
    return found


def _sample(wish: Wish, declaration: Declaration, dataset: Dataset) -> str:
    """The file with a dataset's sample data, if its rows can be those of any window."""
    sample = sample_file(wish.workflow, dataset.name)
    if sample is None or any(column.type == "time" for column in dataset.schema.columns):
        raise NetworkError(
            f"nothing is given for the dataset {dataset.name} of {declaration.name}",
            hint=f"add --dataset {dataset.name}=PATH_OR_URL",
        )
    return str(sample)


def _settings(place: str, time_column: str | None) -> Settings:
    if place.startswith(("http://", "https://")):
        return {"source": "http", "url": place}
    path = str(Path(place).expanduser().absolute())
    if time_column is None or "{" in place:
        return {"source": "file", "path": path}
    return {"source": "file", "path": path, "time_column": time_column}
