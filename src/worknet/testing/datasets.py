"""The datasets of a workflow on a desk: files that are given, the folder's sample data, or made-up rows.

Sample data (see `worknet.workflow.folder.SAMPLES`) is of one window: where a run is about another, its times
are moved there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from worknet.protocol.canonical import INTEGER_BOUND, Value
from worknet.protocol.columns import Column
from worknet.protocol.ids import Event, Slot, Trigger, Window
from worknet.protocol.tables import Schema
from worknet.protocol.times import TimeError, parse_time, time_text
from worknet.protocol.words import WORD_BYTES
from worknet.tables import DataError, frame_of_rows, read_table, validate
from worknet.testing.made_up import WINDOW_OF_EVENTS, Draws, decimal_text, make_up
from worknet.workflow import Dataset, Declaration, OnMessage, OnPoll, WorkflowError
from worknet.workflow.declare import Rows
from worknet.workflow.folder import sample_file
from worknet.workflow.triggers import EVENT_DATASET

MADE_UP = "made up"

_NUMBERS = ("int", "bigint", "decimal")
_SECOND = "%Y-%m-%dT%H:%M:%S"
_SECOND_CHARACTERS = len("2026-01-31T09:00:00")


@dataclass(frozen=True)
class DeskData:
    """Where each dataset's rows come from, and the rows themselves for any trigger of the workflow.

    `origin` says by dataset: the file's path as it was given, `tests/data/NAME.csv`, or `made up`.
    """

    declaration: Declaration
    origin: Mapping[str, str]
    seed: int
    _read: Mapping[str, pl.DataFrame] = field(repr=False)

    def frames(self, trigger: Trigger, variant: int = 0) -> dict[str, pl.DataFrame]:
        """The rows of each dataset for the trigger, validated and sorted by key; the same every time.

        `variant` 0 is the truth. Another number gives the rows of a worker whose sources differ: in each
        dataset one number outside the key is larger by `variant` units of its last digit; where there is no
        number, one row is missing, though never that of an event.

        Raises `DataError` if sample rows do not fit the trigger's window (beyond the year 9999).
        """
        return {dataset.name: self._frame(dataset, trigger, variant) for dataset in self.declaration.datasets}

    def _frame(self, dataset: Dataset, trigger: Trigger, variant: int) -> pl.DataFrame:
        event = dataset.name == EVENT_DATASET and not self.declaration.every
        draws = Draws(f"{self.seed}:{trigger.trigger_id.hex()}:{dataset.name}")
        if dataset.name in self._read:
            frame = _moved(dataset, self._read[dataset.name], trigger.window)
            frame = frame[draws.below(frame.height)] if event else frame
        else:
            frame = make_up(dataset.schema, draws, trigger.window, **({"rows": 1} if event else {}))
        if event:
            frame = self._told_apart(dataset, frame, trigger)
        if variant:
            frame = _altered(dataset, frame, variant, draws, whole=event)
        return validate(dataset.name, dataset.schema, frame)

    def _told_apart(self, dataset: Dataset, frame: pl.DataFrame, trigger: Trigger) -> pl.DataFrame:
        """The row of an event with the key of this very one."""
        declared = self.declaration.trigger
        if not isinstance(declared, OnMessage | OnPoll):
            return frame
        column = dataset.schema.column(declared.key)
        return frame.with_columns(pl.lit(event_key(column, trigger)).alias(column.name))


def desk_data(
    folder: Path, declaration: Declaration, given: Mapping[str, Path] | None = None, seed: int = 0
) -> DeskData:
    """The desk data of a workflow's folder: of each dataset the given file, else the folder's sample data,
    else rows made up from its schema and the seed.

    Raises `WorkflowError` for a file that is given for no dataset, and `DataError`, which names file and
    line, for rows that do not fit the schema.
    """
    files = dict(given or {})
    for name in files:
        declaration.dataset(name)
    origin = {name: str(file) for name, file in files.items()}
    for dataset in declaration.datasets:
        if dataset.name not in files and (sample := sample_file(folder, dataset.name)):
            files[dataset.name] = sample
            origin[dataset.name] = sample.relative_to(folder).as_posix()
    read = {name: read_table(file, name, declaration.dataset(name).schema) for name, file in files.items()}
    if not declaration.every and EVENT_DATASET in read and not read[EVENT_DATASET].height:
        file = str(files[EVENT_DATASET])
        raise DataError("no row, and an event is one", table=EVENT_DATASET, file=file)
    ordered = {dataset.name: origin.get(dataset.name, MADE_UP) for dataset in declaration.datasets}
    return DeskData(declaration, ordered, seed, read)


def desk_trigger(declaration: Declaration, start: str = "") -> Trigger:
    """The slot that begins at this time, such as `2026-01-31T09:00:00Z`; without one, the first of 2026.

    Of a workflow of events it is one that stands for any. Raises `WorkflowError` if no slot begins then.
    """
    every = declaration.every
    if not every:
        return Event(bytes(WORD_BYTES))
    try:
        time = parse_time(start) if start else WINDOW_OF_EVENTS.start
    except TimeError as error:
        raise WorkflowError(f"window {start}: {error}", "write it in UTC with Z at the end") from None
    slot = Slot.at(every, time)
    if start and slot.window.start != time:
        before, after = time_text(slot.window.start), time_text(slot.window.end)
        raise WorkflowError(
            f"window {start}: no slot of the trigger (every {every} seconds) starts then",
            f"the nearest are {before} and {after}",
        )
    return slot


def frame_of(name: str, schema: Schema, rows: Rows) -> pl.DataFrame:
    """Rows as an author writes them, a data frame or mappings, validated; `DataError` if they do not fit."""
    frame = rows if isinstance(rows, pl.DataFrame) else frame_of_rows(name, schema, rows)
    return validate(name, schema, frame)


def event_key(column: Column, trigger: Trigger) -> Value:
    """The value that tells an event on a desk apart from others, in the column that its trigger declares."""
    digits = trigger.trigger_id.hex()
    match column.type:
        case "int":
            return int(digits[:12], 16)
        case "bigint":
            return str(int(digits, 16))
        case "bytes":
            return f"0x{digits}"
        case _:
            return f"event-{digits[:16]}"


def _moved(dataset: Dataset, frame: pl.DataFrame, window: Window | None) -> pl.DataFrame:
    """The rows with all their times moved by whole windows, so that the least lies in this one."""
    times = [column.name for column in dataset.schema.columns if column.type == "time"]
    least = min((time for name in times if (time := frame[name].min()) is not None), default=None)
    if window is None or least is None:
        return frame
    every = window.end - window.start
    start = pl.Series([str(least)[:_SECOND_CHARACTERS]]).str.to_datetime(_SECOND, time_unit="ms")
    shift = window.start - int(start.dt.epoch("s")[0]) // every * every
    if not shift:
        return frame
    return frame.with_columns(_shifted(pl.col(name), shift) for name in times)


def _shifted(times: pl.Expr, seconds: int) -> pl.Expr:
    whole = times.str.slice(0, _SECOND_CHARACTERS).str.to_datetime(_SECOND, time_unit="ms")
    moved = whole + pl.duration(seconds=seconds, time_unit="ms")
    return moved.dt.strftime(_SECOND) + times.str.slice(_SECOND_CHARACTERS)


def _altered(
    dataset: Dataset, frame: pl.DataFrame, variant: int, draws: Draws, *, whole: bool
) -> pl.DataFrame:
    """The rows with one number changed or one row missing; of a `whole` dataset none may miss."""
    if not frame.height:
        return frame
    for column in dataset.schema.columns:
        filled = frame[column.name].is_not_null().arg_true()
        if column.type in _NUMBERS and column.name not in dataset.schema.key and filled.len():
            row = int(filled[draws.below(filled.len())])
            values = frame[column.name].to_list()
            values[row] = _larger(column, values[row], variant)
            return frame.with_columns(pl.Series(column.name, values, dtype=frame.schema[column.name]))
    if whole:
        return frame
    gone = (draws.below(frame.height) + variant) % frame.height
    return pl.concat([frame[:gone], frame[gone + 1 :]])


def _larger(column: Column, value: int | str, variant: int) -> Value:
    if column.type == "decimal":
        return decimal_text(int(str(value).replace(".", "")) + variant, column.digits)
    larger = int(value) + variant
    if column.type == "bigint":
        return str(larger)
    return larger if abs(larger) < INTEGER_BOUND else larger - 2 * variant
