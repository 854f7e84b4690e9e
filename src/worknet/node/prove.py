"""Evidence from a worker's journal and index: a record, its ballots, and rows of it (section 9).

All that is disclosed follows from salts and document keys: the data key never leaves the salter.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedRecord
from worknet.chain.log_tree import LogTree
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.journal import Ballot, Journal
from worknet.node.preparing import unpack
from worknet.protocol import evidence, salts
from worknet.protocol.canonical import Value, decode, to_hex
from worknet.protocol.columns import Column
from worknet.protocol.evidence import Document, ballot_document, path_document
from worknet.protocol.manifest import Manifest
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.policy import Policy
from worknet.protocol.tables import Kind, Salter, Schema, result_leaves
from worknet.protocol.trees import Tree
from worknet.protocol.voting import Attempt
from worknet.tables import DataError, FieldsProof, RowProof, TableProofs, commit_table
from worknet.workflow import Declaration


@dataclass(frozen=True)
class Selection:
    """What is to be disclosed of a result table or input dataset: one row of it, or all of them.

    `row` is that row's key as text, by column, None for all rows. `show` names the fields to show of a row
    that is disclosed by field; empty: all of them.
    """

    kind: Kind
    name: str
    row: Mapping[str, str] | None = None
    show: tuple[str, ...] = ()


class Prover:
    """Makes evidence from the public log, and one worker's journal and data keys, by their epochs.

    No bundle is needed, so that evidence can also be made of results of bundles that are gone. Of use to one
    thread at a time.
    """

    def __init__(self, index: NetworkIndex, journal: Journal, data_key: Callable[[int], bytes]) -> None:
        self.index, self.journal, self._data_key = index, journal, data_key
        self._log = LogTree(index)

    def evidence(
        self, record: IndexedRecord, selection: Selection | None = None, size: int | None = None
    ) -> bytes:
        """The evidence file of a recorded voting, with what is selected; for errors see `VotingProofs`."""
        proofs = self.of(record, size)
        return proofs.file(None if selection is None else proofs.select(selection))

    def of(self, record: IndexedRecord, size: int | None = None) -> "VotingProofs":
        """What can be proven of a recorded voting, against the tree head of `size` records (None: of all).

        Raises `UnknownVoting` if this worker has no part in the voting or its rows are gone, or the head does
        not hold the record.
        """
        log = self._log.now()
        size = log.size if size is None else size
        if not record.position < size <= log.size:
            raise UnknownVoting(
                f"no tree head of {size} records holds the record at position {record.position}",
                hint=f"the log has {log.size} records",
            )
        words = record.record
        attempt = self._attempt(record)
        ballot = self._own_ballot(record, attempt)
        policy = self.index.policy(words.workflow_id, attempt.policy_version).policy
        public = evidence.document(
            record=words,
            position=record.position,
            path=log.inclusion(record.position, size),
            size=size,
            root=log.root_at(size),
            ballots=list(self._ballots(record, attempt)),
            policy=policy,
        )
        salter = Salter(self._data_key(ballot.data_key_epoch), words.voting_id, words.attempt)
        return VotingProofs(public, policy, ballot, salter)

    def _attempt(self, record: IndexedRecord) -> Attempt:
        """The recorded attempt, with all ballots that are counted by now."""
        words = record.record
        voting = self.index.voting(words.voting_id)
        attempt = None if voting is None else voting.attempt(words.attempt)
        if attempt is None:
            raise UnknownVoting(
                f"the index has no attempt {words.attempt} of voting {to_hex(words.voting_id)}",
                hint="delete the index: it is made anew from the chain",
            )
        return attempt

    def _own_ballot(self, record: IndexedRecord, attempt: Attempt) -> Ballot:
        words = record.record
        ballot = self.journal.ballots.get(words.voting_id, words.attempt, attempt.policy_version)
        if not ballot.frames:
            raise UnknownVoting(
                f"the journal no longer holds the rows of voting {to_hex(words.voting_id)}",
                hint="[journal] keep in node.toml says for how long; ask a worker that keeps them longer",
            )
        if ballot.pair != words.pair:
            raise UnknownVoting(
                f"this worker voted otherwise than the record of voting {to_hex(words.voting_id)}",
                hint="ask a worker that agreed: its rows are the recorded ones",
            )
        return ballot

    def _ballots(self, record: IndexedRecord, attempt: Attempt) -> Iterator[Document]:
        """The counted and the reported ballots, each with the key and operator that its worker had when it
        came."""
        words = record.record
        moments = self.index.ballot_moments(words.voting_id, attempt.number)
        reported = [worker for worker in range(words.voters.bit_length()) if words.voters >> worker & 1]
        for worker, pair in sorted((dict.fromkeys(reported, words.pair) | dict(attempt.ballots)).items()):
            members = {member.index: member for member in self.index.members(before=moments[worker])}
            yield ballot_document(worker, members[worker].worker, members[worker].operator, pair)


class VotingProofs:
    """What can be proven of one recorded voting. A table is committed to once, when it is first needed.

    `policy` is the one that the attempt was under, `declaration` what the bundle of that time declared.
    Raises `UnknownVoting` for a table, dataset or row that the voting has not, `RequestError` for what its
    schema does not let be shown.
    """

    def __init__(self, public: Document, policy: Policy, ballot: Ballot, salter: Salter) -> None:
        self.policy = policy
        self.declaration = Declaration.of_document(decode(ballot.declaration))
        self._public, self._ballot, self._salter = public, ballot, salter
        self._manifest = Manifest.parse(ballot.manifest)
        self._proofs: dict[tuple[Kind, str], TableProofs] = {}

    @property
    def names(self) -> list[tuple[Kind, str]]:
        """The committed datasets and the tables, in the order of their declaration."""
        return [("dataset", name) for name in self._names("dataset")] + [
            ("table", name) for name in self._names("table")
        ]

    def schema(self, kind: Kind, name: str) -> Schema:
        """The schema of a table or committed dataset."""
        if name not in self._names(kind):
            raise UnknownVoting(
                f"the workflow {self.declaration.name} has no committed {kind} {name}",
                hint=f"it has {', '.join(self._names(kind))}",
            )
        declared = self.declaration.table if kind == "table" else self.declaration.dataset
        return declared(name).schema

    def count(self, kind: Kind, name: str) -> int:
        """How many rows a table or committed dataset has."""
        return self._proofs_of(kind, name).table.rows

    def frame(self, kind: Kind, name: str) -> pl.DataFrame:
        """The rows of a table or dataset, committed or not, in their order."""
        return unpack(self._ballot.frames[kind, name])

    def file(self, disclosure: Value = None) -> bytes:
        """The evidence file, with what `whole`, `row`, `rows` or `select` gave, or of the voting alone."""
        return evidence.sealed(self._public | {"manifest": self._manifest_proof, "disclosure": disclosure})

    def select(self, selection: Selection) -> Document:
        """The disclosure of what is selected."""
        if selection.row is None:
            if selection.show:
                raise RequestError("fields are shown of one row", hint="name the row")
            return self.whole(selection.kind, selection.name)
        index = self.find(selection.kind, selection.name, selection.row)
        return self.row(selection.kind, selection.name, index, selection.show)

    def whole(self, kind: Kind, name: str) -> Document:
        """The disclosure of all rows: the document keys that their salts follow from, and the values."""
        proofs = self._proofs_of(kind, name)
        keys = proofs.field_keys()
        shown: Document = {
            "key": to_hex(proofs.key),
            "field_keys": None if keys is None else [to_hex(key) for key in keys],
            "decoys": proofs.table.schema.decoys,
            "rows": proofs.table.frame.to_dicts(),
        }
        return self._disclosure(kind, name, shown)

    def row(self, kind: Kind, name: str, index: int, show: tuple[str, ...] = ()) -> Document:
        """The disclosure of the row at `index`, or of these fields of it."""
        proofs = self._proofs_of(kind, name)
        try:
            by_field = show or proofs.table.schema.field_disclosure
            proof = proofs.fields(index, show) if by_field else proofs.row(index)
        except DataError as error:
            raise RequestError(str(error), error.hint) from None
        return self._disclosure(kind, name, _shown(proof))

    def rows(self, kind: Kind, name: str, show: tuple[str, ...] = ()) -> Iterator[Document]:
        """The disclosures of all rows, one by one."""
        for index in range(self.count(kind, name)):
            yield self.row(kind, name, index, show)

    def find(self, kind: Kind, name: str, key: Mapping[str, str]) -> int:
        """The place, from 0, of the row with this key, given as text by column."""
        schema = self.schema(kind, name)
        if set(key) != set(schema.key):
            hint = f"--row {','.join(f'{column}=VALUE' for column in schema.key)}"
            raise UnknownVoting(f"the key of {name} is {', '.join(schema.key)}", hint)
        values = [_value(schema.column(column), key[column]) for column in schema.key]
        try:
            return self._proofs_of(kind, name).find(values)
        except DataError as error:
            hint = error.hint or "the voting's rows are those of its own window"
            raise UnknownVoting(str(error), hint) from None

    def _disclosure(self, kind: Kind, name: str, shown: Document) -> Document:
        schema = self.schema(kind, name).document() if kind == "table" else None
        return {
            "kind": kind,
            "name": name,
            "schema": schema,
            "header": self._header(kind, name),
            "shown": shown,
        }

    def _header(self, kind: Kind, name: str) -> Document:
        table = self._proofs_of(kind, name).table
        tree = self._result if kind == "table" else self._inputs
        place = sorted(self._names(kind)).index(name) + (kind == "table")
        return {
            "salt": to_hex(self._salter.salt(salts.header(kind, name))),
            "rows": table.rows,
            "root": to_hex(table.root),
            "index": place,
            "count": tree.size,
            "path": path_document(tree.inclusion(place)),
        }

    @cached_property
    def _manifest_proof(self) -> Document:
        return {
            "document": self._manifest.document(),
            "salt": to_hex(self._salter.salt(salts.MANIFEST)),
            "path": path_document(self._result.inclusion(0)),
        }

    @cached_property
    def _result(self) -> Tree:
        """The tree over the manifest and the tables."""
        manifest = self._manifest.leaf(self._salter.salt(salts.MANIFEST))
        leaves = {name: self._proofs_of("table", name).table.leaf for name in self._names("table")}
        return Tree(map(leaf_hash, result_leaves(manifest, leaves)))

    @cached_property
    def _inputs(self) -> Tree:
        """The tree over the committed datasets, of which most evidence shows nothing."""
        names = sorted(self._names("dataset"))
        return Tree(leaf_hash(self._proofs_of("dataset", name).table.leaf) for name in names)

    def _proofs_of(self, kind: Kind, name: str) -> TableProofs:
        if (kind, name) not in self._proofs:
            table = commit_table(kind, name, self.schema(kind, name), self.frame(kind, name), self._salter)
            self._proofs[kind, name] = TableProofs(table, self._salter)
        return self._proofs[kind, name]

    def _names(self, kind: Kind) -> list[str]:
        if kind == "table":
            return [table.name for table in self.declaration.tables]
        return [dataset.name for dataset in self.declaration.datasets if dataset.committed]


def _shown(proof: RowProof | FieldsProof) -> Document:
    place: Document = {
        "index": proof.index,
        "path": path_document(proof.path),
        "salt": to_hex(proof.salt),
    }
    if isinstance(proof, RowProof):
        return place | {"values": dict(proof.values)}
    fields: list[Value] = [
        {
            "name": each.name,
            "value": each.value,
            "salt": to_hex(each.salt),
            "index": each.index,
            "path": path_document(each.path),
        }
        for each in proof.fields
    ]
    return place | {"root": to_hex(proof.root), "count": proof.count, "fields": fields}


def _value(column: Column, text: str) -> int | bool | str:
    """A value of a key column, from its text."""
    if column.type == "bool" and text in {"true", "false"}:
        return text == "true"
    if column.type == "int":
        try:
            return int(text)
        except ValueError:
            raise UnknownVoting(f"the key {column.name} is an integer, not {text!r}") from None
    return text
