"""From the body of a message to rows: JSON decoded strictly, put into canonical form, never through a float.

Which other forms of numbers and times are taken, the operator says, as for all sources (`sources.forms`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from worknet.node.inbox import Arrival, Aside, Kind, Marker, Row
from worknet.protocol.canonical import Value, encode
from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.sources.feed import Message
from worknet.sources.forms import EXACT, Forms
from worknet.sources.json_rows import nested_too_deeply
from worknet.sources.occasion import unix_seconds

MARKER_FIELD = "end_of"
"""The only field of a message that says up to which time a dataset is complete."""

_DEEPEST = 64
_LATEST = 10**15


class MalformedError(Exception):
    """A message that is no row; its text is the reason and holds no value of a row."""


class _Repeating(dict[str, Any]):
    """An object in which a key stands twice."""


@dataclass(frozen=True)
class RowForm:
    """What the rows of a dataset look like, what the source calls the columns that it calls otherwise, and in
    which other forms it may give their values."""

    schema: Schema
    columns: Mapping[str, str] = field(default_factory=dict)
    forms: Forms = EXACT

    def row(self, fields: object) -> dict[str, Value]:
        """The row in an object, in canonical values; `MalformedError` for anything else."""
        if not isinstance(fields, dict):
            raise MalformedError("no object")
        if isinstance(fields, _Repeating):
            raise MalformedError("an object in which a key stands twice")
        row: dict[str, Value] = {}
        for column in self.schema.columns:
            name = self.columns.get(column.name, column.name)
            if name not in fields:
                raise MalformedError(f"column {column.name}: the field is missing")
            row[column.name] = self._canonical(column, fields[name])
        return row

    def _canonical(self, column: Column, value: object) -> Value:
        """The value as the column has it."""
        if self.forms.takes(column):
            value = self.forms.value(column, value)
        if isinstance(value, Decimal):
            raise MalformedError(f"column {column.name}: a number that is not in the form taken here")
        if wrong := column.check(value):
            raise MalformedError(f"column {column.name}: {wrong}")
        assert value is None or isinstance(value, bool | int | str)
        return value


@dataclass(frozen=True)
class DatasetForm:
    """How messages become rows of a dataset's windows, each `every` seconds long.

    `time_column` is the field with a row's own time: Unix seconds, or ISO 8601 with its zone. With `markers`
    a message may say instead that a window is complete: `{"end_of": "2026-01-31T10:00:00Z"}`.
    """

    rows: RowForm
    time_column: str
    every: int
    markers: bool = False

    def arrivals(self, message: Message) -> list[Arrival]:
        """What a message brings: of an array each element by itself, so that one bad row costs no other."""
        try:
            elements = elements_of(message.body)
        except MalformedError as error:
            return [Aside(Kind.MALFORMED, str(error), message.body, message.where)]
        arrivals: list[Arrival] = []
        for element in elements:
            try:
                arrivals.append(self._arrival(element, message.where))
            except MalformedError as error:
                arrivals.append(malformed(error, element, message))
        return arrivals

    def _arrival(self, fields: object, where: str) -> Arrival:
        if self.markers and isinstance(fields, dict) and fields.keys() == {MARKER_FIELD}:
            return self._marker(fields[MARKER_FIELD])
        row = self.rows.row(fields)
        assert isinstance(fields, dict)
        if self.time_column not in fields:
            raise MalformedError(f"the field {self.time_column} with its time is missing")
        time = _seconds(fields[self.time_column], self.rows.forms.bare_zone)
        if time is None:
            raise MalformedError(f"the field {self.time_column} is no Unix time, nor ISO 8601 with its zone")
        key = sha256(encode([row[name] for name in self.rows.schema.key])).digest()
        return Row(time // self.every * self.every, key, encode(row), where)

    def _marker(self, value: object) -> Marker:
        end = _seconds(value, self.rows.forms.bare_zone)
        if end is None or end % self.every:
            raise MalformedError(f"{MARKER_FIELD} is not the end of a window")
        return Marker(end - self.every)


def elements_of(body: bytes) -> list[Any]:
    """The elements of a JSON array, or the one thing that a body is; `MalformedError` if it is no JSON."""
    # Few brackets cannot be deep, and most messages have few.
    if body.count(b"[") + body.count(b"{") > _DEEPEST and nested_too_deeply(body):
        raise MalformedError("nested too deeply")
    try:
        decoded = json.loads(body.decode(), object_pairs_hook=_object, parse_float=Decimal)
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise MalformedError(f"no JSON (line {error.lineno}, column {error.colno})") from None
    except (ValueError, InvalidOperation):
        raise MalformedError("a number of thousands of digits") from None
    return decoded if isinstance(decoded, list) else [decoded]


def malformed(error: MalformedError, element: object, message: Message) -> Aside:
    """An element of a message, set aside by itself."""
    return Aside(Kind.MALFORMED, str(error), json.dumps(element, default=str).encode(), message.where)


def identity_of(row: Mapping[str, Value], key: str) -> str:
    """The text by which a column tells events apart; `MalformedError` where it has none."""
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise MalformedError(f"column {key}: nothing that tells events apart")
    return str(value)


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Repeating(members)


def _seconds(value: object, bare_zone: tzinfo | None) -> int | None:
    """The Unix time, rounded down, that a field of a message says; None if it says none."""
    if isinstance(value, str):
        return unix_seconds(value, bare_zone)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not -_LATEST < value < _LATEST:
        return None
    return int(Decimal(value).to_integral_value(ROUND_FLOOR))
