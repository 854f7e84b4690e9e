"""What handlers decided goes out: at least once, under one id, and no more often than is allowed."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import Crash
from tests.unit.node.handlers import DESK, NOW, UNRESOLVED, Desk, Immediately, dying, failing
from tests.unit.node.test_deciding import decides

from worknet.node.causes import Cause
from worknet.node.errands import (
    LAST_PAUSE_SECONDS,
    MOST_TRIES,
    Errands,
    Outlets,
    call_id,
    message,
)
from worknet.node.errors import JournalUnavailable
from worknet.node.facts import ErrandState
from worknet.node.journal.handlings import ErrandPlace
from worknet.node.journal.store import STEPS as STEPS_OF_ALL
from worknet.node.preparing import PreparationFailed
from worknet.protocol.ids import Slot
from worknet.workflow import Alert, CallWebhook, When

ALERT = Alert("it came to nothing", "see to it", "failure")
CALL = CallWebhook(DESK, {"b": "ü", "a": [1, None]})
ID = "0xd29b6bfd88727c920a51c1efec161c42ddd716a119c48dd5f12faa839ff5bdc5"
"""sha256sum of ["0x0707...07","unresolved",2,1] without spaces."""
PLACE = ErrandPlace(b"\x07" * 32, "hourly", (When.UNRESOLVED, 2), 1, Alert.kind)
BLOCK_SECONDS = 20
LATER = 3 * 3600
"""Seconds after which an errand has been tried as often as is allowed."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def states(desk: Desk) -> list[ErrandState]:
    return [errand.state for errand in desk.handlings[0].errands]


def run_until(desk: Desk, end: int) -> list[int]:
    """Steps of which each is as long as a block; the times at which something was tried, since the start."""
    times = []
    for now in range(NOW, NOW + end, BLOCK_SECONDS):
        before = len(desk.sent) + len(desk.called)
        desk.step(now)
        if len(desk.sent) + len(desk.called) > before:
            times.append(now - NOW)
    return times


def test_an_alert_goes_to_the_channels_with_title_body_and_level(path: Path) -> None:
    desk = Desk(path, decides(ALERT))
    desk.run(3)
    about = f"hourly, unresolved: voting 0x{'00' * 32}"
    assert desk.sent == [("it came to nothing", f"see to it\n{about}", "failure")]


def test_a_webhook_gets_the_payload_in_canonical_form(path: Path) -> None:
    desk = Desk(path, decides(CALL))
    desk.run(3)
    assert [body for _, body in desk.called] == ['{"a":[1,null],"b":"ü"}'.encode()]


def test_the_id_of_a_call_is_that_of_the_protocol() -> None:
    place = replace(PLACE, kind=CallWebhook.kind)
    assert call_id(place) == ID
    assert call_id(replace(place, workflow="other")) == ID
    for other in (
        replace(place, voting_id=bytes(32)),
        replace(place, moment=(When.PLURALITY, 2)),
        replace(place, moment=(When.UNRESOLVED, 3)),
        replace(place, number=0),
    ):
        assert call_id(other) != ID


def test_every_try_has_the_same_id_also_after_a_restart(path: Path) -> None:
    desk = Desk(path, decides(CALL), fault="503")
    desk.run(30)
    desk.restart()
    desk.run(30, NOW + 30)
    assert len(desk.called) > 3
    assert len({identity for identity, _ in desk.called}) == 1


def test_two_calls_of_one_handler_have_different_ids(path: Path) -> None:
    desk = Desk(path, decides(CALL, CALL))
    desk.run(3)
    assert len({identity for identity, _ in desk.called}) == 2


@pytest.mark.parametrize("action", [ALERT, CALL])
def test_what_fails_is_tried_again_ever_more_rarely_and_then_given_up(path: Path, action: Any) -> None:
    desk = Desk(path, decides(action), fault="the server answered with status 503")
    with capture_logs() as logs:
        times = run_until(desk, LATER)
    pauses = [later - before for before, later in pairwise(times)]
    assert len(times) == MOST_TRIES
    assert pauses == sorted(pauses)
    assert pauses[-1] <= LAST_PAUSE_SECONDS + 2 * BLOCK_SECONDS
    (errand,) = desk.handlings[0].errands
    assert (errand.state, errand.tries) == (ErrandState.FAILED, MOST_TRIES)
    assert errand.error == "the server answered with status 503"
    told = [each["event"] for each in logs if each["event"].startswith("fallback.")]
    assert told.count("fallback.failed") == MOST_TRIES - 1
    assert told.count("fallback.given_up") == 1


def test_what_failed_goes_out_once_it_can(path: Path) -> None:
    desk = Desk(path, decides(CALL), fault="503")
    desk.run(3)
    desk.fault = ""
    desk.run(600, NOW + 3)
    assert states(desk) == [ErrandState.DONE]
    assert len(desk.called) == 2


def test_tries_are_counted_across_restarts(path: Path) -> None:
    desk = Desk(path, decides(CALL), fault="503")
    for _ in range(2 * MOST_TRIES):
        desk.run(2)
        desk.restart()
    assert len(desk.called) == MOST_TRIES


def test_a_call_that_ends_the_worker_each_time_is_made_ten_times_at_most(path: Path) -> None:
    called = []

    def dies(identity: str, body: bytes) -> str:
        called.append(identity)
        raise Crash

    desk = Desk(path, decides(CALL), outlets=Outlets(hooks={"hourly": {DESK: dies}}))
    for _ in range(MOST_TRIES):
        with pytest.raises(Crash):
            desk.run(3)
        desk.restart()
    desk.run(3)
    (errand,) = desk.handlings[0].errands
    assert (len(called), errand.state, errand.tries) == (MOST_TRIES, ErrandState.FAILED, MOST_TRIES)
    assert "not known" in errand.error


@pytest.mark.parametrize("step", ["handlings.try", "handlings.end"])
def test_what_is_under_way_when_the_journal_fails_is_tried_again(path: Path, step: str) -> None:
    desk = Desk(path, decides(CALL, ALERT))
    with failing(step), pytest.raises(JournalUnavailable):
        desk.run(3)
    desk.run(30, NOW + 3)
    assert states(desk) == [ErrandState.DONE, ErrandState.DONE]
    assert len(desk.errands) == 0


def test_what_was_decided_when_the_journal_failed_is_done_without_a_restart(path: Path) -> None:
    desk = Desk(path, decides(CALL))
    with failing("handlings.decide", "after"):
        desk.step()
    with pytest.raises(JournalUnavailable):
        desk.step()
    desk.errands.look_again()
    desk.run(3)
    assert states(desk) == [ErrandState.DONE]
    assert (len(desk.called), len(desk.preparer.asked)) == (1, 1)


def test_a_webhook_that_is_configured_no_more_is_not_called(path: Path) -> None:
    desk = Desk(path, decides(CALL), fault="503")
    desk.run(3)
    desk.errands = Errands(desk.journal, Outlets(), Immediately(), lambda: desk.now)
    desk.run(3, NOW + 100)
    (errand,) = desk.handlings[0].errands
    assert (errand.state, len(desk.called)) == (ErrandState.REFUSED, 1)


def test_a_fault_of_worknet_in_a_call_ends_no_worker(path: Path) -> None:
    def broken(identity: str, body: bytes) -> str:
        raise ZeroDivisionError

    desk = Desk(path, decides(CALL), outlets=Outlets(hooks={"hourly": {DESK: broken}}))
    desk.run(3)
    (errand,) = desk.handlings[0].errands
    assert (errand.state, errand.error) == (
        ErrandState.WAITING,
        "a fault of worknet itself: ZeroDivisionError",
    )


def test_what_was_given_up_is_tried_again_when_the_operator_says_so(path: Path) -> None:
    desk = Desk(path, decides(ALERT, CALL), fault="503")
    run_until(desk, LATER)
    before = {identity for identity, _ in desk.called}
    desk.fault = ""
    desk.errands.add(desk.journal.handlings.revive(UNRESOLVED.voting_id))
    desk.run(3, NOW + LATER)
    assert states(desk) == [ErrandState.DONE, ErrandState.DONE]
    assert {identity for identity, _ in desk.called} == before


def test_what_is_done_or_refused_is_not_done_again_when_the_operator_says_so(path: Path) -> None:
    desk = Desk(path, decides(ALERT, CallWebhook("unheard_of")))
    desk.run(3)
    assert desk.journal.handlings.revive(UNRESOLVED.voting_id) == []
    assert states(desk) == [ErrandState.DONE, ErrandState.REFUSED]


# Gathering


def test_alerts_of_one_workflow_are_gathered(path: Path) -> None:
    desk = Desk(path)
    desk.outlets = Outlets(desk._send, every=100)
    desk.handler = decides(ALERT)
    desk.restart()
    for number in range(6):
        desk.facts = replace(UNRESOLVED, voting_id=bytes([number]) * 32, trigger=Slot(3600, number))
        desk.run(3, NOW + 3 * number)
    assert len(desk.sent) == 1
    desk.run(3, NOW + 101)
    assert [title for title, _, _ in desk.sent] == ["it came to nothing", "5 alerts of hourly"]
    assert desk.sent[1][1].count("see to it") == 5


def test_a_message_about_several_alerts_has_the_worst_level() -> None:
    alerts = [Alert("a", "b", "info"), Alert("c", "", "failure"), Alert("d", "e", "warning")]
    about = f"hourly, unresolved: voting 0x{'07' * 32}"
    body = f"a\nb\n{about}\n\nc\n{about}\n\nd\ne\n{about}"
    assert message([(PLACE, alert) for alert in alerts]) == ("3 alerts of hourly", body, "failure")


def test_a_message_about_an_alert_without_a_body_has_one() -> None:
    # Channels take none without.
    _, body, _ = message([(PLACE, Alert("a"))])
    assert body == f"hourly, unresolved: voting 0x{'07' * 32}"


def test_a_message_has_an_end() -> None:
    title, body, _ = message([(PLACE, Alert("a", "b" * 60_000))] * 20)
    assert title == "20 alerts of hourly"
    assert len(body) < 17_000


# Crashes

STEPS = ("handlings.begin", "handlings.decide", "handlings.try", "handlings.end")


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_dies_at_a_step_loses_nothing_and_decides_nothing_twice(
    path: Path, step: str, moment: str
) -> None:
    desk = Desk(path, decides(ALERT, CALL))
    with dying(step, moment), pytest.raises(Crash):
        desk.run(5)
    desk.restart()
    desk.run(5)
    (handling,) = desk.handlings
    assert [each.state for each in handling.errands] == [ErrandState.DONE, ErrandState.DONE]
    assert len(desk.preparer.asked) <= 2
    assert len({identity for identity, _ in desk.called}) == 1
    assert 1 <= len(desk.called) <= 2
    assert 1 <= len(desk.sent) <= 2


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
def test_a_worker_that_dies_while_it_journals_a_failure_asks_three_times_at_most(
    path: Path, moment: str
) -> None:
    def fails(evidence: object, number: int) -> Any:
        raise PreparationFailed(Cause.WORKFLOW_FAILED, "workflow failed")

    desk = Desk(path, fails)
    with dying("handlings.fail", moment), pytest.raises(Crash):
        desk.run(60)
    desk.restart()
    desk.run(60)
    assert len(desk.preparer.asked) == 3
    assert states(desk) == [ErrandState.DONE]


def test_what_was_decided_before_the_worker_died_is_done_without_asking_again(path: Path) -> None:
    desk = Desk(path, decides(CALL))
    with dying("handlings.decide", "after"), pytest.raises(Crash):
        desk.run(5)
    assert desk.called == []
    desk.restart()
    desk.preparer.handler = decides()
    desk.run(5)
    assert (len(desk.called), len(desk.preparer.asked)) == (1, 1)


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
def test_a_worker_that_dies_while_it_takes_up_what_was_given_up_is_told_again(
    path: Path, moment: str
) -> None:
    desk = Desk(path, decides(CALL), fault="503")
    run_until(desk, LATER)
    with dying("handlings.revive", moment), pytest.raises(Crash):
        desk.journal.handlings.revive(UNRESOLVED.voting_id)
    desk.fault = ""
    desk.restart()
    desk.errands.add(desk.journal.handlings.revive(UNRESOLVED.voting_id))
    desk.run(3, NOW + LATER)
    assert states(desk) == [ErrandState.DONE]


def test_every_step_of_handlings_is_crashed_here() -> None:
    others = {"handlings.fail", "handlings.revive", "handlings.forget"}
    assert {name for name in STEPS_OF_ALL if name.startswith("handlings.")} == {*STEPS, *others}
