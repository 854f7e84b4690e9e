"""The journal's events: the first payload counts, and an event that was seen starts nothing again."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from worknet.node.journal import Journal, SqliteFile
from worknet.node.journal.events import Cursor, Fate, Happening

W = "billing"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(tmp_path)
    yield journal
    journal.close()


def opened(folder: Path) -> Journal:
    return Journal(SqliteFile(folder / "journal.sqlite"), 1, b"\1" * 20, b"\2" * 20)


def happening(number: int, payload: bytes = b"{}") -> Happening:
    return Happening(number.to_bytes(32, "big"), "message", b'["x"]', payload)


def ids(journal: Journal) -> list[int]:
    return sorted(int.from_bytes(opened.trigger_id, "big") for opened in journal.events.open(W))


def test_an_event_is_new_once_also_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.events.take(W, [happening(1), happening(1)]) == [Fate.NEW, Fate.DUPLICATE]
    journal.close()
    journal = opened(tmp_path)
    assert journal.events.take(W, [happening(1)]) == [Fate.DUPLICATE]
    journal.close()


def test_the_first_payload_stays_and_each_other_one_is_a_conflict_once(journal: Journal) -> None:
    fates = journal.events.take(W, [happening(1, b"1"), happening(1, b"2"), happening(1, b"2")])
    assert fates == [Fate.NEW, Fate.CONFLICT, Fate.KNOWN_CONFLICT]
    assert journal.events.take(W, [happening(1, b"2"), happening(1, b"3")]) == [
        Fate.KNOWN_CONFLICT,
        Fate.CONFLICT,
    ]
    trigger_id = happening(1).trigger_id
    assert journal.events.payload(W, trigger_id) == b"1"
    assert sorted(journal.events.conflicts(W, trigger_id)) == [b"2", b"3"]


def test_one_event_object_given_twice_is_one_event(journal: Journal) -> None:
    same = happening(1)
    assert journal.events.take(W, [same, same]) == [Fate.NEW, Fate.DUPLICATE]


def test_an_event_is_open_until_it_is_marked_over_and_known_for_good(journal: Journal) -> None:
    journal.events.take(W, [happening(1), happening(2)])
    journal.events.mark_over(W, [happening(1).trigger_id])
    assert ids(journal) == [2]
    assert journal.events.payload(W, happening(1).trigger_id) == b"{}"
    assert journal.events.take(W, [happening(1)]) == [Fate.DUPLICATE]
    assert ids(journal) == [2]


def test_no_more_events_are_given_at_once_than_asked_for(journal: Journal) -> None:
    journal.events.take(W, [happening(number) for number in range(1200)])
    assert len(journal.events.open(W, limit=7)) == 7
    assert len(journal.events.open(W)) == 1000


def test_events_that_never_end_keep_back_none_that_come(journal: Journal) -> None:
    journal.events.take(W, [happening(number) for number in range(9)])
    assert ids(journal) == list(range(9))
    found = [int.from_bytes(each.trigger_id, "big") for each in journal.events.open(W, limit=4)]
    assert found == [0, 1, 7, 8]


def test_workflows_know_nothing_of_each_others_events(journal: Journal) -> None:
    journal.events.take(W, [happening(1)])
    assert journal.events.open("other") == []
    assert journal.events.payload("other", happening(1).trigger_id) is None


def test_a_chains_cursor_moves_with_the_events_of_its_blocks(journal: Journal) -> None:
    assert journal.events.cursor(W, b"one") is None
    journal.events.take(W, [happening(1)], cursor=Cursor(b"one", 7, b"\7" * 32))
    journal.events.take(W, [], cursor=Cursor(b"one", 9, b"\x09" * 32))
    assert journal.events.cursor(W, b"one") == Cursor(b"one", 9, b"\x09" * 32)
    assert journal.events.cursor(W, b"another contract") is None
    assert ids(journal) == [1]


class Slow(list[Happening]):
    """Events of which it takes a while to say whether there are any."""

    def __bool__(self) -> bool:
        time.sleep(0.01)
        return True


def test_what_several_threads_take_is_counted_whole(journal: Journal) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: journal.events.take(W, Slow([happening(number)])), range(8)))
    assert journal.events.taken == 8
