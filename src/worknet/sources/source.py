"""What a source is: the read-only access to one dataset, asked for one occasion at a time."""

from collections.abc import Mapping
from typing import Protocol

import polars as pl

from worknet.protocol.tables import Schema
from worknet.sources.errors import NonsenseError, Origin, SchemaViolationError, SourceError
from worknet.sources.occasion import Occasion
from worknet.tables.errors import DataError


class Source(Protocol):
    """Where the rows of one dataset come from.

    A source must survive, and turn into a child of `SourceError`:

    - what it reads from is missing, down, slow without end, or drops the connection in the middle;
    - it is refused, or its credentials have expired;
    - the answer is something else (an error page), cut off, still being written, or far too large;
    - rows that do not fit the schema: floats, nulls, missing fields, repeated keys.

    It never writes to where it reads from, and keeps nothing between two readings, so that the same occasion
    on unchanged data always gives the same rows. Readings of one source may run in several threads at once.
    """

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The occasion's rows, validated against the dataset's schema and sorted by its key.

        Blocks until the rows are there; runs in a worker thread, never in that of an event loop. Raises
        `SourceError`; `transient` ones have been tried again already, as often as the source was told to.
        """
        ...


class PulledSource(Source, Protocol):
    """A source that is asked when data is needed, by a path, address or statement that the occasion fills."""

    def check(self, occasion: Occasion) -> None:
        """Raises `SourceError` if the source cannot be asked for such an occasion; asks nobody.

        Values of an event may be any that fit into a path: what counts is which there are.
        """
        ...


def source_names(schema: Schema, columns: Mapping[str, str], origin: Origin) -> dict[str, str]:
    """What the source calls each of the schema's columns; `columns` names those it calls otherwise."""
    names = [column.name for column in schema.columns]
    for name in columns:
        if name not in names:
            hint = f"the schema has {', '.join(names)}"
            raise SchemaViolationError(origin, "the schema has no such column to rename", hint, column=name)
    return {name: columns.get(name, name) for name in names}


def violation(origin: Origin, error: DataError, line: int | None = None) -> SourceError:
    """A fault found by `worknet.tables`, as the fault of a source."""
    line = error.line if line is None else line
    if error.row is None and not error.column:
        message = error.message if line is None else f"line {line}: {error.message}"
        return NonsenseError(origin, message, error.hint)
    message = error.message
    if error.earlier is not None:
        message = f"the key of {'row' if line is None else 'line'} {error.earlier} occurs again"
    return SchemaViolationError(origin, message, error.hint, row=error.row, line=line, column=error.column)
