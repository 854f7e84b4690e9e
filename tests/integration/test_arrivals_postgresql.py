"""Arrivals in a journal on PostgreSQL: sorted, read and remembered as in one on SQLite."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sql

from worknet.node.inbox import Aside, Kind, Marker, Row
from worknet.node.journal import Journal
from worknet.node.journal.events import Cursor, Fate, Happening
from worknet.node.journal.postgresql import PostgresqlSchema

HOUR = 3600
W, D = "matching", "consumption"


@pytest.fixture
def journal(postgres_url: str, unique: str) -> Iterator[Journal]:
    journal = Journal(PostgresqlSchema(postgres_url, unique), 1, b"\1" * 20, b"\2" * 20)
    yield journal
    journal.close()
    engine = sql.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sql.text(f'DROP SCHEMA "{unique}" CASCADE'))
    engine.dispose()


def test_rows_are_sorted_and_read_as_each_attempt_found_them(journal: Journal) -> None:
    rows = [Row(HOUR, b"%032d" % number, b"%d" % number) for number in range(1200)]
    bounds = {"oldest": 0, "newest": 9 * HOUR}
    assert journal.inbox.take(W, D, rows, **bounds) == {Kind.ACCEPTED: 1200}
    assert len(journal.inbox.read(W, D, HOUR, 1)) == 1200
    late = Row(HOUR, b"late", b"late")
    conflict = Row(HOUR, rows[0].key, b"!lesser")
    broken = Aside(Kind.MALFORMED, "no JSON", b"\0\xff", "a\0b")
    counts = journal.inbox.take(W, D, [*rows, late, conflict, broken, Marker(HOUR)], **bounds)
    assert counts == {
        Kind.DUPLICATE: 1200,
        Kind.LATE: 1,
        Kind.CONFLICT: 1,
        Kind.MALFORMED: 1,
        Kind.MARKER: 1,
    }
    read = [set(journal.inbox.read(W, D, HOUR, attempt)) for attempt in (1, 2)]
    assert read[0] == {row.content for row in rows}
    assert read[1] == read[0] - {b"0"} | {b"late", b"!lesser"}
    assert journal.inbox.is_marked(W, D, HOUR)
    assert {aside.body for aside in journal.inbox.asides(W, D)} == {b"0", b"\0\xff"}
    assert journal.inbox.purge(W, D, oldest=2 * HOUR, keep=10**6) == 1202


def test_events_count_once_with_their_first_payload(journal: Journal) -> None:
    happenings = [Happening(bytes([n]) * 32, "message", b'["x"]', b"%d" % n) for n in range(3)]
    other = Happening(bytes(32), "message", b'["x"]', b"other")
    cursor = Cursor(b"w", 7, b"\7" * 32)
    assert journal.events.take(W, [*happenings, other], cursor=cursor) == [Fate.NEW] * 3 + [Fate.CONFLICT]
    assert journal.events.take(W, [happenings[0], other]) == [Fate.DUPLICATE, Fate.KNOWN_CONFLICT]
    journal.events.mark_over(W, [happenings[1].trigger_id])
    assert {opened.trigger_id for opened in journal.events.open(W)} == {bytes(32), b"\2" * 32}
    assert journal.events.payload(W, bytes(32)) == b"0"
    assert journal.events.conflicts(W, bytes(32)) == [b"other"]
    assert journal.events.cursor(W, b"w") == cursor
