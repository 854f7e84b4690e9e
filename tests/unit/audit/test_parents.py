"""Parents held against the log: each planted fault is found, and what is not published is none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from tests.unit.audit.audits import CHAIN_ID, CONTRACT, EVERY, POLICY, WORKFLOW, line, voting

from worknet.audit.lines import RecordLine
from worknet.audit.parents import Parents, check_parents
from worknet.audit.policies import PolicyLine
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.manifest import Manifest

REPORT = workflow_id("report")
SPAN = 4 * EVERY
"""The records of the hours 0 to 3 are about one slot of the report, those of 4 to 7 about the next."""
DELAY = 7200
REPORT_POLICY = replace(POLICY, every=SPAN, delay=DELAY, start=0)
POLICIES = [
    PolicyLine(WORKFLOW, 1, POLICY, POLICY.hash(), 1, 0),
    PolicyLine(REPORT, 1, REPORT_POLICY, REPORT_POLICY.hash(), 1, 0),
]
HOURS = [line(position) for position in range(8)]
START = Slot.of_trigger(HOURS[0].record.trigger_id).window.start


def report(position: int = 8, number: int = 0, time: int = 0) -> RecordLine:
    """A record of the report on the first four hours, or the next."""
    slot = Slot(SPAN, START // SPAN + number)
    own = line(position)
    record = replace(
        own.record,
        workflow_id=REPORT,
        trigger_id=slot.trigger_id,
        voting_id=voting_id(CHAIN_ID, CONTRACT, REPORT, slot.trigger_id),
        time=time or slot.due(DELAY) + 600,
    )
    return replace(own, record=record)


def manifest(parents: Sequence[bytes]) -> Manifest:
    return Manifest("report", b"\1" * 32, b"\2" * 32, None, {}, {}, {}, tuple(sorted(set(parents))))


def checked(
    parents: Sequence[bytes],
    child: RecordLine | None = None,
    hours: Sequence[RecordLine] = HOURS,
    others: Mapping[bytes, Manifest] | None = None,
) -> Parents:
    child = child or report()
    manifests = {child.record.voting_id: manifest(parents), **(others or {})}
    records = sorted([*hours, child], key=lambda each: each.position)
    return check_parents(records, manifests, POLICIES)


def rules(found: Parents) -> list[str]:
    return [finding.rule for finding in found.findings]


def test_the_slots_begin_as_these_tests_need_it() -> None:
    assert START % SPAN == 0


def test_a_report_from_all_hours_of_its_window_breaks_no_rule() -> None:
    found = checked([voting(hour) for hour in range(4)])
    assert rules(found) == []
    assert found.of == {report().record.voting_id: tuple(sorted(voting(hour) for hour in range(4)))}


def test_a_parent_without_a_record_is_found() -> None:
    found = checked([*(voting(hour) for hour in range(4)), b"\x99" * 32])
    (finding,) = found.findings
    assert finding.rule == "parents.record"
    assert (finding.voting_id, finding.position, finding.block) == (report().record.voting_id, 8, 108)
    assert finding.evidence == {"first": "0x" + "99" * 32, "count": 1}


def test_a_parent_with_a_record_of_before_this_audit_is_none() -> None:
    child = report()
    manifests = {child.record.voting_id: manifest([voting(hour) for hour in range(4)])}
    earlier = {voting(0), voting(1)}
    found = check_parents([*HOURS[2:], child], manifests, POLICIES, earlier.__contains__)
    assert found.earlier == 2
    assert rules(found) == []


def test_a_parent_that_stands_behind_its_child_is_found() -> None:
    early = report(position=3)
    late = replace(HOURS[3], position=9)
    found = checked([voting(hour) for hour in range(4)], early, [*HOURS[:3], late])
    assert rules(found) == ["parents.before"]
    assert found.findings[0].evidence["first"] == f"0x{voting(3).hex()}"


def test_a_report_that_is_its_own_parent_is_found() -> None:
    own = report().record.voting_id
    assert "parents.before" in rules(checked([*(voting(hour) for hour in range(4)), own]))


def test_reports_that_are_each_other_s_parents_are_found() -> None:
    first, second = report(8), report(9, number=1)
    ids = first.record.voting_id, second.record.voting_id
    manifests = {ids[0]: manifest([ids[1]]), ids[1]: manifest([ids[0]])}
    found = check_parents([*HOURS, first, second], manifests, POLICIES)
    befores = [finding.voting_id for finding in found.findings if finding.rule == "parents.before"]
    assert befores == [ids[0]]


def test_a_parent_of_another_window_is_found() -> None:
    found = checked([voting(hour) for hour in range(5)])
    assert rules(found) == ["parents.window"]
    assert found.findings[0].evidence["first"] == f"0x{voting(4).hex()}"


def test_a_result_that_was_left_out_is_found() -> None:
    found = checked([voting(hour) for hour in (0, 1, 3)])
    assert rules(found) == ["parents.complete"]
    assert found.findings[0].evidence == {"first": f"0x{voting(2).hex()}", "count": 1}


@pytest.mark.parametrize(("after_due", "broken"), [(0, ["parents.complete"]), (1, [])])
def test_what_was_recorded_after_it_was_due_may_be_left_out(after_due: int, broken: list[str]) -> None:
    late = replace(HOURS[3], record=replace(HOURS[3].record, time=START + SPAN + DELAY + after_due))
    child = report(time=START + SPAN + DELAY + 6000)
    assert rules(checked([voting(hour) for hour in range(3)], child, [*HOURS[:3], late])) == broken


def test_hours_without_a_record_are_no_fault() -> None:
    assert rules(checked([voting(0), voting(2)], hours=[HOURS[0], HOURS[2]])) == []


def test_many_faults_of_one_kind_are_one_finding() -> None:
    found = checked([bytes([number]) * 32 for number in range(100)])
    assert [(each.rule, each.evidence["count"]) for each in found.findings] == [("parents.record", 100)]


# What is not published


def test_what_is_not_published_breaks_no_rule() -> None:
    found = check_parents([*HOURS, report()], {}, POLICIES)
    assert (found.findings, found.of, found.unpublished) == ((), {}, 9)


def test_parents_whose_own_parents_nobody_knows_are_named() -> None:
    others = {voting(0): manifest([]), voting(1): manifest([])}
    found = checked([voting(hour) for hour in range(4)], others=others)
    assert set(found.unknown) == {voting(2), voting(3)}


def test_a_parent_of_an_event_is_about_no_slot_of_a_window() -> None:
    event = workflow_id("events")
    policy = replace(POLICY, every=0, delay=0, start=0)
    own = replace(
        HOURS[0],
        record=replace(HOURS[0].record, workflow_id=event, trigger_id=b"\x77" * 32, voting_id=b"\x78" * 32),
    )
    child = report()
    manifests = {child.record.voting_id: manifest([b"\x78" * 32])}
    policies = [*POLICIES, PolicyLine(event, 1, policy, policy.hash(), 1, 0)]
    assert rules(check_parents([own, child], manifests, policies)) == ["parents.window"]


def test_a_parent_about_no_slot_of_its_workflow_is_outside_of_every_window() -> None:
    other = replace(HOURS[0], record=replace(HOURS[0].record, trigger_id=b"\xff" * 32))
    hours = [other, *HOURS[1:4]]
    assert rules(checked([each.record.voting_id for each in hours], hours=hours)) == ["parents.window"]


def test_a_child_about_no_slot_of_its_workflow_breaks_no_audit() -> None:
    child = replace(report(), record=replace(report().record, trigger_id=b"\xff" * 32))
    assert rules(checked([HOURS[0].record.voting_id], child)) == []
