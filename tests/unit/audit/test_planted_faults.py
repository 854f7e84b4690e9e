"""The corpus: in a network's whole life nothing is found, and of every fault planted in it the rule it breaks."""

from typing import get_args

import pytest
from tests.unit.audit import planted, planted_members
from tests.unit.audit.life import recording
from tests.unit.audit.planting import audited, untouched
from worknet.audit.findings import RULES
from worknet.chain import events

FAULTS = [*planted.FAULTS, *planted_members.FAULTS]


def test_nothing_is_found_in_a_healthy_life() -> None:
    assert audited(untouched).findings == ()


def test_everything_that_a_contract_can_tell_is_told_in_that_life() -> None:
    told = {type(each.event) for each in recording().happenings}
    assert told == {*get_args(events.Event), *get_args(events.PoolEvent)}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found_by_its_rule(fault: planted.Fault) -> None:
    assert fault.rule in {finding.rule for finding in audited(fault.edit).findings}


def test_the_corpus_breaks_every_rule_that_facts_can_break() -> None:
    elsewhere = {"chain.block", "code.network", "code.pool", "log.prefix", "log.leaf", "publication", "parents"}
    asked_of_the_contract = {"voting.answers"}
    assert {fault.rule for fault in FAULTS} >= {*RULES} - elsewhere - asked_of_the_contract
