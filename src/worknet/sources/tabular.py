"""Rows out of a CSV text or a Parquet file that is whole, wherever it came from.

CSV and Parquet themselves are read by `worknet.tables`; here a text is cut down to the window's rows and the
schema's columns. Columns that the schema does not have are left out.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

import polars as pl

from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources.errors import (
    IncompleteError,
    NonsenseError,
    Origin,
    RefusedError,
    SchemaViolationError,
    SourceError,
)
from worknet.sources.forms import EXACT, Forms
from worknet.sources.occasion import Occasion, unix_seconds
from worknet.sources.source import source_names, violation
from worknet.tables.errors import DataError
from worknet.tables.files import from_parquet, parquet_frame, parse_csv

_LONGEST_FIELD = 1 << 24
_NO_TIME = "no time with a zone, and no seconds since 1970"
_ZONE_HINT = (
    "a local time is ambiguous when clocks change: write it in UTC, like 2026-01-31T09:00:00Z; "
    'if it is in UTC, times = "assumed_utc" says so'
)
_NUMBERS_HINT = 'numbers = "padded" takes other zeros, and "rounded" any number'
_LOCAL_TIME = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}([T ][0-9]{1,2}:[0-9]{2}(:[0-9.,]+)?)?")
_NOTHING = frozenset(
    {"na", "n/a", "nan", "null", "none", "nil", "-", "--", "#n/a", "\\n", "inf", "-inf", "infinity"}
)
_NO_ROW = "is it a note after the rows, or a field with a comma that is not quoted?"
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Layout:
    """How a dataset stands in a table: what it calls the schema's columns, and which column tells the time.

    `time_column` (Unix seconds, or ISO 8601 with its zone) cuts the table down to the window.
    """

    schema: Schema
    names: Mapping[str, str]
    time_column: str | None = None
    forms: Forms = EXACT

    @classmethod
    def of(
        cls,
        schema: Schema,
        columns: Mapping[str, str] | None,
        time_column: str | None,
        origin: Origin,
        forms: Forms = EXACT,
    ) -> "Layout":
        """`columns` maps a column of the schema to its name in the table, where they differ."""
        return cls(schema, source_names(schema, columns or {}, origin), time_column, forms)

    def window(self, occasion: Occasion, origin: Origin) -> Window | None:
        """What to cut out of the table; None where it is not cut. An event has no window to cut out."""
        if self.time_column is None:
            return None
        if occasion.window is None:
            raise RefusedError(origin, "time_column where there is no window", "an event has no window")
        return occasion.window


def csv_rows(content: bytes, layout: Layout, window: Window | None, origin: Origin) -> pl.DataFrame:
    """The validated rows of a CSV text; `SourceError` names line and column."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    _check_text(content, origin)
    if not content.endswith((b"\n", b"\r")):
        hint = "a whole CSV file ends with a line end; write it under another name and rename it"
        raise IncompleteError(origin, "ends in the middle of a line", hint)
    forms = layout.forms
    as_it_stands = not any(forms.takes(column) for column in layout.schema.columns)
    if window is None and as_it_stands and _is_plain(content, layout):
        try:
            return parse_csv(content, origin.dataset, layout.schema, repeated=forms.repeated)
        except DataError:
            pass  # found again below, where its place is known better
    lines: list[int] = []
    selected = _selected(content, layout, window, origin, lines)
    try:
        return parse_csv(selected, origin.dataset, layout.schema, repeated=forms.repeated)
    except DataError as error:
        raise _explained(selected, error, origin, lines) from None


def parquet_rows(content: bytes, layout: Layout, window: Window | None, origin: Origin) -> pl.DataFrame:
    """The validated rows of a Parquet file; `SourceError` names row and column."""
    if not content.endswith(b"PAR1"):
        hint = "a whole Parquet file ends with PAR1; write it under another name and rename it"
        raise IncompleteError(origin, "has no end", hint)
    try:
        frame = parquet_frame(content, origin.dataset)
        for column, name in layout.names.items():
            _position(frame.columns, name, column, origin)
        if window is not None and layout.time_column is not None:
            _position(frame.columns, layout.time_column, layout.time_column, origin)
            time = _unix_times(frame[layout.time_column], layout.forms.bare_zone, origin)
            frame = frame.filter((time >= window.start) & (time < window.end))
        chosen = pl.DataFrame(
            [
                layout.forms.column(column, frame[layout.names[column.name]]).alias(column.name)
                for column in layout.schema.columns
            ]
        )
        return from_parquet(chosen, origin.dataset, layout.schema, repeated=layout.forms.repeated)
    except DataError as error:
        raise violation(origin, error) from None


def _check_text(content: bytes, origin: Origin) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise NonsenseError(origin, "line 1: the text is UTF-16", "save it as UTF-8") from None
        line = content.count(b"\n", 0, error.start) + 1
        raise NonsenseError(origin, f"line {line}: the text is not UTF-8", "save it as UTF-8") from None


def _is_plain(content: bytes, layout: Layout) -> bool:
    """Whether the header names just the schema's columns, so that nothing has to be selected."""
    header = content[: content.find(b"\n")].decode().removesuffix("\r").split(",")
    return sorted(header) == sorted(layout.names) == sorted(layout.names.values())


def _selected(
    content: bytes, layout: Layout, window: Window | None, origin: Origin, lines: list[int]
) -> bytes:
    """The CSV text of the schema's columns and the window's rows; `lines` receives where they stood."""
    csv.field_size_limit(_LONGEST_FIELD)
    # Decoded piece by piece: a large text as a whole takes five times the room of its bytes.
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline=""), strict=True)
    chosen = io.StringIO()
    writer = csv.writer(chosen, lineterminator="\n")
    times: dict[str, int | None] = {}
    names = layout.names
    try:
        header = next(reader, [])
        positions = [_position(header, name, column, origin) for column, name in names.items()]
        time_at, time_column = None, layout.time_column or ""
        if window is not None:
            time_at = _position(header, time_column, time_column, origin)
        writer.writerow(names)
        mended = [
            (at, column) for at, column in enumerate(layout.schema.columns) if layout.forms.takes(column)
        ]
        for record in map(_record, reader):
            line = reader.line_num
            if len(record) != len(header):
                message = f"{len(record)} fields where the header has {len(header)}"
                raise SchemaViolationError(origin, message, _NO_ROW, line=line)
            if time_at is not None and window is not None:
                stamp = record[time_at]
                if stamp not in times:
                    times[stamp] = unix_seconds(stamp, layout.forms.bare_zone)
                time = times[stamp]
                if time is None:
                    hint = _hint(stamp, "time") or "every row needs its time"
                    raise SchemaViolationError(origin, _NO_TIME, hint, line=line, column=time_column)
                if not window.start <= time < window.end:
                    continue
            lines.append(line)
            fields = [record[position] for position in positions]
            for at, column in mended:
                fields[at] = layout.forms.text(column, fields[at])
            writer.writerow(fields)
    except csv.Error as error:
        raise NonsenseError(origin, f"line {reader.line_num}: no CSV: {error}") from None
    return chosen.getvalue().encode()


def _position(header: list[str], name: str, column: str, origin: Origin) -> int:
    if header.count(name) != 1:
        message = "the header names it twice" if name in header else "the file has no such column"
        renamed = f" (called {name} in the file)" if name != column else ""
        hint = "the first line names the columns; `columns` tells which are called otherwise"
        if len(header) == 1:
            found = [word for mark, word in _OTHER_SEPARATORS.items() if mark in header[0]]
            hint = f"fields are separated by commas here, not by {found[0]}" if found else hint
        elif name in {field.strip() for field in header}:
            hint = "the header has spaces around it; `columns` tells what it is called"
        raise SchemaViolationError(origin, message + renamed, hint, line=1, column=column)
    return header.index(name)


def _record(fields: list[str]) -> list[str]:
    """The csv module gives a blank line as no field, where RFC 4180 has one empty field."""
    return fields or [""]


def _explained(selected: bytes, error: DataError, origin: Origin, lines: list[int]) -> SourceError:
    """A fault of the rows, at its line in the whole text, with a hint from what stands in the field.

    `lines` are those of the selected rows. The field itself is never shown.
    """
    reader = csv.reader(io.StringIO(selected.decode(), newline=""))
    header = next(reader, [])
    records = [(record, reader.line_num) for record in map(_record, reader)]
    if error.row is not None and error.row < len(records) and error.column and not error.hint:
        error.hint = _hint(records[error.row][0][header.index(error.column)], error.message)
    if error.earlier is not None:
        earlier = next(row for row, (_, line) in enumerate(records) if line == error.earlier)
        error.earlier = lines[earlier]
    return violation(origin, error, None if error.row is None else lines[error.row])


def _hint(field: str, about: str) -> str:
    if not field:
        return ""
    if field != field.strip():
        return "there are spaces around it"
    if field.lower() in _NOTHING:
        return (
            "where there is no value the field is empty, in a column that is nullable; `nulls` names others"
        )
    if re.fullmatch(r"[-+]?[0-9.]*,[0-9]+", field):
        return "decimals are written with a point, and thousands without a mark"
    if re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+[eE][-+]?[0-9]+", field):
        return f"numbers are written in full, without an exponent; {_NUMBERS_HINT}"
    if "time" in about and _LOCAL_TIME.fullmatch(field):
        return _ZONE_HINT
    if re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+", field):
        whole = (
            "count in whole units (Wh, ppm) or use a column of type decimal; " if "integer" in about else ""
        )
        return whole + _NUMBERS_HINT
    if "time" in about and unix_seconds(field) is not None:
        return 'times = "utc" takes times in other zones and forms'
    return ""


def _unix_times(values: pl.Series, bare_zone: tzinfo | None, origin: Origin) -> pl.Series:
    """The times of a Parquet column in Unix seconds, rounded down."""
    kind = values.dtype
    if isinstance(kind, pl.Datetime) and (kind.time_zone or bare_zone) is not None:
        times = values.dt.epoch("s")  # UTC is the only zone that a bare time can be said to be in
    elif kind.is_integer():
        times = values.cast(pl.Int64, strict=False)
    elif kind == pl.String:
        texts = values.unique().to_list()
        known = {text: unix_seconds(text, bare_zone) for text in texts if text is not None}
        times = values.replace_strict(known, default=None, return_dtype=pl.Int64)
    else:
        hint = _ZONE_HINT if isinstance(kind, pl.Datetime) else ""
        raise SchemaViolationError(origin, _NO_TIME, hint, column=values.name)
    if times.has_nulls():
        row = times.is_null().arg_max()
        raise SchemaViolationError(origin, _NO_TIME, row=row, column=values.name)
    return times
