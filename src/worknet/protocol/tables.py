"""Tables: schemas, the order of rows, and the leaves that commit to rows, tables, inputs and results.

Sections 3 and 4 of the protocol, written plainly as the reference; `worknet.tables` does the same fast.
A table's rows are mappings from column to value.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any, Literal, get_args

from worknet.protocol import merkle, salts
from worknet.protocol.canonical import INTEGER_BOUND, Value, check_name, encode
from worknet.protocol.errors import ProtocolError

ColumnType = Literal["int", "bigint", "decimal", "str", "bool", "bytes", "time"]
Kind = Literal["dataset", "table"]
Row = Mapping[str, Value]

MAX_DIGITS = 30


class TableError(ProtocolError):
    """A schema, or a row of a table, that breaks a rule. Names the place, never a value of a row."""

    def __init__(
        self, message: str, table: str = "", row: int | None = None, column: str = "", hint: str = ""
    ) -> None:
        places = [f"table {table}"] if table else []
        places += [f"row {row}"] if row is not None else []
        places += [f"column {column}"] if column else []
        super().__init__(f"{', '.join(places)}: {message}" if places else message, hint)
        self.table, self.row, self.column = table, row, column


@dataclass(frozen=True)
class Column:
    """A column. `digits` counts the digits of a fraction: of a decimal, or of a time's seconds.

    | type | value in a row |
    |---|---|
    | int | integer, absolutely below 2^53 |
    | bigint | text of an integer of any size |
    | decimal | text with exactly `digits` digits behind the point |
    | str | text |
    | bool | true or false |
    | bytes | text of `0x` and lower-case hex digits |
    | time | text in RFC 3339, UTC with `Z`, whole seconds or `digits` digits |
    """

    name: str
    type: ColumnType
    nullable: bool = False
    digits: int = 0

    def __post_init__(self) -> None:
        check_name(self.name, "column")
        if self.type not in get_args(ColumnType):
            hint = f"the types are {', '.join(get_args(ColumnType))}"
            raise TableError(f"{self.type!r} is no type", column=self.name, hint=hint)
        if not 0 <= self.digits <= MAX_DIGITS or (self.digits and self.type not in {"decimal", "time"}):
            raise TableError(f"{self.digits} digits for a {self.type}", column=self.name)

    def check(self, value: object) -> str:
        """What is wrong with the value in this column, in words that do not hold it; empty if nothing."""
        if value is None:
            return "" if self.nullable else "null where a value is due"
        return _CHECKS[self.type](value, self.digits)

    def order(self, value: Any) -> Any:
        """What values of a key column are compared by (section 4, "Table")."""
        if self.type in {"int", "bool"}:
            return value
        if self.type in {"bigint", "decimal"}:
            return _numeric_order(value)
        return value.encode()


@dataclass(frozen=True)
class Schema:
    """The columns of a table, the key that its rows are sorted by, and how its rows are disclosed.

    With `field_disclosure`, one field of a row can be shown without the others.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    field_disclosure: bool = False

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not self.columns or not self.key:
            raise TableError("a schema needs columns and a key")
        if len(set(names)) != len(names) or len(set(self.key)) != len(self.key):
            raise TableError("a column stands twice in a schema")
        for name in self.key:
            if name not in names:
                raise TableError("the key names a column that the schema has not", column=name)
            if self.column(name).nullable:
                raise TableError("a column of the key may not be null", column=name)

    def column(self, name: str) -> Column:
        """The column of that name; `KeyError` where there is none."""
        return {column.name: column for column in self.columns}[name]

    def document(self) -> dict[str, Value]:
        """The schema as the JSON document that its digest is taken of."""
        return {
            "columns": [
                {
                    "digits": column.digits,
                    "name": column.name,
                    "nullable": column.nullable,
                    "type": column.type,
                }
                for column in self.columns
            ],
            "disclosure": "field" if self.field_disclosure else "row",
            "key": list(self.key),
        }

    def digest(self) -> bytes:
        """`SHA256(JCS(document))`, which the manifest names."""
        return sha256(encode(self.document())).digest()


@dataclass(frozen=True)
class Salter:
    """Where one attempt's salts come from: the members' data key, the voting and the attempt."""

    data_key: bytes
    voting_id: bytes
    attempt: int

    def document_key(self, info: salts.Info) -> bytes:
        """The key of a document; handing it over discloses the whole document."""
        return salts.document_key(self.data_key, self.voting_id, self.attempt, info)

    def fingerprint_key(self, info: salts.Info) -> bytes:
        """The key of the fingerprints in a statement of this attempt."""
        return salts.fingerprint_key(self.data_key, self.voting_id, self.attempt, info)

    def salt(self, info: salts.Info) -> bytes:
        """Salt 0 of a document."""
        return salts.salt(self.document_key(info))

    def __repr__(self) -> str:
        return f"Salter(voting_id=0x{self.voting_id.hex()}, attempt={self.attempt})"


def sort_rows(table: str, schema: Schema, rows: Sequence[Row]) -> list[Row]:
    """The rows, checked and sorted by the key; a `TableError` names the row by its place in `rows`."""
    names = {column.name for column in schema.columns}
    for number, row in enumerate(rows):
        for name in sorted(row.keys() ^ names):
            message = "a column that the schema has not" if name in row else "a column is missing"
            raise TableError(message, table, number, name)
        for column in schema.columns:
            if wrong := column.check(row[column.name]):
                raise TableError(wrong, table, number, column.name)
    key_columns = [schema.column(name) for name in schema.key]
    keyed = sorted(
        (tuple(column.order(row[column.name]) for column in key_columns), number)
        for number, row in enumerate(rows)
    )
    for (key, first), (other, second) in pairwise(keyed):
        if key == other:
            hint = f"the key is {', '.join(schema.key)}"
            raise TableError(f"the key of row {first} occurs again", table, second, schema.key[0], hint)
    return [rows[number] for _, number in keyed]


def row_leaf(salt: bytes, row: bytes) -> bytes:
    """Leaf data of a row: `salt ‖ JCS(row)`."""
    return salt + row


def field_leaf(salt: bytes, name: str, value: Value) -> bytes:
    """Leaf data of one field: `salt ‖ JCS([name, value])`."""
    return salt + encode([name, value])


def fields_of(row: Row, document_key: bytes) -> list[bytes]:
    """Leaf data of a row's fields, sorted by name, salted from the row's own document key."""
    names = sorted(row)
    return [
        field_leaf(salt, name, row[name])
        for name, salt in zip(names, salts.salts(document_key, len(names)), strict=True)
    ]


def header_leaf(salt: bytes, name: str, rows: int, root: bytes) -> bytes:
    """Leaf data of a dataset or table: `header salt ‖ SHA256(utf8 name) ‖ uint64be(rows) ‖ root`."""
    return salt + sha256(check_name(name, "table").encode()).digest() + rows.to_bytes(8, "big") + root


def row_leaves(kind: Kind, name: str, schema: Schema, rows: Sequence[Row], salter: Salter) -> list[bytes]:
    """Leaf data of all rows, which are sorted already (`sort_rows`)."""
    row_salts = salts.salts(salter.document_key(salts.rows(kind, name)), len(rows))
    return [
        row_leaf_at(kind, name, schema, row, number, salt, salter)
        for number, (salt, row) in enumerate(zip(row_salts, rows, strict=True))
    ]


def row_leaf_at(
    kind: Kind, name: str, schema: Schema, row: Row, number: int, salt: bytes, salter: Salter
) -> bytes:
    """Leaf data of a row where it stands at place `number` of its table, which has this salt."""
    if not schema.field_disclosure:
        return row_leaf(salt, encode(row))
    return salt + merkle.root(fields_of(row, salter.document_key(salts.fields(kind, name, number))))


def table_leaf(kind: Kind, name: str, rows: int, root: bytes, salter: Salter) -> bytes:
    """Leaf data of a dataset or table whose rows have this root."""
    return header_leaf(salter.salt(salts.header(kind, name)), name, rows, root)


def input_root(datasets: Mapping[str, bytes]) -> bytes:
    """The root over the leaf data of the committed datasets, given by name."""
    return merkle.root([datasets[name] for name in sorted(datasets)])


def result_leaves(manifest: bytes, tables: Mapping[str, bytes]) -> list[bytes]:
    """The leaves of the result tree: the manifest's leaf data, then the tables' in name order."""
    return [manifest, *(tables[name] for name in sorted(tables))]


def result_root(manifest: bytes, tables: Mapping[str, bytes]) -> bytes:
    """`MTH([manifest, tables in name order])` of leaf data."""
    return merkle.root(result_leaves(manifest, tables))


_BIG_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_BYTES = re.compile(r"0x(?:[0-9a-f]{2})*")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?Z", re.ASCII
)
_NINES_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _check_int(value: object, _: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"a {type(value).__name__} where an integer is due"
    return "" if -INTEGER_BOUND < value < INTEGER_BOUND else "an integer of 2^53 or more"


def _check_bool(value: object, _: int) -> str:
    return "" if isinstance(value, bool) else f"a {type(value).__name__} where true or false is due"


def _check_str(value: object, _: int) -> str:
    if not isinstance(value, str):
        return f"a {type(value).__name__} where text is due"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "a lone surrogate"
    return ""


def _check_bigint(value: object, _: int) -> str:
    return _check_str(value, 0) or ("" if _full(_BIG_INTEGER, value) else "no integer in its shortest form")


def _check_bytes(value: object, _: int) -> str:
    return _check_str(value, 0) or ("" if _full(_BYTES, value) else "not 0x and lower-case hex digits")


def _check_decimal(value: object, digits: int) -> str:
    if wrong := _check_str(value, 0):
        return wrong
    match = _full(_DECIMAL, value)
    if not match or len(match.group(3) or "") != digits:
        return f"not a decimal with exactly {digits} digits behind the point"
    negative_zero = match.group(1) and not (match.group(2) + (match.group(3) or "")).strip("0")
    return "a negative zero" if negative_zero else ""


def _check_time(value: object, digits: int) -> str:
    if wrong := _check_str(value, 0):
        return wrong
    match = _full(_TIME, value)
    if not match or len(match.group(7) or "") != digits:
        return f"not a time like 2026-01-31T09:00:00{'.' + '0' * digits if digits else ''}Z"
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    exists = 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1] + leap
    return "" if exists and hour < 24 and minute < 60 and second < 60 else "a time that does not exist"


def _numeric_order(text: str) -> tuple[bool, int, str]:
    """What checked numbers of one column compare by: sign, length, digits; `int()` refuses long texts.

    Neither has superfluous zeros and all have the same digits behind the point, so the longer is the larger.
    """
    if text.startswith("-"):
        return False, -len(text), text.translate(_NINES_COMPLEMENT)
    return True, len(text), text


def _full(pattern: re.Pattern[str], value: object) -> re.Match[str] | None:
    return pattern.fullmatch(str(value))


_CHECKS: dict[str, Callable[[object, int], str]] = {
    "int": _check_int,
    "bigint": _check_bigint,
    "decimal": _check_decimal,
    "str": _check_str,
    "bool": _check_bool,
    "bytes": _check_bytes,
    "time": _check_time,
}
