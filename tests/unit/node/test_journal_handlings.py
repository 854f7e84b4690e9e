"""What handlers decided, in the journal: once for each moment, whole, never mixed with another voting's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.node.test_journal import VOTING, opened

from worknet.node.facts import Errand, ErrandState
from worknet.node.journal import Journal
from worknet.node.journal.handlings import By, ErrandPlace
from worknet.workflow import Action, Alert, CallWebhook, SettlePlurality, StartFailover, When

OTHER = b"\x09" * 32
FAILOVER, UNRESOLVED = (When.FAILOVER, 2), (When.UNRESOLVED, 3)
ACTIONS: list[Action] = [
    Alert("title", "body\nof two lines, and ü", "failure"),
    CallWebhook("desk", {"n": 1, "deep": [{"a": None}]}),
    SettlePlurality(),
    StartFailover(),
]
ERRANDS = [Errand(number, action) for number, action in enumerate(ACTIONS)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = opened(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def decide(journal: Journal, voting_id: bytes, moment: tuple[When, int], errands: list[Errand]) -> bool:
    journal.handlings.begin(voting_id, "hourly", moment)
    return journal.handlings.decide(voting_id, moment, By.HANDLER, errands)


def place(number: int, kind: str, voting_id: bytes = VOTING) -> ErrandPlace:
    return ErrandPlace(voting_id, "hourly", FAILOVER, number, kind)


def test_actions_come_back_as_they_were_decided(journal: Journal) -> None:
    assert decide(journal, VOTING, FAILOVER, ERRANDS)
    assert journal.handlings.decided(VOTING) == {FAILOVER: tuple(ERRANDS)}


def test_a_decision_is_never_replaced(journal: Journal) -> None:
    decide(journal, VOTING, FAILOVER, ERRANDS)
    assert not decide(journal, VOTING, FAILOVER, [])
    assert journal.handlings.decided(VOTING) == {FAILOVER: tuple(ERRANDS)}


def test_what_is_not_decided_yet_is_no_decision(journal: Journal) -> None:
    journal.handlings.begin(VOTING, "hourly", FAILOVER)
    journal.handlings.fail(VOTING, FAILOVER, "workflow failed", "it failed", "row 7")
    assert journal.handlings.decided(VOTING) == {}
    (handling,) = journal.handlings.of(VOTING)
    assert (handling.tries, handling.decided, handling.cause) == (1, 0, "workflow failed")


def test_votings_and_moments_have_errands_of_their_own(journal: Journal) -> None:
    decide(journal, VOTING, FAILOVER, ERRANDS[:2])
    decide(journal, VOTING, UNRESOLVED, ERRANDS[:1])
    decide(journal, OTHER, FAILOVER, [])
    assert journal.handlings.decided(VOTING) == {FAILOVER: tuple(ERRANDS[:2]), UNRESOLVED: (ERRANDS[0],)}
    assert journal.handlings.decided(OTHER) == {FAILOVER: ()}


def test_handlings_come_in_the_order_of_their_moments(journal: Journal) -> None:
    for moment in (FAILOVER, (When.PLURALITY, 3), UNRESOLVED):
        decide(journal, VOTING, moment, [])
    assert [each.when for each in journal.handlings.of(VOTING)] == list(When)


def test_only_errands_that_wait_are_waiting(journal: Journal) -> None:
    done = Errand(2, SettlePlurality(), ErrandState.REFUSED, error="not now")
    decide(journal, VOTING, FAILOVER, [*ERRANDS[:2], done])
    journal.handlings.begin_errand(place(0, "alert"))
    journal.handlings.end_errand(place(0, "alert"), ErrandState.DONE)
    assert journal.handlings.waiting() == [place(1, "call_webhook")]


def test_an_errand_counts_its_tries_and_says_why_the_last_failed(journal: Journal) -> None:
    decide(journal, VOTING, FAILOVER, ERRANDS[:1])
    decide(journal, OTHER, FAILOVER, ERRANDS[:1])
    here = place(0, "alert")
    assert [journal.handlings.begin_errand(here) for _ in range(2)] == [1, 2]
    journal.handlings.end_errand(here, ErrandState.WAITING, "status 503")
    errand = journal.handlings.errand(here)
    assert (errand.state, errand.tries, errand.error) == (ErrandState.WAITING, 2, "status 503")
    assert journal.handlings.errand(place(0, "alert", OTHER)) == ERRANDS[0]


def test_texts_that_a_database_refuses_are_held(journal: Journal) -> None:
    journal.handlings.begin(VOTING, "hourly", FAILOVER)
    journal.handlings.fail(VOTING, FAILOVER, "workflow failed", "a\0b", "half \ud800")
    assert journal.handlings.of(VOTING)[0].message == "a\ufffdb"
