"""What the workflow promises: on rows, on its sample data, and in a network with a liar."""

from pathlib import Path

import pytest

from worknet.testing import Desk
from worknet.workflow import Alert, SettlePlurality, When, WorkflowError

DESK = Desk(Path(__file__).parents[1])


def test_the_sample_data_is_added_up_by_site() -> None:
    tried = DESK.run()
    tried.expect(
        "sites",
        [
            {"site": "harbour", "wh": 99950, "meters": 2},
            {"site": "mill", "wh": 120300, "meters": 1},
            {"site": "school", "wh": 7150, "meters": 2},
            {"site": "station", "wh": 33980, "meters": 1},
        ],
    )
    assert tried.summary == {"wh": 261380, "left_out": 2}


def test_a_reading_without_a_value_and_one_that_is_too_large_are_left_out_with_the_reason() -> None:
    tried = DESK.run(
        readings=[
            {"meter": "m1", "site": "mill", "wh": None},
            {"meter": "m2", "site": "mill", "wh": 1000000},
            {"meter": "m3", "site": "mill", "wh": 1000001},
        ]
    )
    tried.expect("sites", [{"site": "mill", "wh": 1000000, "meters": 1}])
    tried.expect(
        "left_out",
        [
            {"meter": "m1", "reason": "no value"},
            {"meter": "m3", "reason": "more than a meter can count"},
        ],
    )


def test_a_meter_that_counts_down_is_refused_by_name() -> None:
    with pytest.raises(WorkflowError, match="meter m1: -1 Wh"):
        DESK.run(readings=[{"meter": "m1", "site": "mill", "wh": -1}])


@pytest.mark.parametrize(("votes", "settles"), [("AAB", True), ("ABC", False)])
def test_a_plurality_is_settled_if_two_workers_or_more_agree(votes: str, settles: bool) -> None:
    actions = DESK.handle(When.PLURALITY, votes)
    assert (SettlePlurality() in actions) == settles


def test_operators_are_told_what_each_attempt_came_to() -> None:
    (alert,) = DESK.handle(When.UNRESOLVED, "AB-", "AB-")
    assert isinstance(alert, Alert)
    assert "attempt 2: 2 of 3 ballots" in alert.body


def test_a_network_agrees_though_a_worker_lies_and_another_is_silent() -> None:
    report = DESK.simulate(workers=5, votings=2, faults="wrong:1,silent:1")
    assert report.consensus == 2
    assert not report.violations
