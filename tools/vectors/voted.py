"""A recorded voting made of protocol functions alone, and documents of evidence about it, for the vectors.

Everything in it fits together, since ids, hashes, trees and the log are computed from what it is made of: a
corrupted document that starts with another voting is wrong in that one thing only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tools.vectors.commitments import DATA_KEY
from tools.vectors.form import Json, sample
from tools.vectors.ids import CONTRACT, HOUR, NOON

from worknet.protocol import evidence, merkle, salts, tables, trees
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, to_hex
from worknet.protocol.columns import Column
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.keccak import keccak256
from worknet.protocol.leaves import field_leaf, salts_of
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.tables import Kind, Row, Salter, Schema
from worknet.protocol.words import Ballots, Fallback, How, moved_leaf, policy_words

CHAIN_ID = 246
SLOT = Slot.at(HOUR, NOON)
POLICY = Policy(
    bundle_digest=sample("bundle"),
    data_key_epoch=1,
    data_key_commitment=salts.data_key_commitment(DATA_KEY),
    every=HOUR,
    delay=900,
    start=NOON,
    max_age=0,
    threshold_num=2,
    threshold_den=3,
    ballots=Ballots.SEALED,
    cast_window=300,
    reveal_window=300,
    stall=900,
    fallback=Fallback.ALERT,
)
SCORES = Schema((Column("consumer", "str"), Column("wh", "int")), ("consumer",))
OWNERS = Schema(
    (Column("consumer", "str"), Column("owner", "str"), Column("paid", "decimal", digits=2)),
    ("consumer",),
    field_disclosure=True,
)
SCORE_ROWS: tuple[Row, ...] = tuple({"consumer": f"c{number}", "wh": 1000 * number} for number in range(3))
OWNER_ROWS: tuple[Row, ...] = tuple(
    {"consumer": f"c{number}", "owner": f"o{number}", "paid": f"{number}.50"} for number in range(3)
)
Contents = dict[tuple[Kind, str], tuple[Schema, Sequence[Row]]]
"""Tables and datasets by kind and name, with their rows in order."""

RESULT: Contents = {("table", "scores"): (SCORES, SCORE_ROWS), ("table", "owners"): (OWNERS, OWNER_ROWS)}
INPUTS: Contents = {("dataset", "load"): (SCORES, SCORE_ROWS), ("dataset", "prices"): (OWNERS, OWNER_ROWS)}


@dataclass(frozen=True)
class Voted:
    """A recorded voting and the log that it stands in.

    `trigger` is a slot, or the trigger id of an event. `others` are the counted ballots for other pairs: a
    pair's name by worker. `manifest_changes` are what the manifest says otherwise than it should,
    `policy_changes` fields of the recorded policy that no policy may have. The log's other leaves are samples
    but for leaf 0 of one that moved.
    """

    policy: Policy = POLICY
    chain_id: int = CHAIN_ID
    contract: bytes = CONTRACT
    workflow: str = "matching_24_7"
    trigger: Slot | bytes = SLOT
    attempt: int = 1
    members: int = 0b111
    n: int = 3
    voters: int = 0b101
    others: Mapping[int, str] = field(default_factory=dict)
    how: How = How.QUORUM
    time: int = NOON + HOUR + 960
    contents: Contents = field(default_factory=lambda: RESULT | INPUTS)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    summary: Mapping[str, Value] = field(default_factory=lambda: {"matched_wh": 3000})
    parents: tuple[bytes, ...] = ()
    manifest_changes: Mapping[str, Any] = field(default_factory=dict)
    policy_changes: Mapping[str, int | bytes] = field(default_factory=dict)
    size: int = 7
    position: int = 4
    moved: bool = False

    @property
    def trigger_id(self) -> bytes:
        """The id of what started the voting."""
        return self.trigger if isinstance(self.trigger, bytes) else self.trigger.trigger_id

    @cached_property
    def voting_id(self) -> bytes:
        """The id of the voting."""
        return voting_id(self.chain_id, self.contract, workflow_id(self.workflow), self.trigger_id)

    @cached_property
    def salter(self) -> Salter:
        """Where the salts of the recorded attempt come from."""
        return Salter(DATA_KEY, self.voting_id, self.attempt)

    @cached_property
    def rows(self) -> dict[tuple[Kind, str], list[bytes]]:
        """Leaf data of the rows of each table and dataset."""
        return {
            (kind, name): tables.row_leaves(kind, name, schema, rows, self.salter)
            for (kind, name), (schema, rows) in self.contents.items()
        }

    def names(self, kind: Kind) -> list[str]:
        """The names of the tables, or of the datasets, in their order."""
        return sorted(name for of, name in self.contents if of == kind)

    def headers(self, kind: Kind) -> list[bytes]:
        """Leaf data of the headers of all tables, or of all datasets, in their order."""
        leaves = [(name, self.rows[kind, name]) for name in self.names(kind)]
        return [
            tables.table_leaf(kind, name, len(rows), merkle.root(rows), self.salter) for name, rows in leaves
        ]

    @cached_property
    def manifest(self) -> Manifest:
        """What the result is a result of."""
        window = None if isinstance(self.trigger, bytes) else self.trigger.window
        manifest = Manifest(
            workflow=self.workflow,
            bundle_digest=self.policy.bundle_digest,
            trigger_id=self.trigger_id,
            window=window,
            parameters=self.parameters,
            tables={
                name: TableEntry(schema.digest(), len(rows))
                for (kind, name), (schema, rows) in self.contents.items()
                if kind == "table"
            },
            summary=self.summary,
            parents=self.parents,
        )
        return replace(manifest, **self.manifest_changes)

    @cached_property
    def result(self) -> list[bytes]:
        """The leaves of the result tree."""
        return [self.manifest.leaf(self.salter.salt(salts.MANIFEST)), *self.headers("table")]

    @cached_property
    def record(self) -> Record:
        """The record of the voting."""
        return Record(
            chain_id=self.chain_id,
            contract=self.contract,
            workflow_id=workflow_id(self.workflow),
            voting_id=self.voting_id,
            trigger_id=self.trigger_id,
            attempt=self.attempt,
            policy_hash=keccak256(policy_words(vars(self.policy) | dict(self.policy_changes))),
            input_root=merkle.root(self.headers("dataset")),
            result_root=merkle.root(self.result),
            members=self.members,
            n=self.n,
            needed=self.policy.needed(self.n),
            voters=self.voters,
            how=self.how,
            time=self.time,
        )

    @cached_property
    def log(self) -> list[bytes]:
        """The leaves of the log up to the head."""
        leaves = [sample(f"leaf of record {number}") for number in range(self.size)]
        if self.moved:
            old = sample("contract 2", 20)
            leaves[0] = moved_leaf(self.chain_id, self.contract, 73_799, old, 17, sample("old root"))
        leaves[self.position] = self.record.leaf()
        return leaves

    @property
    def head(self) -> str:
        """The log's head as `SIZE:ROOT`."""
        return f"{self.size}:{to_hex(merkle.root(self.log))}"

    def document(self, shown: Json = None, *, manifest: bool = True) -> dict[str, Json]:
        """The document of evidence without its checksum, with what is `shown` of the contents."""
        salt, path = self.salter.salt(salts.MANIFEST), hexes(trees.inclusion(self.result, 0))
        proof: dict[str, Json] = {"document": self.manifest.document(), "salt": to_hex(salt), "path": path}
        document: dict[str, Json] = evidence.document(
            record=self.record,
            position=self.position,
            path=trees.inclusion(self.log, self.position),
            size=self.size,
            root=merkle.root(self.log),
            ballots=[self._ballot(worker) for worker in range(120) if self._has_voted(worker)],
            policy=self.policy,
            manifest=proof if manifest else None,
            disclosure=shown if manifest or shown is None else shown | {"schema": None},
        )
        for name, value in self.policy_changes.items():
            document["policy"][name] = to_hex(value) if isinstance(value, bytes) else value
        return document

    def _has_voted(self, worker: int) -> bool:
        return bool(self.voters >> worker & 1) or worker in self.others

    def _ballot(self, worker: int) -> dict[str, Json]:
        pair = Pair(self.record.input_root, self.record.result_root)
        if worker in self.others:
            name = self.others[worker]
            pair = Pair(sample(f"input root {name}"), sample(f"result root {name}"))
        key, operator = sample(f"key {worker}", 20), sample(f"operator {worker}", 20)
        return evidence.ballot_document(worker, key, operator, pair)

    def _disclosure(self, kind: Kind, name: str, shown: Json) -> dict[str, Json]:
        rows, above = self.rows[kind, name], self.result if kind == "table" else self.headers(kind)
        place = self.names(kind).index(name) + (kind == "table")
        return {
            "kind": kind,
            "name": name,
            "schema": self.contents[kind, name][0].document() if kind == "table" else None,
            "header": {
                "salt": to_hex(self.salter.salt(salts.header(kind, name))),
                "rows": len(rows),
                "root": to_hex(merkle.root(rows)),
                "index": place,
                "count": len(above),
                "path": hexes(trees.inclusion(above, place)),
            },
            "shown": shown,
        }

    def _place(self, kind: Kind, name: str, row: int) -> dict[str, Json]:
        key = self.salter.document_key(salts.rows(kind, name))
        return {
            "index": row,
            "path": hexes(trees.inclusion(self.rows[kind, name], row)),
            "salt": to_hex(salts.salt(key, row)),
        }

    def row(self, kind: Kind, name: str, row: int) -> dict[str, Json]:
        """A disclosure of a row of a table whose rows are shown whole."""
        values = self.contents[kind, name][1][row]
        return self._disclosure(kind, name, self._place(kind, name, row) | {"values": values})

    def fields(self, kind: Kind, name: str, row: int, columns: Sequence[str]) -> dict[str, Json]:
        """A disclosure of some fields of a row of a table with field disclosure."""
        schema, rows = self.contents[kind, name]
        key, names = self.salter.document_key(salts.fields(kind, name, row)), sorted(rows[row])
        field_salts = salts_of(key, len(names) + schema.decoys)
        leaves = [
            field_leaf(salt, column, rows[row][column])
            for salt, column in zip(field_salts, names, strict=False)
        ]
        leaves += field_salts[len(names) :]
        # With decoys the order must not tell which leaves are fields, without them it is that of names.
        places = sorted(leaves, key=merkle.leaf_hash) if schema.decoys else leaves
        shown: list[dict[str, Json]] = [
            {
                "name": column,
                "value": rows[row][column],
                "salt": to_hex(field_salts[names.index(column)]),
                "index": places.index(leaves[names.index(column)]),
                "path": hexes(trees.inclusion(places, places.index(leaves[names.index(column)]))),
            }
            for column in sorted(columns)
        ]
        shown.sort(key=lambda field: field["index"])
        part = {"root": to_hex(merkle.root(places)), "count": len(places), "fields": shown}
        return self._disclosure(kind, name, self._place(kind, name, row) | part)

    def whole(self, kind: Kind, name: str) -> dict[str, Json]:
        """A disclosure of a whole table or dataset."""
        schema, rows = self.contents[kind, name]
        field_keys = None
        if schema.field_disclosure:
            field_keys = [
                to_hex(self.salter.document_key(salts.fields(kind, name, row))) for row in range(len(rows))
            ]
        key = to_hex(self.salter.document_key(salts.rows(kind, name)))
        return self._disclosure(
            kind, name, {"key": key, "decoys": schema.decoys, "field_keys": field_keys, "rows": list(rows)}
        )


def with_policy(**changes: Any) -> Policy:
    """The sample policy with other fields."""
    return replace(POLICY, **changes)


def hexes(hashes: Sequence[bytes]) -> list[str]:
    """A path as the documents write it."""
    return [to_hex(hash_) for hash_ in hashes]


def text_of(document: Mapping[str, Json]) -> str:
    """The file of a document without checksum, with one that fits it."""
    return evidence.sealed(document).decode()
