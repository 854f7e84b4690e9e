"""The matching workflow as a worker runs it: a bundle, in a runner process, on hours of the demo."""

from pathlib import Path

import polars as pl
import pytest

from worknet.demo.profiles import load_profiles
from worknet.protocol.ids import Window
from worknet.tables.schema import polars_schema
from worknet.workflow import Every
from worknet.workflow.errors import FailedError
from worknet.workflow.folder import read_bundle
from worknet.workflow.runner import Runner

BUNDLE = Path(__file__).parents[3] / "workflows" / "matching_24_7"
PROFILES = load_profiles()
BIG = 2**53 - 1


@pytest.fixture(scope="module")
def runner():
    # What is tested here is the result; where the network cannot be cut it is the same.
    with Runner(read_bundle(BUNDLE), allow_unisolated=True) as runner:
        yield runner


def hour(number):
    return Window(PROFILES.start + number * 3600, PROFILES.start + (number + 1) * 3600)


def run(runner, consumption, generation):
    frames = {
        name: pl.DataFrame(rows, schema=polars_schema(runner.declaration.dataset(name).schema))
        for name, rows in (("consumption", consumption), ("generation", generation))
    }
    return runner.run(frames, hour(0))


def rows(frame):
    return [tuple(row) for row in frame.iter_rows()]


def consumer(name, wh, **other):
    row = {"consumer": name, "wh": wh, "site": None, "region": "r", "country": "c", "priorities": "solar:1"}
    return {**row, "in_region": True, "in_country": True, "in_other": True, **other}


def generator(name, wh):
    return {
        "generator": name,
        "wh": wh,
        "site": None,
        "region": "r",
        "country": "c",
        "energy_type": "solar",
    }


def test_it_declares_an_hourly_trigger_and_the_tables_of_the_example(runner):
    declaration = runner.declaration
    assert (declaration.name, declaration.trigger) == ("matching_24_7", Every(3600, 0))
    assert declaration.public_summary
    assert [dataset.name for dataset in declaration.datasets] == ["consumption", "generation"]
    assert [table.name for table in declaration.tables] == [
        "matches",
        "left_consumption",
        "left_generation",
        "scores",
    ]


@pytest.mark.parametrize("number", [0, 5, 20])
def test_an_hour_of_the_demo_comes_out_as_in_the_second_implementation(runner, reference, number):
    consumption, generation = PROFILES.consumption(hour(number)), PROFILES.generation(hour(number))
    outcome = run(runner, consumption, generation)
    matches, wants, offers, per_strategy = reference.reference_match(consumption, generation)
    assert rows(outcome.tables["matches"]) == sorted((c, g, wh) for (c, g), wh in matches.items())
    assert rows(outcome.tables["left_consumption"]) == sorted(wants.items())
    assert rows(outcome.tables["left_generation"]) == sorted(offers.items())
    scores = []
    for row in consumption:
        matched = row["wh"] - wants[row["consumer"]]
        scores.append(
            (row["consumer"], row["wh"], matched, matched * 10**6 // row["wh"] if row["wh"] else None)
        )
    assert rows(outcome.tables["scores"]) == sorted(scores)
    consumed = sum(row["wh"] for row in consumption)
    assert outcome.summary == {
        "consumers": 64,
        "generators": 16,
        "matches": len(matches),
        "consumption_wh": consumed,
        "generation_wh": sum(row["wh"] for row in generation),
        "matched_wh": sum(matches.values()),
        "score_ppm": sum(matches.values()) * 10**6 // consumed,
        "strategies_wh": per_strategy,
    }


def test_an_hour_without_rows_has_an_empty_result_and_no_score(runner):
    outcome = run(runner, [], [])
    assert all(table.height == 0 for table in outcome.tables.values())
    assert outcome.summary["score_ppm"] is None


def test_totals_beyond_canonical_integers_are_text(runner):
    outcome = run(runner, [consumer("a", BIG), consumer("b", BIG)], [generator("g", BIG)])
    assert outcome.summary["consumption_wh"] == str(2 * BIG)
    assert outcome.summary["generation_wh"] == BIG
    assert rows(outcome.tables["matches"]) == [("a", "g", (BIG + 1) // 2), ("b", "g", BIG // 2)]


def test_bad_rows_are_refused_by_table_row_and_column(runner):
    with pytest.raises(FailedError, match=r"table consumption, row 'bad', column 'priorities': .*twice"):
        run(runner, [consumer("a", 1), consumer("bad", 1, priorities="solar:1,solar:2")], [])
    with pytest.raises(FailedError, match=r"table generation, row 'bad', column 'wh'"):
        run(runner, [], [generator("a", 1), generator("bad", -1)])
