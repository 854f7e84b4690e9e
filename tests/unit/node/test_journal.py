"""The journal: what must survive a crash, and what may never mix."""

import os
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from worknet.node.errors import JournalError, UnknownVoting
from worknet.node.facts import Prepared
from worknet.node.journal import Ballot, Journal, SqliteFile, check_private
from worknet.node.journal.failures import Failure
from worknet.node.journal.store import Step, Store
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot
from worknet.protocol.records import Record
from worknet.protocol.words import How

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
OTHER_PAIR = Pair(b"\6" * 32, b"\6" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def opened(path: Path, **changes: object) -> Journal:
    return Journal(SqliteFile(path), **{"chain_id": 1, "contract": CONTRACT, "worker": WORKER, **changes})  # type: ignore[arg-type]


def test_a_ballot_comes_back_whole_after_the_journal_is_opened_again(path: Path) -> None:
    journal = opened(path)
    journal.ballots.add(BALLOT)
    journal.close()
    assert opened(path).ballots.get(VOTING, 1, 1) == BALLOT


def test_a_ballot_is_never_replaced(path: Path) -> None:
    journal = opened(path)
    journal.ballots.add(BALLOT)
    with pytest.raises(JournalError):
        journal.ballots.add(BALLOT)


def test_a_ballot_and_its_frames_are_written_together_or_not_at_all(path: Path) -> None:
    journal = opened(path)
    broken = Ballot(**{**BALLOT.__dict__, "frames": {("dataset", "a"): b"x", ("dataset", "b"): None}})
    with pytest.raises(JournalError):
        journal.ballots.add(broken)
    assert journal.ballots.prepared(VOTING) == {}


def test_an_error_never_shows_a_salt_or_a_row(path: Path) -> None:
    journal = opened(path)
    journal.ballots.add(BALLOT)
    with pytest.raises(JournalError) as caught:
        journal.ballots.add(BALLOT)
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert "\\x05" not in shown
    assert "rows" not in shown


def test_a_ballot_belongs_to_the_policy_version_it_was_prepared_under(path: Path) -> None:
    journal = opened(path)
    journal.ballots.add(BALLOT)
    journal.ballots.add(replace(BALLOT, policy_version=2, salt=b"\x0a" * 32))
    places = [(1, 1), (1, 2)]
    assert journal.ballots.prepared(VOTING) == {place: Prepared(*place, BALLOT.pair) for place in places}
    assert journal.ballots.get(VOTING, 1, 1).salt != journal.ballots.get(VOTING, 1, 2).salt


def test_the_ballots_of_a_record_are_those_of_its_attempt_and_pair(path: Path) -> None:
    journal = opened(path)
    for attempt, version, pair in [(1, 1, BALLOT.pair), (1, 2, OTHER_PAIR), (2, 1, BALLOT.pair)]:
        journal.ballots.add(replace(BALLOT, attempt=attempt, policy_version=version, pair=pair))
    unknown = Pair(OTHER_PAIR.input_root, BALLOT.pair.result_root)
    recorded = [
        Record(
            *(1, CONTRACT, b"\x08" * 32, VOTING, b"\x09" * 32, attempt, bytes(32)),
            *(pair.input_root, pair.result_root, 0b11, 2, 2, 0b11, How.QUORUM, 1),
        )
        for attempt, pair in [(1, BALLOT.pair), (1, OTHER_PAIR), (1, unknown), (3, BALLOT.pair)]
    ]
    assert [journal.ballots.of_record(record) for record in recorded] == [[(1, 1)], [(1, 2)], [], []]


def test_a_ballot_that_is_not_held_is_unknown(path: Path) -> None:
    with pytest.raises(UnknownVoting, match="attempt 2"):
        opened(path).ballots.get(VOTING, 2, 1)


def test_a_trigger_seen_twice_is_one_trigger(path: Path) -> None:
    journal = opened(path)
    for _ in range(2):
        journal.triggers.add(VOTING, "hourly", Slot(3600, 7))
    assert journal.triggers.get(VOTING) == ("hourly", Slot(3600, 7).trigger_id)


def test_failures_are_listed_with_their_causes(path: Path) -> None:
    journal = opened(path)
    journal.failures.add(VOTING, 1, "source unavailable", "no answer", "detail")
    assert journal.failures.of(VOTING) == [Failure(1, "source unavailable", "no answer")]


def test_a_failure_whose_detail_is_any_bytes_can_be_held(path: Path) -> None:
    journal = opened(path)
    journal.failures.add(VOTING, 1, "workflow failed", "no\0text", "\0\udcff")
    assert journal.failures.of(VOTING) == [Failure(1, "workflow failed", "no\ufffdtext")]


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


def test_two_processes_that_both_find_it_new_make_one_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Store._held
    answers = iter([lambda store: {}])
    with monkeypatch.context() as patch:
        opened(path).ballots.add(BALLOT)
        patch.setattr(Store, "_held", lambda store: next(answers, held)(store))
        second = opened(path)
    assert second.ballots.get(VOTING, 1, 1) == BALLOT


def test_a_file_that_is_no_journal_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(JournalError):
        opened(path)


def test_every_commit_reaches_the_disk_before_it_returns(path: Path) -> None:
    journal = opened(path)
    with journal.store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_what_reads_cannot_write(path: Path) -> None:
    journal = opened(path)
    with pytest.raises(JournalError), journal.store.read() as connection:
        connection.exec_driver_sql("DELETE FROM about")


def test_nothing_is_written_but_by_a_step_that_is_registered(path: Path) -> None:
    journal = opened(path)
    with pytest.raises(ValueError, match="no step"), journal.store.write(Step("ballots.add")):
        pass


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.parametrize("before", [None, 0o644])
def test_no_file_of_the_journal_is_open_to_others(path: Path, before: int | None) -> None:
    if before is not None:
        path.touch(mode=before)
    umask = os.umask(0o022)
    try:
        opened(path).ballots.add(BALLOT)
    finally:
        os.umask(umask)
    names = ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"]
    assert modes(path.parent) == dict.fromkeys(names, 0o600)


def test_a_journal_that_cannot_be_made_is_told(path: Path) -> None:
    with pytest.raises(JournalError, match="cannot be made or used") as caught:
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
    journal.ballots.add(BALLOT)
    reader.close()
    assert journal.ballots.get(VOTING, 1, 1) == BALLOT
