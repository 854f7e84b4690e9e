"""Tables: schemas, the order of rows, and the leaves that commit to rows, tables, inputs and results.

Sections 3 and 4 of the protocol, written plainly as the reference; `worknet.tables` does the same fast.
A table's rows are mappings from column to value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Any, Literal, Protocol

from worknet.protocol import merkle, salts
from worknet.protocol.canonical import Value, encode
from worknet.protocol.columns import Column, TableError
from worknet.protocol.leaves import fields_of, header_leaf, salts_of

Kind = Literal["dataset", "table"]
Row = Mapping[str, Value]

_NINES_COMPLEMENT = str.maketrans("0123456789", "9876543210")
MAX_FIELDS = 256
"""How many leaves, of columns and decoys, the fields of a row with decoys have at most."""


@dataclass(frozen=True)
class Schema:
    """The columns of a table, the key that its rows are sorted by, and how its rows are disclosed.

    With `field_disclosure`, one field of a row can be shown without the others. `decoys` is how many leaves
    without a field stand among those of each row, so that neither their number nor a field's place tells
    how many columns there are, or which.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    field_disclosure: bool = False
    decoys: int = 0

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
        if type(self.decoys) is not int:
            raise TableError("the number of decoys is no integer")
        if self.decoys and not self.field_disclosure:
            raise TableError("decoys where rows are disclosed whole", hint="decoys need disclosure by field")
        if not 0 <= self.decoys <= max(0, MAX_FIELDS - len(names)):
            hint = f"columns and decoys are at most {MAX_FIELDS} together"
            raise TableError(f"{self.decoys} decoys beside {len(names)} columns", hint=hint)

    def column(self, name: str) -> Column:
        """The column of that name; `KeyError` where there is none."""
        return {column.name: column for column in self.columns}[name]

    def document(self) -> dict[str, Value]:
        """The schema as the JSON document that its digest is taken of; with decoys only where it has some."""
        document: dict[str, Value] = {
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
        return document | {"decoys": self.decoys} if self.decoys else document

    def digest(self) -> bytes:
        """`SHA256(JCS(document))`, which the manifest names."""
        return sha256(encode(self.document())).digest()


class Salts(Protocol):
    """Where the salts of one voting's documents come from: a `Salter`, or what was disclosed of them."""

    def document_key(self, info: salts.Info) -> bytes:
        """The key of a document."""
        ...

    def salt(self, info: salts.Info) -> bytes:
        """Salt 0 of a document."""
        ...


@dataclass(frozen=True)
class Salter:
    """Where one attempt's salts come from: the members' data key, the voting and the attempt."""

    data_key: bytes
    voting_id: bytes
    attempt: int

    def document_key(self, info: salts.Info) -> bytes:
        """The key of a document; handing it over discloses the whole document."""
        return salts.key_of(self._attempt_key, info)

    def fingerprint_key(self, info: salts.Info) -> bytes:
        """The key of the fingerprints in a statement of this attempt."""
        return salts.fingerprint_key(self.data_key, self.voting_id, self.attempt, info)

    def salt(self, info: salts.Info) -> bytes:
        """Salt 0 of a document."""
        return salts.salt(self.document_key(info))

    @cached_property
    def _attempt_key(self) -> bytes:
        return salts.attempt_key(self.data_key, self.voting_id, self.attempt)

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
        (tuple(_order(column, row[column.name]) for column in key_columns), number)
        for number, row in enumerate(rows)
    )
    for (key, first), (other, second) in pairwise(keyed):
        if key == other:
            hint = f"the key is {', '.join(schema.key)}"
            raise TableError(f"the key of row {first} occurs again", table, second, schema.key[0], hint)
    return [rows[number] for _, number in keyed]


def _order(column: Column, value: Any) -> Any:
    """What values of a key column are compared by (section 4, "Table").

    Numbers in texts by sign, length, digits, since `int()` refuses long ones: neither has superfluous zeros
    and all have the same digits behind the point, so the longer is the larger.
    """
    if column.type in {"int", "bool"}:
        return value
    if column.type not in {"bigint", "decimal"}:
        return value.encode()
    if value.startswith("-"):
        return False, -len(value), value.translate(_NINES_COMPLEMENT)
    return True, len(value), value


def row_leaves(kind: Kind, name: str, schema: Schema, rows: Sequence[Row], salter: Salter) -> list[bytes]:
    """Leaf data of all rows, which are sorted already (`sort_rows`)."""
    row_salts = salts_of(salter.document_key(salts.rows(kind, name)), len(rows))
    return [
        row_leaf_at(kind, name, schema, row, number, salt, salter)
        for number, (salt, row) in enumerate(zip(row_salts, rows, strict=True))
    ]


def row_leaf_at(
    kind: Kind, name: str, schema: Schema, row: Row, number: int, salt: bytes, salter: Salter
) -> bytes:
    """Leaf data of a row where it stands at place `number` of its table, which has this salt."""
    if not schema.field_disclosure:
        return salt + encode(row)
    key = salter.document_key(salts.fields(kind, name, number))
    return salt + merkle.root(fields_of(row, key, schema.decoys))


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
