"""Rows given as Python mappings, by an author's code or a JSON document, as a data frame of their schema."""

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any

import polars as pl

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.tables.errors import DataError, FloatError
from worknet.tables.schema import DTYPES

_PYTHON_TYPES: dict[str, type] = {"int": int, "bool": bool}


def frame_of_rows(table: str, schema: Schema, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The rows as a data frame in the schema's Polars types, in the order given, not yet validated.

    Raises `DataError` where a row lacks a column, has another, or holds a value that the type cannot hold;
    `FloatError` for a floating point number, even a whole one.
    """
    given = list(rows)
    names = {column.name for column in schema.columns}
    for number, row in enumerate(given):
        if not isinstance(row, Mapping):
            raise DataError(f"a {type(row).__name__} where a row is due", table=table, row=number)
        for name in sorted(map(str, row.keys() ^ names)):
            message = "a column that the schema has not" if name in row else "the column is missing"
            raise DataError(message, table=table, row=number, column=name)
    return pl.DataFrame(
        [series(table, column, [row[column.name] for row in given]) for column in schema.columns]
    )


def series(table: str, column: Column, values: Sequence[Any]) -> pl.Series:
    """The values as a Polars column of the type that the schema names; see `frame_of_rows` for the errors."""
    kind = _PYTHON_TYPES.get(column.type, str)
    if not set(map(type, values)) <= {kind, NoneType}:
        row = next(at for at, value in enumerate(values) if type(value) not in {kind, NoneType})
        _refuse_type(table, column, row, values[row])
    try:
        return pl.Series(column.name, values, dtype=DTYPES[column.type](), strict=True)
    except (UnicodeEncodeError, OverflowError, TypeError):
        # Lone surrogates and integers beyond 64 bits: find the row by the protocol's own, slower check.
        for row, value in enumerate(values):
            if value is not None and (wrong := column.check(value)):
                raise DataError(wrong, table=table, row=row, column=column.name) from None
        raise


def _refuse_type(table: str, column: Column, row: int, value: object) -> None:
    if isinstance(value, float) or holds_float(value):
        hint = "count in whole units (Wh, ppm) or use a column of type decimal"
        raise FloatError("a floating point number", table=table, row=row, column=column.name, hint=hint)
    message = f"a {type(value).__name__} where the column is of type {column.type}"
    raise DataError(message, table=table, row=row, column=column.name)


def holds_float(value: object) -> bool:
    """Whether a value of lists and mappings has a floating point number in it."""
    if isinstance(value, Mapping):
        return any(holds_float(element) for element in value.values())
    if isinstance(value, list | tuple):
        return any(holds_float(element) for element in value)
    return isinstance(value, float)
