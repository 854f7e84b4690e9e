"""The report of a simulation: every voting counted once, and every broken promise told with its reason."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from tests.unit.testing.histories import END, FALSE, HONEST, OPENED, VOTING, a_history, a_voting, with_voting

from worknet.protocol.voting import Settled, Voting
from worknet.protocol.voting_rules import apply
from worknet.protocol.words import Fallback
from worknet.testing.faults import Faults, Role
from worknet.testing.history import History
from worknet.testing.promises import PROMISES
from worknet.testing.report import About, Report, report

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "simulator.md"
ABOUT = About("light", 3, 0, "sealed", "majority", "alert", "", 7)
ALL = {0: HONEST, 1: HONEST, 2: HONEST}


def told(history: History) -> Report:
    return report(history, ABOUT)


def settled() -> History:
    """Two attempts of four workers fail, and the leading pair is settled."""
    roles = (Role.HONEST, Role.HONEST, Role.WRONG, Role.SILENT)
    ballots = {0: HONEST, 1: HONEST, 2: FALSE}
    history = a_history(ballots, ballots, roles=roles, fallback=Fallback.PLURALITY)
    voting = apply(history.votings[0].voting, Settled(END, HONEST))
    return with_voting(history, voting=voting)


def outcomes(found: Report) -> tuple[int, int, int, int]:
    return found.votings, found.consensus, found.plurality, found.unresolved


def test_a_voting_with_consensus_counts_as_that():
    found = told(a_history(ALL))
    assert outcomes(found) == (1, 1, 0, 0)
    assert found.by_attempt == {1: 1}


def test_consensus_of_a_second_attempt_is_told_as_a_repeat():
    found = told(a_history({0: HONEST}, ALL))
    assert (found.by_attempt, found.repeats, found.failovers) == ({2: 1}, 1, 0)


def test_a_settled_voting_counts_as_a_plurality():
    assert outcomes(told(settled())) == (1, 0, 1, 0)


def test_a_voting_without_a_result_counts_as_unresolved():
    assert outcomes(told(a_history({0: HONEST}, {0: HONEST}))) == (1, 0, 0, 1)


def test_a_slot_that_nobody_opened_counts_as_unresolved_and_is_told():
    history = a_history(ALL)
    found = told(replace(history, votings=(a_voting(Voting({1: history.policy})),)))
    assert outcomes(found) == (1, 0, 0, 1)
    assert found.unopened == 1
    assert "1 (1 that nobody opened)" in found.text()


def test_ballots_that_were_counted_and_seals_that_stayed_shut_are_counted():
    history = a_history({0: HONEST, 1: HONEST}, roles=(Role.HONEST, Role.HONEST, Role.WITHHOLD))
    found = told(history)
    assert (found.ballots, found.shut) == (2, 0)
    assert [(line.counted, line.agreed) for line in found.workers] == [(1, 1), (1, 1), (0, 0)]


def test_the_document_has_the_number_of_violations_and_says_what_they_are():
    document = told(a_history({0: HONEST, 1: HONEST})).document()
    assert document["violations"] == 1
    assert document["violated"][0]["promise"] == "no ballot lost"
    assert document["violated"][0]["worker"] == 2


def test_the_document_is_json_without_a_number_that_is_no_integer():
    text = json.dumps(told(settled()).document())
    assert json.loads(text, parse_float=pytest.fail) == told(settled()).document()


def test_a_report_says_why_a_promise_could_not_be_kept():
    history = a_history({0: FALSE, 1: FALSE, 2: HONEST}, roles=(Role.WRONG, Role.WRONG, Role.HONEST))
    text = told(history).text()
    assert "What is recorded is what some honest worker computed." in text
    assert "2 of 3 members lie alike, and 2 equal ballots make a result" in text


def test_a_report_blames_worknet_where_the_faults_do_not_explain_what_broke():
    assert "a fault of worknet itself" in told(a_history({0: HONEST, 1: HONEST})).text()


def test_alike_violations_are_told_once_with_their_number():
    history = a_history(ALL)
    never = a_voting(Voting({1: history.policy}))
    text = told(replace(history, votings=(never, replace(never, voting_id=b"\x12" * 32)))).text()
    assert text.count("never opened, and 3 honest workers were there") == 1
    assert "2 times" in text


def test_a_violation_is_told_with_the_slot_in_which_it_happened():
    text = told(a_history({0: HONEST, 1: HONEST})).text()
    assert "light@2023-11-14T21:00:00Z, attempt 1, worker 2" in text


def test_what_happened_is_told_in_the_order_of_its_names():
    history = replace(a_history(ALL), happened={"cut off": 2, "crash": 3})
    assert "crash 3, cut off 2" in told(history).text()


def test_the_same_history_gives_the_same_text():
    assert told(settled()).text() == told(settled()).text()
    assert OPENED < END
    assert VOTING in told(settled()).names


def test_the_guide_names_every_promise_with_its_sentence():
    text = GUIDE.read_text()
    assert [f"| {promise.name} | {promise.sentence} |" in text for promise in PROMISES] == [True] * len(
        PROMISES
    )


def test_the_guide_names_every_fault():
    text = GUIDE.read_text()
    names = [field.name for field in fields(Faults)]
    assert [name for name in names if f"| `{name}:" not in text] == []
