"""Vectors of evidence files: sound ones of every form, and the same with one thing wrong in each."""

import json
from dataclasses import replace
from typing import Any

from tools.vectors.commitments import DATA_KEY
from tools.vectors.form import Json, VectorFile, sample
from tools.vectors.ids import CONTRACT, HOUR, NOON
from tools.vectors.records import record_of_hour

from worknet.protocol import merkle, salts, tables, trees
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.columns import Column
from worknet.protocol.ids import Slot
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.policy import Policy
from worknet.protocol.tables import Row, Salter, Schema
from worknet.protocol.words import Ballots, Fallback
from worknet.verify import (
    Ballot,
    Disclosure,
    Evidence,
    Field,
    Head,
    Header,
    ManifestProof,
    Network,
    RowFields,
    WholeRow,
)
from worknet.verify.evidence import checksum

SLOT = Slot.at(HOUR, NOON)
SCORES = Schema((Column("consumer", "str"), Column("wh", "int")), ("consumer",))
OWNERS = Schema((Column("consumer", "str"), Column("owner", "str")), ("consumer",), field_disclosure=True)
ROWS: list[Row] = [{"consumer": f"c{number}", "wh": 1000 * number} for number in range(3)]
OWNER_ROWS: list[Row] = [{"consumer": f"c{number}", "owner": f"o{number}"} for number in range(3)]
LOG = [sample(f"leaf of record {number}") for number in range(7)]
POSITION = 4
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


def evidence() -> VectorFile:
    """Files with the level that they reach, and refused ones; all but a few have a right checksum."""
    file = VectorFile(
        "Evidence files (section 9, docs/reference/evidence.md). `file` is the text of the file."
    )
    whole = sound(_table_row())
    forms = {
        "a record alone": replace(whole, manifest=None, disclosure=None),
        "a record and its manifest": replace(whole, disclosure=None),
        "a row of a table": whole,
        "a row of a table, without the manifest": sound(_table_row(), with_manifest=False),
        "one field of a row": sound(_field()),
        "a row of a dataset": sound(_dataset_row()),
    }
    for name, form in forms.items():
        text, head = form.to_bytes().decode(), str(form.head)
        file.good(name, "verify", 0, file=text, head=None)
        file.good(f"{name}, against the head", "verify", 1, file=text, head=head)
    text, head = whole.to_bytes().decode(), str(whole.head)
    file.bad("another size", "verify", "RefusedError", file=text, head=f"8:{head.split(':')[1]}")
    file.bad("another root", "verify", "RefusedError", file=text, head=f"7:{to_hex(sample('root'))}")
    for name, other in {
        "no newline": text[:-1],
        "two newlines": text + "\n",
        "a space": text.replace(":", ": ", 1),
        "cut off": text[: len(text) // 2],
        "upper-case hex": text.replace("0x", "0X", 1),
        "another order": json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")) + "\n",
        "another checksum": text.replace('"wh":2000', '"wh":2001'),
        "no evidence": "{}\n",
        "nothing": "",
    }.items():
        file.bad(name, "verify", "EvidenceError", file=other, head=head)
    for path, value, error in _wrongs():
        changed = _with(json.loads(text), path.split("."), value)
        file.bad(f"{path}: {json.dumps(value)[:40]}", "verify", error, file=changed, head=head)
    return file


def _wrongs() -> list[tuple[str, Json, str]]:
    other = to_hex(sample("other"))
    refused: dict[str, Json] = {
        "network.chain_id": 1,
        "record.chain_id": 1,
        "record.voting_id": other,
        "record.trigger_id": other,
        "record.attempt": 2,
        "record.policy_hash": other,
        "record.members": to_hex(bytes(31) + b"\x03"),
        "record.n": 4,
        "record.needed": 3,
        "record.voters": to_hex(bytes(31) + b"\x0d"),
        "record.how": "plurality",
        "record.time": NOON,
        "position": 3,
        "head.size": 6,
        "head.root": other,
        "path": [],
        "ballots": [],
        "policy.threshold_num": 1,
        "policy.accuracy": "1",
        "manifest.document.workflow": "other",
        "manifest.document.window": None,
        "manifest.document.summary": {"more": 1},
        "manifest.salt": to_hex(sample("salt", 16)),
        "disclosure.kind": "dataset",
        "disclosure.name": "owners",
        "disclosure.schema": None,
        "disclosure.header.rows": 4,
        "disclosure.header.count": 4,
        "disclosure.header.index": 1,
        "disclosure.index": 1,
        "disclosure.row.values": {"consumer": "c2", "wh": 2001},
        "disclosure.row.salt": to_hex(sample("salt", 16)),
    }
    malformed: dict[str, Json] = {
        "format": "evidence",
        "protocol": 2,
        "more": 1,
        "position": "4",
        "head.root": other.upper(),
        "path": [other[:-2]],
        "ballots": None,
        "policy.ballots": "SEALED",
        "policy.accuracy": 0,
        "policy.threshold_den": 0,
        "disclosure.row.values": {"Wh": 1},
        "manifest.document.more": 1,
    }
    return [(path, value, "RefusedError") for path, value in refused.items()] + [
        (path, value, "EvidenceError") for path, value in malformed.items()
    ]


def _with(document: dict[str, Any], path: list[str], value: Json) -> str:
    """The file with another value in one place, and a checksum that fits it."""
    del document["checksum"]
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return encode(document | {"checksum": to_hex(checksum(document))}).decode() + "\n"


class _Trees:
    """What the workers of the voting committed to: two tables, a manifest, one dataset."""

    def __init__(self) -> None:
        self.salter = Salter(DATA_KEY, record_of_hour(0).voting_id, 1)
        self.rows = {
            ("table", "scores"): tables.row_leaves("table", "scores", SCORES, ROWS, self.salter),
            ("table", "owners"): tables.row_leaves("table", "owners", OWNERS, OWNER_ROWS, self.salter),
            ("dataset", "load"): tables.row_leaves("dataset", "load", SCORES, ROWS, self.salter),
        }
        self.manifest = Manifest(
            workflow="matching_24_7",
            bundle_digest=POLICY.bundle_digest,
            trigger_id=SLOT.trigger_id,
            window=SLOT.window,
            parameters={},
            tables={"owners": TableEntry(OWNERS.digest(), 3), "scores": TableEntry(SCORES.digest(), 3)},
            summary={"matched_wh": 3000},
        )
        self.manifest_salt = self.salter.salt(salts.MANIFEST)
        self.inputs = [self._leaf("dataset", "load")]
        self.result = [
            self.manifest.leaf(self.manifest_salt),
            self._leaf("table", "owners"),
            self._leaf("table", "scores"),
        ]

    def _leaf(self, kind: tables.Kind, name: str) -> bytes:
        rows = self.rows[kind, name]
        return tables.table_leaf(kind, name, len(rows), merkle.root(rows), self.salter)

    def disclosure(
        self, kind: tables.Kind, name: str, place: int, row: WholeRow | RowFields, schema: Schema | None
    ) -> Disclosure:
        """Row 2 of a table or dataset, whose header is leaf `place` of the tree above."""
        rows, above = self.rows[kind, name], self.result if kind == "table" else self.inputs
        header = Header(
            salt=self.salter.salt(salts.header(kind, name)),
            rows=len(rows),
            root=merkle.root(rows),
            index=place,
            count=len(above),
            path=tuple(trees.inclusion(above, place)),
        )
        return Disclosure(kind, name, schema, header, 2, tuple(trees.inclusion(rows, 2)), row)

    def salt(self, kind: tables.Kind, name: str) -> bytes:
        """The salt of row 2."""
        return salts.salt(self.salter.document_key(salts.rows(kind, name)), 2)


TREES = _Trees()


def _table_row() -> Disclosure:
    return TREES.disclosure("table", "scores", 2, WholeRow(TREES.salt("table", "scores"), ROWS[2]), SCORES)


def _dataset_row() -> Disclosure:
    return TREES.disclosure("dataset", "load", 0, WholeRow(TREES.salt("dataset", "load"), ROWS[2]), None)


def _field() -> Disclosure:
    key = TREES.salter.document_key(salts.fields("table", "owners", 2))
    leaves = tables.fields_of(OWNER_ROWS[2], key)
    shown = Field("owner", "o2", salts.salt(key, 1), 1, tuple(trees.inclusion(leaves, 1)))
    row = RowFields(TREES.salt("table", "owners"), merkle.root(leaves), 2, (shown,))
    return TREES.disclosure("table", "owners", 1, row, OWNERS)


def sound(disclosure: Disclosure, *, with_manifest: bool = True) -> Evidence:
    """Evidence of the voting about the hour from noon, with that row."""
    record = replace(
        record_of_hour(0),
        policy_hash=POLICY.hash(),
        input_root=merkle.root(TREES.inputs),
        result_root=merkle.root(TREES.result),
    )
    leaves = [*LOG[:POSITION], record.leaf(), *LOG[POSITION + 1 :]]
    manifest = ManifestProof(TREES.manifest, TREES.manifest_salt, tuple(trees.inclusion(TREES.result, 0)))
    return Evidence(
        network=Network(record.chain_id, CONTRACT),
        record=record,
        position=POSITION,
        path=tuple(trees.inclusion(leaves, POSITION)),
        head=Head(len(leaves), merkle.root(leaves)),
        ballots=tuple(
            Ballot(worker, sample(f"key {worker}", 20), sample(f"operator {worker}", 20), record.pair)
            for worker in (0, 2)
        ),
        policy=POLICY,
        manifest=manifest if with_manifest else None,
        disclosure=disclosure if with_manifest else replace(disclosure, schema=None),
    )
