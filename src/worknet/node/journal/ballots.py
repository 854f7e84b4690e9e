"""The ballots that a worker has prepared, with all that is behind each: rows, roots, and the seal's salt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sql

from worknet.node.errors import UnknownVoting
from worknet.node.facts import Prepared
from worknet.node.journal.remembered import Remembered
from worknet.node.journal.store import Store, metadata, step
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.records import Record
from worknet.protocol.tables import Kind

_ADD = step("ballots.add")
_FORGET = step("ballots.forget")

_ballots = sql.Table(
    "ballots",
    metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("policy_version", sql.Integer, primary_key=True),
    sql.Column("input_root", sql.LargeBinary, nullable=False),
    sql.Column("result_root", sql.LargeBinary, nullable=False),
    sql.Column("salt", sql.LargeBinary, nullable=False),
    sql.Column("data_key_epoch", sql.Integer, nullable=False),
    sql.Column("manifest", sql.LargeBinary, nullable=False),
    sql.Column("declaration", sql.LargeBinary, nullable=False),
    sql.Column("prepared", sql.BigInteger, nullable=False),
    sql.Index("ballots_by_time", "prepared", "voting_id"),
)
_frames = sql.Table(
    "frames",
    metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("policy_version", sql.Integer, primary_key=True),
    sql.Column("kind", sql.String, primary_key=True),
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("content", sql.LargeBinary, nullable=False),
)


def _of_place(table: sql.Table) -> sql.Select[Any]:
    """What a table holds of one ballot. Made once: that takes longer than the reading."""
    return sql.select(table).where(
        table.c.voting_id == sql.bindparam("voting"),
        table.c.attempt == sql.bindparam("number"),
        table.c.policy_version == sql.bindparam("version"),
    )


_BALLOT, _ROWS = _of_place(_ballots), _of_place(_frames)
_PREPARED = sql.select(
    _ballots.c.attempt, _ballots.c.policy_version, _ballots.c.input_root, _ballots.c.result_root
).where(_ballots.c.voting_id == sql.bindparam("voting"))


@dataclass(frozen=True)
class Ballot:
    """Everything behind one ballot. `salt` opens its seal; `manifest` is the manifest's canonical bytes.

    `declaration` is what the bundle of that time declares, in canonical bytes: evidence needs the schemas
    long after the bundle has been replaced.
    `frames` holds the datasets and tables that were voted on, by (kind, name), in Arrow IPC form; none once
    they were forgotten.
    """

    voting_id: bytes
    attempt: int
    policy_version: int
    pair: Pair
    salt: bytes = field(repr=False)
    data_key_epoch: int
    manifest: bytes = field(repr=False)
    declaration: bytes = field(repr=False)
    frames: Mapping[tuple[str, str], bytes] = field(repr=False)


class Ballots:
    """The ballots in a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prepared: Remembered[dict[tuple[int, int], Prepared]] = Remembered()

    def add(self, ballot: Ballot) -> None:
        """Holds a ballot with all that is behind it. A ballot that is held already is never replaced."""
        place = {
            "voting_id": ballot.voting_id,
            "attempt": ballot.attempt,
            "policy_version": ballot.policy_version,
        }
        row = {
            **place,
            "input_root": ballot.pair.input_root,
            "result_root": ballot.pair.result_root,
            "salt": ballot.salt,
            "data_key_epoch": ballot.data_key_epoch,
            "manifest": ballot.manifest,
            "declaration": ballot.declaration,
            "prepared": self._store.now(),
        }
        frames = [
            {**place, "kind": kind, "name": name, "content": content}
            for (kind, name), content in ballot.frames.items()
        ]
        with self._prepared.changing(ballot.voting_id), self._store.write(_ADD) as connection:
            connection.execute(_ballots.insert(), row)
            if frames:
                connection.execute(_frames.insert(), frames)

    def get(self, voting_id: bytes, attempt: int, policy_version: int, *, with_rows: bool = True) -> Ballot:
        """A ballot with all that is behind it, or all but the rows; `UnknownVoting` if it is not here."""
        place = {"voting": voting_id, "number": attempt, "version": policy_version}
        with self._store.read() as connection:
            row = connection.execute(_BALLOT, place).first()
            frames = connection.execute(_ROWS, place).all() if with_rows else []
        if row is None:
            raise UnknownVoting(
                f"the journal holds no ballot of attempt {attempt} of voting {to_hex(voting_id)}",
                hint="this worker did not vote there; ask another worker",
            )
        return Ballot(
            voting_id=voting_id,
            attempt=attempt,
            policy_version=row.policy_version,
            pair=Pair(row.input_root, row.result_root),
            salt=row.salt,
            data_key_epoch=row.data_key_epoch,
            manifest=row.manifest,
            declaration=row.declaration,
            frames={(frame.kind, frame.name): frame.content for frame in frames},
        )

    def rows(self, voting_id: bytes, place: tuple[int, int], kind: Kind, name: str) -> bytes | None:
        """One dataset or table behind the ballot of an attempt and policy version, in Arrow IPC form; None if
        it is not held."""
        wanted = _of_place(_frames).where(_frames.c.kind == kind, _frames.c.name == name)
        bound = {"voting": voting_id, "number": place[0], "version": place[1]}
        with self._store.read() as connection:
            row = connection.execute(wanted, bound).first()
        return None if row is None else bytes(row.content)

    def prepared(self, voting_id: bytes) -> dict[tuple[int, int], Prepared]:
        """The ballots of a voting by attempt and policy version, without what is behind them."""
        return dict(self._prepared.get(voting_id, self._read_prepared))

    def _read_prepared(self, voting_id: bytes) -> dict[tuple[int, int], Prepared]:
        with self._store.read() as connection:
            rows = connection.execute(_PREPARED, {"voting": voting_id}).all()
        return {
            (row.attempt, row.policy_version): Prepared(
                row.attempt, row.policy_version, Pair(row.input_root, row.result_root)
            )
            for row in rows
        }

    def of_record(self, record: Record) -> list[tuple[int, int]]:
        """The ballots for the recorded pair, by attempt and policy version; several where a further version
        changes nothing of the result."""
        prepared = self.prepared(record.voting_id).items()
        return [place for place, each in prepared if place[0] == record.attempt and each.pair == record.pair]

    def with_rows(self, voting_id: bytes) -> set[tuple[int, int]]:
        """Of which ballots of a voting, by attempt and policy version, the rows are still held."""
        columns = (_frames.c.attempt, _frames.c.policy_version)
        query = sql.select(*columns).distinct().where(_frames.c.voting_id == voting_id)
        with self._store.read() as connection:
            return {(row.attempt, row.policy_version) for row in connection.execute(query)}

    def prepared_between(self, after: tuple[int, bytes], before: int, limit: int) -> list[tuple[int, bytes]]:
        """The next votings after that place with ballots of before that time and rows behind them: when
        prepared, and the id."""
        time, voting_id = _ballots.c.prepared, _ballots.c.voting_id
        later = (time > after[0]) | ((time == after[0]) & (voting_id > after[1]))
        has_rows = sql.exists().where(_frames.c.voting_id == voting_id)
        query = sql.select(time, voting_id).distinct().where(later, time < before, has_rows)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(time, voting_id).limit(limit)).all()
        return [(row.prepared, bytes(row.voting_id)) for row in rows]

    def forget_rows(self, voting_id: bytes) -> int:
        """Deletes the rows behind a voting's ballots, and nothing else of them; how many tables went."""
        rows = _frames.c.voting_id == voting_id
        with self._store.read() as connection:
            if connection.execute(sql.select(_frames.c.name).where(rows).limit(1)).first() is None:
                return 0
        with self._store.write(_FORGET) as connection:
            return int(connection.execute(_frames.delete().where(rows)).rowcount)
