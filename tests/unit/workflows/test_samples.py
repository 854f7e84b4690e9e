"""The examples' sample data: what a desk, a check and a simulation run them on."""

import pytest

from worknet.demo.companies import workflow_folder
from worknet.testing import Desk

EXAMPLES = ("matching_24_7", "monthly_report", "wind_farm")
DESKS = {name: Desk(workflow_folder().parent / name) for name in EXAMPLES}


@pytest.mark.parametrize("example", DESKS)
def test_every_dataset_of_an_example_has_sample_data(example: str) -> None:
    assert all(origin.startswith("tests/data/") for origin in DESKS[example].data.origin.values())


@pytest.mark.parametrize("example", DESKS)
def test_the_sample_data_of_an_example_gives_rows_in_every_table(example: str) -> None:
    assert all(frame.height for frame in DESKS[example].run().tables.values())


def test_the_sample_of_the_matching_has_each_kind_of_strategy_at_work_and_something_left() -> None:
    tried = DESKS["matching_24_7"].run()
    strategies = tried.summary["strategies_wh"]
    assert isinstance(strategies, dict)
    working = {name.split(":")[0] for name, wh in strategies.items() if wh}
    assert working == {"site", "region", "country", "other"}
    for table in ("left_consumption", "left_generation"):
        assert 0 in tried.tables[table]["wh"].to_list()
        assert tried.tables[table]["wh"].sum() > 0
