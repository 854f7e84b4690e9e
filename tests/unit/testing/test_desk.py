"""A workflow's folder on a desk: its runs, its handlers, and what a failed expectation says."""

import re
from pathlib import Path

import polars as pl
import pytest

from worknet.tables import DataError
from worknet.testing import Desk, SimulationError
from worknet.testing.new_folder import new_folder
from worknet.workflow import (
    Alert,
    Every,
    SettlePlurality,
    StartFailover,
    When,
    WorkflowError,
)
from worknet.workflow.errors import DeclarationError, FailedError

ROW = {"meter": "m1", "site": "mill", "wh": 7}
SITE = {"site": "mill", "wh": 7, "meters": 1}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk") / "tried"
    new_folder(folder, "tried", Every(900, 60))
    return Desk(folder)


def test_a_run_takes_rows_frames_and_files_alike(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("meter,site,wh\nm1,mill,7\n")
    for given in ([ROW], pl.DataFrame([ROW]), tmp_path / "rows.csv"):
        assert desk.run(readings=given).rows("sites") == [SITE]


def test_a_run_that_is_given_nothing_takes_the_sample_data(desk: Desk) -> None:
    tried = desk.run()
    assert desk.data.origin == {"readings": "tests/data/readings.csv"}
    assert tried.datasets["readings"].height == 8
    assert tried.summary == {"wh": 261380, "left_out": 2}


def test_a_run_of_another_variant_has_another_result(desk: Desk) -> None:
    assert desk.run("2026-01-31T09:15:00Z", 1).summary != desk.run("2026-01-31T09:15:00Z").summary


@pytest.mark.long
def test_an_isolated_run_gives_the_same(desk: Desk) -> None:
    tried = Desk(desk.folder, isolate=True).run(readings=[ROW])
    assert (tried.rows("sites"), tried.summary) == ([SITE], {"wh": 7, "left_out": 0})


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([{**SITE, "wh": 8}], "table sites, row {'site': 'mill'}, column wh: expected 8, but it is 7"),
        ([SITE, {**SITE, "site": "a"}], "table sites, row {'site': 'a'}: expected, but it is not there"),
        ([], "table sites, row {'site': 'mill'}: not expected, but it is there: {'site': 'mill', 'wh': 7,"),
    ],
)
def test_what_is_not_as_expected_is_told_by_row_and_column(
    desk: Desk, expected: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        desk.run(readings=[ROW]).expect("sites", expected)


def test_rows_are_as_expected_in_any_order(desk: Desk) -> None:
    tried = desk.run()
    tried.expect("sites", tried.rows("sites")[::-1])


def test_expected_rows_that_the_table_cannot_hold_are_a_fault_of_the_test(desk: Desk) -> None:
    tried = desk.run(readings=[ROW])
    with pytest.raises(DataError, match="table sites, row 0, column wh: a str"):
        tried.expect("sites", [{**SITE, "wh": "7"}])
    with pytest.raises(DeclarationError, match="has no table 'site'"):
        tried.expect("site", [])


def test_the_workflow_s_own_refusal_is_raised(desk: Desk) -> None:
    with pytest.raises(WorkflowError, match="meter m1: -1 Wh") as refused:
        desk.run(readings=[{**ROW, "wh": -1}])
    assert refused.value.hint == "meters only count up: see what exported them"


def test_an_exception_in_the_workflow_comes_with_its_traceback(tmp_path: Path) -> None:
    new_folder(tmp_path / "tried", "tried", Every(3600))
    (tmp_path / "tried" / "parameters.json").write_text("{}")
    with pytest.raises(FailedError, match=r"raised KeyError \(workflow\.py, line [0-9]+\)") as failed:
        Desk(tmp_path / "tried").run()
    assert "KeyError: 'most_wh'" in "".join(failed.value.__notes__)


def test_a_dataset_that_is_not_declared_and_a_window_that_no_slot_begins_at_are_refused(desk: Desk) -> None:
    with pytest.raises(DeclarationError, match="has no dataset 'reading'"):
        desk.run(reading=[ROW])
    with pytest.raises(WorkflowError, match="no slot of the trigger") as refused:
        desk.run("2026-01-31T09:10:00Z")
    assert "2026-01-31T09:00:00Z and 2026-01-31T09:15:00Z" in refused.value.hint


def test_handlers_are_asked_about_the_votes_of_each_attempt(desk: Desk) -> None:
    settled, told = desk.handle(When.PLURALITY, "AABC")
    assert (settled, told) == (SettlePlurality(), Alert("settled with 2 votes", level="info"))
    (refused,) = desk.handle(When.PLURALITY, "ABCD")
    assert isinstance(refused, Alert)
    assert "4 of 4 ballots" in refused.body


def test_where_the_workflow_has_no_handler_it_is_what_a_worker_does_without_one(desk: Desk) -> None:
    assert desk.handle(When.FAILOVER, "ABC-", "ABC-") == (StartFailover(),)


def test_a_handler_is_told_the_window_that_the_test_names(desk: Desk) -> None:
    (told,) = desk.handle(When.UNRESOLVED, "AB", window="2026-01-31T09:15:00Z")
    assert isinstance(told, Alert)
    assert told.title == "no result for 2026-01-31T09:15:00Z"


@pytest.mark.long
def test_a_simulation_is_that_of_the_desk_s_seed_unless_another_is_asked_for(desk: Desk) -> None:
    one, other = (desk.simulate(workers=3, votings=1, seed=seed, faults="silent:1") for seed in (None, 9))
    assert (one.about.seed, other.about.seed) == (0, 9)
    assert one == Desk(desk.folder).simulate(workers=3, votings=1, faults="silent:1")
    assert one.consensus == other.consensus == 1


def test_a_simulation_that_makes_no_sense_is_refused(desk: Desk) -> None:
    with pytest.raises(SimulationError, match="4 workers are to be faulty, and there are 3"):
        desk.simulate(workers=3, faults="late:4")
