"""What databases give for a column's values, in the protocol's form: exact, or refused.

Decimals, times with a zone and bytes become the protocol's texts. Nothing is rounded: floats, times without
a zone and digits beyond the schema's are refused, with what to write in the statement instead.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import polars as pl

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.sources.errors import Origin, SchemaViolationError
from worknet.sources.source import violation
from worknet.tables.errors import DataError
from worknet.tables.repeated import Repeated
from worknet.tables.rows import series
from worknet.tables.validate import validate

_FLOAT = "a floating point number"
_FLOAT_HINT = "cast it in the statement, as in CAST(x AS numeric(18, 3)), or count in whole units"
_ZONE_HINT = 'convert it in the statement, or set zone = "UTC" if that is what it is'


class _UnfitError(Exception):
    """A value that has no exact form in the column's type."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def batch_frame(
    schema: Schema,
    rows: Sequence[Sequence[Any]],
    positions: Sequence[int],
    in_utc: bool,
    first: int,
    origin: Origin,
) -> pl.DataFrame:
    """Some rows of a result in the schema's types, not yet validated; the first of them is row `first`.

    `positions` says where in a row each of the schema's columns stands; `in_utc`: a time without a zone is
    one in UTC. Raises `SchemaViolationError` with row and column.
    """
    try:
        return pl.DataFrame(
            [
                _series(column, rows, position, _converter(column, in_utc), first, origin)
                for column, position in zip(schema.columns, positions, strict=True)
            ]
        )
    except DataError as error:
        error.row = None if error.row is None else error.row + first
        raise violation(origin, error) from None


def whole_table(
    schema: Schema, batches: Sequence[pl.DataFrame], repeated: Repeated, origin: Origin
) -> pl.DataFrame:
    """The validated rows of all batches; raises `SchemaViolationError` with row and column."""
    try:
        return validate(origin.dataset, schema, pl.concat(batches), repeated)
    except DataError as error:
        raise violation(origin, error) from None


def _series(
    column: Column,
    rows: Sequence[Sequence[Any]],
    position: int,
    convert: Callable[[Any], Any],
    first: int,
    origin: Origin,
) -> pl.Series:
    values = []
    for number, row in enumerate(rows, first):
        value = row[position]
        try:
            values.append(None if value is None else convert(value))
        except _UnfitError as error:
            raise SchemaViolationError(
                origin, error.message, error.hint, row=number, column=column.name
            ) from None
    return series(origin.dataset, column, values)


def _converter(column: Column, in_utc: bool) -> Callable[[Any], Any]:
    match column.type:
        case "int":
            return _integer
        case "bigint":
            return lambda value: value if isinstance(value, str) else str(_integer(value))
        case "decimal":
            return lambda value: _decimal(value, column.digits)
        case "bool":
            return _boolean
        case "bytes":
            return _bytes
        case "time":
            return lambda value: _time(value, column.digits, in_utc)
        case _:
            return _text


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, Decimal) and value.is_finite():
        # What sums of integers are in PostgreSQL and MariaDB.
        if value == (whole := int(value)):
            return whole
        raise _UnfitError(
            "a decimal where an integer is due", "count in whole units, or round in the statement"
        )
    raise _unfit(value, "int")


def _decimal(value: Any, digits: int) -> str:
    if isinstance(value, str):
        return value  # as SQLite holds decimals; the validation checks its form
    if type(value) is int:
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise _unfit(value, "decimal")
    if not value.is_finite():
        raise _UnfitError("not a finite number", "leave such rows out, or give null")
    sign, given, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    shift = digits + exponent
    number = int("".join(map(str, given)))
    if shift < 0 and number % 10**-shift:
        raise _UnfitError(
            f"more than {digits} digits after the point", f"round(x, {digits}) in the statement"
        )
    scaled = number * 10**shift if shift >= 0 else number // 10**-shift
    text = str(scaled).rjust(digits + 1, "0")
    text = f"{text[:-digits]}.{text[-digits:]}" if digits else text
    return f"-{text}" if sign and scaled else text


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if type(value) is int and value in {0, 1}:
        return bool(value)  # MariaDB and SQLite have no other booleans
    raise _unfit(value, "bool")


def _bytes(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return "0x" + bytes(value).hex()
    if isinstance(value, str):
        return value
    raise _unfit(value, "bytes")


def _time(value: Any, digits: int, in_utc: bool) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime):
        raise _unfit(value, "time")
    if value.tzinfo is None:
        if not in_utc:
            raise _UnfitError("a time without a zone", _ZONE_HINT)
        value = value.replace(tzinfo=UTC)
    value = value.astimezone(UTC)
    fraction = f"{value.microsecond:06}".ljust(digits, "0")
    if fraction[digits:].strip("0"):
        hint = "date_trunc it in the statement, or declare more digits"
        raise _UnfitError(f"a time with more than {digits} digits of a second", hint)
    seconds = f"{value.year:04}" + value.strftime("-%m-%dT%H:%M:%S")
    return f"{seconds}.{fraction[:digits]}Z" if digits else f"{seconds}Z"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if type(value) is date:
        return value.isoformat()
    raise _unfit(value, "str")


def _unfit(value: Any, due: str) -> _UnfitError:
    if isinstance(value, float):
        return _UnfitError(_FLOAT, _FLOAT_HINT)
    hint = "cast it in the statement"
    return _UnfitError(f"a {type(value).__name__} where the column is of type {due}", hint)
