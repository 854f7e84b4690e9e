"""The monthly report: sums over recorded hours, and an honest list of those that are missing."""

import tomllib
from pathlib import Path

import pytest

from worknet.config.results import ResultsDataset
from worknet.node.results import ResultsSource
from worknet.testing import Desk
from worknet.workflow import WorkflowError

FOLDER = Path(__file__).parents[3] / "workflows"
DESK = Desk(FOLDER / "monthly_report")
MONTH = "2025-12-08T00:00:00Z"
HOURS = ["2025-12-08T00:00:00Z", "2025-12-08T01:00:00Z", "2025-12-08T02:00:00Z"]


def hours(*outcomes):
    return [{"hour": hour, "outcome": outcome} for hour, outcome in zip(HOURS, outcomes, strict=True)]


def scores(*rows):
    """Rows of (number of the hour, consumer, wh, matched_wh)."""
    names = ("hour", "consumer", "wh", "matched_wh")
    return [dict(zip(names, (HOURS[number], *rest), strict=True)) for number, *rest in rows]


def left(*rows):
    names = ("hour", "generator", "wh")
    return [dict(zip(names, (HOURS[number], *rest), strict=True)) for number, *rest in rows]


def run(outcomes=("quorum", "quorum", None), rows=(), unused=()):
    return DESK.run(MONTH, hours=hours(*outcomes), scores=scores(*rows), left_generation=left(*unused))


def test_a_consumer_s_hours_are_summed_up():
    tried = run(rows=[(0, "a", 100, 100), (1, "a", 300, 50), (1, "b", 10, 0)])
    by_consumer = {row["consumer"]: row for row in tried.rows("consumers")}
    assert {**by_consumer["a"], "volume_ppm": 0} == {
        "consumer": "a",
        "hours": 2,
        "wh": "400",
        "matched_wh": "150",
        "score_ppm": 375_000,
        "volume_ppm": 0,
    }
    assert by_consumer["b"]["score_ppm"] == 0


def test_a_consumer_without_consumption_has_no_score():
    tried = run(rows=[(0, "a", 0, 0), (0, "b", 10, 10)])
    scored = [(row["consumer"], row["score_ppm"], row["volume_ppm"]) for row in tried.rows("consumers")]
    assert scored == [("a", None, None), ("b", 1_000_000, 1_000_000)]


def test_the_volume_score_counts_what_was_generated_at_any_hour():
    tried = run(rows=[(0, "a", 100, 0), (1, "a", 100, 50)], unused=[(1, "g", 40)])
    (row,) = tried.rows("consumers")
    assert (row["score_ppm"], row["volume_ppm"]) == (250_000, 450_000)


def test_the_volume_score_is_never_above_all():
    tried = run(rows=[(0, "a", 100, 100)], unused=[(0, "g", 10**6)])
    assert tried.summary["volume_ppm"] == 1_000_000


def test_each_hour_of_the_month_without_a_record_is_listed():
    missing = [row["hour"] for row in run(("quorum", None, "report")).rows("missing")]
    assert len(missing) == 718
    assert missing[0] == HOURS[1]
    assert HOURS[2] not in missing


def test_the_summary_says_how_many_hours_counted_were_missing_and_were_settled():
    summary = run(("quorum", "plurality", None)).summary
    kinds = ("hours", "hours_counted", "hours_missing", "hours_by_plurality")
    assert [summary[kind] for kind in kinds] == [720, 2, 718, 1]


def test_a_month_without_any_record_has_no_score():
    tried = run((None, None, None))
    assert tried.tables["consumers"].height == 0
    assert (tried.summary["score_ppm"], tried.summary["hours_missing"]) == (None, 720)


def test_sums_beyond_what_a_number_may_be_are_texts():
    most = 2**53 - 1
    tried = run(rows=[(0, "a", most, most), (1, "a", most, most)])
    assert tried.rows("consumers")[0]["wh"] == str(2 * most)
    assert tried.summary["consumption_wh"] == str(2 * most)


def test_rows_of_an_hour_without_a_record_are_refused():
    with pytest.raises(WorkflowError, match=f"table scores, hour {HOURS[2]}: there is no record of it"):
        run(rows=[(2, "a", 1, 1)])


def test_its_simulated_network_agrees():
    report = DESK.simulate(workers=3, votings=1)
    assert (report.consensus, report.violations) == (1, ())


def test_the_datasets_of_the_readme_fit_the_tables_of_the_matching():
    text = (DESK.folder / "README.md").read_text().split("```toml\n")[1].split("```")[0]
    sections = tomllib.loads(text)["workflows"]["monthly_report"]["datasets"]
    assert sections.keys() == {dataset.name for dataset in DESK.declaration.datasets}
    matching = Desk(FOLDER / "matching_24_7").declaration
    for name, given in sections.items():
        section = ResultsDataset.model_validate(given)
        schema = DESK.declaration.dataset(name).schema
        source = ResultsSource(name, schema, None, section.workflow, section.table, section.columns)
        source.check(None if section.table is None else matching.table(section.table))
