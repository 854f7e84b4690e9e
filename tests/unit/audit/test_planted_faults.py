"""The corpus: nothing is found in a healthy life, and of every planted fault the rule that it breaks."""

from typing import get_args

import pytest
from tests.unit.audit import planted, planted_ballots, planted_members
from tests.unit.audit.lived import recording
from tests.unit.audit.planting import audited, untouched

from worknet.audit.findings import RULES
from worknet.chain import events

FAULTS = [*planted.FAULTS, *planted_ballots.FAULTS, *planted_members.FAULTS]
EACH = [
    pytest.param(fault, id=fault.name, marks=[] if number % 3 == 0 else [pytest.mark.long])
    for number, fault in enumerate(FAULTS)
]
"""Every third one in each run of the tests, all of them in the long ones."""


def test_nothing_is_found_in_a_healthy_life() -> None:
    assert audited(untouched).findings == ()


def test_everything_that_a_contract_can_tell_is_told_in_that_life() -> None:
    told = {type(each.event) for each in recording().happenings}
    assert told == {*get_args(events.Event), *get_args(events.PoolEvent)}


@pytest.mark.parametrize("fault", EACH)
def test_a_planted_fault_is_found_by_its_rule(fault: planted.Fault) -> None:
    assert fault.rule in {finding.rule for finding in audited(fault.edit).findings}


def test_the_corpus_breaks_every_rule_that_events_can_break() -> None:
    elsewhere = {"chain.block", "code.network", "code.pool", "log.prefix", "voting.answers", "publication"}
    rules = {rule for rule in RULES if rule not in elsewhere and not rule.startswith("parents.")}
    assert {fault.rule for fault in FAULTS} | {"log.leaf"} >= rules
