"""Runs a bundle on datasets, each time in a new process without network, and checks what it gives back.

The code of a bundle runs in such a process only, also to learn what it declares; what the process answers is
checked here as if it came from a stranger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import polars as pl

from worknet.protocol.canonical import Value, decode
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.protocol.times import time_text
from worknet.tables import DataError, FloatError, validate
from worknet.workflow import runtime
from worknet.workflow.declare import Dataset, Declaration, Table
from worknet.workflow.errors import (
    ActionError,
    DeclarationError,
    FailedError,
    FloatRefusedError,
    MemoryExceededError,
    NotIsolatedError,
    RunnerError,
    WrongActionsError,
    WrongTablesError,
)
from worknet.workflow.evidence import Evidence
from worknet.workflow.folder import Bundle
from worknet.workflow.handlers import Action, actions_of_document
from worknet.workflow.pool import Pool
from worknet.workflow.process import Limits, Process
from worknet.workflow.surroundings import UNCHANGED, Surroundings, Watched
from worknet.workflow.wire import Answer

_FLOAT_HINT = "count in whole units (Wh, ppm) or write decimals as text"


@dataclass(frozen=True)
class Outcome:
    """What a run computed: each declared table, validated and sorted by its key, and the summary.

    `stderr` is the end of what the run printed. It may hold rows: keep it, never log it.
    """

    tables: dict[str, pl.DataFrame] = field(repr=False)
    summary: dict[str, Value] = field(repr=False)
    stderr: str = field(default="", repr=False)


class Runner:
    """Runs one bundle, from several threads at once if need be; close it, or use it in a `with`.

    Raises `RuntimeMismatchError` at once if the bundle pins other packages than are installed, unless
    `any_runtime` (a desk may look at a result that nobody votes on). `waiting` processes are kept started
    ahead, since Polars does not survive a fork and takes its time to import. `surroundings` are what a check
    on a desk changes around the runs; `watched` is what its watched runs told so far.
    """

    def __init__(
        self,
        bundle: Bundle,
        limits: Limits | None = None,
        *,
        allow_unisolated: bool = False,
        any_runtime: bool = False,
        waiting: int = 1,
        surroundings: Surroundings = UNCHANGED,
    ) -> None:
        if not any_runtime:
            runtime.check(bundle)
        self.bundle = bundle
        self.limits = limits or Limits()
        self._allow_unisolated = allow_unisolated
        self._pool = Pool(bundle, self.limits, waiting, surroundings)
        self.watched: list[Watched] = []

    @cached_property
    def declaration(self) -> Declaration:
        """What the bundle's workflow declares; ask for it early, as it also shows whether runs are possible.

        Raises `NotIsolatedError` where runs cannot be isolated, `FailedError` if the bundle does not load.
        """
        answer, _, stderr = self._answer({"job": "declare"}, {}, {})
        try:
            return Declaration.of_document(answer.declaration)
        except DeclarationError as error:
            raise FailedError(str(error), error.hint, stderr=stderr) from None

    def run(
        self, datasets: Mapping[str, pl.DataFrame], window: Window | None, within: float | None = None
    ) -> Outcome:
        """One run on the datasets, given by name, of a slot's window or of an event (None).

        `within`: seconds after which it is cut off, where its own limit is longer.

        Raises `WrongTablesError` for datasets or results that do not fit the declaration, and
        `FloatRefusedError`, `TimedOutError`, `MemoryExceededError`, `FailedError` (an author's own message).
        """
        job = run_job(self.bundle, window)
        inputs = _checked("dataset", self.declaration.datasets, datasets, "")
        schemas = {table.name: table.schema for table in self.declaration.tables}
        answer, tables, stderr = self._answer(job, inputs, schemas, within)
        checked = _checked("table", self.declaration.tables, tables, stderr)
        return Outcome(checked, summary_of(answer, stderr), stderr)

    def handle(self, evidence: Evidence, within: float | None = None) -> tuple[Action, ...] | None:
        """What the workflow's fallback handler for the evidence's moment decides; None if it has no handler.

        It runs as a run does, in a process of its own, and is cut off after `within` seconds, or its limit.

        Raises `WrongActionsError` for what is no action of the stated set, and what `run` raises for a run
        without a result.
        """
        if evidence.when not in self.declaration.handlers:
            return None
        job = {"job": "handle", "evidence": evidence.document(), "parameters": self.bundle.parameters}
        answer, _, stderr = self._answer(job, {}, {}, within)
        try:
            return actions_of_document(decode(answer.actions.encode()))
        except (ActionError, ProtocolError) as error:
            raise _wrong_actions(str(error), error.hint, stderr) from None

    def keep_waiting(self, processes: int) -> None:
        """Keeps so many processes started ahead from now on."""
        self._pool.keep(processes)

    def close(self) -> None:
        """Ends all processes, also those of runs that are under way: these raise a `RunnerError`."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(
        self,
        job: Mapping[str, Any],
        frames: Mapping[str, pl.DataFrame],
        schemas: Mapping[str, Schema],
        within: float | None = None,
    ) -> tuple[Answer, dict[str, pl.DataFrame], str]:
        """What a new process answers to the job, and the end of its stderr."""
        with self._pool.process() as process:
            self._await_ready(process)
            answer, tables = process.do(job, frames, schemas, within)
            stderr = process.end()
        if answer.watched is not None:
            self.watched.append(answer.watched)
        if answer.error:
            raise self._refusal(answer, schemas, stderr)
        return answer, tables, stderr

    def _await_ready(self, process: Process) -> None:
        uncut = process.until_ready()
        if uncut and not self._allow_unisolated:
            raise NotIsolatedError(
                f"a run cannot be isolated here: {uncut}",
                "allow unprivileged user namespaces; for workflows you trust there is --allow-unisolated, "
                "and in node.toml allow_unisolated = true",
            )

    def _refusal(self, answer: Answer, schemas: Mapping[str, Schema], stderr: str) -> RunnerError:
        """The error that the child's answer stands for."""
        if answer.error == "memory":
            limit = f"{self.limits.memory_bytes >> 20} MiB"
            return MemoryExceededError(f"the run exceeded its memory limit of {limit}", stderr=stderr)
        if answer.error in {"float", "table"}:
            kind = FloatRefusedError if answer.error == "float" else WrongTablesError
            problem = "a floating point number" if answer.error == "float" else "does not fit the declaration"
            return kind(
                f"result: {answer.message}",
                answer.hint,
                cause=_cause("result: ", schemas, problem, answer),
                table=answer.table,
                row=answer.row,
                column=answer.column,
                stderr=stderr,
            )
        if answer.error == "actions":
            return _wrong_actions(answer.message, answer.hint, stderr)
        return FailedError(answer.message, answer.hint, stderr=stderr)


def _wrong_actions(message: str, hint: str, stderr: str) -> WrongActionsError:
    return WrongActionsError(
        f"handler: {message}", hint, cause="the handler gave what is no action, or too much", stderr=stderr
    )


def _checked(
    what: str,
    declared: tuple[Dataset, ...] | tuple[Table, ...],
    frames: Mapping[str, pl.DataFrame],
    stderr: str,
) -> dict[str, pl.DataFrame]:
    """The frames of exactly the declared names, each validated and sorted."""
    schemas = {rows.name: rows.schema for rows in declared}
    where = "result: " if what == "table" else ""
    for name in sorted(frames.keys() ^ schemas.keys()):
        problem = f"a {what} that is not declared" if name in frames else f"{what} {name} is missing"
        message = f"{where}{what} {name} is {'not declared' if name in frames else 'missing'}"
        hint = f"the workflow's {what}s are {', '.join(schemas)}"
        raise WrongTablesError(message, hint, cause=f"{where}{problem}", table=name, stderr=stderr)
    checked = {}
    for name, schema in schemas.items():
        try:
            checked[name] = validate(name, schema, frames[name])
        except DataError as error:
            kind = FloatRefusedError if isinstance(error, FloatError) else WrongTablesError
            raise kind(
                f"{where}{error}",
                error.hint,
                cause=_cause(where, schemas, error.message, error),
                table=error.table,
                row=error.row,
                column=error.column,
                stderr=stderr,
            ) from None
    return checked


def _cause(where: str, schemas: Mapping[str, Schema], problem: str, place: Answer | DataError) -> str:
    """The problem with its place as far as the names in it are declared: others may be taken from rows."""
    if place.table not in schemas:
        return f"{where}{problem}"
    column = place.column if place.column in {c.name for c in schemas[place.table].columns} else ""
    return f"{where}{DataError(problem, table=place.table, row=place.row, column=column)}"


def run_job(bundle: Bundle, window: Window | None) -> dict[str, Any]:
    """The job that a run is, of a slot's window or of an event (None)."""
    return {
        "job": "run",
        "window": window and {"start": time_text(window.start), "end": time_text(window.end)},
        "parameters": bundle.parameters,
    }


def summary_of(answer: Answer, stderr: str) -> dict[str, Value]:
    """The summary that the answer to a run holds; `FailedError` if it is no canonical object."""
    try:
        summary = decode(answer.summary.encode())
    except ProtocolError as error:
        raise FailedError(f"the summary has no canonical form: {error}", _FLOAT_HINT, stderr=stderr) from None
    if not isinstance(summary, dict):
        raise FailedError("the summary is no mapping", stderr=stderr)
    return summary
