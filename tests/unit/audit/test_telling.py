"""What an audit saw is told truly: with names, places and parts."""

from dataclasses import replace

from tests.unit.audit.audits import WORKFLOW, audit, head, leaves, line, voting

from worknet.audit.findings import Finding
from worknet.audit.held import hold
from worknet.audit.telling import Context, report_of
from worknet.protocol.trees import Tree, verify_consistency
from worknet.verify import Head

NAMED = Context("test", {WORKFLOW: "hourly"})


def test_a_record_is_told_with_its_name_and_what_every_member_did() -> None:
    told = report_of(audit(), NAMED).records[2]
    assert (told.position, told.voting) == (2, f"0x{voting(2).hex()}")
    assert told.name == "hourly@2025-11-24T18:00:00Z"
    assert told.window == ["2025-11-24T18:00:00Z", "2025-11-24T19:00:00Z"]
    assert (told.agreed, told.outvoted, told.missing) == ([0, 1], [2], [3])
    assert (told.how, told.n, told.needed, told.time) == ("quorum", 4, 2, "2025-11-24T19:01:00Z")


def test_a_workflow_that_nobody_named_is_told_by_its_id() -> None:
    told = report_of(audit(), Context("test"))
    assert told.records[0].workflow == f"0x{WORKFLOW.hex()}"
    assert told.policies[0].workflow == f"0x{WORKFLOW.hex()}"


def test_a_voting_about_an_event_has_no_window() -> None:
    event = b"\x99" * 32
    other = replace(line(0).record, workflow_id=b"\x77" * 32, trigger_id=event)
    [told] = report_of(audit(0, 1, records=(replace(line(0), record=other),)), NAMED).records
    assert told.window is None
    assert told.name.endswith(f"event 0x{event.hex()}")


def test_a_voting_about_no_slot_of_its_workflow_is_told_by_its_trigger() -> None:
    wrong = b"\xff" * 32
    other = replace(line(0).record, trigger_id=wrong)
    [told] = report_of(audit(0, 1, records=(replace(line(0), record=other),)), NAMED).records
    assert told.window is None
    assert told.name == f"hourly, no slot of it: 0x{wrong.hex()}"


def test_rewards_workers_and_members_are_told_as_they_stand() -> None:
    told = report_of(audit(), NAMED)
    first, second = told.workers
    assert (first.paid, first.owed, first.unclaimed) == ("7", "3", "5")
    assert (first.role, second.role) == ("active", "removed")
    assert (told.members[0].act, told.members[0].role) == ("removed", "removed")


def test_slots_without_a_record_are_told_as_a_run() -> None:
    [gap] = report_of(audit(), NAMED).without_record
    assert (gap.first, gap.last, gap.count) == ("2025-11-24T21:00:00Z", "2025-11-24T23:00:00Z", 3)
    assert gap.why == "unresolved"


def test_a_policy_is_new_if_it_was_announced_since_the_head_before() -> None:
    [policy] = report_of(audit(2, 5), NAMED).policies
    assert not policy.is_new
    assert (policy.threshold, policy.ballots, policy.fallback) == ("2/3", "sealed", "alert")


def test_what_is_not_over_is_told_with_its_state() -> None:
    [told] = report_of(audit(), NAMED).open_votings
    assert (told.state, told.attempt, told.until) == ("unresolved", 2, None)
    assert told.voting == f"0x{voting(5).hex()}"


def test_it_says_where_the_head_before_comes_from() -> None:
    assert report_of(audit(), NAMED).log.origin == "beginning"
    assert report_of(audit(2, 5), NAMED).log.origin == "remembered"
    assert report_of(audit(), replace(NAMED, is_given=True)).log.origin == "given"


def test_only_a_log_that_is_not_the_one_of_before_is_told_as_rewritten() -> None:
    for rule, is_rewritten in (("record.voters", False), ("log.prefix", True)):
        found = Finding(rule, "a fault", voting(1), 1, 101, {"recorded": 3})
        told = report_of(audit(findings=(found,)), NAMED)
        assert told.verdict == "findings"
        assert told.log.is_rewritten == is_rewritten
        assert (told.findings[0].position, told.findings[0].evidence) == (1, {"recorded": 3})


def test_a_log_is_held_to_a_head_that_is_known_from_elsewhere() -> None:
    held = hold(audit(), [Head(3, head(3).root)])
    assert held.findings == ()
    verify_consistency(3, held.before.root, 5, Tree(leaves(5)).root, held.path)


def test_a_log_that_never_had_a_known_head_is_found() -> None:
    [found] = hold(audit(), [Head(3, head(3).root), Head(4, b"\x13" * 32)]).findings
    assert (found.rule, found.evidence["known"]) == ("log.prefix", f"0x{'13' * 32}")


def test_a_log_that_is_shorter_than_a_known_head_is_found() -> None:
    [found] = hold(audit(), [Head(6, head(6).root)]).findings
    assert found.rule == "log.prefix"
    assert found.what.startswith("the log has 5 leaves, and so no root at size 6")
    assert "an RPC that lags" in found.what
