"""Statements, sealed as they stand on channels: this worker's own before they leave, and those of others."""

import sqlalchemy as sql

from worknet.node.journal.store import Store, metadata, step

_ADD = step("statements.add")
_DELIVER = step("statements.deliver")
_FORGET = step("statements.forget")

_statements = sql.Table(
    "statements",
    metadata,
    sql.Column("voting_id", sql.LargeBinary, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("worker", sql.Integer, primary_key=True),
    sql.Column("content", sql.LargeBinary, nullable=False),
    sql.Column("delivered", sql.Boolean, nullable=False),
    sql.Column("time", sql.BigInteger, nullable=False),
    sql.Index("statements_by_time", "time"),
)


class Statements:
    """The statements in a journal, by voting, attempt and the index of the worker that states them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, voting_id: bytes, attempt: int, worker: int, content: bytes, *, delivered: bool) -> None:
        """Holds a sealed statement; one that is held already is never replaced.

        `delivered`: it is not one's own, or its channels have it.
        """
        place = _place(voting_id, attempt, worker)
        row = {
            "voting_id": voting_id,
            "attempt": attempt,
            "worker": worker,
            "content": content,
            "delivered": delivered,
            "time": self._store.now(),
        }
        with self._store.write(_ADD) as connection:
            if connection.execute(sql.select(_statements.c.time).where(*place)).first() is None:
                connection.execute(_statements.insert(), row)

    def deliver(self, voting_id: bytes, attempt: int, worker: int) -> None:
        """Holds that all channels have a statement."""
        place = _place(voting_id, attempt, worker)
        with self._store.write(_DELIVER) as connection:
            connection.execute(_statements.update().where(*place).values(delivered=True))

    def get(self, voting_id: bytes, attempt: int, worker: int) -> bytes | None:
        """A sealed statement; None if none is held."""
        query = sql.select(_statements.c.content).where(*_place(voting_id, attempt, worker))
        with self._store.read() as connection:
            content = connection.execute(query).scalar()
        return None if content is None else bytes(content)

    def held(self, voting_id: bytes, attempt: int) -> dict[int, bool]:
        """Of which workers statements on an attempt are held, each with whether it is delivered."""
        columns = (_statements.c.worker, _statements.c.delivered)
        of_attempt = (_statements.c.voting_id == voting_id, _statements.c.attempt == attempt)
        query = sql.select(*columns).where(*of_attempt).order_by(_statements.c.worker)
        with self._store.read() as connection:
            return {row.worker: bool(row.delivered) for row in connection.execute(query)}

    def waiting(self, since: int, limit: int) -> list[tuple[bytes, int]]:
        """Voting and attempt of statements that channels have still to get, held since that time or later."""
        place = (_statements.c.voting_id, _statements.c.attempt)
        left = (_statements.c.delivered.is_(False), _statements.c.time >= since)
        query = sql.select(*place).where(*left).order_by(_statements.c.time).limit(limit)
        with self._store.read() as connection:
            return [(bytes(row.voting_id), row.attempt) for row in connection.execute(query)]

    def forget(self, before: int, limit: int) -> None:
        """Deletes the oldest statements of before a time, at most so many."""
        place = (_statements.c.voting_id, _statements.c.attempt, _statements.c.worker)
        old = sql.select(*place).where(_statements.c.time < before).order_by(_statements.c.time).limit(limit)
        with self._store.read() as connection:
            found = connection.execute(old).all()
        if found:
            with self._store.write(_FORGET) as connection:
                for row in found:
                    connection.execute(_statements.delete().where(*_place(*row)))


def _place(voting_id: bytes, attempt: int, worker: int) -> tuple[sql.ColumnElement[bool], ...]:
    columns = (_statements.c.voting_id, _statements.c.attempt, _statements.c.worker)
    return tuple(column == value for column, value in zip(columns, (voting_id, attempt, worker), strict=True))
