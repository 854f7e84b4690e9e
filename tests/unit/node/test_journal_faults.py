"""Faults of the disk below the journal: each is told with what, where and how to mend it; nothing is lost."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.node.test_journal import BALLOT, VOTING, opened

from worknet.node.errors import JournalError, JournalUnavailable
from worknet.node.journal import Journal, sqlite
from worknet.node.journal.store import STEPS, Step

# One of the real ones: the chaos suite enumerates them all, also where tests share a process.
ANY: Step = STEPS["failures.add"]
BIG = replace(BALLOT, attempt=2, frames={("dataset", "big"): b"\xff" * 2_000_000})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """A journal that holds one ballot."""
    journal = opened(path)
    journal.ballots.add(BALLOT)
    yield journal
    journal.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def room(journal: Journal, pages: int) -> None:
    """Lets the file grow by so many pages of 4 KiB and no more."""
    with journal.store.write(ANY) as connection:
        now = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {now + pages}")


def fault(journal: Journal) -> JournalError:
    """What the journal says when the big ballot is added to it."""
    with pytest.raises(JournalError) as caught:
        journal.ballots.add(BIG)
    assert "\\xff" not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


def test_a_full_file_is_waited_for_and_nothing_of_the_step_stays(journal: Journal) -> None:
    room(journal, 8)
    error = fault(journal)
    assert isinstance(error, JournalUnavailable)
    assert "full" in str(error)
    assert error.hint.startswith("make room")
    assert set(journal.ballots.prepared(VOTING)) == {(1, 1)}
    room(journal, 10_000)
    journal.ballots.add(BIG)
    assert journal.ballots.get(VOTING, 2, 1) == BIG


def test_a_full_disk_is_waited_for_and_nothing_that_was_there_is_lost(small_disk: Path) -> None:
    path = small_disk / "journal.sqlite"
    journal = opened(path)
    journal.ballots.add(BALLOT)
    error = fault(journal)
    assert isinstance(error, JournalUnavailable)
    assert str(path) in str(error)
    assert "full" in str(error)
    journal.close()
    assert opened(path).ballots.get(VOTING, 1, 1) == BALLOT


def test_a_disk_that_is_full_from_the_start_is_told(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(bytes(2 << 20))
    with pytest.raises(JournalError, match=r"full|No space"):
        opened(small_disk / "journal.sqlite")


def test_a_read_only_disk_is_told(small_disk: Path) -> None:
    path = small_disk / "journal.sqlite"
    opened(path).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(JournalError, match=r"[Rr]ead-?only") as caught:
        opened(path)
    assert str(path) in str(caught.value)
    assert "write" in caught.value.hint


def test_a_file_that_another_process_holds_locked_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    journal = opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        error = fault(journal)
        assert isinstance(error, JournalUnavailable)
        assert "locked" in str(error)
        assert f"fuser {path}" in error.hint
        other.execute("ROLLBACK")
    journal.ballots.add(BIG)


def test_a_fault_that_outlasts_the_patience_stops_the_worker(path: Path) -> None:
    journal = opened(path, patience=0.0)
    room(journal, 8)
    error = fault(journal)
    assert not isinstance(error, JournalUnavailable)
    assert "could not be written" in str(error)


@pytest.mark.parametrize("name", ["journal.sqlite", "journal.sqlite-wal"])
def test_a_file_that_was_deleted_stops_the_worker(journal: Journal, path: Path, name: str) -> None:
    path.with_name(name).unlink()
    error = fault(journal)
    assert not isinstance(error, JournalUnavailable)
    assert f"{name} cannot be found" in str(error)
    assert "put back" in error.hint
    with pytest.raises(JournalError):
        journal.ballots.get(VOTING, 1, 1)


def test_a_file_that_is_deleted_during_a_step_stops_the_worker_after_it(journal: Journal, path: Path) -> None:
    with pytest.raises(JournalError, match="is gone"), journal.store.write(ANY):
        path.unlink()


def test_a_file_that_was_replaced_stops_the_worker(journal: Journal, path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.replace(path)
    assert "replaced by another file" in str(fault(journal))


@pytest.fixture
def damaged(path: Path) -> Path:
    """A journal with many ballots, of whose pages some hold nonsense."""
    journal = opened(path)
    for attempt in range(1, 40):
        journal.ballots.add(replace(BALLOT, attempt=attempt, manifest=b"m" * 1500))
    journal.close()
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in range(pages // 2, pages):
            file.seek(page * 4096)
            file.write(b"\x55" * 4096)
    return path


def test_a_damaged_table_of_ballots_is_told_at_the_start(damaged: Path) -> None:
    with pytest.raises(JournalError, match=r"damaged|malformed") as caught:
        opened(damaged)
    assert not isinstance(caught.value, JournalUnavailable)
    assert "keep it" in caught.value.hint


def test_damage_under_a_running_worker_stops_it(path: Path) -> None:
    journal = opened(path)
    journal.ballots.add(BIG)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x55" * (path.stat().st_size - 4096))
    with pytest.raises(JournalError) as caught:
        journal.ballots.get(VOTING, 2, 1)
    assert "keep it" in caught.value.hint
