"""The external events that a worker has seen, each with the payload that came first, and those that differed.

An event is known by its trigger id, which all members derive alike; it is never forgotten, so that one that
is delivered again after years starts nothing.
"""

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sql

from worknet.node.journal.store import Store, metadata, step
from worknet.protocol.ids import EventKind

_AT_ONCE = 500

_TAKE = step("events.take")
_OVER = step("events.over")

_events = sql.Table(
    "events",
    metadata,
    sql.Column("workflow", sql.String, primary_key=True),
    sql.Column("trigger_id", sql.LargeBinary, primary_key=True),
    sql.Column("kind", sql.String, nullable=False),
    sql.Column("identity", sql.LargeBinary, nullable=False),
    sql.Column("payload", sql.LargeBinary, nullable=False),
    sql.Column("seen", sql.BigInteger, nullable=False),
    sql.Column("is_over", sql.Boolean, nullable=False),
    sql.Index("events_by_standing", "workflow", "is_over", "seen"),
)
_conflicts = sql.Table(
    "event_conflicts",
    metadata,
    sql.Column("workflow", sql.String, primary_key=True),
    sql.Column("trigger_id", sql.LargeBinary, primary_key=True),
    sql.Column("digest", sql.LargeBinary, primary_key=True),
    sql.Column("payload", sql.LargeBinary, nullable=False),
    sql.Column("seen", sql.BigInteger, nullable=False),
)
_cursors = sql.Table(
    "log_cursors",
    metadata,
    sql.Column("workflow", sql.String, primary_key=True),
    sql.Column("watched", sql.LargeBinary, primary_key=True),
    sql.Column("block", sql.BigInteger, nullable=False),
    sql.Column("hash", sql.LargeBinary, nullable=False),
)


class Fate(StrEnum):
    """What became of an event that arrived."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    """Its payload is not the first one's; seen for the first time."""
    KNOWN_CONFLICT = "known conflict"


@dataclass(frozen=True)
class Happening:
    """An event as it arrived: `identity` is what its publisher calls it, in canonical bytes, `payload` the
    canonical bytes of its one row."""

    trigger_id: bytes
    kind: EventKind
    identity: bytes = field(repr=False)
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Opened:
    """An event whose voting is not over; `seen` is when it was journalled, in Unix seconds."""

    trigger_id: bytes
    seen: int


@dataclass(frozen=True)
class Cursor:
    """The newest block of a chain whose logs are journalled, and its hash.

    `watched` tells apart what is read there: another contract is read from its own beginning.
    """

    watched: bytes
    block: int
    hash: bytes


class Events:
    """The events in a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counting = threading.Lock()
        self.taken = 0
        """How often something was taken since the journal was opened: whoever sees it grow looks again."""

    def take(
        self, workflow: str, happenings: Sequence[Happening], *, cursor: Cursor | None = None
    ) -> list[Fate]:
        """Holds events, and up to which block a chain was read for them, in one step; the fate of each."""
        with self._store.write(_TAKE) as connection:
            fates = _add(connection, workflow, happenings, self._store.now())
            if cursor is not None:
                connection.execute(_cursors.delete().where(*_of_cursor(workflow, cursor.watched)))
                connection.execute(_cursors.insert(), {"workflow": workflow, **asdict(cursor)})
        with self._counting:
            self.taken += bool(happenings)
        return fates

    def open(self, workflow: str, limit: int = 1000) -> list[Opened]:
        """The events of a workflow that are not marked over, in the order in which they came.

        Of more than `limit` the first and the last, half of each: those that never end keep back none.
        """
        columns = (_events.c.seen, _events.c.trigger_id)
        query = sql.select(*columns).where(_events.c.workflow == workflow, _events.c.is_over.is_(False))
        with self._store.read() as connection:
            last = connection.execute(
                query.order_by(*(each.desc() for each in columns)).limit(limit // 2)
            ).all()
            first = connection.execute(query.order_by(*columns).limit(limit - limit // 2)).all()
        found = {(row.seen, bytes(row.trigger_id)) for row in (*first, *last)}
        return [Opened(trigger_id, seen) for seen, trigger_id in sorted(found)]

    def payload(self, workflow: str, trigger_id: bytes) -> bytes | None:
        """The canonical bytes of the event's row, of the first that came; None for an unknown event."""
        query = sql.select(_events.c.payload).where(*_at(_events, workflow, trigger_id))
        with self._store.read() as connection:
            payload = connection.execute(query).scalar()
        return None if payload is None else bytes(payload)

    def conflicts(self, workflow: str, trigger_id: bytes) -> list[bytes]:
        """The other payloads that came under the event's identity, in the order of their first arrival."""
        query = (
            sql.select(_conflicts.c.payload)
            .where(*_at(_conflicts, workflow, trigger_id))
            .order_by(_conflicts.c.seen, _conflicts.c.digest)
        )
        with self._store.read() as connection:
            return [bytes(row.payload) for row in connection.execute(query)]

    def mark_over(self, workflow: str, trigger_ids: Sequence[bytes]) -> None:
        """Leaves events out of `open` from now on; they stay known, and so do their payloads."""
        if not trigger_ids:
            return
        with self._store.write(_OVER) as connection:
            for some in _portions(trigger_ids):
                chosen = (_events.c.workflow == workflow, _events.c.trigger_id.in_(some))
                connection.execute(_events.update().where(*chosen).values(is_over=True))

    def cursor(self, workflow: str, watched: bytes) -> Cursor | None:
        """Up to where a chain was read for the workflow's events; None before the first time."""
        query = sql.select(_cursors).where(*_of_cursor(workflow, watched))
        with self._store.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else Cursor(watched, row.block, bytes(row.hash))


def _add(connection: sql.Connection, workflow: str, happenings: Sequence[Happening], seen: int) -> list[Fate]:
    trigger_ids = [happening.trigger_id for happening in happenings]
    payloads: dict[bytes, bytes] = {}
    conflicts: set[tuple[bytes, bytes]] = set()
    for some in _portions(trigger_ids):
        query = sql.select(_events.c.trigger_id, _events.c.payload).where(
            _events.c.workflow == workflow, _events.c.trigger_id.in_(some)
        )
        payloads.update({bytes(row.trigger_id): bytes(row.payload) for row in connection.execute(query)})
        query = sql.select(_conflicts.c.trigger_id, _conflicts.c.digest).where(
            _conflicts.c.workflow == workflow, _conflicts.c.trigger_id.in_(some)
        )
        conflicts |= {(bytes(row.trigger_id), bytes(row.digest)) for row in connection.execute(query)}
    fates: list[Fate] = []
    new, differing = [], []
    for happening in happenings:
        row = {"workflow": workflow, "trigger_id": happening.trigger_id, "payload": happening.payload}
        first = payloads.get(happening.trigger_id)
        digest = sha256(happening.payload).digest()
        if first is None:
            payloads[happening.trigger_id] = happening.payload
            about = {"kind": happening.kind, "identity": happening.identity, "is_over": False}
            new.append({**row, **about, "seen": seen})
            fates.append(Fate.NEW)
        elif first == happening.payload:
            fates.append(Fate.DUPLICATE)
        elif (happening.trigger_id, digest) in conflicts:
            fates.append(Fate.KNOWN_CONFLICT)
        else:
            conflicts.add((happening.trigger_id, digest))
            differing.append({**row, "digest": digest, "seen": seen})
            fates.append(Fate.CONFLICT)
    if new:
        connection.execute(_events.insert(), new)
    if differing:
        connection.execute(_conflicts.insert(), differing)
    return fates


def _of_cursor(workflow: str, watched: bytes) -> tuple[sql.ColumnElement[bool], ...]:
    return _cursors.c.workflow == workflow, _cursors.c.watched == watched


def _at(table: sql.Table, workflow: str, trigger_id: bytes) -> tuple[sql.ColumnElement[bool], ...]:
    return table.c.workflow == workflow, table.c.trigger_id == trigger_id


def _portions(values: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE)]
