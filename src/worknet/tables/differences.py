"""The first row in which two tables of one schema differ, for whoever may see both: an author, or a worker
that replays its own voting. Values are named: nothing of this goes into a log."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from worknet.protocol.canonical import Value
from worknet.protocol.tables import Kind, Schema, sort_rows

_NO_ROW = "no such row"


@dataclass(frozen=True)
class Difference:
    """A row by its key, a column, and its two values. `column` is empty where only one side has the row: that
    side's value is the whole row, the other's None."""

    kind: Kind
    table: str
    key: dict[str, Value] = field(repr=False)
    column: str
    first: Value = field(repr=False)
    other: Value = field(repr=False)

    def document(self) -> dict[str, Value]:
        """The difference as a JSON document."""
        return {
            "kind": self.kind,
            "table": self.table,
            "key": self.key,
            "column": self.column,
            "first": self.first,
            "other": self.other,
        }

    def text(self) -> str:
        """The difference in one line."""
        key = ", ".join(f"{name}={value!r}" for name, value in self.key.items())
        where = f"{self.kind} {self.table}, row {key}"
        if self.column:
            return f"{where}, column {self.column}: {self.first!r}, then {self.other!r}"
        first, other = ("there" if row is not None else _NO_ROW for row in (self.first, self.other))
        return f"{where}: {first}, then {other}"


def first_difference(
    kind: Kind, table: str, schema: Schema, first: pl.DataFrame, other: pl.DataFrame
) -> Difference | None:
    """The first in the order of keys, of two validated frames; None if they are equal."""
    if first.equals(other):
        return None
    rows = zip(first.iter_rows(), other.iter_rows(), strict=False)
    equal = next((at for at, (one, two) in enumerate(rows) if one != two), min(first.height, other.height))
    one, two = _row(first, equal), _row(other, equal)
    if one is None or two is None:
        return _alone(kind, table, schema, one, two)
    keys = [{name: row[name] for name in schema.key} for row in (one, two)]
    if keys[0] != keys[1]:
        # Of two keys the lesser one is the row that the other side lacks.
        least = sort_rows(table, schema, [one, two])[0]
        return _alone(kind, table, schema, one if least == one else None, two if least == two else None)
    column = next(column.name for column in schema.columns if one[column.name] != two[column.name])
    return Difference(kind, table, keys[0], column, one[column], two[column])


def _alone(
    kind: Kind, table: str, schema: Schema, one: dict[str, Any] | None, two: dict[str, Any] | None
) -> Difference:
    row = one if one is not None else two
    assert row is not None, "one side has the row"
    return Difference(kind, table, {name: row[name] for name in schema.key}, "", one, two)


def _row(frame: pl.DataFrame, at: int) -> dict[str, Any] | None:
    return frame.row(at, named=True) if at < frame.height else None
