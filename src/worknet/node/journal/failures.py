"""Why there is no ballot: the preparations that failed, each with its cause."""

from dataclasses import dataclass

import sqlalchemy as sql

from worknet.node.journal.store import Store, metadata, step, storable

_ADD = step("failures.add")
_FORGET = step("failures.forget")

_failures = sql.Table(
    "failures",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("voting_id", sql.LargeBinary, nullable=False),
    sql.Column("attempt", sql.Integer, nullable=False),
    sql.Column("cause", sql.String, nullable=False),
    sql.Column("message", sql.String, nullable=False),
    sql.Column("detail", sql.String, nullable=False),
    sql.Column("time", sql.BigInteger, nullable=False),
    sql.Index("failures_by_voting", "voting_id"),
    sql.Index("failures_by_time", "time"),
)


@dataclass(frozen=True)
class Failure:
    """A preparation that failed: of which attempt, by which cause (a `Cause`), and the message beside it."""

    attempt: int
    cause: str
    message: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.message}"


class Failures:
    """The failures in a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, voting_id: bytes, attempt: int, cause: str, message: str, detail: str) -> None:
        """Holds why there is no ballot: a cause, a message for anyone, and detail that stays here."""
        row = {
            "voting_id": voting_id,
            "attempt": attempt,
            "cause": cause,
            "message": storable(message),
            "detail": storable(detail),
            "time": self._store.now(),
        }
        with self._store.write(_ADD) as connection:
            connection.execute(_failures.insert(), row)

    def of(self, voting_id: bytes) -> list[Failure]:
        """The preparations of a voting that failed, oldest first."""
        columns = (_failures.c.attempt, _failures.c.cause, _failures.c.message)
        query = sql.select(*columns).where(_failures.c.voting_id == voting_id).order_by(_failures.c.number)
        with self._store.read() as connection:
            return [Failure(row.attempt, row.cause, row.message) for row in connection.execute(query)]

    def details(self, voting_id: bytes) -> dict[tuple[int, str], str]:
        """The detail of each attempt's last failure by each cause; it may name rows: for the operator."""
        columns = (_failures.c.attempt, _failures.c.cause, _failures.c.detail)
        query = sql.select(*columns).where(_failures.c.voting_id == voting_id).order_by(_failures.c.number)
        with self._store.read() as connection:
            return {(row.attempt, row.cause): row.detail for row in connection.execute(query)}

    def counts(self, since: int) -> dict[str, int]:
        """How many preparations have failed since that time (unix seconds), by their causes."""
        query = (
            sql.select(_failures.c.cause, sql.func.count().label("number"))
            .where(_failures.c.time >= since)
            .group_by(_failures.c.cause)
            .order_by(_failures.c.cause)
        )
        with self._store.read() as connection:
            return {row.cause: row.number for row in connection.execute(query)}

    def forget(self, before: int, limit: int) -> None:
        """Deletes the oldest failures of before a time, at most so many."""
        old = sql.select(_failures.c.number).where(_failures.c.time < before).order_by(_failures.c.time)
        with self._store.read() as connection:
            numbers = connection.execute(old.limit(limit)).scalars().all()
        if numbers:
            with self._store.write(_FORGET) as connection:
                connection.execute(_failures.delete().where(_failures.c.number.in_(numbers)))
