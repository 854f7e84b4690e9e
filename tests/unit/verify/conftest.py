"""A small network made of protocol functions alone, and evidence about one of its votings.

`make` builds evidence in which everything fits together except what a test changes: ids, hashes, trees and
the log are computed after the change, so that only the rule under test can refuse it.
"""

from dataclasses import replace

import pytest

from worknet.protocol import ids, merkle, salts, tables, trees
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.columns import Column
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.tables import Salter, Schema
from worknet.protocol.words import Ballots, Fallback, How
from worknet.verify import (
    Ballot,
    ChainView,
    Disclosure,
    Evidence,
    Field,
    Head,
    Header,
    ManifestProof,
    Member,
    Network,
    Opening,
    Outcome,
    Report,
    RowFields,
    WholeRow,
)

DATA_KEY = bytes(range(32))
NETWORK = Network(73799, bytes.fromhex("c0ffee" + "11" * 17))
WORKFLOW = "matching_24_7"
SLOT = ids.Slot(3600, 490_000)
BUNDLE = b"\xb1" * 32
LOG_SIZE, POSITION = 11, 5

SCORES = Schema(
    (Column("consumer", "str"), Column("wh", "int"), Column("score_ppm", "int", True)), ("consumer",)
)
OWNERS = Schema(
    (Column("consumer", "str"), Column("owner", "str"), Column("iban", "str")),
    ("consumer",),
    field_disclosure=True,
)
METERS = Schema((Column("meter", "str"), Column("wh", "decimal", digits=3)), ("meter",))
TABLES = {
    "scores": (SCORES, [{"consumer": f"c{n}", "wh": 1000 * n, "score_ppm": n or None} for n in range(7)]),
    "owners": (OWNERS, [{"consumer": f"c{n}", "owner": f"Frau Ä{n}", "iban": f"DE{n}"} for n in range(3)]),
    "left": (METERS, []),
}
DATASETS = {
    "meters": (METERS, [{"meter": f"m{n}", "wh": f"{n}.500"} for n in range(5)]),
    "owners": (OWNERS, TABLES["owners"][1]),
    "weather": (METERS, [{"meter": "sun", "wh": "0.000"}]),
}

POLICY = Policy(
    bundle_digest=BUNDLE,
    data_key_epoch=1,
    data_key_commitment=salts.data_key_commitment(DATA_KEY),
    every=SLOT.every,
    delay=600,
    start=SLOT.window.start - 7200,
    max_age=86_400,
    threshold_num=2,
    threshold_den=3,
    ballots=Ballots.SEALED,
    cast_window=300,
    reveal_window=300,
    stall=900,
    fallback=Fallback.FAILOVER_THEN_PLURALITY,
    accuracy=10**18,
)
OTHER = Pair(b"\x01" * 32, b"\x02" * 32)


def key_of(worker):
    return bytes([0xAA, worker + 1]) * 10


def operator_of(worker):
    return bytes([0x0E, worker + 1]) * 10


class Committed:
    """One set of tables (or datasets) with all leaves, in name order; `first` leaves stand before them."""

    def __init__(self, kind, contents, salter, first=()):
        self.kind, self.salter, self.first = kind, salter, first
        self.contents = contents
        self.rows = {
            name: tables.row_leaves(kind, name, schema, rows, salter)
            for name, (schema, rows) in contents.items()
        }
        self.headers = {
            name: tables.table_leaf(kind, name, len(leaves), merkle.root(leaves), salter)
            for name, leaves in self.rows.items()
        }

    @property
    def leaves(self):
        return [*self.first, *(self.headers[name] for name in sorted(self.headers))]

    def disclose(self, name, index, fields=None, schema=True):
        place = len(self.first) + sorted(self.headers).index(name)
        leaves = self.rows[name]
        given, rows = self.contents[name]
        row = rows[index]
        if given.field_disclosure:
            shown = self._fields(name, index, row, fields)
        else:
            key = self.salter.document_key(salts.rows(self.kind, name))
            shown = WholeRow(salts.salt(key, index), row)
        return Disclosure(
            kind=self.kind,
            name=name,
            schema=given if schema and self.kind == "table" else None,
            header=Header(
                salt=self.salter.salt(salts.header(self.kind, name)),
                rows=len(leaves),
                root=merkle.root(leaves),
                index=place,
                count=len(self.leaves),
                path=tuple(trees.inclusion(self.leaves, place)),
            ),
            index=index,
            path=tuple(trees.inclusion(leaves, index)),
            row=shown,
        )

    def _fields(self, name, index, row, fields):
        key = self.salter.document_key(salts.fields(self.kind, name, index))
        leaves = tables.fields_of(row, key)
        names = sorted(row)
        salt = salts.salt(self.salter.document_key(salts.rows(self.kind, name)), index)
        return RowFields(
            salt=salt,
            root=merkle.root(leaves),
            count=len(leaves),
            fields=tuple(
                Field(name, row[name], salts.salt(key, at), at, tuple(trees.inclusion(leaves, at)))
                for at, name in enumerate(names)
                if fields is None or name in fields
            ),
        )


def build(
    row=("table", "scores", 3),
    fields=None,
    with_manifest=True,
    policy=None,
    manifest=None,
    record=None,
    votes=None,
    network=NETWORK,
    trigger_id=SLOT.trigger_id,
    contents=TABLES,
    schemas=None,
):
    """Evidence of the voting at POSITION; each argument bends one part before all is computed."""
    policy = replace(POLICY, **(policy or {}))
    workflow_id = ids.workflow_id(WORKFLOW)
    voting_id = ids.voting_id(network.chain_id, network.contract, workflow_id, trigger_id)
    salter = Salter(DATA_KEY, voting_id, 1)
    document = Manifest(
        workflow=WORKFLOW,
        bundle_digest=BUNDLE,
        trigger_id=trigger_id,
        window=SLOT.window if policy.every else None,
        parameters={"rule": "hourly"},
        tables={
            name: TableEntry((schemas or {}).get(name, schema).digest(), len(rows))
            for name, (schema, rows) in contents.items()
        },
        summary={"matched_wh": 12},
        parents=(b"\x07" * 32,),
    )
    document = replace(document, **(manifest or {}))
    salt = salter.salt(salts.MANIFEST)
    result = Committed("table", contents, salter, first=(document.leaf(salt),))
    inputs = Committed("dataset", DATASETS, salter)
    words = {
        "chain_id": network.chain_id,
        "contract": network.contract,
        "workflow_id": workflow_id,
        "voting_id": voting_id,
        "trigger_id": trigger_id,
        "attempt": 1,
        "policy_hash": policy.hash(),
        "input_root": merkle.root(inputs.leaves),
        "result_root": merkle.root(result.leaves),
        "members": 0b1011,
        "n": 3,
        "needed": 2,
        "voters": 0b0011,
        "how": How.QUORUM,
        "time": SLOT.due(policy.delay) + 240,
    }
    final = Record(**(words | (record or {})))
    pair = Pair(words["input_root"], words["result_root"])
    if votes is None:
        votes = {0: True, 1: True, 3: False}
    leaves = [f"record {number}".encode() for number in range(LOG_SIZE)]
    leaves[POSITION] = final.leaf()
    proof = ManifestProof(document, salt, tuple(trees.inclusion(result.leaves, 0)))
    disclosure = None
    if row is not None:
        kind, name, index = row
        committed = result if kind == "table" else inputs
        disclosure = committed.disclose(name, index, fields, schema=with_manifest)
    return Evidence(
        network=network,
        record=final,
        position=POSITION,
        path=tuple(trees.inclusion(leaves, POSITION)),
        head=Head(LOG_SIZE, merkle.root(leaves)),
        ballots=tuple(
            Ballot(
                worker,
                key_of(worker),
                operator_of(worker),
                vote if isinstance(vote, Pair) else pair if vote else OTHER,
            )
            for worker, vote in sorted(votes.items())
        ),
        policy=policy,
        manifest=proof if with_manifest else None,
        disclosure=disclosure,
    )


def view(evidence, **changes):
    """What an honest chain says about the evidence."""
    voters = {}
    for ballot in evidence.ballots:
        voters[ballot.pair] = voters.get(ballot.pair, 0) | 1 << ballot.worker
    record = evidence.record
    everyone = Report(record.members, record.voters, record.voters)
    honest = ChainView(
        network=evidence.network,
        block=1234,
        leaf_hash=evidence.record.leaf_hash(),
        position=evidence.position,
        depth=4,
        confirmations=2,
        head=Head(evidence.head.size + 3, b"\x33" * 32),
        head_then=evidence.head,
        opening=Opening(record.workflow_id, record.trigger_id, record.members, record.n, record.needed),
        report=everyone if record.how is How.REPORT else None,
        outcome=Outcome(record.attempt, record.pair, record.voters, record.how),
        voters=voters,
        counted=sum(1 << ballot.worker for ballot in evidence.ballots),
        members={ballot.worker: Member(ballot.key, ballot.operator) for ballot in evidence.ballots},
    )
    return replace(honest, **changes)


@pytest.fixture(scope="session")
def make():
    return build


@pytest.fixture(scope="session")
def chain_view():
    return view


@pytest.fixture(scope="session")
def evidence():
    return build()


@pytest.fixture
def files(tmp_path):
    """Writes evidence into a file and returns its path."""

    def write(evidence, name="evidence.json"):
        path = tmp_path / name
        path.write_bytes(evidence if isinstance(evidence, bytes) else evidence.to_bytes())
        return path

    return write


@pytest.fixture(scope="session")
def hexed():
    return to_hex
