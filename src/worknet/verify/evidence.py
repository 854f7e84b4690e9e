"""The evidence file's contents as typed values, and the one text that they have (section 9).

Nothing here judges: `reading` turns bytes into `Evidence` and refuses every other form, `verdict` says
what the evidence shows. The file is the JCS of one object, followed by one newline. Its member `checksum`
is the SHA-256 of the JCS of all others: no proof, only a guard against damage that no proof would notice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from worknet.protocol.abi import words
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, encode, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.leaves import field_leaf
from worknet.protocol.manifest import Manifest
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.tables import Kind, Row, Schema
from worknet.protocol.tags import VERSION
from worknet.verify.errors import EvidenceError

FORMAT = "worknet/evidence"


@dataclass(frozen=True)
class Network:
    """The network whose record this is: chain id and contract address."""

    chain_id: int
    contract: bytes


@dataclass(frozen=True)
class Head:
    """A tree head of the result log: the number of its leaves and their root."""

    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.size}:{to_hex(self.root)}"


@dataclass(frozen=True)
class Ballot:
    """One counted ballot of the recorded attempt; key and operator are those of the worker at that time."""

    worker: int
    key: bytes
    operator: bytes
    pair: Pair


@dataclass(frozen=True)
class ManifestProof:
    """The manifest with its salt, and the path from its leaf (always leaf 0) to the result root."""

    manifest: Manifest
    salt: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class Header:
    """What the tree of tables (or of datasets) holds of one of them, and the path from there to its root.

    `rows` and `root` are of the table's own tree. `index` and `count` are the leaf's place in the tree above
    it and that tree's size.
    """

    salt: bytes
    rows: int
    root: bytes
    index: int
    count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class WholeRow:
    """A row shown whole, with its salt."""

    salt: bytes
    values: Row

    def leaf(self) -> bytes:
        """The row's leaf data."""
        return self.salt + encode(self.values)


@dataclass(frozen=True)
class Field:
    """One field of a row, with its salt and the path from its leaf to the root of the row's fields."""

    name: str
    value: Value
    salt: bytes
    index: int
    path: tuple[bytes, ...]

    def leaf(self) -> bytes:
        """The field's leaf data."""
        return field_leaf(self.salt, self.name, self.value)


@dataclass(frozen=True)
class RowFields:
    """A row of a table with field disclosure: some of its `count` fields, whose tree has this root."""

    salt: bytes
    root: bytes
    count: int
    fields: tuple[Field, ...]

    @property
    def values(self) -> Row:
        """What is shown of the row."""
        return {field.name: field.value for field in self.fields}

    def leaf(self) -> bytes:
        """The row's leaf data."""
        return self.salt + self.root


@dataclass(frozen=True)
class Disclosure:
    """A row of a result table or of an input dataset.

    `index` and `path` lead from the row to the header's root. `schema` is given exactly for rows of tables
    in evidence with a manifest, since only the manifest commits to schemas, and only to those of tables.
    """

    kind: Kind
    name: str
    schema: Schema | None
    header: Header
    index: int
    path: tuple[bytes, ...]
    row: WholeRow | RowFields


@dataclass(frozen=True)
class Evidence:
    """All that one file holds.

    `position` and `path` lead from the record to `head`. `ballots` are the counted ones of the recorded
    attempt, ascending by worker. Manifest and disclosure may be None.
    """

    network: Network
    record: Record
    position: int
    path: tuple[bytes, ...]
    head: Head
    ballots: tuple[Ballot, ...]
    policy: Policy
    manifest: ManifestProof | None = None
    disclosure: Disclosure | None = None

    def to_bytes(self) -> bytes:
        """The file's bytes; `EvidenceError` for values that have no such text."""
        try:
            document = self._document()
            return encode(document | {"checksum": to_hex(checksum(document))}) + b"\n"
        except ProtocolError as error:
            raise EvidenceError("$", str(error), error.hint) from error

    def _document(self) -> dict[str, Value]:
        return {
            "format": FORMAT,
            "protocol": VERSION,
            "network": {"chain_id": self.network.chain_id, "contract": to_hex(self.network.contract)},
            "record": _record(self.record),
            "position": self.position,
            "path": _path(self.path),
            "head": {"size": self.head.size, "root": to_hex(self.head.root)},
            "ballots": [_ballot(ballot) for ballot in self.ballots],
            "policy": _policy(self.policy),
            "manifest": None if self.manifest is None else _manifest(self.manifest),
            "disclosure": None if self.disclosure is None else _disclosure(self.disclosure),
        }


def checksum(document: Mapping[str, Value]) -> bytes:
    """SHA-256 of the JCS of the file's object without its member `checksum`."""
    return sha256(encode(document)).digest()


def _record(record: Record) -> Value:
    return {
        "chain_id": record.chain_id,
        "contract": to_hex(record.contract),
        "workflow_id": to_hex(record.workflow_id),
        "voting_id": to_hex(record.voting_id),
        "trigger_id": to_hex(record.trigger_id),
        "attempt": record.attempt,
        "policy_hash": to_hex(record.policy_hash),
        "input_root": to_hex(record.input_root),
        "result_root": to_hex(record.result_root),
        "members": to_hex(words(record.members)),
        "n": record.n,
        "needed": record.needed,
        "voters": to_hex(words(record.voters)),
        "how": record.how.name.lower(),
        "time": record.time,
    }


def _ballot(ballot: Ballot) -> Value:
    return {
        "worker": ballot.worker,
        "key": to_hex(ballot.key),
        "operator": to_hex(ballot.operator),
        "input_root": to_hex(ballot.pair.input_root),
        "result_root": to_hex(ballot.pair.result_root),
    }


def _policy(policy: Policy) -> Value:
    return {
        "bundle_digest": to_hex(policy.bundle_digest),
        "data_key_epoch": policy.data_key_epoch,
        "data_key_commitment": to_hex(policy.data_key_commitment),
        "every": policy.every,
        "delay": policy.delay,
        "start": policy.start,
        "max_age": policy.max_age,
        "threshold_num": policy.threshold_num,
        "threshold_den": policy.threshold_den,
        "ballots": policy.ballots.name.lower(),
        "cast_window": policy.cast_window,
        "reveal_window": policy.reveal_window,
        "stall": policy.stall,
        "fallback": policy.fallback.name.lower(),
        # Amounts are in the chain's smallest unit, far beyond 2^53: text, as section 3 says.
        "accuracy": str(policy.accuracy),
        "speed": str(policy.speed),
    }


def _manifest(proof: ManifestProof) -> Value:
    return {
        "document": proof.manifest.document(),
        "salt": to_hex(proof.salt),
        "path": _path(proof.path),
    }


def _disclosure(disclosure: Disclosure) -> Value:
    header = disclosure.header
    return {
        "kind": disclosure.kind,
        "name": disclosure.name,
        "schema": None if disclosure.schema is None else disclosure.schema.document(),
        "header": {
            "salt": to_hex(header.salt),
            "rows": header.rows,
            "root": to_hex(header.root),
            "index": header.index,
            "count": header.count,
            "path": _path(header.path),
        },
        "index": disclosure.index,
        "path": _path(disclosure.path),
        "row": _row(disclosure.row),
    }


def _row(row: WholeRow | RowFields) -> Value:
    if isinstance(row, WholeRow):
        return {"salt": to_hex(row.salt), "values": row.values}
    return {
        "salt": to_hex(row.salt),
        "root": to_hex(row.root),
        "count": row.count,
        "fields": [
            {
                "name": field.name,
                "value": field.value,
                "salt": to_hex(field.salt),
                "index": field.index,
                "path": _path(field.path),
            }
            for field in row.fields
        ],
    }


def _path(path: tuple[bytes, ...]) -> list[Value]:
    return [to_hex(sibling) for sibling in path]
