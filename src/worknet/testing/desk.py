"""What tests of a workflow use: its folder on a desk, run on rows, asked for its fallbacks, and simulated.

In `tests/test_workflow.py` of the folder:

    DESK = Desk(Path(__file__).parents[1])

    def test_it():
        DESK.run(readings=[{"meter": "m1", "wh": 3}]).expect("totals", [{"wh": 3}])
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl

from worknet.protocol.canonical import Value
from worknet.protocol.ids import Trigger
from worknet.tables import read_table
from worknet.tables.differences import Difference, first_difference
from worknet.testing.datasets import DeskData, desk_data, desk_trigger, frame_of
from worknet.testing.evidence import evidence_of
from worknet.testing.inline import InlineRunner
from worknet.workflow import Declaration, When
from worknet.workflow.declare import Rows
from worknet.workflow.errors import RunnerError
from worknet.workflow.folder import Bundle, read_bundle
from worknet.workflow.handlers import Action, default_actions
from worknet.workflow.runner import Runner

if TYPE_CHECKING:
    from worknet.testing.report import Report

Given: TypeAlias = "Rows | Path"
"""A dataset's rows, as a data frame or as mappings, or a CSV or Parquet file that holds them."""


@dataclass(frozen=True)
class Tried:
    """What a run came to: `tables`, validated and sorted by key, and `summary`; `datasets` are its inputs."""

    declaration: Declaration
    datasets: dict[str, pl.DataFrame] = field(repr=False)
    tables: dict[str, pl.DataFrame]
    summary: dict[str, Value]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table of the result, sorted by its key; `DeclarationError` if there is none."""
        return self.tables[self.declaration.table(table).name].to_dicts()

    def expect(self, table: str, rows: Rows) -> None:
        """Raises `AssertionError` unless the table has exactly these rows, given in any order.

        It names the first row and column that differ, and shows both values.
        """
        schema = self.declaration.table(table).schema
        expected = frame_of(table, schema, rows)
        if difference := first_difference("table", table, schema, expected, self.tables[table]):
            raise AssertionError(_told(difference))


class Desk:
    """A workflow's folder, to be tried: its runs, its fallback handlers, and networks of workers.

    Runs happen in this process, which is fast; with `isolate` each takes a process of its own, as in a
    worker. Datasets that a run is not given are the folder's sample data, else made up from `seed`. The
    folder is read once.
    """

    def __init__(self, folder: Path | str, *, seed: int = 0, isolate: bool = False) -> None:
        self.folder, self.seed, self.isolate = Path(folder), seed, isolate

    @cached_property
    def bundle(self) -> Bundle:
        """What the digest covers; `FolderError` if the folder holds no workflow."""
        return read_bundle(self.folder)

    @cached_property
    def declaration(self) -> Declaration:
        """What the workflow declares."""
        with self._runner() as runner:
            return runner.declaration

    @cached_property
    def data(self) -> DeskData:
        """The datasets where a run is not given others; `DataError` if the sample data does not fit."""
        return desk_data(self.folder, self.declaration, seed=self.seed)

    def trigger(self, window: str = "") -> Trigger:
        """The slot that begins at this time, such as `2026-01-31T09:00:00Z`, or that of the first of 2026.

        Of a workflow of events it is one of them. Raises `WorkflowError` if no slot begins then.
        """
        return desk_trigger(self.declaration, window)

    def run(self, window: str = "", variant: int = 0, /, **datasets: Given) -> Tried:
        """One run about the window that begins then (see `trigger`), on the datasets given by name.

        `variant` above 0 takes the desk data of a worker whose sources differ. Raises `WorkflowError`: the
        workflow's own, or one that says what its result lacks; and `DataError` for rows that do not fit.
        """
        trigger = self.trigger(window)
        frames = {name: _given(name, rows, self.declaration) for name, rows in datasets.items()}
        if any(dataset.name not in frames for dataset in self.declaration.datasets):
            frames = {**self.data.frames(trigger, variant), **frames}
        with self._runner() as runner, _with_output():
            outcome = runner.run(frames, trigger.window)
        return Tried(self.declaration, frames, outcome.tables, outcome.summary)

    def handle(self, when: When, *attempts: str, window: str = "") -> tuple[Action, ...]:
        """What a worker would do when a voting comes to this after these attempts, as text: `"AAB-"`.

        For the letters see `evidence_of`. Where the workflow has no handler it is what is done without one.
        """
        evidence = evidence_of(self.declaration, self.trigger(window), when, *attempts)
        with self._runner() as runner, _with_output():
            actions = runner.handle(evidence)
        return default_actions(evidence) if actions is None else actions

    def simulate(
        self,
        *,
        workers: int = 4,
        votings: int = 3,
        faults: str = "",
        seed: int | None = None,
        **settings: Any,
    ) -> "Report":
        """The report of a simulated network of this workflow, the same for the same arguments.

        `faults` as `worknet simulate --faults` has them; without a `seed` it is the desk's. `settings` are
        further fields of `Setup`, such as `standbys`, or `variants` of the datasets. Raises `SimulationError`
        for what makes no sense.
        """
        from worknet.testing.faults import Faults
        from worknet.testing.run import Setup
        from worknet.testing.stretches import play

        chosen = self.seed if seed is None else seed
        setup = Setup(
            bundle=self.bundle,
            data=desk_data(self.folder, self.declaration, seed=chosen).frames,
            workers=workers,
            votings=votings,
            faults=Faults.parse(faults),
            seed=chosen,
            isolate=self.isolate,
            **settings,
        )
        # In this process alone: a test's own module may not be fit to be imported again.
        return play(setup, processes=1)

    def _runner(self) -> Runner:
        if not self.isolate:
            return InlineRunner(self.bundle)
        # What is tried here is the result; whether this machine can cut off the network is not the question.
        return Runner(self.bundle, allow_unisolated=True, any_runtime=True, waiting=0)


@contextmanager
def _with_output() -> Iterator[None]:
    """Lets a failed test show what the run printed, with the traceback of an exception in the workflow."""
    try:
        yield
    except RunnerError as error:
        if error.stderr:
            error.add_note(error.stderr)
        raise


def _given(name: str, given: Given, declaration: Declaration) -> pl.DataFrame:
    schema = declaration.dataset(name).schema
    return read_table(given, name, schema) if isinstance(given, Path) else frame_of(name, schema, given)


def _told(difference: Difference) -> str:
    """What differs, for whoever reads a failed test."""
    where = f"table {difference.table}, row {difference.key}"
    if difference.column:
        column = f"{where}, column {difference.column}"
        return f"{column}: expected {difference.first!r}, but it is {difference.other!r}"
    if difference.other is None:
        return f"{where}: expected, but it is not there"
    return f"{where}: not expected, but it is there: {difference.other}"
