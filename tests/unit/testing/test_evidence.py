"""Evidence from letters: what an author's test of a handler says of each attempt."""

import pytest

from worknet.protocol.ids import Event, Slot
from worknet.protocol.times import parse_time
from worknet.testing.evidence import evidence_of
from worknet.workflow import Column, Dataset, Declaration, Every, Evidence, Table, When, Window, WorkflowError

COLUMNS = [Column("id", "str")]
DECLARATION = Declaration(
    "tried", Every(3600, 60), (Dataset("d", COLUMNS, ["id"]),), (Table("t", COLUMNS, ["id"]),)
)
SLOT = Slot.at(3600, parse_time("2026-01-31T09:00:00Z"))


def attempt(votes: str):
    return evidence_of(DECLARATION, SLOT, When.UNRESOLVED, votes).attempts[0]


@pytest.mark.parametrize("when", list(When))
def test_it_is_evidence_that_a_worker_could_have(when: When) -> None:
    evidence = evidence_of(DECLARATION, SLOT, when, "AAb-?", "AB???")
    assert Evidence.of_document(evidence.document()) == evidence
    assert [attempt.number for attempt in evidence.attempts] == [1, 2]
    assert evidence.window == Window("2026-01-31T09:00:00Z", "2026-01-31T10:00:00Z")


def test_an_event_has_no_window() -> None:
    assert evidence_of(DECLARATION, Event(bytes(32)), When.UNRESOLVED, "AB").window is None


def test_equal_letters_are_equal_pairs_of_which_a_majority_is_needed() -> None:
    found = attempt("ABAC")
    assert next(voters for _, voters in found.pairs()) == (0, 2)
    assert (found.n, found.needed, found.inputs_differ, found.results_differ) == (4, 3, True, False)


def test_a_small_letter_is_another_result_on_the_same_inputs() -> None:
    found = attempt("Aa")
    assert (found.inputs_differ, found.results_differ) == (False, True)


def test_a_dash_is_no_ballot_and_a_question_mark_one_that_was_not_opened() -> None:
    found = attempt("A-?")
    assert (found.missing, found.unopened, list(found.ballots)) == ((1, 2), (2,), [0])


@pytest.mark.parametrize("votes", ["A B", "A1", "Aß"])
def test_other_characters_are_refused(votes: str) -> None:
    with pytest.raises(WorkflowError, match="is no vote"):
        attempt(votes)
