"""The journal: what must survive a crash, and what may never mix."""

import os
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from worknet.node.errors import JournalError, UnknownVoting
from worknet.node.facts import Action, Prepared
from worknet.node.journal import Ballot, Journal, Transaction, check_private
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot

CONTRACT, WORKER = b"\1" * 20, b"\2" * 20
VOTING = b"\7" * 32
BALLOT = Ballot(
    voting_id=VOTING,
    attempt=1,
    policy_version=1,
    pair=Pair(b"\3" * 32, b"\4" * 32),
    salt=b"\5" * 32,
    data_key_epoch=1,
    manifest=b"{}",
    declaration=b"{}",
    frames={("dataset", "consumption"): b"rows"},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def opened(path: Path, **changes: object) -> Journal:
    return Journal(**{"path": path, "chain_id": 1, "contract": CONTRACT, "worker": WORKER, **changes})  # type: ignore[arg-type]


def test_a_ballot_comes_back_whole_after_the_journal_is_opened_again(path: Path) -> None:
    journal = opened(path)
    journal.add_ballot(BALLOT)
    journal.close()
    assert opened(path).ballot(VOTING, 1, 1) == BALLOT


def test_a_ballot_is_never_replaced(path: Path) -> None:
    journal = opened(path)
    journal.add_ballot(BALLOT)
    with pytest.raises(JournalError):
        journal.add_ballot(BALLOT)


def test_a_ballot_and_its_frames_are_written_together_or_not_at_all(path: Path) -> None:
    journal = opened(path)
    broken = Ballot(**{**BALLOT.__dict__, "frames": {("dataset", "a"): b"x", ("dataset", "b"): None}})
    with pytest.raises(JournalError):
        journal.add_ballot(broken)
    assert journal.prepared(VOTING) == {}


def test_an_error_never_shows_a_salt_or_a_row(path: Path) -> None:
    journal = opened(path)
    journal.add_ballot(BALLOT)
    with pytest.raises(JournalError) as caught:
        journal.add_ballot(BALLOT)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "\\x05" not in shown
    assert "rows" not in shown


def test_a_ballot_belongs_to_the_policy_version_it_was_prepared_under(path: Path) -> None:
    journal = opened(path)
    journal.add_ballot(BALLOT)
    journal.add_ballot(replace(BALLOT, policy_version=2, salt=b"\x0a" * 32))
    places = [(1, 1), (1, 2)]
    assert journal.prepared(VOTING) == {place: Prepared(*place, BALLOT.pair) for place in places}
    assert journal.ballot(VOTING, 1, 1).salt != journal.ballot(VOTING, 1, 2).salt


def test_a_ballot_that_is_not_held_is_unknown(path: Path) -> None:
    with pytest.raises(UnknownVoting, match="attempt 2"):
        opened(path).ballot(VOTING, 2, 1)


def test_a_trigger_seen_twice_is_one_trigger(path: Path) -> None:
    journal = opened(path)
    for _ in range(2):
        journal.add_trigger(VOTING, "hourly", Slot(3600, 7))
    assert journal.trigger(VOTING) == ("hourly", Slot(3600, 7))


def test_a_transaction_waits_until_its_end_is_known(path: Path) -> None:
    journal = opened(path)
    sent = Transaction(b"\x08" * 32, VOTING, 1, Action.SEAL, lost_at=7)
    journal.add_transaction(sent)
    assert journal.waiting_transactions() == [sent]
    journal.end_transaction(sent.hash, "done")
    assert journal.waiting_transactions() == []


def test_failures_are_listed_with_their_causes(path: Path) -> None:
    journal = opened(path)
    journal.add_failure(VOTING, 1, "source unavailable", "detail")
    assert journal.failures(VOTING) == [(1, "source unavailable")]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"chain_id": 2}, "chain id"),
        ({"contract": b"\x09" * 20}, "contract"),
        ({"worker": b"\x09" * 20}, "worker"),
    ],
)
def test_a_journal_of_another_network_or_worker_is_refused(path: Path, change: dict, what: str) -> None:
    opened(path).close()
    with pytest.raises(JournalError, match=what) as caught:
        opened(path, **change)
    assert "data_dir" in caught.value.hint


def test_a_file_that_is_no_journal_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(JournalError):
        opened(path)


def test_every_commit_reaches_the_disk_before_it_returns(path: Path) -> None:
    journal = opened(path)
    with journal._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.parametrize("before", [None, 0o644])
def test_no_file_of_the_journal_is_open_to_others(path: Path, before: int | None) -> None:
    if before is not None:
        path.touch(mode=before)
    umask = os.umask(0o022)
    try:
        opened(path).add_ballot(BALLOT)
    finally:
        os.umask(umask)
    names = ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"]
    assert modes(path.parent) == dict.fromkeys(names, 0o600)


def test_a_journal_that_cannot_be_made_is_told(path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be made") as caught:
        opened(path / "deeper")
    assert caught.value.hint


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o720, 0o777])
def test_a_folder_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(0o700)
    check_private(tmp_path)
    tmp_path.chmod(mode)
    with pytest.raises(JournalError, match=f"mode {mode:o}") as caught:
        check_private(tmp_path)
    assert caught.value.hint == f"chmod 700 {tmp_path}"


def test_the_journal_survives_a_reader_beside_it(path: Path) -> None:
    journal = opened(path)
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM ballots").fetchall()
    journal.add_ballot(BALLOT)
    reader.close()
    assert journal.ballot(VOTING, 1, 1) == BALLOT
