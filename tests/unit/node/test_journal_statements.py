"""The journal's statements: held once, delivered once, and forgotten with time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from worknet.node.journal import Journal, SqliteFile

VOTING, OTHER = b"\x01" * 32, b"\x02" * 32
EVERY_BYTE = bytes(range(256)) * 1000


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(SqliteFile(tmp_path / "journal.sqlite"), 1, b"\x11" * 20, b"\x22" * 20)
    yield journal
    journal.close()


def test_a_statement_comes_back_as_it_was(journal: Journal) -> None:
    journal.statements.add(VOTING, 1, 3, EVERY_BYTE, delivered=False)
    assert journal.statements.get(VOTING, 1, 3) == EVERY_BYTE
    assert journal.statements.get(VOTING, 2, 3) is None
    assert journal.statements.get(VOTING, 1, 4) is None
    assert journal.statements.get(OTHER, 1, 3) is None


def test_a_statement_is_never_replaced(journal: Journal) -> None:
    journal.statements.add(VOTING, 1, 3, b"first", delivered=False)
    journal.statements.add(VOTING, 1, 3, b"second", delivered=True)
    assert journal.statements.get(VOTING, 1, 3) == b"first"
    assert journal.statements.held(VOTING, 1) == {3: False}


def test_what_is_delivered_waits_no_more(journal: Journal) -> None:
    for worker, voting_id in ((3, VOTING), (3, OTHER)):
        journal.statements.add(voting_id, 1, worker, b"mine", delivered=False)
    journal.statements.add(VOTING, 1, 0, b"theirs", delivered=True)
    journal.statements.deliver(OTHER, 1, 3)
    assert journal.statements.waiting(0, 10) == [(VOTING, 1)]
    assert journal.statements.held(VOTING, 1) == {0: True, 3: False}
    assert journal.statements.waiting(journal.store.now() + 100, 10) == []


def test_the_oldest_are_forgotten_a_few_at_a_time(journal: Journal) -> None:
    for attempt in (1, 2, 3):
        journal.statements.add(VOTING, attempt, 0, b"old", delivered=True)
    journal.statements.forget(journal.store.now() - 100, 10)
    assert journal.statements.held(VOTING, 1) == {0: True}
    journal.statements.forget(journal.store.now() + 100, 2)
    left = [attempt for attempt in (1, 2, 3) if journal.statements.held(VOTING, attempt)]
    assert len(left) == 1
    journal.statements.forget(journal.store.now() + 100, 2)
    assert journal.statements.held(VOTING, left[0]) == {}
