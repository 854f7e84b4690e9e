"""The commitment to a table: leaf data, root and header of its rows, and the proof of one row (section 4).

`worknet.protocol.tables` is the reference and says what the bytes mean; here they are made fast, for
tables of millions of rows. Frames must come from `validate`, which sorts them.
"""

from dataclasses import dataclass, field
from hashlib import sha256

import polars as pl

from worknet.protocol import merkle, salts, trees
from worknet.protocol.tables import Kind, Salter, Schema, header_leaf
from worknet.tables.encode import encode_fields, encode_rows
from worknet.tables.errors import DataError


@dataclass(frozen=True)
class CommittedTable:
    """A dataset or result table with the root over its rows and its own leaf in the tree above.

    `leaf` is the leaf data `header salt ‖ SHA256(name) ‖ rows ‖ root`. The frame is kept for proofs.
    """

    kind: Kind
    name: str
    schema: Schema
    frame: pl.DataFrame = field(repr=False)
    root: bytes
    leaf: bytes = field(repr=False)

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return self.frame.height


@dataclass(frozen=True)
class RowProof:
    """What shows that a row stands in a committed table: `leaf` at `index` of `rows`, `path` up to the root.

    `salt` and `row` (canonical JSON) make up the leaf data of a table disclosed by row. With disclosure by
    field the leaf is `salt ‖ MTH(fields)`; `fields` then holds name, salt and `JCS([name, value])` of each.
    """

    index: int
    rows: int
    row: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    leaf: bytes = field(repr=False)
    path: tuple[bytes, ...]
    fields: tuple[tuple[str, bytes, bytes], ...] = field(default=(), repr=False)


def commit_table(
    kind: Kind, name: str, schema: Schema, frame: pl.DataFrame, salter: Salter
) -> CommittedTable:
    """The commitment to the rows of a validated frame, salted for one attempt."""
    # One concatenation and no call per row: half of the time of `merkle.leaf_hash` over `leaf_datas`.
    pairs = zip(*_leaf_parts(kind, name, schema, frame, salter), strict=True)
    root = merkle.root_of_hashes([sha256(b"\x00" + salt + body).digest() for salt, body in pairs])
    leaf = header_leaf(salter.salt(salts.header(kind, name)), name, frame.height, root)
    return CommittedTable(kind, name, schema, frame, root, leaf)


def leaf_datas(kind: Kind, name: str, schema: Schema, frame: pl.DataFrame, salter: Salter) -> list[bytes]:
    """Leaf data of all rows of a validated frame, in order."""
    pairs = zip(*_leaf_parts(kind, name, schema, frame, salter), strict=True)
    return [salt + body for salt, body in pairs]


def prove_row(table: CommittedTable, index: int, salter: Salter) -> RowProof:
    """The proof of the row at `index`, counted from 0 in key order, under the salts it was committed with.

    Takes as long as the commitment did: the tree is built again, as most tables are never asked for one.
    """
    if not 0 <= index < table.rows:
        raise DataError(f"the table has {table.rows} rows, none at {index}", table=table.name)
    leaves = leaf_datas(table.kind, table.name, table.schema, table.frame, salter)
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    if merkle.root_of_hashes(hashes) != table.root:
        raise DataError("these are not the salts the table was committed with", table=table.name)
    one = table.frame[index]
    fields: tuple[tuple[str, bytes, bytes], ...] = ()
    if table.schema.field_disclosure:
        encoded = encode_fields(table.schema, one)
        key = salter.document_key(salts.fields(table.kind, table.name, index))
        pairs = zip(encoded.items(), salts.salts(key, len(encoded)), strict=True)
        fields = tuple((name, salt, values[0]) for (name, values), salt in pairs)
    return RowProof(
        index=index,
        rows=table.rows,
        row=encode_rows(one)[0],
        salt=leaves[index][: salts.SALT_BYTES],
        leaf=leaves[index],
        path=tuple(trees.Tree(hashes).inclusion(index)),
        fields=fields,
    )


def find_row(table: CommittedTable, key: tuple[int | bool | str, ...]) -> int:
    """The index of the row with this key, its values in the order of the schema's key; else `DataError`."""
    if len(key) != len(table.schema.key):
        hint = f"the key is {', '.join(table.schema.key)}"
        raise DataError(f"a key of {len(key)} values", table=table.name, hint=hint)
    for name, value in zip(table.schema.key, key, strict=True):
        if wrong := table.schema.column(name).check(value):
            raise DataError(wrong, table=table.name, column=name)
    pairs = zip(table.schema.key, key, strict=True)
    found = table.frame.select(
        pl.all_horizontal(pl.col(name) == pl.lit(value) for name, value in pairs).arg_true().alias("at")
    )["at"]
    if not found.len():
        raise DataError("no row has this key", table=table.name)
    return int(found[0])


def _leaf_parts(
    kind: Kind, name: str, schema: Schema, frame: pl.DataFrame, salter: Salter
) -> tuple[list[bytes], list[bytes]]:
    """The rows' salts, and what stands behind each in the leaf data."""
    row_salts = salts.salts(salter.document_key(salts.rows(kind, name)), frame.height)
    if not schema.field_disclosure:
        return row_salts, encode_rows(frame)
    columns = encode_fields(schema, frame).values()
    return row_salts, [
        merkle.root(_salted_fields(kind, name, number, fields, salter))
        for number, fields in enumerate(zip(*columns, strict=True))
    ]


def _salted_fields(
    kind: Kind, name: str, number: int, fields: tuple[bytes, ...], salter: Salter
) -> list[bytes]:
    key = salter.document_key(salts.fields(kind, name, number))
    return [salt + field for salt, field in zip(salts.salts(key, len(fields)), fields, strict=True)]
