"""Statements: what a worker tells the other members of what stands behind its ballot (appendix F).

A statement shows no value: it has the pieces that the ballot's two roots are made of, and of each row
fingerprints, by which a reader finds out whether a row is equal to one of his own. It needs no signature, for
the roots that it leads to stand on chain under its worker's index. How statements are made is told in
`fingerprints`, how two of them are compared in `differences`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from worknet.protocol import merkle
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, check_name, decode, encode, from_hex, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.tables import Kind, Salter, input_root, table_leaf
from worknet.protocol.words import VERSION

FINGERPRINT_BYTES = 16
MOST_FINGERPRINTS = 1 << 17
"""How many fingerprints of rows a statement may have, keys and fields together: 2 MiB of them."""
MOST_TABLES = 256
LARGEST_STATEMENT = 1 << 24
"""Bytes of a statement, more than any that keeps to the limits above with names of ordinary length."""
MOST_COMMAS = 1 << 16
"""Commas in a statement, more than tables and columns have: of many small parts a text fills the memory."""

Level = Literal["roots", "rows"]
"""How much is told: the pieces of the roots, or beside them the fingerprints of the rows."""


class StatementError(ProtocolError):
    """A statement that is none, contradicts itself, or does not lead to what its worker voted for.

    The message holds no value of a row.
    """


@dataclass(frozen=True)
class StatementPlace:
    """Whose statement it is, and on which attempt of which voting of which network."""

    chain_id: int
    contract: bytes
    voting_id: bytes
    attempt: int
    worker: int

    def document(self) -> dict[str, Value]:
        """The place as it stands in documents."""
        return {
            "chain_id": self.chain_id,
            "contract": to_hex(self.contract),
            "voting": to_hex(self.voting_id),
            "attempt": self.attempt,
            "worker": self.worker,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "StatementPlace":
        """The place in a document that has its keys, and may have more; a `ProtocolError` for nonsense."""
        return cls(
            _number(document["chain_id"], "chain id"),
            from_hex(document["contract"], 20),
            from_hex(document["voting"], 32),
            _number(document["attempt"], "attempt", least=1),
            _number(document["worker"], "worker index"),
        )


PLACE_KEYS = frozenset({"chain_id", "contract", "voting", "attempt", "worker"})


@dataclass(frozen=True)
class Fingerprints:
    """The rows of a table, in their order: the leaf hash of each, and the fingerprints of key and fields.

    `columns` has those of the columns that are no part of the key.
    """

    leaves: tuple[bytes, ...]
    keys: tuple[bytes, ...]
    columns: Mapping[str, tuple[bytes, ...]]

    @property
    def count(self) -> int:
        """How many fingerprints these are."""
        return len(self.keys) * (1 + len(self.columns))

    def document(self) -> dict[str, Value]:
        """The fingerprints as they stand in the statement, those of a column in one text."""
        return {
            "leaves": to_hex(b"".join(self.leaves)),
            "keys": to_hex(b"".join(self.keys)),
            "columns": {name: to_hex(b"".join(column)) for name, column in self.columns.items()},
        }


@dataclass(frozen=True)
class TableStatement:
    """What is told of a dataset or result table: how many rows, their root, and maybe what they are like.

    `details` is None in a statement of roots, and where the rows are too many.
    """

    kind: Kind
    name: str
    rows: int
    root: bytes
    details: Fingerprints | None = field(default=None, repr=False)

    def leaf(self, salter: Salter) -> bytes:
        """The table's leaf data in the tree above it."""
        return table_leaf(self.kind, self.name, self.rows, self.root, salter)

    def document(self) -> dict[str, Value]:
        """The table as it stands in the statement, under its name."""
        details = None if self.details is None else self.details.document()
        return {"rows": self.rows, "root": to_hex(self.root), "fingerprints": details}


@dataclass(frozen=True)
class Statement:
    """A worker's statement. `datasets` (the committed ones) and `tables` are in the order of their names.

    `manifest_leaf` is the leaf hash of the manifest; `manifest_parts` has a fingerprint for each key of it,
    and is empty in a statement of roots.
    """

    place: StatementPlace
    level: Level
    datasets: tuple[TableStatement, ...]
    tables: tuple[TableStatement, ...]
    manifest_leaf: bytes
    manifest_parts: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def worker(self) -> int:
        """The index of the worker that states it."""
        return self.place.worker

    def all_tables(self) -> tuple[TableStatement, ...]:
        """The datasets, then the result tables."""
        return self.datasets + self.tables

    def table(self, kind: Kind, name: str) -> TableStatement | None:
        """What is told of a dataset or table; None if nothing is."""
        return next((each for each in self.all_tables() if (each.kind, each.name) == (kind, name)), None)

    def pair(self, salter: Salter) -> Pair:
        """The ballot that this statement leads to, for a reader with the data key."""
        inputs = input_root({each.name: each.leaf(salter) for each in self.datasets})
        tables = [merkle.leaf_hash(each.leaf(salter)) for each in self.tables]
        return Pair(inputs, merkle.root_of_hashes([self.manifest_leaf, *tables]))

    def check(self, pair: Pair, salter: Salter) -> None:
        """Raises `StatementError` unless all that is told leads to this pair, which its worker voted for."""
        for each in self.all_tables():
            if each.details is not None and merkle.root_of_hashes(each.details.leaves) != each.root:
                raise StatementError(f"the rows of {each.kind} {each.name} do not lead to its root")
        if self.pair(salter) != pair:
            raise StatementError(
                f"it does not lead to the ballot of worker {self.worker}",
                "it is of another network, voting, attempt or worker, or made up",
            )

    def to_bytes(self) -> bytes:
        """The statement's canonical text."""
        parts = {name: to_hex(part) for name, part in self.manifest_parts.items()}
        return encode(
            {
                "protocol": VERSION,
                **self.place.document(),
                "level": self.level,
                "datasets": {each.name: each.document() for each in self.datasets},
                "tables": {each.name: each.document() for each in self.tables},
                "manifest": {
                    "leaf": to_hex(self.manifest_leaf),
                    "fingerprints": parts if self.level == "rows" else None,
                },
            }
        )

    @classmethod
    def parse(cls, text: bytes) -> "Statement":
        """The statement of this canonical text; `StatementError` for anything else, as for a larger one."""
        if len(text) > LARGEST_STATEMENT:
            raise StatementError(f"a statement of more than {LARGEST_STATEMENT} bytes")
        if text.count(b",") > MOST_COMMAS:
            raise StatementError(f"a statement of more than {MOST_COMMAS} parts")
        try:
            statement = _statement(decode(text))
        except StatementError:
            raise
        except ProtocolError as error:
            raise StatementError(f"no statement: {error}") from None
        if sum(each.details.count for each in statement.all_tables() if each.details) > MOST_FINGERPRINTS:
            raise StatementError(f"more than {MOST_FINGERPRINTS} fingerprints")
        return statement


def _statement(value: object) -> Statement:
    document = _object(value, {"protocol", "level", "datasets", "tables", "manifest", *PLACE_KEYS})
    if document["protocol"] != VERSION or isinstance(document["protocol"], bool):
        raise StatementError("of another version of the protocol")
    level: Level = document["level"]
    if level not in ("roots", "rows"):
        raise StatementError("of no level that there is")
    manifest = _object(document["manifest"], {"leaf", "fingerprints"})
    parts = manifest["fingerprints"]
    if (parts is None) != (level == "roots"):
        raise StatementError("fingerprints of the manifest where the level has none, or none where it has")
    return Statement(
        StatementPlace.of_document(document),
        level,
        tuple(_tables("dataset", document["datasets"], level)),
        tuple(_tables("table", document["tables"], level)),
        from_hex(manifest["leaf"], merkle.HASH_BYTES),
        {
            name: from_hex(part, FINGERPRINT_BYTES)
            for name, part in _object({} if parts is None else parts).items()
        },
    )


def _tables(kind: Kind, value: object, level: Level) -> Iterator[TableStatement]:
    tables = _object(value)
    if len(tables) > MOST_TABLES:
        raise StatementError(f"more than {MOST_TABLES} {kind}s")
    for name in sorted(tables):
        table = _object(tables[name], {"rows", "root", "fingerprints"})
        rows = _number(table["rows"], "number of rows")
        details = None
        if table["fingerprints"] is not None:
            if level == "roots":
                raise StatementError("fingerprints of rows in a statement of roots")
            details = _fingerprints(f"{kind} {name}", table["fingerprints"], rows)
        root = from_hex(table["root"], merkle.HASH_BYTES)
        yield TableStatement(kind, check_name(name, kind), rows, root, details)


def _fingerprints(what: str, value: object, rows: int) -> Fingerprints:
    document = _object(value, {"leaves", "keys", "columns"})
    keys = _slices(what, document["keys"], rows, FINGERPRINT_BYTES)
    if len(set(keys)) != len(keys):
        raise StatementError(f"{what}: a key occurs twice")
    return Fingerprints(
        _slices(what, document["leaves"], rows, merkle.HASH_BYTES),
        keys,
        {
            check_name(name, "column"): _slices(what, column, rows, FINGERPRINT_BYTES)
            for name, column in _object(document["columns"]).items()
        },
    )


def _slices(what: str, text: object, count: int, size: int) -> tuple[bytes, ...]:
    data = from_hex(text)
    if len(data) != count * size:
        raise StatementError(f"{what}: not as many hashes or fingerprints as rows")
    return tuple(data[at : at + size] for at in range(0, len(data), size))


def _object(value: object, keys: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict) or (keys is not None and value.keys() != keys):
        expected = "" if keys is None else f" with exactly the keys {', '.join(sorted(keys))}"
        raise StatementError(f"no statement: something in it is no object{expected}")
    return value


def _number(value: object, what: str, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise StatementError(f"no {what}")
    return value
