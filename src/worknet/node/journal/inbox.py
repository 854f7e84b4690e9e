"""What brokers have brought: the rows of each window, what was set aside, and which windows were read.

A whole batch is one step, so that thousands of messages share one commit.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TypeVar

import sqlalchemy as sql

from worknet.node.inbox import Arrival, Aside, Contents, Kind, Place, Row, Sorted, sort
from worknet.node.journal.store import Store, metadata, step

LONGEST_ASIDE = 1 << 16
"""How many bytes of what was set aside are kept."""
_AT_ONCE = 500  # parameters of one statement; SQLite takes 32,766, PostgreSQL 65,535

_T = TypeVar("_T")

_TAKE = step("inbox.take")
_SET_ASIDE = step("inbox.set_aside")
_READ = step("inbox.read")
_PURGE = step("inbox.purge")


def _dataset_columns() -> tuple[sql.Column[str], sql.Column[str]]:
    return (
        sql.Column("workflow", sql.String, primary_key=True),
        sql.Column("dataset", sql.String, primary_key=True),
    )


_rows = sql.Table(
    "inbox_rows",
    metadata,
    *_dataset_columns(),
    sql.Column("start", sql.BigInteger, primary_key=True),
    sql.Column("key", sql.LargeBinary, primary_key=True),
    # The last attempt that had read the window when the row came; 0: none.
    sql.Column("after", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("content", sql.LargeBinary, nullable=False),
    sql.Column("received", sql.BigInteger, nullable=False),
    # Rows lie in the order of their windows, so that what is written together lies together.
    sqlite_with_rowid=False,
)
_markers = sql.Table(
    "inbox_markers",
    metadata,
    *_dataset_columns(),
    sql.Column("start", sql.BigInteger, primary_key=True),
    sql.Column("received", sql.BigInteger, nullable=False),
)
_reads = sql.Table(
    "inbox_reads",
    metadata,
    *_dataset_columns(),
    sql.Column("start", sql.BigInteger, primary_key=True),
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("time", sql.BigInteger, nullable=False),
)
_asides = sql.Table(
    "inbox_asides",
    metadata,
    *_dataset_columns(),
    sql.Column("digest", sql.LargeBinary, primary_key=True),
    sql.Column("kind", sql.String, nullable=False),
    sql.Column("reason", sql.String, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.Column("place", sql.String, nullable=False),
    sql.Column("received", sql.BigInteger, nullable=False),
)


class Inbox:
    """The inbox in a journal, of all datasets that brokers feed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(
        self, workflow: str, dataset: str, arrivals: Sequence[Arrival], *, oldest: int, newest: int
    ) -> Counter[Kind]:
        """Holds what a batch brought, as `worknet.node.inbox.sort` says; how many of each kind there were."""
        about = {"workflow": workflow, "dataset": dataset}
        places = [(arrival.start, arrival.key) for arrival in arrivals if isinstance(arrival, Row)]
        with self._store.write(_TAKE) as connection:
            held = _held(connection, about, places)
            found = sort(
                arrivals,
                held,
                _last_reads(connection, about, {start for start, _ in places}),
                oldest=oldest,
                newest=newest,
            )
            _add(connection, about, found, held, self._store.now())
        return found.counts

    def read(self, workflow: str, dataset: str, start: int, attempt: int) -> list[bytes]:
        """The window's rows for an attempt, in canonical bytes, and the note that this attempt has read them:
        of each key the least content that had come before the attempt read.

        What comes later is late, for the attempts after this one: an attempt that reads again gets the same.
        """
        about: dict[str, str | int] = {"workflow": workflow, "dataset": dataset, "start": start}
        noted = sql.select(_reads.c.time).where(*_at(_reads, **about), _reads.c.attempt == attempt)
        wanted = (
            sql.select(_rows.c.key, _rows.c.content)
            .where(*_at(_rows, **about), _rows.c.after < attempt)
            .order_by(_rows.c.key, _rows.c.after.desc())
        )
        with self._store.write(_READ) as connection:
            if connection.execute(noted).first() is None:
                connection.execute(_reads.insert(), {**about, "attempt": attempt, "time": self._store.now()})
        # What is taken from here on comes after this attempt, so the rows need not be read in the same step.
        with self._store.read() as connection:
            by_key = groupby(connection.execute(wanted), lambda row: bytes(row.key))
            # What came under a key later is there only because it is lesser.
            return [bytes(next(rows).content) for _, rows in by_key]

    def is_marked(self, workflow: str, dataset: str, start: int) -> bool:
        """Whether word has come that the window is complete."""
        query = sql.select(_markers.c.received).where(
            *_at(_markers, workflow=workflow, dataset=dataset, start=start)
        )
        with self._store.read() as connection:
            return connection.execute(query).first() is not None

    def set_aside(self, workflow: str, dataset: str, asides: Sequence[Aside]) -> None:
        """Holds what is kept apart of a dataset that is not made of windows: of an event's payloads."""
        with self._store.write(_SET_ASIDE) as connection:
            _add_asides(connection, {"workflow": workflow, "dataset": dataset}, asides, self._store.now())

    def asides(self, workflow: str, dataset: str, limit: int = 100) -> list[Aside]:
        """What was set aside, newest first; of long bodies the first LONGEST_ASIDE bytes."""
        query = (
            sql.select(_asides)
            .where(*_at(_asides, workflow=workflow, dataset=dataset))
            .order_by(_asides.c.received.desc(), _asides.c.digest)
            .limit(limit)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [Aside(Kind(row.kind), row.reason, bytes(row.body), row.place) for row in rows]

    def aside_counts(self) -> list[tuple[str, str, Kind, str, int]]:
        """How much was set aside: workflow, dataset, kind, reason, and how many of these."""
        about = (_asides.c.workflow, _asides.c.dataset, _asides.c.kind, _asides.c.reason)
        query = sql.select(*about, sql.func.count().label("number")).group_by(*about).order_by(*about)
        with self._store.read() as connection:
            return [
                (row.workflow, row.dataset, Kind(row.kind), row.reason, row.number)
                for row in connection.execute(query)
            ]

    def purge(self, workflow: str, dataset: str, *, oldest: int, keep: int) -> int:
        """Forgets the windows that start before `oldest`, and what was set aside over `keep` seconds ago.

        Gives how many rows went. One window is one step, so that nothing else waits long.
        """
        about = {"workflow": workflow, "dataset": dataset}
        removed = 0
        while (start := self._first_before(workflow, dataset, oldest)) is not None:
            with self._store.write(_PURGE) as connection:
                removed += connection.execute(
                    _rows.delete().where(*_at(_rows, **about, start=start))
                ).rowcount
        with self._store.write(_PURGE) as connection:
            for table in (_reads, _markers):
                connection.execute(table.delete().where(*_at(table, **about), table.c.start < oldest))
            connection.execute(
                _asides.delete().where(*_at(_asides, **about), _asides.c.received < self._store.now() - keep)
            )
        return removed

    def _first_before(self, workflow: str, dataset: str, before: int) -> int | None:
        query = sql.select(sql.func.min(_rows.c.start)).where(
            *_at(_rows, workflow=workflow, dataset=dataset), _rows.c.start < before
        )
        with self._store.read() as connection:
            return connection.execute(query).scalar()


def _held(
    connection: sql.Connection, about: dict[str, str], places: Sequence[Place]
) -> dict[Place, dict[int, bytes]]:
    """The contents under those of the keys that are there."""
    by_start: dict[int, list[bytes]] = {}
    for start, key in places:
        by_start.setdefault(start, []).append(key)
    held: dict[Place, dict[int, bytes]] = {}
    for start, keys in by_start.items():
        for some in _portions(keys):
            query = sql.select(_rows.c.key, _rows.c.after, _rows.c.content).where(
                *_at(_rows, **about, start=start), _rows.c.key.in_(some)
            )
            for row in connection.execute(query):
                held.setdefault((start, bytes(row.key)), {})[row.after] = bytes(row.content)
    return held


def _last_reads(connection: sql.Connection, about: dict[str, str], starts: set[int]) -> dict[int, int]:
    """The last attempt that has read each of the windows, of those that were read."""
    reads: dict[int, int] = {}
    for some in _portions(sorted(starts)):
        query = (
            sql.select(_reads.c.start, sql.func.max(_reads.c.attempt).label("attempt"))
            .where(*_at(_reads, **about), _reads.c.start.in_(some))
            .group_by(_reads.c.start)
        )
        reads.update({row.start: row.attempt for row in connection.execute(query)})
    return reads


def _add(
    connection: sql.Connection,
    about: dict[str, str],
    found: Sorted,
    held: Mapping[Place, Contents],
    received: int,
) -> None:
    new = []
    for row, after in found.rows:
        place: dict[str, str | int] = {**about, "start": row.start, "after": after}
        if after in held.get((row.start, row.key), {}):
            same = (*_at(_rows, **place), _rows.c.key == row.key)
            connection.execute(_rows.update().where(*same).values(content=row.content, received=received))
        else:
            new.append({**place, "key": row.key, "content": row.content, "received": received})
    if new:
        # Returning something, SQLAlchemy writes many rows at once: twice as fast on PostgreSQL.
        connection.execute(_rows.insert().returning(_rows.c.after), new)
    for start in sorted(found.markers):
        known = connection.execute(sql.select(_markers.c.start).where(*_at(_markers, **about, start=start)))
        if known.first() is None:
            connection.execute(_markers.insert(), {**about, "start": start, "received": received})
    _add_asides(connection, about, found.asides, received)


def _add_asides(
    connection: sql.Connection, about: dict[str, str], asides: Sequence[Aside], received: int
) -> None:
    """Each once, however often it comes."""
    new = {aside.digest: aside for aside in asides}
    for some in _portions(list(new)):
        query = sql.select(_asides.c.digest).where(*_at(_asides, **about), _asides.c.digest.in_(some))
        for row in connection.execute(query).all():
            del new[bytes(row.digest)]
    if not new:
        return
    connection.execute(
        _asides.insert(),
        [
            {
                **about,
                "digest": digest,
                "kind": aside.kind.value,
                "reason": aside.reason,
                "body": aside.body[:LONGEST_ASIDE],
                "place": aside.where.replace("\0", ""),  # which PostgreSQL refuses
                "received": received,
            }
            for digest, aside in new.items()
        ],
    )


def _at(table: sql.Table, **values: str | int) -> list[sql.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in values.items()]


def _portions(values: Sequence[_T]) -> Iterator[list[_T]]:
    rest = iter(values)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
