"""Which attempts a worker makes a statement on, and what it states: its datasets, tables and manifest."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from worknet.chain.client import NetworkClient
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.index_members import IndexedMember
from worknet.node.errors import UnknownVoting
from worknet.node.journal import Ballot, Journal
from worknet.node.preparing import unpack
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import decode, to_hex
from worknet.protocol.fingerprints import OwnStatement, OwnTable, state
from worknet.protocol.manifest import Manifest
from worknet.protocol.statement import Level, StatementPlace
from worknet.protocol.tables import Kind, Row, Salter, Schema
from worknet.protocol.voting import Attempt, State, Voting
from worknet.tables import commit_table
from worknet.workflow import Declaration


def pair_of(attempt: Attempt, worker: int) -> Pair | None:
    """What a worker voted for in an attempt as the chain knows it; None if it does not know."""
    if attempt.report is not None and attempt.report.voters >> worker & 1:
        return attempt.report.pair
    return attempt.ballots.get(worker)


def pairs_of(attempt: Attempt) -> dict[int, Pair]:
    """What the chain knows that members voted for, by their indices."""
    members = [worker for worker in range(attempt.members.bit_length()) if attempt.is_member(worker)]
    known = {worker: pair_of(attempt, worker) for worker in members}
    return {worker: pair for worker, pair in known.items() if pair is not None}


def has_ended(voting: Voting, attempt: Attempt) -> bool:
    """Whether no ballot of the attempt can come any more: only then a statement on it helps no copier.

    `voting` is as it stands at the time of a confirmed block.
    """
    if attempt.number != voting.current.number:
        return True
    waiting = {State.PENDING, State.SETTLING, State.UNRESOLVED, State.SETTLED}
    return voting.closed or voting.state in waiting


def to_be_explained(voting: Voting) -> list[Attempt]:
    """The attempts that have ended and in which members are known to have voted for different pairs."""
    return [
        attempt
        for attempt in voting.attempts
        if has_ended(voting, attempt) and len(set(pairs_of(attempt).values())) > 1
    ]


def confirmed_voting(client: NetworkClient, index: NetworkIndex, voting_id: bytes) -> Voting | None:
    """The voting as of the newest block that counts as confirmed, at that block's time. Raises ChainError."""
    head = index.block()
    settled = max(0, (head or 0) - client.confirmations())
    header = client.rpc.header(settled)
    return None if header is None else index.voting(voting_id, last=settled, now=header.time)


def recipients(members: Sequence[IndexedMember], me: int) -> dict[int, bytes]:
    """Whom a statement is sealed to: the encryption keys of all others that have a role now, by index."""
    return {
        member.index: member.encryption_key
        for member in members
        if member.role is not Role.NONE and member.index != me
    }


@dataclass(frozen=True)
class Stating:
    """What one worker states of its ballots. `data_key` gives the members' data key of an epoch."""

    chain_id: int
    contract: bytes
    journal: Journal
    data_key: Callable[[int], bytes] = field(repr=False)

    def own(self, voting_id: bytes, attempt: Attempt, me: int, level: Level) -> OwnStatement:
        """This worker's statement on its ballot in an attempt.

        Raises `UnknownVoting` where no ballot of it stands on chain, or the journal does not hold what is
        behind it; `ConfigError` without the data key.
        """
        ballot = self.journal.ballots.get(voting_id, attempt.number, attempt.policy_version)
        if pair_of(attempt, me) != ballot.pair:
            raise UnknownVoting(
                f"no ballot of this worker stands on chain in attempt {attempt.number} of voting "
                f"{to_hex(voting_id)}",
                hint="a statement is checked against the ballot: without one it shows nothing",
            )
        if not ballot.frames:
            raise UnknownVoting(
                f"the journal no longer holds the rows of voting {to_hex(voting_id)}",
                hint="[journal] keep in node.toml says for how long",
            )
        salter = Salter(self.data_key(ballot.data_key_epoch), voting_id, attempt.number)
        declaration = Declaration.of_document(decode(ballot.declaration))
        datasets = [
            _table(ballot, "dataset", dataset.name, dataset.schema, salter)
            for dataset in declaration.datasets
            if dataset.committed
        ]
        tables = [_table(ballot, "table", table.name, table.schema, salter) for table in declaration.tables]
        place = StatementPlace(self.chain_id, self.contract, voting_id, attempt.number, me)
        return state(place, level, datasets, tables, Manifest.parse(ballot.manifest), salter)


def _table(ballot: Ballot, kind: Kind, name: str, schema: Schema, salter: Salter) -> OwnTable:
    table = commit_table(kind, name, schema, unpack(ballot.frames[kind, name]), salter)

    def read() -> tuple[Sequence[Row], Sequence[bytes]]:
        return list(_rows(table.frame)), table.tree.hashes

    return OwnTable(kind, name, schema, table.rows, table.root, read)


def _rows(frame: pl.DataFrame) -> Iterator[Row]:
    # The types of validated columns are those of canonical values.
    yield from frame.iter_rows(named=True)
