"""The Grafana dashboard shows metrics that there are, by labels that they have, in Grafana's own form."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from worknet.node.operations.metrics import MEASURES

FILE = Path(__file__).resolve().parents[3] / "deploy" / "grafana" / "worknet.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
SHOWING = [panel for panel in PANELS if panel["type"] != "row"]
EXPRESSIONS = [(panel["title"], target["expr"]) for panel in SHOWING for target in panel["targets"]]

LABELS = {each.name: {*each.labels, "instance", "job"} for each in MEASURES}
"""What Prometheus knows of each metric; it adds instance and job itself."""
_SELECTOR = re.compile(r"(worknet_[a-z_]+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"(?:by|on|group_left|group_right|without|ignoring) ?\(([^)]*)\)")
_FUNCTIONS = {"sum", "rate", "increase", "histogram_quantile", "by", "on", "group_left"}


def base(metric: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", metric) if metric not in LABELS else metric


def labels_of(metric: str) -> set[str]:
    return LABELS[base(metric)] | ({"le"} if metric.endswith("_bucket") else set())


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_an_expression_uses_metrics_and_labels_that_there_are(title: str, expression: str) -> None:
    used = _SELECTOR.findall(expression)
    assert used, title
    assert {base(metric) for metric, _ in used} <= LABELS.keys()
    for metric, selectors in used:
        names = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", selectors))
        assert names <= labels_of(metric)
    grouped = {name.strip() for names in _GROUPING.findall(expression) for name in names.split(",")}
    assert grouped <= set.union(*(labels_of(metric) for metric, _ in used))


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_a_legend_shows_labels_that_are_left(title: str, expression: str) -> None:
    target = next(t for panel in SHOWING for t in panel["targets"] if t["expr"] == expression)
    shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    grouped = {
        name.strip() for names in re.findall(r"by \(([^)]*)\)", expression) for name in names.split(",")
    }
    left = grouped or set.union(*(labels_of(metric) for metric, _ in _SELECTOR.findall(expression)))
    assert shown <= left, title


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_an_expression_is_closed_and_calls_what_prometheus_has(title: str, expression: str) -> None:
    for opened, closed in ("()", "{}", "[]"):
        assert expression.count(opened) == expression.count(closed), title
    bare = _SELECTOR.sub("x", expression)
    assert set(re.findall(r"([a-z_]+) ?\(", bare)) <= _FUNCTIONS


def test_a_metric_that_counts_is_shown_by_its_growth() -> None:
    counters = {each.name for each in MEASURES if each.kind == "counter"}
    for title, expression in EXPRESSIONS:
        for metric, _ in _SELECTOR.findall(expression):
            if metric in counters or metric.endswith("_bucket"):
                assert re.search(rf"(?:rate|increase)\({metric}", expression), title


def test_every_metric_is_shown() -> None:
    shown = {base(metric) for _, expression in EXPRESSIONS for metric, _ in _SELECTOR.findall(expression)}
    told_otherwise = {
        "worknet_live",  # a worker that does not live is not ready, and that is shown
        "worknet_head_block",
        "worknet_head_time_seconds",
        "worknet_enrolled",
        "worknet_policy_version",  # the list of workflows is made from it
    }
    assert LABELS.keys() - shown == told_otherwise


def test_the_document_has_what_grafana_asks_for() -> None:
    assert {
        "uid",
        "title",
        "schemaVersion",
        "panels",
        "templating",
        "time",
        "annotations",
    } <= DASHBOARD.keys()
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD, "an id is one Grafana's own; uid is for all"
    assert {panel["type"] for panel in PANELS} <= {"row", "stat", "table", "timeseries"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_every_panel_reads_from_the_chosen_source_by_targets_of_their_own() -> None:
    for panel in SHOWING:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)


def test_variables_are_used_and_there() -> None:
    there = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)\}?", FILE.read_text())) - {"__interval", "__rate_interval"}
    assert used == there
