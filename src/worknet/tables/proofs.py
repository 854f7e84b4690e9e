"""Proofs out of a committed table: of a row, or of some fields of one (section 4).

The table's tree is there already, so a proof is made by looking up, and all rows of a table are proven in
little more time than it takes to go through them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import shake_256

import polars as pl

from worknet.protocol import salts
from worknet.protocol.canonical import Value
from worknet.protocol.leaves import SALT_BYTES, field_leaf, fields_of, salts_of
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.tables import Row, Salts
from worknet.protocol.trees import Tree
from worknet.tables.commit import CommittedTable
from worknet.tables.errors import DataError


@dataclass(frozen=True)
class RowProof:
    """What shows that a row stands at `index`, from 0: its salt, its values, the path to the root."""

    index: int
    salt: bytes = field(repr=False)
    values: Row = field(repr=False)
    path: list[bytes]


@dataclass(frozen=True)
class FieldProof:
    """What shows that a row has this field, at `index` of its leaves; `path` leads to the root over them."""

    name: str
    value: Value = field(repr=False)
    salt: bytes = field(repr=False)
    index: int
    path: list[bytes]


@dataclass(frozen=True)
class FieldsProof:
    """What shows some fields of the row at `index`: the `root` over its `count` leaves, and where they stand.

    `salt` is the row's and `path` leads to the table's root, as of a `RowProof`. Fields stand by their index.
    """

    index: int
    salt: bytes = field(repr=False)
    root: bytes
    count: int
    fields: tuple[FieldProof, ...]
    path: list[bytes]


class TableProofs:
    """Makes the proofs of a committed table, with the salts that it was committed with.

    Raises `DataError` for other salts.
    """

    def __init__(self, table: CommittedTable, salter: Salts) -> None:
        self.table = table
        self._salter = salter
        if not table.leaf.startswith(salter.salt(salts.header(table.kind, table.name))):
            raise DataError("these are not the salts the table was committed with", table=table.name)

    @cached_property
    def key(self) -> bytes:
        """The document key that the rows' salts follow from; whoever has it has all of them."""
        return self._salter.document_key(salts.rows(self.table.kind, self.table.name))

    def field_keys(self) -> list[bytes] | None:
        """The document keys of the fields of every row; None where rows are disclosed whole."""
        if not self.table.schema.field_disclosure:
            return None
        return [self._field_key(index) for index in range(self.table.rows)]

    def find(self, key: Sequence[int | bool | str]) -> int:
        """The place of the row with these values of the schema's key, in its order; else `DataError`."""
        table = self.table
        if len(key) != len(table.schema.key):
            hint = f"the key is {', '.join(table.schema.key)}"
            raise DataError(f"a key of {len(key)} values", table=table.name, hint=hint)
        pairs = list(zip(table.schema.key, key, strict=True))
        for name, value in pairs:
            if wrong := table.schema.column(name).check(value):
                raise DataError(wrong, table=table.name, column=name)
        same = pl.all_horizontal(pl.col(name) == pl.lit(value) for name, value in pairs)
        found = table.frame.select(same.arg_true().alias("at"))["at"]
        if not found.len():
            raise DataError("no row has this key", table=table.name)
        return int(found[0])

    def row(self, index: int) -> RowProof:
        """The proof of the whole row at `index`, from 0 in key order; `DataError` without such a row."""
        return RowProof(index, self._salt(index), self._values(index), self.table.tree.inclusion(index))

    def rows(self) -> Iterator[RowProof]:
        """The proofs of all rows, in their order."""
        rows = zip(self.table.frame.iter_rows(named=True), self.table.tree.inclusions(), strict=True)
        for index, (values, path) in enumerate(rows):
            yield RowProof(index, self._salt(index), values, path)

    def fields(self, index: int, names: Sequence[str] = ()) -> FieldsProof:
        """The proof of the fields of those names, or of all, of the row at `index`.

        Raises `DataError` without such a row or column, or where the schema has no field disclosure.
        """
        schema = self.table.schema
        if not schema.field_disclosure:
            hint = "its schema has no field disclosure: show the row"
            raise DataError("its rows are disclosed whole", table=self.table.name, hint=hint)
        values, key = self._values(index), self._field_key(index)
        ordered = sorted(values)
        for name in names:
            if name not in values:
                hint = f"it has {', '.join(ordered)}"
                raise DataError(f"no column {name}", table=self.table.name, hint=hint)
        leaves = fields_of(values, key, schema.decoys)
        tree = Tree(map(leaf_hash, leaves))
        shown = []
        for name, salt in zip(ordered, salts_of(key, len(ordered)), strict=True):
            if not names or name in names:
                place = leaves.index(field_leaf(salt, name, values[name]))
                shown.append(FieldProof(name, values[name], salt, place, tree.inclusion(place)))
        shown.sort(key=lambda each: each.index)
        path = self.table.tree.inclusion(index)
        return FieldsProof(index, self._salt(index), tree.root, tree.size, tuple(shown), path)

    @cached_property
    def _stream(self) -> bytes:
        return shake_256(self.key).digest(SALT_BYTES * self.table.rows)

    def _salt(self, index: int) -> bytes:
        return self._stream[SALT_BYTES * index : SALT_BYTES * (index + 1)]

    def _values(self, index: int) -> Row:
        frame = self.table.frame
        if not 0 <= index < frame.height:
            raise DataError(f"the table has {frame.height} rows, none at {index}", table=self.table.name)
        # The types of validated columns are those of canonical values.
        return frame.row(index, named=True)

    def _field_key(self, index: int) -> bytes:
        return self._salter.document_key(salts.fields(self.table.kind, self.table.name, index))
