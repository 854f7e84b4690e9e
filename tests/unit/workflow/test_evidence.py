"""What a handler is shown: evidence that makes sense, says the same in its document, and counts rightly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.workflow.evidence import EVIDENCE, altered, attempt, evidence

from worknet.protocol.canonical import decode, encode
from worknet.workflow import AttemptEvidence, Evidence, Roots, When, Window
from worknet.workflow.errors import EvidenceError
from worknet.workflow.evidence import MOST_CAUSES

A, B = "0x" + "a" * 64, "0x" + "b" * 64


@given(EVIDENCE)
def test_evidence_survives_its_document(evidence):
    assert Evidence.of_document(decode(encode(evidence.document()))) == evidence


@given(EVIDENCE, st.data())
def test_a_document_of_evidence_that_is_altered_anywhere_is_refused_or_stands_for_just_what_it_says(
    evidence, data
):
    document = data.draw(altered(evidence.document()))
    try:
        read = Evidence.of_document(document)
    except EvidenceError:
        return
    assert encode(read.document()) == encode(document)


@pytest.mark.parametrize("document", [None, [], {}, "evidence", 1])
def test_what_is_no_document_of_evidence_is_refused(document):
    with pytest.raises(EvidenceError):
        Evidence.of_document(document)


def test_numbers_that_only_python_takes_for_each_other_are_no_document():
    document = evidence(me=1).document()
    for me in (True, 1.0):
        with pytest.raises(EvidenceError):
            Evidence.of_document({**document, "me": me})


@pytest.mark.parametrize(
    "other",
    [
        {"number": 0},
        {"number": 256},
        {"opened": "yesterday"},
        {"opened": 1769850060},
        {"n": 0},
        {"needed": 4},
        {"members": (1, 0, 2)},
        {"members": (0, 0, 1)},
        {"members": (0, 1, 120)},
        {"members": (0, 1)},
        {"unopened": (3,)},
        {"unopened": (0,)},
        {"ballots": {3: Roots(A, B)}},
        {"ballots": {0: (A, B)}},
        {"ballots": {0: Roots(A, "0xff")}},
        {"ballots": {0: Roots(A, bytes(32))}},
        {"policy_version": 0},
    ],
)
def test_an_attempt_that_makes_no_sense_is_refused(other):
    good = {
        "number": 1,
        "opened": "2026-01-31T10:01:00Z",
        "n": 3,
        "needed": 2,
        "members": (0, 1, 2),
        "ballots": {0: Roots(A, B), 2: Roots(A, A)},
        "unopened": (1,),
    }
    AttemptEvidence(**good)
    with pytest.raises(EvidenceError):
        AttemptEvidence(**{**good, **other})


@pytest.mark.parametrize(
    "other",
    [
        {"workflow": "No Name"},
        {"window": Window("yesterday", "today")},
        {"when": "unresolved"},
        {"attempts": (attempt(2, {}), attempt(1, {}))},
        {"attempts": (attempt(1, {}), attempt(1, {}))},
        {"policy_version": True},
        {"fallback": "hope"},
        {"me": 120},
        {"inputs": {1: {"Rows": A}}},
        {"inputs": {0: {"rows": A}}},
        {"inputs": {1: {"rows": "a"}}},
        {"causes": ((1, ""),)},
        {"causes": ((1, "two\nlines"),)},
        {"causes": ((1, "x" * 201),)},
        {"causes": ((1, "x"),) * (MOST_CAUSES + 1)},
    ],
)
def test_evidence_that_makes_no_sense_is_refused(other):
    with pytest.raises(EvidenceError):
        evidence(**other)


def test_the_missing_are_the_members_without_a_counted_ballot():
    shown = attempt(1, {1: "aa"}, unopened=(2,))
    assert shown.missing == (0, 2)
    assert shown.document()["missing"] == [0, 2]


def test_the_pair_with_the_most_voters_comes_first_and_of_equal_ones_the_lower():
    shown = attempt(1, {4: "ab", 0: "ba", 2: "ab", 1: "aa"}, members=range(5))
    named = [(roots.input_root[2] + roots.result_root[2], voters) for roots, voters in shown.pairs()]
    assert named == [("ab", (2, 4)), ("aa", (1,)), ("ba", (0,))]


@pytest.mark.parametrize(
    ("ballots", "inputs_differ", "results_differ"),
    [
        ({}, False, False),
        ({0: "ab", 1: "ab"}, False, False),
        ({0: "ab", 1: "ba"}, True, False),
        ({0: "aa", 1: "ab"}, False, True),
        ({0: "aa", 1: "ab", 2: "ba"}, True, True),
        ({0: "ab", 1: "bb"}, True, False),
    ],
)
def test_whether_inputs_or_results_differed_is_told_apart(ballots, inputs_differ, results_differ):
    shown = attempt(1, ballots)
    assert (shown.inputs_differ, shown.results_differ) == (inputs_differ, results_differ)


def test_the_last_attempt_is_the_last_that_opened_if_one_did():
    assert evidence(When.FAILOVER).last is None
    assert evidence(attempts=(attempt(1, {}), attempt(3, {}))).last == attempt(3, {})
