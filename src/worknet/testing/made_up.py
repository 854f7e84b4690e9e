"""Rows made up from a schema alone, for a workflow without sample data: valid, small, the same every time.

What is drawn depends on the names, types and numbers that are given and on nothing else: neither on Python's
hash nor on its random module, whose draws differ between releases.
"""

from collections.abc import Sequence
from hashlib import sha256
from math import prod
from typing import Final

import polars as pl

from worknet.protocol.canonical import Value
from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.protocol.times import parse_time, time_text
from worknet.tables.schema import polars_schema

ROWS: Final = 20
WINDOW_OF_EVENTS: Final = Window(parse_time("2026-01-01T00:00:00Z"), parse_time("2026-01-01T01:00:00Z"))
"""The times of rows that are made up for an event, which has no window."""

_VOCABULARY = 5  # how many texts a column draws from, so that rows share some and tables can be joined
_TIMES = 6
_NULLS = 8  # one value in so many is null, where it may be


class Draws:
    """Numbers that follow from a text alone: SHA-256 of it, counted on."""

    def __init__(self, text: str) -> None:
        self._text, self._count = text, 0

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1; the bound is far below 2^256."""
        self._count += 1
        return int.from_bytes(sha256(f"{self._text}:{self._count}".encode()).digest()) % bound


def make_up(schema: Schema, draws: Draws, window: Window | None, rows: int = ROWS) -> pl.DataFrame:
    """So many rows of the schema, with distinct keys, in no order; fewer where the key holds no more.

    Times lie in the window. Numbers are small and not negative, texts from a small vocabulary that is named
    after the column: columns of one name in two datasets join. Nullable values are sometimes null.
    """
    within = window or WINDOW_OF_EVENTS
    sizes = _key_sizes([schema.column(name) for name in schema.key], within, rows)
    count = min(rows, prod(sizes))
    columns: dict[str, list[Value]] = {}
    for column in schema.columns:
        if column.name in schema.key:
            place = schema.key.index(column.name)
            step, size = prod(sizes[:place]), sizes[place]
            numbers = [row // step % size for row in range(count)]
            columns[column.name] = [_numbered(column, number, size, within) for number in numbers]
        else:
            columns[column.name] = [_drawn(column, draws, within) for _ in range(count)]
    return pl.DataFrame(columns, schema=polars_schema(schema))


def _key_sizes(key: Sequence[Column], window: Window, rows: int) -> list[int]:
    """How many values each column of the key takes: all their combinations are enough rows, if there are."""
    limits = [_capacity(column, window) for column in key]
    sizes = [
        min(_TIMES if column.type == "time" else _VOCABULARY, limit)
        for column, limit in zip(key, limits, strict=True)
    ]
    for place, limit in enumerate(limits):
        if prod(sizes) < rows:
            others = prod(sizes[:place]) * prod(sizes[place + 1 :])
            sizes[place] = min(limit, -(-rows // others))
    return sizes


def _capacity(column: Column, window: Window) -> int:
    if column.type == "bool":
        return 2
    if column.type == "time":
        return _units(column, window)
    return 1 << 32


def _numbered(column: Column, number: int, size: int, window: Window) -> Value:
    """The value `number` of the `size` that a column of the key takes."""
    match column.type:
        case "bool":
            return number == 1
        case "time":
            return _time(column, number * _units(column, window) // size, window)
        case "str":
            return f"{column.name}-{number + 1:02}"
        case "bytes":
            return f"0x{number + 1:08x}"
        case "int":
            return number + 1
        case "bigint":
            return str(number + 1)
        case "decimal":
            return decimal_text((number + 1) * 10**column.digits, column.digits)


def _drawn(column: Column, draws: Draws, window: Window) -> Value:
    """A value of a column that is not of the key."""
    if column.nullable and draws.below(_NULLS) == 0:
        return None
    match column.type:
        case "bool":
            return draws.below(2) == 1
        case "time":
            return _time(column, draws.below(_units(column, window)), window)
        case "int":
            return draws.below(1000)
        case "bigint":
            return str(draws.below(10**20))
        case "decimal":
            return decimal_text(draws.below(1000 * 10**column.digits), column.digits)
        case _:
            return _numbered(column, draws.below(_VOCABULARY), _VOCABULARY, window)


def decimal_text(units: int, digits: int) -> str:
    """The text of so many units of a decimal's last digit."""
    if not digits:
        return str(units)
    whole, rest = divmod(abs(units), 10**digits)
    return f"{'-' if units < 0 else ''}{whole}.{rest:0{digits}}"


def _units(column: Column, window: Window) -> int:
    """How many units of the column's last digit a window has."""
    units: int = (window.end - window.start) * 10**column.digits
    return units


def _time(column: Column, units: int, window: Window) -> str:
    """The time so many units of the column's last digit after the window's start."""
    seconds, rest = divmod(units, 10**column.digits)
    text = time_text(window.start + seconds)
    return f"{text[:-1]}.{rest:0{column.digits}}Z" if column.digits else text
