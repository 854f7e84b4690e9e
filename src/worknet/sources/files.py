"""Datasets in files: CSV or Parquet, one file per window or one file with a column that tells the time.

CSV and Parquet themselves are read by `worknet.tables`; here a file is found, proved whole, and cut down to
the window's rows and the schema's columns. Columns that the schema does not have are left out.
"""

import csv
import io
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl

from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    SchemaViolationError,
    UnavailableError,
)
from worknet.sources.source import source_names, violation
from worknet.sources.window import fill, unix_seconds
from worknet.tables.errors import DataError
from worknet.tables.files import from_parquet, parquet_frame, parse_csv

_LONGEST_FIELD = 1 << 24
_NO_TIME = "no time with a zone, and no seconds since 1970"

Format = Literal["csv", "parquet"]


class FileSource:
    """Reads a dataset from files.

    `path` may hold placeholders of the window (see `window.fill`). With `time_column`, rows are kept whose
    time in that column of the file (Unix seconds, or ISO 8601 with its zone) lies in the window. `columns`
    maps a column of the schema to its name in the file. A file of more than `max_bytes` is refused.

    A file must be whole when it is read: write it under another name and rename it.
    """

    def __init__(
        self,
        dataset: str,
        schema: Schema,
        *,
        path: Path,
        format: Format | None = None,
        time_column: str | None = None,
        columns: Mapping[str, str] | None = None,
        max_bytes: int = 1 << 28,
    ) -> None:
        origin = Origin(dataset, str(path))
        kind = format or path.suffix.lower().removeprefix(".")
        if kind not in {"csv", "parquet"}:
            raise NonsenseError(origin, "not a file of a known kind", 'set format to "csv" or "parquet"')
        self._dataset, self._schema, self._path = dataset, schema, path
        self._kind, self._time_column, self._max_bytes = kind, time_column, max_bytes
        self._names = source_names(schema, columns or {}, origin)
        fill(str(path), Window(0, 1), origin)  # refuses other placeholders at once

    def read(self, window: Window) -> pl.DataFrame:
        """The window's rows; see `Source`."""
        path = Path(fill(str(self._path), window, Origin(self._dataset, str(self._path))))
        origin = Origin(self._dataset, str(path))
        content = self._content(path, origin)
        if self._kind == "parquet":
            return self._parquet(content, window, origin)
        return self._csv(content, window, origin)

    def _content(self, path: Path, origin: Origin) -> bytes:
        try:
            # Not blocking: a pipe in place of the file must not hang the worker.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
                before = os.fstat(stream.fileno())
                if not stat.S_ISREG(before.st_mode):
                    raise NonsenseError(origin, "not a regular file", "name the file itself")
                if before.st_size > self._max_bytes:
                    message = f"larger than {self._max_bytes} bytes"
                    raise NonsenseError(origin, message, "split it, a file per window")
                content = stream.read(self._max_bytes + 1)
                after = os.fstat(stream.fileno())
        except FileNotFoundError:
            raise UnavailableError(origin, "there is no such file", "it may come later") from None
        except IsADirectoryError:
            raise NonsenseError(origin, "a folder", "name the file itself") from None
        except (PermissionError, NotADirectoryError) as error:
            raise RefusedError(origin, f"cannot be read: {error.strerror}", "check path and rights") from None
        except OSError as error:
            raise UnavailableError(origin, f"cannot be read: {error.strerror}") from None
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if not same or len(content) != before.st_size:
            hint = "write it under another name and rename it"
            raise IncompleteError(origin, "changed while it was read", hint)
        return content

    def _csv(self, content: bytes, window: Window, origin: Origin) -> pl.DataFrame:
        if not content.endswith((b"\n", b"\r")):
            hint = "a whole CSV file ends with a line end; write it under another name and rename it"
            raise IncompleteError(origin, "ends in the middle of a line", hint)
        lines: list[int] = []
        try:
            return parse_csv(self._selected(content, window, origin, lines), self._dataset, self._schema)
        except DataError as error:
            known = error.row is not None and error.row < len(lines)
            raise violation(origin, error, lines[error.row or 0] if known else None) from None

    def _selected(self, content: bytes, window: Window, origin: Origin, lines: list[int]) -> bytes:
        """The CSV text of the schema's columns and the window's rows; `lines` receives where they stood."""
        try:
            text = content.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise NonsenseError(origin, f"line {line}: the text is not UTF-8", "save it as UTF-8") from None
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        chosen = io.StringIO()
        writer = csv.writer(chosen, lineterminator="\n")
        times: dict[str, int | None] = {}
        try:
            header = next(reader, [])
            if set(header) == set(self._names.values()) == set(self._names) and self._time_column is None:
                return content
            positions = [self._position(header, name, column, origin) for column, name in self._names.items()]
            time_at = None
            if self._time_column is not None:
                time_at = self._position(header, self._time_column, self._time_column, origin)
            writer.writerow(self._names)
            for record in reader:
                line = reader.line_num
                if len(record) != len(header):
                    message = f"{len(record)} fields where the header has {len(header)}"
                    raise SchemaViolationError(origin, message, line=line)
                if time_at is not None:
                    stamp = record[time_at]
                    if stamp not in times:
                        times[stamp] = unix_seconds(stamp)
                    time = times[stamp]
                    if time is None:
                        raise SchemaViolationError(
                            origin, _NO_TIME, line=line, column=self._time_column or ""
                        )
                    if not window.start <= time < window.end:
                        continue
                lines.append(line)
                writer.writerow([record[position] for position in positions])
        except csv.Error as error:
            raise NonsenseError(origin, f"line {reader.line_num}: no CSV: {error}") from None
        return chosen.getvalue().encode()

    def _position(self, header: list[str], name: str, column: str, origin: Origin) -> int:
        if header.count(name) != 1:
            message = "the header names it twice" if name in header else "the file has no such column"
            renamed = f" (called {name} in the file)" if name != column else ""
            hint = "the first line names the columns; `columns` tells which are called otherwise"
            raise SchemaViolationError(origin, message + renamed, hint, line=1, column=column)
        return header.index(name)

    def _parquet(self, content: bytes, window: Window, origin: Origin) -> pl.DataFrame:
        if not content.endswith(b"PAR1"):
            hint = "a whole Parquet file ends with PAR1; write it under another name and rename it"
            raise IncompleteError(origin, "has no end", hint)
        try:
            frame = parquet_frame(content, self._dataset)
            for column, name in self._names.items():
                self._position(frame.columns, name, column, origin)
            if self._time_column is not None:
                self._position(frame.columns, self._time_column, self._time_column, origin)
                time = self._unix_times(frame[self._time_column], origin)
                frame = frame.filter((time >= window.start) & (time < window.end))
            chosen = frame.select(pl.col(name).alias(column) for column, name in self._names.items())
            return from_parquet(chosen, self._dataset, self._schema)
        except DataError as error:
            raise violation(origin, error) from None

    def _unix_times(self, values: pl.Series, origin: Origin) -> pl.Series:
        """The times of a Parquet column in Unix seconds, rounded down."""
        kind = values.dtype
        if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
            times = values.dt.epoch("s")
        elif kind.is_integer():
            times = values.cast(pl.Int64, strict=False)
        elif kind == pl.String:
            texts = values.unique().to_list()
            known = {text: unix_seconds(text) for text in texts if text is not None}
            times = values.replace_strict(known, default=None, return_dtype=pl.Int64)
        else:
            raise SchemaViolationError(origin, _NO_TIME, column=values.name)
        if times.has_nulls():
            row = times.is_null().arg_max()
            raise SchemaViolationError(origin, _NO_TIME, row=row, column=values.name)
        return times
