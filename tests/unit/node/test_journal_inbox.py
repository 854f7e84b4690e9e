"""The journal's inbox: what brokers have brought is there after a restart, once, and read as it was read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from worknet.node.inbox import Arrival, Aside, Kind, Marker, Row
from worknet.node.journal import Journal, SqliteFile
from worknet.node.journal.inbox import LONGEST_ASIDE

HOUR = 3600
W, D = "matching", "consumption"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(tmp_path)
    yield journal
    journal.close()


def opened(folder: Path) -> Journal:
    return Journal(SqliteFile(folder / "journal.sqlite"), 1, b"\1" * 20, b"\2" * 20)


def row(number: int, content: bytes = b"{}", start: int = HOUR) -> Row:
    return Row(start, b"%032d" % number, content)


def take(journal: Journal, arrivals: Sequence[Arrival], dataset: str = D) -> dict[Kind, int]:
    return dict(journal.inbox.take(W, dataset, arrivals, oldest=0, newest=100 * HOUR))


def read(journal: Journal, attempt: int = 1, start: int = HOUR) -> list[bytes]:
    return sorted(journal.inbox.read(W, D, start, attempt))


def test_rows_are_there_after_a_restart_and_then_duplicates(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    take(journal, [row(1, b"1"), row(2, b"2")])
    journal.close()
    journal = opened(tmp_path)
    assert take(journal, [row(2, b"2"), row(3, b"3")]) == {Kind.DUPLICATE: 1, Kind.ACCEPTED: 1}
    assert read(journal) == [b"1", b"2", b"3"]
    journal.close()


def test_a_batch_larger_than_a_statement_takes_parameters_is_sorted_whole(journal: Journal) -> None:
    rows = [row(number) for number in range(2000)]
    assert take(journal, rows) == {Kind.ACCEPTED: 2000}
    assert take(journal, rows) == {Kind.DUPLICATE: 2000}


def test_datasets_know_nothing_of_each_other(journal: Journal) -> None:
    take(journal, [row(1)])
    assert take(journal, [row(1, b"else")], "generation") == {Kind.ACCEPTED: 1}


def test_a_row_that_comes_after_an_attempt_has_read_is_read_by_later_attempts_only(journal: Journal) -> None:
    take(journal, [row(1, b"1")])
    assert read(journal, attempt=1) == [b"1"]
    assert take(journal, [row(2, b"2")]) == {Kind.LATE: 1}
    assert read(journal, attempt=1) == [b"1"]
    assert read(journal, attempt=2) == [b"1", b"2"]


def test_what_an_attempt_reads_again_after_a_later_one_has_read_is_what_it_read_before(
    journal: Journal,
) -> None:
    take(journal, [row(1, b"1")])
    read(journal, attempt=1)
    read(journal, attempt=2)
    take(journal, [row(2, b"2")])
    assert [read(journal, attempt) for attempt in (1, 2, 3)] == [[b"1"], [b"1"], [b"1", b"2"]]


def test_a_reading_of_one_window_makes_no_row_of_another_late(journal: Journal) -> None:
    read(journal, start=HOUR)
    assert take(journal, [row(1, start=2 * HOUR)]) == {Kind.ACCEPTED: 1}


def test_a_conflict_is_set_aside_once_however_often_it_comes(journal: Journal) -> None:
    take(journal, [row(1, b"1")])
    for _ in range(3):
        assert take(journal, [row(1, b"2")]) == {Kind.CONFLICT: 1}
    assert [aside.body for aside in journal.inbox.asides(W, D)] == [b"2"]
    assert read(journal) == [b"1"]


def test_of_the_contents_that_came_before_an_attempt_read_it_reads_the_least(journal: Journal) -> None:
    take(journal, [row(1, b"4"), row(2, b"9")])
    take(journal, [row(1, b"3")])
    assert read(journal, attempt=1) == [b"3", b"9"]
    take(journal, [row(1, b"5"), row(1, b"1"), row(1, b"2")])
    assert [read(journal, attempt) for attempt in (1, 2)] == [[b"3", b"9"], [b"1", b"9"]]
    take(journal, [row(1, b"0")])
    assert [read(journal, attempt) for attempt in (1, 2, 3)] == [[b"3", b"9"], [b"1", b"9"], [b"0", b"9"]]
    assert {aside.body for aside in journal.inbox.asides(W, D)} == {b"1", b"2", b"3", b"4", b"5"}


def test_of_what_is_set_aside_no_more_than_its_beginning_is_kept(journal: Journal) -> None:
    take(journal, [Aside(Kind.MALFORMED, "no JSON", b"x" * 10**6, "seq 5")])
    (aside,) = journal.inbox.asides(W, D)
    assert (aside.reason, aside.where, len(aside.body)) == ("no JSON", "seq 5", LONGEST_ASIDE)


def test_a_window_is_marked_complete_once_its_marker_has_come(journal: Journal) -> None:
    assert not journal.inbox.is_marked(W, D, HOUR)
    take(journal, [Marker(HOUR), Marker(HOUR)])
    take(journal, [Marker(HOUR)])
    assert journal.inbox.is_marked(W, D, HOUR)
    assert not journal.inbox.is_marked(W, D, 2 * HOUR)


def test_a_purge_removes_old_windows_and_nothing_else(journal: Journal) -> None:
    take(journal, [row(1), row(2), row(1, start=2 * HOUR), Marker(HOUR), Marker(2 * HOUR)])
    read(journal)
    assert journal.inbox.purge(W, D, oldest=2 * HOUR, keep=10**6) == 2
    assert (read(journal), read(journal, start=2 * HOUR)) == ([], [b"{}"])
    assert not journal.inbox.is_marked(W, D, HOUR)
    assert journal.inbox.is_marked(W, D, 2 * HOUR)
