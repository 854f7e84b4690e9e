"""What the workflow promises: on rows, on its sample data, and in a network with a liar."""

from pathlib import Path

import pytest

from worknet.testing import Desk
from worknet.workflow import Alert, SettlePlurality, When, WorkflowError

DESK = Desk(Path(__file__).parents[1])


def test_a_batch_is_billed_at_the_price_in_the_parameters() -> None:
    tried = DESK.run(event=[{"batch": "b1", "customer": "bakery", "wh": 1000}])
    tried.expect("bills", [{"batch": "b1", "customer": "bakery", "millicents": 31000}])
    tried.expect("refused", [])
    assert tried.summary == {"bills": 1, "refused": 0}


def test_a_batch_without_a_value_is_refused_with_the_reason() -> None:
    tried = DESK.run(event=[{"batch": "b1", "customer": "bakery", "wh": None}])
    tried.expect("refused", [{"batch": "b1", "reason": "no value"}])


def test_a_batch_that_counts_down_stops_the_voting_by_name() -> None:
    with pytest.raises(WorkflowError, match="batch b1: -1 Wh"):
        DESK.run(event=[{"batch": "b1", "customer": "bakery", "wh": -1}])


def test_an_event_of_the_sample_data_is_billed() -> None:
    assert len(DESK.run().rows("bills")) == 1


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
