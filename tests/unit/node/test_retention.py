"""Rows that are forgotten when their votings are long over; and what stays."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.unit.node.test_journal import BALLOT, opened

from worknet.node import retention
from worknet.node.facts import Errand
from worknet.node.journal import Journal
from worknet.node.journal.handlings import By
from worknet.node.retention import Retention
from worknet.workflow import Alert, When

DAY = 86_400
OPEN, OVER, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))


@dataclass
class Ended:
    """As much of an index as is asked: which votings have ended."""

    votings: set[bytes] = field(default_factory=lambda: {OVER, OTHER})

    def has_ended(self, voting_id: bytes) -> bool:
        return voting_id in self.votings


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Ballots of one voting that goes on and of two that are over, all with rows, prepared now."""
    journal = opened(tmp_path / "journal.sqlite")
    for voting_id in (OPEN, OVER, OTHER):
        journal.ballots.add(replace(BALLOT, voting_id=voting_id))
    yield journal
    journal.close()


def looking(journal: Journal, later: float, keep: int | None = DAY) -> Retention:
    """What keeps rows for a day, so many seconds after the ballots were prepared."""
    return Retention(journal, Ended(), keep, lambda: time.time() + later)  # type: ignore[arg-type]  # enough of one


def kept(journal: Journal) -> set[bytes]:
    """The votings whose rows are there."""
    return {voting_id for voting_id in (OPEN, OVER, OTHER) if journal.ballots.get(voting_id, 1, 1).frames}


def test_rows_of_votings_that_are_long_over_are_forgotten_and_of_one_that_goes_on_stay(
    journal: Journal,
) -> None:
    looking(journal, 2 * DAY).look()
    assert kept(journal) == {OPEN}


def test_rows_that_are_not_old_enough_stay(journal: Journal) -> None:
    looking(journal, DAY / 2).look()
    assert kept(journal) == {OPEN, OVER, OTHER}


def test_roots_and_salts_stay_for_ever(journal: Journal) -> None:
    looking(journal, 2 * DAY).look()
    assert journal.ballots.get(OVER, 1, 1) == replace(BALLOT, voting_id=OVER, frames={})


def test_all_votings_have_their_turn_a_few_at_a_time(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "SHORT_PAUSE_SECONDS", 0.0)
    retaining = looking(journal, 2 * DAY)
    left = []
    for _ in range(3):
        retaining.look()
        left.append(kept(journal))
    assert left == [{OPEN, OVER, OTHER}, {OPEN, OTHER}, {OPEN}]


def test_a_voting_that_ends_later_has_its_turn_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(retention, "AGAIN_SECONDS", 0.0)
    index = Ended()
    retaining = Retention(journal, index, DAY, lambda: time.time() + 2 * DAY)  # type: ignore[arg-type]  # as above
    retaining.look()
    index.votings.add(OPEN)
    retaining.look()
    assert kept(journal) == set()


def test_what_has_no_rows_any_more_takes_no_turn(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for voting_id in (OPEN, OVER):
        journal.ballots.forget_rows(voting_id)
    looking(journal, 2 * DAY).look()
    assert kept(journal) == set()


def test_it_does_not_look_again_at_once(journal: Journal) -> None:
    retaining = looking(journal, 2 * DAY)
    retaining.look()
    journal.ballots.add(replace(BALLOT, voting_id=OVER, attempt=2))
    retaining.look()
    assert journal.ballots.get(OVER, 2, 1).frames


def test_failures_are_forgotten_with_the_rows(journal: Journal) -> None:
    journal.failures.add(OVER, 1, "bad data", "m", "d")
    looking(journal, DAY / 2).look()
    assert journal.failures.of(OVER)
    looking(journal, 2 * DAY).look()
    assert not journal.failures.of(OVER)


def test_failures_are_forgotten_after_400_days_where_rows_are_kept_for_ever(journal: Journal) -> None:
    journal.failures.add(OVER, 1, "bad data", "m", "d")
    looking(journal, 399 * DAY, keep=None).look()
    assert journal.failures.of(OVER)
    looking(journal, 401 * DAY, keep=None).look()
    assert not journal.failures.of(OVER)
    assert kept(journal) == {OPEN, OVER, OTHER}


def test_the_rows_of_all_attempts_are_kept_and_forgotten_alike(journal: Journal) -> None:
    journal.ballots.add(replace(BALLOT, voting_id=OVER, attempt=2))
    looking(journal, DAY / 2).look()
    assert [bool(journal.ballots.get(OVER, attempt, 1).frames) for attempt in (1, 2)] == [True, True]
    looking(journal, 2 * DAY).look()
    assert [bool(journal.ballots.get(OVER, attempt, 1).frames) for attempt in (1, 2)] == [False, False]


def test_what_an_author_said_of_a_failed_handler_is_forgotten_and_the_decision_stays(
    journal: Journal, tmp_path: Path
) -> None:
    moment = (When.UNRESOLVED, 2)
    journal.handlings.begin(OVER, "hourly", moment)
    journal.handlings.fail(OVER, moment, "workflow failed", "it failed", "row 7 is odd")
    journal.handlings.decide(OVER, moment, By.DEFAULT, [Errand(0, Alert("it came to nothing"))])
    decided = journal.handlings.of(OVER)
    looking(journal, DAY / 2).look()
    assert details(tmp_path) == {"row 7 is odd"}
    looking(journal, 2 * DAY).look()
    assert details(tmp_path) == {""}
    assert journal.handlings.of(OVER) == decided


def details(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal:
        return {row[0] for row in journal.execute("SELECT detail FROM handlings")}


def test_what_is_told_of_forgotten_rows_counts_votings_and_not_their_ballots(journal: Journal) -> None:
    journal.store.now = lambda: int(time.time()) + 1  # type: ignore[method-assign]  # prepared a second later
    journal.ballots.add(replace(BALLOT, voting_id=OVER, attempt=2))
    with capture_logs() as logs:
        looking(journal, 2 * DAY).look()
    assert [(each["votings"], each["tables"]) for each in logs] == [(2, 3 * len(BALLOT.frames))]
