"""Evidence from a worker's journal and index: a record, its ballots, and one disclosed row (section 9)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedRecord
from worknet.node.errors import UnknownVoting
from worknet.node.journal import Ballot as JournalBallot
from worknet.node.journal import Journal
from worknet.node.preparing import unpack
from worknet.protocol import merkle, salts, tables, trees
from worknet.protocol.canonical import decode, to_hex
from worknet.protocol.columns import Column
from worknet.protocol.manifest import Manifest
from worknet.protocol.tables import Kind, Salter, Schema
from worknet.protocol.voting import Attempt
from worknet.tables import CommittedTable, DataError, TableProofs, commit_table
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
from worknet.workflow import Declaration


@dataclass(frozen=True)
class Selection:
    """The row to disclose: in which result table or input dataset, and its key as text, by column.

    `fields` names the columns to show of a table with field disclosure; empty: all of them.
    """

    kind: Kind
    name: str
    key: Mapping[str, str]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prover:
    """What evidence is made from: the public log, and one worker's journal and data keys, by their epochs.

    No bundle is needed, so that evidence can also be made of results of bundles that are gone.
    """

    index: NetworkIndex
    journal: Journal
    data_key: Callable[[int], bytes]

    def evidence(
        self, record: IndexedRecord, selection: Selection | None, size: int | None = None
    ) -> Evidence:
        """Evidence of a recorded voting against the tree head of `size` records (None: the newest head).

        With a row, if one is selected. Raises `UnknownVoting` if this worker has no part in the voting, there
        is no such row, or the head does not hold the record.
        """
        newest = self.index.log_size()
        size = newest if size is None else size
        if not record.position < size <= newest:
            raise UnknownVoting(
                f"no tree head of {size} records holds the record at position {record.position}",
                hint=f"the log has {newest} records",
            )
        words = record.record
        attempt = self._attempt(record)
        ballot = self._own_ballot(record, attempt)
        hashes = [merkle.leaf_hash(leaf) for leaf in self.index.leaves(size)]
        data_key = self.data_key(ballot.data_key_epoch)
        work = _Commitments(ballot, Salter(data_key, words.voting_id, words.attempt))
        return Evidence(
            network=Network(words.chain_id, words.contract),
            record=words,
            position=record.position,
            path=tuple(trees.Tree(hashes).inclusion(record.position)),
            head=Head(len(hashes), merkle.root_of_hashes(hashes)),
            ballots=self._ballots(record, attempt),
            policy=self.index.policy(words.workflow_id, attempt.policy_version).policy,
            manifest=work.manifest_proof(),
            disclosure=None if selection is None else work.disclosure(selection),
        )

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

    def _own_ballot(self, record: IndexedRecord, attempt: Attempt) -> JournalBallot:
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

    def _ballots(self, record: IndexedRecord, attempt: Attempt) -> tuple[Ballot, ...]:
        """The counted and the reported ballots, each with the key and operator that its worker had when it
        came."""
        words = record.record
        moments = self.index.ballot_moments(words.voting_id, attempt.number)
        reported = [worker for worker in range(words.voters.bit_length()) if words.voters >> worker & 1]
        ballots = []
        for worker, pair in sorted((dict.fromkeys(reported, words.pair) | dict(attempt.ballots)).items()):
            members = {member.index: member for member in self.index.members(before=moments[worker])}
            ballots.append(Ballot(worker, members[worker].worker, members[worker].operator, pair))
        return tuple(ballots)


class _Commitments:
    """The trees behind one ballot, built again from the journal's frames."""

    def __init__(self, ballot: JournalBallot, salter: Salter) -> None:
        self._declaration = Declaration.of_document(decode(ballot.declaration))
        self._ballot = ballot
        self._salter = salter
        self._manifest = Manifest.parse(ballot.manifest)

    def manifest_proof(self) -> ManifestProof:
        """The manifest, its salt, and its path to the result root."""
        salt = self._salter.salt(salts.MANIFEST)
        leaves = tables.result_leaves(self._manifest.leaf(salt), self._leaves("table"))
        return ManifestProof(self._manifest, salt, tuple(trees.inclusion(leaves, 0)))

    def disclosure(self, selection: Selection) -> Disclosure:
        """The selected row with its proof up to the input or result root."""
        schema = self._schema(selection.kind, selection.name)
        table = self._committed(selection.kind, selection.name)
        proofs = TableProofs(table, self._salter)
        index = proofs.find(_key(schema, selection))
        proof = proofs.row(index)
        row: WholeRow | RowFields = WholeRow(proof.salt, dict(proof.values))
        if schema.field_disclosure:
            row = self._fields(selection, proofs, index)
        elif selection.fields:
            raise UnknownVoting(
                f"{selection.name} discloses rows whole", hint="its schema has no field disclosure"
            )
        return Disclosure(
            kind=selection.kind,
            name=selection.name,
            schema=schema if selection.kind == "table" else None,
            header=self._header(selection, table),
            index=proof.index,
            path=tuple(proof.path),
            row=row,
        )

    def _fields(self, selection: Selection, proofs: TableProofs, index: int) -> RowFields:
        try:
            proof = proofs.fields(index, selection.fields)
        except DataError as error:
            raise UnknownVoting(str(error), error.hint) from None
        shown = tuple(
            Field(each.name, each.value, each.salt, each.index, tuple(each.path)) for each in proof.fields
        )
        return RowFields(proof.salt, proof.root, proof.count, shown)

    def _header(self, selection: Selection, table: CommittedTable) -> Header:
        own = self._leaves(selection.kind)
        place = sorted(own).index(selection.name)
        leaves = [own[name] for name in sorted(own)]
        if selection.kind == "table":
            place += 1
            leaves = [self._manifest.leaf(self._salter.salt(salts.MANIFEST)), *leaves]
        salt = self._salter.salt(salts.header(selection.kind, selection.name))
        path = tuple(trees.inclusion(leaves, place))
        return Header(salt, table.rows, table.root, place, len(leaves), path)

    def _leaves(self, kind: Kind) -> dict[str, bytes]:
        return {name: self._committed(kind, name).leaf for name in self._names(kind)}

    def _committed(self, kind: Kind, name: str) -> CommittedTable:
        frame = unpack(self._ballot.frames[kind, name])
        return commit_table(kind, name, self._schema(kind, name), frame, self._salter)

    def _names(self, kind: Kind) -> list[str]:
        if kind == "table":
            return [table.name for table in self._declaration.tables]
        return [dataset.name for dataset in self._declaration.datasets if dataset.committed]

    def _schema(self, kind: Kind, name: str) -> Schema:
        if name not in self._names(kind):
            raise UnknownVoting(
                f"the workflow {self._declaration.name} has no committed {kind} {name}",
                hint=f"it has {', '.join(self._names(kind))}",
            )
        declared = self._declaration.table if kind == "table" else self._declaration.dataset
        return declared(name).schema


def _key(schema: Schema, selection: Selection) -> tuple[int | bool | str, ...]:
    """The key's values in the order of the schema, each read as its column's type."""
    if set(selection.key) != set(schema.key):
        raise UnknownVoting(
            f"the key of {selection.name} is {', '.join(schema.key)}",
            hint=" ".join(f"--key {name}=VALUE" for name in schema.key),
        )
    return tuple(_value(schema.column(name), selection.key[name]) for name in schema.key)


def _value(column: Column, text: str) -> int | bool | str:
    if column.type == "bool" and text in {"true", "false"}:
        return text == "true"
    if column.type == "int":
        try:
            return int(text)
        except ValueError:
            raise UnknownVoting(f"the key {column.name} is an integer, not {text!r}") from None
    return text
