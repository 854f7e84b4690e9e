"""What a workflow's handlers decide is in the journal, once for each moment, whatever they do."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import Crash, OnePreparer, TinyPreparer, agreed
from tests.unit.node.handlers import DESK, NOW, UNRESOLVED, Desk, Immediately
from tests.unit.node.test_duties import DUE, facts_of
from tests.unit.node.test_duties_fallbacks import FAILED_TWICE, FAILOVER, divided, failed_twice
from tests.unit.node.test_journal import opened

from worknet.chain.errors import IndexFileError
from worknet.node import deciding
from worknet.node.causes import Cause
from worknet.node.deciding import Decisions
from worknet.node.duties import Handle, duties
from worknet.node.errands import Outlets
from worknet.node.errors import JournalError
from worknet.node.facts import ErrandState, Prepared, VotingFacts
from worknet.node.journal import Ballot
from worknet.node.journal.handlings import By
from worknet.node.preparing import PreparationFailed
from worknet.protocol.ballots import Pair
from worknet.protocol.voting_rules import fold
from worknet.workflow import (
    Action,
    Alert,
    CallWebhook,
    Evidence,
    SettlePlurality,
    StartFailover,
    When,
)
from worknet.workflow.errors import DeclarationError

ALERT = Alert("it came to nothing", "see to it", "failure")
CALL = CallWebhook(DESK, {"n": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def decides(*actions: Action) -> Any:
    """A handler that decides on these, whatever it is shown."""
    return lambda evidence, number: actions


def fails(evidence: Evidence, number: int) -> tuple[Action, ...]:
    raise PreparationFailed(Cause.WORKFLOW_FAILED, "workflow failed", "row 7 is wrong")


FAILS_OVER = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE)
DIVIDED = facts_of(divided(), DUE)


def test_what_the_handler_decides_is_in_the_journal_with_what_became_of_it(path: Path) -> None:
    desk = Desk(path, decides(ALERT, CALL))
    desk.run(3)
    (handling,) = desk.handlings
    assert (handling.when, handling.attempt, handling.by) == (When.UNRESOLVED, 1, By.HANDLER)
    assert [(each.action, each.state) for each in handling.errands] == [
        (ALERT, ErrandState.DONE),
        (CALL, ErrandState.DONE),
    ]


def test_a_handler_may_decide_that_nothing_is_to_be_done(path: Path) -> None:
    desk = Desk(path, decides())
    desk.run(3)
    assert [(each.by, each.errands) for each in desk.handlings] == [(By.HANDLER, ())]
    assert desk.sent == []


def test_a_handler_is_asked_once_for_each_moment(path: Path) -> None:
    desk = Desk(path, decides(ALERT))
    desk.run(10)
    desk.restart()
    desk.run(10, NOW + 10)
    assert len(desk.preparer.asked) == 1
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    ("facts", "action"),
    [(FAILS_OVER, StartFailover), (DIVIDED, SettlePlurality), (UNRESOLVED, Alert)],
    ids=["failover", "plurality", "unresolved"],
)
def test_without_a_handler_the_default_is_decided(
    path: Path, facts: VotingFacts, action: type[Action]
) -> None:
    desk = Desk(path, facts=facts)
    desk.run(3, facts.now)
    (handling,) = desk.handlings
    assert handling.by is By.DEFAULT
    assert [type(each.action) for each in handling.errands] == [action]
    assert handling.errands[0].state is ErrandState.DONE


def test_a_handler_that_failed_is_asked_again_after_a_pause(path: Path) -> None:
    desk = Desk(path, fails)
    desk.step(NOW)
    desk.preparer.handler = decides(ALERT)
    desk.step(NOW + 1)
    assert desk.handlings[0].decided == 0
    desk.run(4, NOW + 2)
    (handling,) = desk.handlings
    assert (handling.tries, handling.by, len(desk.sent)) == (2, By.HANDLER, 1)


def test_a_handler_that_fails_three_times_gives_way_to_the_default_which_is_told(path: Path) -> None:
    desk = Desk(path, fails)
    with capture_logs() as logs:
        desk.run(60)
    (handling,) = desk.handlings
    assert (handling.tries, handling.by, handling.cause) == (3, By.DEFAULT, Cause.WORKFLOW_FAILED)
    assert [type(each.action) for each in handling.errands] == [Alert]
    told = [(each["event"], each["log_level"]) for each in logs]
    assert told.count(("fallback.handler_failed", "warning")) == 2
    assert told.count(("fallback.handled", "warning")) == 1


def test_tries_are_counted_across_restarts(path: Path) -> None:
    desk = Desk(path, fails)
    for _ in range(5):
        desk.step(NOW)
        desk.restart()
    assert len(desk.preparer.asked) == 3
    assert desk.handlings[0].by is By.DEFAULT


def test_a_handler_that_takes_the_whole_worker_with_it_does_so_three_times_at_most(path: Path) -> None:
    def dies(evidence: Evidence, number: int) -> tuple[Action, ...]:
        raise Crash

    desk = Desk(path, dies)
    for _ in range(3):
        with pytest.raises(Crash):
            desk.step()
        desk.restart()
    desk.run(3)
    assert desk.handlings[0].by is By.DEFAULT


def test_what_the_author_says_of_a_failure_stays_in_the_journal(path: Path) -> None:
    desk = Desk(path, fails)
    with capture_logs() as logs:
        desk.run(60)
    assert "row 7" not in str(logs)
    assert "row 7" not in str(desk.handlings)


def test_a_fault_of_worknet_in_a_handler_ends_no_worker(path: Path) -> None:
    def broken(evidence: Evidence, number: int) -> tuple[Action, ...]:
        raise ZeroDivisionError

    desk = Desk(path, broken)
    desk.run(60)
    assert (desk.handlings[0].cause, desk.handlings[0].by) == (Cause.FAULT, By.DEFAULT)


def test_inputs_that_cannot_be_read_any_more_keep_nothing_from_being_decided(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(self: object, ballot: object) -> dict[str, bytes]:
        raise DeclarationError("not the document of a declaration")

    monkeypatch.setattr(TinyPreparer, "input_roots", unreadable)
    pair = Pair(b"\x01" * 32, b"\x02" * 32)
    facts = replace(FAILS_OVER, prepared={(1, 1): Prepared(1, 1, pair)})
    desk = Desk(path, decides(ALERT), facts)
    desk.journal.ballots.add(Ballot(facts.voting_id, 1, 1, pair, b"\x03" * 32, 1, b"{}", b"{}", {}))
    desk.run(3, facts.now)
    assert desk.handlings[0].by is By.HANDLER
    assert desk.preparer.asked[0].inputs == {}


def test_an_alert_that_cannot_be_explained_says_less(path: Path) -> None:
    def unexplained(facts: VotingFacts) -> list[str]:
        raise IndexFileError("the index cannot be read")

    journal, executor = opened(path), Immediately()
    preparers = {UNRESOLVED.workflow: OnePreparer(TinyPreparer(0, agreed))}
    decisions = Decisions(journal, preparers, Outlets(), executor, unexplained)
    decisions.begin([wants(UNRESOLVED.workflow, 0)])
    decisions.collect()
    (handling,) = journal.handlings.of(bytes(32))
    assert [type(each.action) for each in handling.errands] == [Alert]
    journal.close()


def test_a_journal_that_fails_ends_the_worker(path: Path) -> None:
    def lost(evidence: Evidence, number: int) -> tuple[Action, ...]:
        raise JournalError("gone")

    desk = Desk(path, lost)
    desk.step()
    with pytest.raises(JournalError):
        desk.step()


# What is refused


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        (UNRESOLVED, SettlePlurality()),
        (UNRESOLVED, StartFailover()),
        (DIVIDED, StartFailover()),
        (FAILS_OVER, SettlePlurality()),
    ],
)
def test_an_action_that_the_policy_does_not_allow_then_is_refused_with_the_reason(
    path: Path, facts: VotingFacts, action: Action
) -> None:
    desk = Desk(path, decides(action), facts)
    with capture_logs() as logs:
        desk.run(3, facts.now)
    (errand,) = desk.handlings[0].errands
    assert errand.state is ErrandState.REFUSED
    assert "the policy does not allow it" in errand.error
    assert [each["action"] for each in logs if each["event"] == "fallback.refused"] == [action.kind]


def test_a_webhook_that_the_operator_has_not_configured_is_refused_once(path: Path) -> None:
    desk = Desk(path, decides(CallWebhook("unheard_of"), ALERT))
    with capture_logs() as logs:
        desk.run(3)
        desk.restart()
        desk.run(3)
    first, second = desk.handlings[0].errands
    assert first.state is ErrandState.REFUSED
    assert "[workflows.hourly.webhooks.unheard_of]" in first.error
    assert second.state is ErrandState.DONE
    assert len([each for each in logs if each["event"] == "fallback.refused"]) == 1


def test_an_alert_without_a_channel_is_refused(path: Path) -> None:
    desk = Desk(path, decides(ALERT), outlets=Outlets())
    with capture_logs() as logs:
        desk.run(3)
    (errand,) = desk.handlings[0].errands
    assert (errand.state, errand.tries) == (ErrandState.REFUSED, 0)
    assert [each["error"] for each in logs if each["event"] == "fallback.refused"] == [errand.error]
    assert "no channel is configured" in errand.error


# What it is shown


def test_the_handler_is_shown_attempts_causes_and_own_roots_but_no_rows(path: Path) -> None:
    facts = FAILS_OVER
    desk = Desk(path, decides(StartFailover()), facts)
    desk.journal.failures.add(facts.voting_id, 1, Cause.SOURCE_TIMEOUT, "meters: too slow", "row 7")
    desk.run(2, facts.now)
    (evidence,) = desk.preparer.asked
    assert [attempt.number for attempt in evidence.attempts] == [1, 2]
    assert (evidence.when, evidence.fallback, evidence.me) == (When.FAILOVER, "failover", 0)
    assert evidence.causes == ((1, "source timeout"),)
    assert "row 7" not in str(evidence)


# Side by side


class Waiting(Executor):
    """Ends nothing."""

    def __init__(self) -> None:
        self.begun: list[VotingFacts] = []

    def submit(self, call: Any, /, *args: Any, **named: Any) -> "Future[Any]":
        self.begun.append(args[0])
        return Future()


@pytest.fixture
def waiting(path: Path) -> Iterator[tuple[Decisions, Waiting]]:
    journal, executor = opened(path), Waiting()
    preparers = {name: OnePreparer(TinyPreparer(0, agreed)) for name in ("one", "other")}
    yield Decisions(journal, preparers, Outlets(), executor), executor
    journal.close()


def wants(workflow: str, number: int, facts: VotingFacts = UNRESOLVED) -> tuple[VotingFacts, Handle]:
    each = replace(facts, workflow=workflow, voting_id=bytes([number]) * 32)
    (duty,) = (duty for duty in duties(each) if isinstance(duty, Handle))
    return each, duty


def test_handlers_that_hang_keep_no_other_workflow_from_deciding(waiting: tuple[Decisions, Waiting]) -> None:
    decisions, executor = waiting
    decisions.begin([wants("one", number) for number in range(10)])
    decisions.begin([wants("other", number) for number in range(10, 20)])
    begun = [facts.workflow for facts in executor.begun]
    assert begun == ["one"] * deciding.EACH_AT_ONCE + ["other"] * deciding.EACH_AT_ONCE


def test_a_failover_comes_before_what_nobody_waits_for(waiting: tuple[Decisions, Waiting]) -> None:
    decisions, executor = waiting
    decisions.begin([*(wants("one", number) for number in range(5)), wants("one", 9, FAILS_OVER)])
    assert executor.begun[0].voting_id == bytes([9]) * 32


def test_a_handler_that_runs_is_not_begun_again(waiting: tuple[Decisions, Waiting]) -> None:
    decisions, executor = waiting
    for _ in range(3):
        decisions.begin([wants("one", 1)])
    assert len(executor.begun) == 1
