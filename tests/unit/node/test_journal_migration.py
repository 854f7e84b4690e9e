"""A journal that an older worknet wrote is taken over whole, or stays as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.node.test_journal import BALLOT, CONTRACT, VOTING, WORKER, opened

from worknet.node.causes import Cause
from worknet.node.errors import JournalError
from worknet.node.facts import Action
from worknet.node.journal import migration
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot
from worknet.workflow import When

# As `.schema` of sqlite3 shows a journal of format 1.
FORMAT_1 = """
CREATE TABLE about (name VARCHAR NOT NULL, value VARCHAR, PRIMARY KEY (name));
CREATE TABLE triggers (voting_id BLOB NOT NULL, workflow VARCHAR NOT NULL, every BIGINT NOT NULL,
    slot BIGINT NOT NULL, seen BIGINT NOT NULL, PRIMARY KEY (voting_id));
CREATE UNIQUE INDEX trigger_by_slot ON triggers (workflow, slot);
CREATE TABLE ballots (voting_id BLOB NOT NULL, attempt INTEGER NOT NULL, policy_version INTEGER NOT NULL,
    input_root BLOB NOT NULL, result_root BLOB NOT NULL, salt BLOB NOT NULL, data_key_epoch INTEGER NOT NULL,
    manifest BLOB NOT NULL, declaration BLOB NOT NULL, prepared BIGINT NOT NULL,
    PRIMARY KEY (voting_id, attempt, policy_version));
CREATE TABLE frames (voting_id BLOB NOT NULL, attempt INTEGER NOT NULL, policy_version INTEGER NOT NULL,
    kind VARCHAR NOT NULL, name VARCHAR NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (voting_id, attempt, policy_version, kind, name));
CREATE TABLE failures (number INTEGER NOT NULL, voting_id BLOB NOT NULL, attempt INTEGER NOT NULL,
    cause VARCHAR NOT NULL, detail VARCHAR NOT NULL, time BIGINT NOT NULL, PRIMARY KEY (number));
CREATE TABLE transactions (hash BLOB NOT NULL, voting_id BLOB NOT NULL, attempt INTEGER NOT NULL,
    action VARCHAR NOT NULL, sent BIGINT NOT NULL, lost_at BIGINT NOT NULL,
    outcome VARCHAR DEFAULT '' NOT NULL, PRIMARY KEY (hash));
CREATE INDEX transactions_by_outcome ON transactions (outcome);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of format 1 with a trigger, a ballot, failures, and a transaction that is under way."""
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("PRAGMA journal_mode=WAL")
        old.executescript(FORMAT_1)
        about = {"format": "1", "chain id": "1", "contract": to_hex(CONTRACT), "worker": to_hex(WORKER)}
        old.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        old.execute("INSERT INTO triggers VALUES (?, 'hourly', 3600, 7, 5)", (VOTING,))
        pair = BALLOT.pair
        roots = (pair.input_root, pair.result_root, BALLOT.salt)
        old.execute(
            "INSERT INTO ballots VALUES (?, 1, 1, ?, ?, ?, 1, ?, ?, 5)", (VOTING, *roots, b"{}", b"{}")
        )
        old.execute(
            "INSERT INTO frames VALUES (?, 1, 1, 'dataset', 'consumption', ?)",
            (VOTING, BALLOT.frames["dataset", "consumption"]),
        )
        for cause in (
            "the source x does not answer",
            "workflow: exceeded 60 s",
            "a fault of worknet itself: E",
        ):
            old.execute("INSERT INTO failures VALUES (NULL, ?, 1, ?, 'detail', 5)", (VOTING, cause))
        old.execute("INSERT INTO transactions VALUES (?, ?, 1, 'seal', 5, 125, '')", (b"\x08" * 32, VOTING))
    return path


def tables(path: Path) -> dict[str, list[str]]:
    """The columns of every table, and the indices, by name."""
    with closing(sqlite3.connect(path)) as journal:
        names = journal.execute(
            "SELECT name, type FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: [] if kind == "index" else [row[1] for row in journal.execute(f"PRAGMA table_info({name})")]
            for name, kind in names
        }


def test_a_ballot_with_its_salt_and_rows_is_taken_over(path: Path) -> None:
    assert opened(path).ballots.get(VOTING, 1, 1) == BALLOT


def test_a_slot_is_known_by_its_trigger_id(path: Path) -> None:
    assert opened(path).triggers.get(VOTING) == ("hourly", Slot(3600, 7).trigger_id)


def test_failures_get_one_of_the_known_causes_and_keep_their_words(path: Path) -> None:
    failures = opened(path).failures.of(VOTING)
    assert [each.cause for each in failures] == [
        Cause.SOURCE_UNAVAILABLE,
        Cause.WORKFLOW_FAILED,
        Cause.FAULT,
    ]
    assert failures[1].message == "workflow: exceeded 60 s"


def test_a_transaction_that_was_under_way_still_is(path: Path) -> None:
    (waiting,) = opened(path).transactions.waiting()
    assert (waiting.hash, waiting.action, waiting.lost_at) == (b"\x08" * 32, Action.SEAL, 125)


def test_afterwards_it_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.sqlite"
    opened(fresh).close()
    opened(path).close()
    assert {name: sorted(columns) for name, columns in tables(path).items()} == {
        name: sorted(columns) for name, columns in tables(fresh).items()
    }


def test_a_crash_in_the_middle_leaves_the_old_one_to_begin_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(path)

    def crash(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migration, "make_tables", crash)
        with pytest.raises(KeyboardInterrupt):
            opened(path)
    assert tables(path) == before
    assert opened(path).ballots.get(VOTING, 1, 1) == BALLOT


def test_an_old_journal_of_another_worker_is_refused_and_left_alone(path: Path) -> None:
    before = tables(path)
    with pytest.raises(JournalError, match="belongs to another worker"):
        opened(path, worker=b"\x09" * 20)
    assert tables(path) == before


def test_a_format_that_is_not_known_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as journal, journal:
        journal.execute("UPDATE about SET value = '99' WHERE name = 'format'")
    with pytest.raises(JournalError, match="format 99") as caught:
        opened(path)
    assert "newest worknet" in caught.value.hint


# Format 2, to which only tables were added


ADDED = ("handlings", "errands", "statements")


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A journal of format 2 with a ballot, and a transaction that is under way."""
    path = tmp_path / "second.sqlite"
    journal = opened(path)
    journal.ballots.add(BALLOT)
    journal.close()
    with closing(sqlite3.connect(path)) as old, old:
        for table in ADDED:
            old.execute(f"DROP TABLE {table}")
        old.execute("INSERT INTO transactions VALUES (?, ?, 1, 'seal', 5, 125, '')", (b"\x08" * 32, VOTING))
        old.execute("UPDATE about SET value = '2' WHERE name = 'format'")
    return path


def test_a_journal_of_format_2_keeps_all_and_gets_the_tables_of_a_new_one(
    second: Path, tmp_path: Path
) -> None:
    opened(tmp_path / "fresh.sqlite").close()
    journal = opened(second)
    assert journal.ballots.get(VOTING, 1, 1) == BALLOT
    assert [each.hash for each in journal.transactions.waiting()] == [b"\x08" * 32]
    assert journal.handlings.begin(VOTING, "hourly", (When.UNRESOLVED, 2)) == 1
    journal.close()
    assert tables(second) == tables(tmp_path / "fresh.sqlite")


def test_a_crash_in_the_middle_leaves_format_2_to_begin_again(
    second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(second)

    def crash(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migration, "make_tables", crash)
        with pytest.raises(KeyboardInterrupt):
            opened(second)
    assert tables(second) == before
    assert opened(second).ballots.get(VOTING, 1, 1) == BALLOT
