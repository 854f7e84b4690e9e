"""The commitment to a table: the tree over its rows and its leaf in the tree above (section 4).

`worknet.protocol.tables` is the reference and says what the bytes mean; here they are made fast, for tables
of millions of rows, some rows at a time. Frames must come from `validate`, which sorts them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256, shake_256

import polars as pl

from worknet.protocol import salts
from worknet.protocol.leaves import SALT_BYTES, header_leaf, salts_of
from worknet.protocol.tables import Kind, Salts, Schema
from worknet.protocol.trees import Tree
from worknet.tables.encode import encode_fields, encode_rows

_LEAVES_AT_ONCE = 1 << 16
"""So many leaves, of rows or of their fields, are in memory as Python objects at a time."""


@dataclass(frozen=True)
class CommittedTable:
    """A dataset or result table with the tree over its rows and its own leaf in the tree above.

    `leaf` is the leaf data `header salt ‖ SHA256(name) ‖ rows ‖ root`. Frame and tree are kept for proofs.
    """

    kind: Kind
    name: str
    schema: Schema
    frame: pl.DataFrame = field(repr=False)
    tree: Tree = field(repr=False, compare=False)
    leaf: bytes = field(repr=False)

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return self.frame.height

    @property
    def root(self) -> bytes:
        """The root over the rows."""
        return self.tree.root


def commit_table(kind: Kind, name: str, schema: Schema, frame: pl.DataFrame, salter: Salts) -> CommittedTable:
    """The commitment to the rows of a validated frame, salted for one attempt."""
    row_salts = salts_of(salter.document_key(salts.rows(kind, name)), frame.height)
    tree = Tree()
    for first, bodies in _bodies(kind, name, schema, frame, salter):
        pairs = zip(row_salts[first : first + len(bodies)], bodies, strict=True)
        # `leaf_hash` without its call, which would take half as long again as the hashing.
        tree.extend([sha256(b"\x00" + salt + body).digest() for salt, body in pairs])
    leaf = header_leaf(salter.salt(salts.header(kind, name)), name, frame.height, tree.root)
    return CommittedTable(kind, name, schema, frame, tree, leaf)


def _bodies(
    kind: Kind, name: str, schema: Schema, frame: pl.DataFrame, salter: Salts
) -> Iterator[tuple[int, list[bytes]]]:
    """What stands behind the salts in the rows' leaf data, part by part, each with its first row's place."""
    leaves = len(schema.columns) + schema.decoys if schema.field_disclosure else 1
    at_once = max(1, _LEAVES_AT_ONCE // leaves)
    for first in range(0, frame.height, at_once):
        part = frame[first : first + at_once]
        if schema.field_disclosure:
            places = range(first, first + part.height)
            keys = [salter.document_key(salts.fields(kind, name, place)) for place in places]
            yield first, _field_roots(schema, part, keys)
        else:
            yield first, encode_rows(part)


def _field_roots(schema: Schema, frame: pl.DataFrame, keys: Sequence[bytes]) -> list[bytes]:
    """The roots over the fields of each row, given the rows' document keys.

    All rows have trees of one form, so they are hashed leaf by leaf, and node by node, for all rows at once.
    """
    columns = list(encode_fields(schema, frame).values())
    columns += [[b""] * frame.height] * schema.decoys
    size = SALT_BYTES
    streams = [shake_256(key).digest(size * len(columns)) for key in keys]
    level = [
        [
            sha256(b"\x00" + stream[at : at + size] + value).digest()
            for stream, value in zip(streams, values, strict=True)
        ]
        for at, values in zip(range(0, size * len(columns), size), columns, strict=True)
    ]
    if schema.decoys:
        level = [list(hashes) for hashes in zip(*map(sorted, zip(*level, strict=True)), strict=True)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [
            [sha256(b"\x01" + left + right).digest() for left, right in zip(lefts, rights, strict=True)]
            for lefts, rights in pairs
        ]
        level = above + level[len(level) & ~1 :]
    return level[0]
