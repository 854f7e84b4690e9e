"""A plan for any workflow: its slots, its datasets, and what cannot be planned."""

from dataclasses import replace
from pathlib import Path

import pytest

from worknet.network.errors import NetworkError
from worknet.network.planning import Wish, plan
from worknet.protocol.times import parse_time
from worknet.sources import SourceError
from worknet.workflow import WorkflowError

NOW = parse_time("2026-03-01T10:20:30Z")


@pytest.fixture
def wish(workflow: Path) -> Wish:
    return Wish(workflow, {"meters": "meters.csv"}, 2, "sealed", "builtin", allow_unisolated=True)


def test_without_a_start_the_first_slot_is_the_one_that_goes_on(wish: Wish) -> None:
    found = plan(wish, NOW)
    assert found.genesis_time == NOW
    assert found.workflow.policy["start"] == "2026-03-01T10:00:00Z"
    assert (found.name, found.workflow.name, len(found.members)) == ("doubled", "doubled", 2)


def test_whether_results_are_public_is_the_workflow_s_to_say(wish: Wish) -> None:
    assert not plan(wish, NOW).workflow.is_public
    code = wish.workflow / "workflow.py"
    code.write_text(code.read_text().replace('name="doubled"', 'name="doubled", public_summary=True'))
    assert plan(wish, NOW).workflow.is_public


def test_recorded_slots_are_due_when_the_chain_begins(wish: Wish) -> None:
    start, until = parse_time("2026-01-01T00:00:00Z"), parse_time("2026-01-02T00:00:00Z")
    found = plan(replace(wish, start=start, until=until), NOW)
    assert found.workflow.policy["start"] == "2026-01-01T00:00:00Z"
    assert found.genesis_time == until + 60  # the trigger's delay


def test_a_start_beside_the_slots_is_refused_with_the_nearest(wish: Wish) -> None:
    with pytest.raises(NetworkError, match="--start 2026-01-01T00:30:00Z") as caught:
        plan(replace(wish, start=parse_time("2026-01-01T00:30:00Z")), NOW)
    assert caught.value.hint == "the nearest are 2026-01-01T00:00:00Z and 2026-01-01T01:00:00Z"


@pytest.mark.parametrize("start", [None, parse_time("2026-01-02T00:00:00Z")])
def test_an_end_needs_a_start_before_it(wish: Wish, start: int | None) -> None:
    with pytest.raises(NetworkError, match="--until"):
        plan(replace(wish, start=start, until=parse_time("2026-01-02T00:00:00Z")), NOW)


def test_a_dataset_is_a_file_by_its_whole_path_or_an_address(wish: Wish) -> None:
    def settings(place: str) -> object:
        return plan(replace(wish, datasets={"meters": place}, time_column="at"), NOW).workflow.datasets

    here = Path.cwd()
    assert settings("a/m.parquet") == {
        "meters": {"source": "file", "path": f"{here}/a/m.parquet", "time_column": "at"}
    }
    assert settings("m/{start}.csv") == {"meters": {"source": "file", "path": f"{here}/m/{{start}}.csv"}}
    url = "https://host.example/m?from={start}"
    assert settings(url) == {"meters": {"source": "http", "url": url}}


def test_a_dataset_that_is_not_given_is_the_workflow_s_sample_data(wish: Wish) -> None:
    sample = wish.workflow / "tests" / "data" / "meters.csv"
    sample.parent.mkdir(parents=True)
    sample.touch()
    found = plan(replace(wish, datasets={}, time_column="at"), NOW).workflow.datasets
    assert found == {"meters": {"source": "file", "path": str(sample)}}


def test_sample_data_with_times_is_that_of_no_other_window(wish: Wish) -> None:
    code = (wish.workflow / "workflow.py").read_text()
    (wish.workflow / "workflow.py").write_text(code.replace('Column("id", "str")', 'Column("id", "time")'))
    sample = wish.workflow / "tests" / "data" / "meters.csv"
    sample.parent.mkdir(parents=True)
    sample.touch()
    with pytest.raises(NetworkError, match="nothing is given for the dataset meters"):
        plan(replace(wish, datasets={}), NOW)


def test_every_dataset_of_the_workflow_is_due_and_no_other(wish: Wish) -> None:
    with pytest.raises(NetworkError, match="dataset meters of doubled") as caught:
        plan(replace(wish, datasets={}), NOW)
    assert "--dataset meters=" in caught.value.hint
    with pytest.raises(WorkflowError, match="meter") as unknown:
        plan(replace(wish, datasets={"meters": "m.csv", "meter": "m.csv"}), NOW)
    assert "meters" in unknown.value.hint


@pytest.mark.parametrize("place", ["meters.xlsx", "{begin}.csv", "http://host.example/{begin}"])
def test_a_place_that_no_worker_could_read_is_refused(wish: Wish, place: str) -> None:
    with pytest.raises(SourceError, match="meters") as caught:
        plan(replace(wish, datasets={"meters": place}), NOW)
    assert caught.value.hint


def test_a_folder_that_holds_no_workflow_is_refused(wish: Wish, tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="nothing"):
        plan(replace(wish, workflow=tmp_path / "nothing"), NOW)
