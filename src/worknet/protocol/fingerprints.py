"""How a worker makes its own statement: which tables' rows are told, and by which fingerprints (appendix F).

A fingerprint is keyed by what only members hold, and bound to voting, attempt and table; that of a field also
to its row's key, so that equal values in two rows do not show as equal.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from worknet.protocol import merkle, salts
from worknet.protocol.canonical import Value, encode
from worknet.protocol.manifest import Manifest
from worknet.protocol.statement import (
    FINGERPRINT_BYTES,
    MOST_FINGERPRINTS,
    Fingerprints,
    Level,
    Statement,
    StatementPlace,
    TableStatement,
)
from worknet.protocol.tables import Kind, Row, Salter, Schema


@dataclass(frozen=True)
class OwnTable:
    """A committed dataset or result table of one's own.

    `read` gives the rows in their order, and the leaf hash of each; it is called only if they are wanted.
    """

    kind: Kind
    name: str
    schema: Schema
    rows: int
    root: bytes
    read: Callable[[], tuple[Sequence[Row], Sequence[bytes]]] = field(repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that are no part of the key, in name order."""
        return tuple(
            sorted(column.name for column in self.schema.columns if column.name not in self.schema.key)
        )

    @property
    def count(self) -> int:
        """How many fingerprints its rows have."""
        return self.rows * (1 + len(self.fields))


@dataclass(frozen=True)
class OwnStatement:
    """One's own statement with what stands behind it: `rows` has those of the tables it has details of."""

    statement: Statement
    schemas: Mapping[tuple[Kind, str], Schema] = field(repr=False)
    rows: Mapping[tuple[Kind, str], Sequence[Row]] = field(repr=False)
    salter: Salter = field(repr=False)


def state(
    place: StatementPlace,
    level: Level,
    datasets: Sequence[OwnTable],
    tables: Sequence[OwnTable],
    manifest: Manifest,
    salter: Salter,
) -> OwnStatement:
    """The statement on a ballot whose datasets and tables these are, at this level.

    With level `rows` the tables are taken in the order of the statement, datasets first; one whose rows do
    not fit in what is left of `MOST_FINGERPRINTS` is told by its root alone.
    """
    left = MOST_FINGERPRINTS
    stated: dict[Kind, list[TableStatement]] = {"dataset": [], "table": []}
    rows: dict[tuple[Kind, str], Sequence[Row]] = {}
    ordered = [each for part in (datasets, tables) for each in sorted(part, key=lambda table: table.name)]
    for each in ordered:
        details = None
        if level == "rows" and each.count <= left:
            left -= each.count
            read, leaves = each.read()
            rows[each.kind, each.name] = read
            details = fingerprints(each, read, leaves, salter)
        stated[each.kind].append(TableStatement(each.kind, each.name, each.rows, each.root, details))
    statement = Statement(
        place,
        level,
        tuple(stated["dataset"]),
        tuple(stated["table"]),
        merkle.leaf_hash(manifest.leaf(salter.salt(salts.MANIFEST))),
        manifest_fingerprints(manifest, salter) if level == "rows" else {},
    )
    return OwnStatement(statement, {(each.kind, each.name): each.schema for each in ordered}, rows, salter)


def fingerprints(
    table: OwnTable, rows: Sequence[Row], leaves: Sequence[bytes], salter: Salter
) -> Fingerprints:
    """The fingerprints of sorted rows with these leaf hashes."""
    key = salter.fingerprint_key(salts.rows(table.kind, table.name))
    keys = [[row[name] for name in table.schema.key] for row in rows]
    return Fingerprints(
        tuple(leaves),
        tuple(_fingerprint(key, [row_key]) for row_key in keys),
        {
            name: tuple(
                _fingerprint(key, [row_key, name, row[name]]) for row_key, row in zip(keys, rows, strict=True)
            )
            for name in table.fields
        },
    )


def manifest_fingerprints(manifest: Manifest, salter: Salter) -> dict[str, bytes]:
    """The fingerprint of what stands under each key of the manifest."""
    key = salter.fingerprint_key(salts.MANIFEST)
    return {name: _fingerprint(key, [name, part]) for name, part in manifest.document().items()}


def _fingerprint(key: bytes, value: Value) -> bytes:
    return hmac.digest(key, encode(value), sha256)[:FINGERPRINT_BYTES]
