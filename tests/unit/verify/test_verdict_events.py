"""What the events of a voting say beside its record, and how a verdict tells how the record came about."""

from dataclasses import replace

import pytest
from tests.unit.verify.test_verdict import DIVIDED, OTHER, PLURALITY, SLOT, refused

from worknet.protocol.words import How
from worknet.verify import Report, verify


def report_of(**changes):
    return replace(Report(0b1011, 0b0011, 0b0011), **changes)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"opening": None}, "record"),
        ({"outcome": None}, "record"),
        ({"report": report_of()}, "record.how"),
    ],
)
def test_a_quorum_whose_events_say_otherwise_is_refused(evidence, chain_view, said, field):
    refused(evidence, field, chain=chain_view(evidence, **said))


@pytest.mark.parametrize("word", ["workflow_id", "trigger_id", "members", "n", "needed"])
def test_an_opening_with_another_word_is_refused(evidence, chain_view, word):
    honest = chain_view(evidence).opening
    other = b"\1" * 32 if isinstance(getattr(honest, word), bytes) else getattr(honest, word) + 1
    changed = replace(honest, **{word: other})
    refused(evidence, "record", "opening", chain=chain_view(evidence, opening=changed))


@pytest.mark.parametrize(
    "changes", [{"attempt": 2}, {"pair": OTHER}, {"voters": 0b1011}, {"how": How.REPORT}]
)
def test_a_record_whose_event_says_another_word_is_refused(evidence, chain_view, changes):
    outcome = replace(chain_view(evidence).outcome, **changes)
    refused(evidence, "record", "event of the record", chain=chain_view(evidence, outcome=outcome))


@pytest.mark.parametrize(
    ("report", "field"),
    [
        (None, "record.how"),
        (report_of(participants=0b1111), "record.voters"),
        (report_of(participants=0b0001), "record.voters"),
        (report_of(signers=0b1011), "record.voters"),
        (report_of(signers=0b0001), "record.voters"),
        (report_of(voters=0b1011, signers=0b0011), "record.voters"),
    ],
)
def test_a_report_that_does_not_lead_to_its_record_is_refused(make, chain_view, report, field):
    evidence = make(record={"how": How.REPORT})
    refused(evidence, field, chain=chain_view(evidence, report=report))


def test_a_record_has_no_voters_of_whom_neither_report_nor_chain_tells(make, chain_view):
    evidence = make(record={"how": How.REPORT, "voters": 0b1011}, votes={0: True, 1: True, 3: True})
    pair = evidence.record.pair
    told = chain_view(evidence, report=report_of(), voters={pair: 0b1000})
    assert verify(evidence, None, told).level == 3
    refused(evidence, "record.voters", "ballots on chain", chain=replace(told, voters={pair: 0}))


def test_a_verdict_names_how_the_record_came_about(make, evidence):
    assert verify(evidence).how is How.QUORUM
    assert verify(make(record={"how": How.REPORT})).how is How.REPORT
    assert verify(make(record=PLURALITY, votes=DIVIDED)).how is How.PLURALITY


def test_a_further_attempt_needs_a_policy_that_leaves_time_for_it(make):
    refused(make(record={"attempt": 2}, policy={"stall": 0}), "record.attempt", "stall")


def test_a_reopened_attempt_is_not_recorded_before_its_policy_began(make, evidence):
    later = {"start": evidence.record.time + 1}
    refused(make(record={"attempt": 4}, policy=later), "policy.start", "in force")


def test_a_report_too_is_bound_by_the_age_at_which_the_first_attempt_may_open(make):
    late = {"how": How.REPORT, "time": SLOT.due(600) + 86_400 + 600}
    refused(make(record=late), "record.time")
