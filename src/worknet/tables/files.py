"""Tables in files: CSV read and written exactly, Parquet read, both for a schema.

CSV is RFC 4180 in UTF-8 with a header; each field is read as text and converted strictly, nothing is guessed.
`true` and `false` are booleans, integers stand in their shortest form. An empty field, quoted or not, is null
in a nullable column and the empty text in a column of type `str` that is not: Python's csv module and most
writers cannot tell the two apart, so an empty text in a *nullable* column has no CSV form, and writing one is
refused. What is written is read back as it was.
"""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.tables.errors import DataError
from worknet.tables.repeated import Repeated
from worknet.tables.rows import series
from worknet.tables.schema import DTYPES, empty
from worknet.tables.validate import validate

_BATCH = 2_000  # few enough rows at once that Python's garbage collector stays out of it
_LONGEST_FIELD = 1 << 24
_NEEDS_QUOTES = '[",\r\n]'
_INTEGER = r"\A(?:0|-?[1-9][0-9]*)\z"


def read_table(path: Path, table: str, schema: Schema) -> pl.DataFrame:
    """The validated rows of a `.csv` or `.parquet` file; `DataError` names the file and the line or row."""
    readers: dict[str, Callable[[Path, str, Schema], pl.DataFrame]] = {
        ".csv": read_csv,
        ".parquet": read_parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        message = "not a file of a known kind"
        raise DataError(message, table=table, file=str(path), hint="known are .csv and .parquet")
    return reader(path, table, schema)


def read_csv(path: Path, table: str, schema: Schema) -> pl.DataFrame:
    """The validated rows of a CSV file, sorted by key; `DataError` names file, line (from 1) and column."""
    return parse_csv(_content(path, table), table, schema, str(path))


def parse_csv(
    content: bytes, table: str, schema: Schema, file: str = "", repeated: Repeated = "refused"
) -> pl.DataFrame:
    """The validated rows of a CSV text in UTF-8, as `read_csv` does with a file's content."""
    lines: list[int] = []
    try:
        return validate(table, schema, _csv_frame(content, table, schema, lines), repeated)
    except DataError as error:
        raise error.in_file(file, lines) from None


def read_parquet(path: Path, table: str, schema: Schema) -> pl.DataFrame:
    """The validated rows of a Parquet file, sorted by key; `DataError` names file, row (from 0) and column.

    Decimals, binary values and times in UTC become the protocol's texts where the column is of such a type.
    """
    return from_parquet(parquet_frame(_content(path, table), table, str(path)), table, schema, str(path))


def parquet_frame(content: bytes, table: str, file: str = "") -> pl.DataFrame:
    """What a Parquet file holds, in its own columns and types; for `from_parquet` once the columns fit."""
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        message = f"not a Parquet file that can be read ({type(error).__name__})"
        raise DataError(message, table=table, file=file) from None


def from_parquet(
    frame: pl.DataFrame, table: str, schema: Schema, file: str = "", repeated: Repeated = "refused"
) -> pl.DataFrame:
    """The validated rows of a frame in Parquet's types, as `read_parquet` does with a file's content."""
    try:
        return validate(table, schema, frame.with_columns(_as_texts(schema, frame)), repeated)
    except DataError as error:
        raise error.in_file(file) from None


def write_csv(frame: pl.DataFrame, table: str, schema: Schema) -> bytes:
    """The rows as CSV in UTF-8 with LF line ends and a header, in the frame's order; see the module.

    Raises `DataError` for an empty text in a nullable column.
    """
    alone = len(schema.columns) == 1
    fields = [_csv_field(table, column, frame[column.name], alone) for column in schema.columns]
    names = [column.name for column in schema.columns]
    lines = pl.DataFrame(fields).select(pl.concat_str(names, separator=",").alias("line"))["line"]
    return "\n".join([",".join(names), *lines.to_list(), ""]).encode()


def _content(path: Path, table: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DataError(f"cannot be read: {reason}", table=table, file=str(path)) from None


def _csv_frame(content: bytes, table: str, schema: Schema, lines: list[int]) -> pl.DataFrame:
    """The rows in the schema's types, unsorted; `lines` receives the line on which each row ends."""
    records = _records(content, table)
    header, _ = next(records, ([], 1))
    _check_header(header, table, schema)
    batches = [empty(schema)]
    while batch := list(islice(records, _BATCH)):
        for record, line in batch:
            if len(record) != len(header):
                message = f"{len(record)} fields where the header has {len(header)}"
                raise DataError(message, table=table, line=line)
        first = len(lines)
        lines.extend(line for _, line in batch)
        texts = dict(zip(header, zip(*(record for record, _ in batch), strict=True), strict=True))
        try:
            converted = [_convert(table, column, texts[column.name]) for column in schema.columns]
        except DataError as error:
            error.row = None if error.row is None else error.row + first
            raise
        batches.append(pl.DataFrame(converted))
    return pl.concat(batches)


def _records(content: bytes, table: str) -> Iterator[tuple[list[str], int]]:
    """The records of a CSV text, each with the number of the line on which it ends."""
    try:
        text = content.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError("the text is not UTF-8", table=table, line=line) from None
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for record in reader:
            # The csv module gives a blank line as no field, where RFC 4180 has one empty field.
            yield record or [""], reader.line_num
    except csv.Error as error:
        raise DataError(f"no CSV: {error}", table=table, line=reader.line_num) from None


def _check_header(header: list[str], table: str, schema: Schema) -> None:
    names = [column.name for column in schema.columns]
    hint = f"the first line must name the columns {', '.join(names)}, in any order"
    for name in names:
        if name not in header:
            raise DataError("the column is missing", table=table, line=1, column=name, hint=hint)
    for position, name in enumerate(header):
        if name not in names:
            message = f"field {position + 1} of the header names no column of the schema"
            raise DataError(message, table=table, line=1, hint=hint)
        if name in header[:position]:
            raise DataError("the column stands twice", table=table, line=1, column=name, hint=hint)


def _convert(table: str, column: Column, texts: tuple[str, ...]) -> pl.Series:
    """The texts of a column's fields in the column's type."""
    values = series(table, Column(column.name, "str"), texts)
    if column.nullable or column.type != "str":
        values = values.set(values == "", None)
    if DTYPES[column.type] == pl.String:
        return values
    if column.type == "bool":
        wrong = values.is_in(["true", "false"]).not_()
        converted, message = values == "true", "neither true nor false"
    else:
        wrong = values.str.contains(_INTEGER).not_()
        # A number that 64 bits cannot hold is larger than any that the validation lets pass.
        converted = values.cast(pl.Int64, strict=False)
        message = "not an integer in its shortest form, like 0, 12 or -3"
    wrong = wrong.fill_null(value=False)
    if wrong.any():
        raise DataError(message, table=table, row=wrong.arg_max(), column=column.name)
    lost = converted.is_null() & values.is_not_null()
    if lost.any():
        message = "an integer of 2^53 or more"
        raise DataError(message, table=table, row=lost.arg_max(), column=column.name)
    return converted


def _csv_field(table: str, column: Column, values: pl.Series, alone: bool) -> pl.Series:
    """The fields of a column as they stand in CSV."""
    if values.dtype != pl.String:
        return values.cast(pl.String).fill_null("")
    blank = values == ""
    if column.nullable and blank.any():
        hint = "write null, or declare the column not nullable"
        message = "an empty text in a nullable column, which CSV cannot tell from null"
        raise DataError(message, table=table, row=blank.arg_max(), column=column.name, hint=hint)
    quoted = '"' + values.str.replace_all('"', '""', literal=True) + '"'
    needed = values.str.contains(_NEEDS_QUOTES)
    if alone:
        needed |= blank  # a blank line would be no record
    return values.zip_with(needed.fill_null(value=False).not_(), quoted).fill_null("")


def _as_texts(schema: Schema, frame: pl.DataFrame) -> list[pl.Series]:
    """The columns whose Parquet type has an exact text in the protocol, as that text."""
    present = [column for column in schema.columns if column.name in frame.columns]
    return [_as_text(column, frame[column.name]) for column in present]


def _as_text(column: Column, values: pl.Series) -> pl.Series:
    kind = values.dtype
    if column.type == "decimal" and isinstance(kind, pl.Decimal) and kind.scale == column.digits:
        return values.cast(pl.String)
    if column.type == "bigint" and kind.is_integer():
        return values.cast(pl.String)
    if column.type == "bytes" and kind == pl.Binary:
        return ("0x" + values.bin.encode("hex")).alias(column.name)
    if column.type == "time" and isinstance(kind, pl.Datetime) and kind.time_zone == "UTC":
        fraction = f".%{column.digits}f" if column.digits in {3, 6, 9} else ""
        texts = values.dt.strftime(f"%Y-%m-%dT%H:%M:%S{fraction}Z")
        back = texts.str.to_datetime(f"%Y-%m-%dT%H:%M:%S{fraction}Z", time_unit=kind.time_unit, strict=False)
        # A finer time than the schema's stays as it is, and the validation refuses it.
        exact = (back.dt.replace_time_zone("UTC") == values).fill_null(value=True).all()
        return texts if exact else values
    return values
