"""`worknet workflow check`: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest

from worknet.cli import check as command
from worknet.cli import main
from worknet.tables.differences import Difference
from worknet.workflow.determinism.check import Differs, NoResultError, Report
from worknet.workflow.determinism.findings import Finding, Kind

PLANTED = Path(__file__).parents[1] / "workflow" / "planted"
ROW = Difference("table", "out", {"id": "a"}, "wh", 1, 2)
CERTAIN = Finding("workflow.py", 7, 5, Kind.CLOCK, "calls time.time")
POSSIBLE = Finding("workflow.py", 8, 5, Kind.ORDER, "goes through a set", certain=False)


def report(findings=(), differences=()):
    tried, untried = ("as a node runs it", "hash seed 1"), {"locales": "not installed here"}
    return Report("tried", "0x01", "0x02", "0x03", tried, untried, (), tuple(findings), tuple(differences))


@pytest.fixture
def checks(monkeypatch):
    """Lets the command get this report."""

    def prepare(*found, **more):
        monkeypatch.setattr(command, "check", lambda *_, **__: report(*found, **more))

    return prepare


def exit_code(*arguments):
    with pytest.raises(SystemExit) as ended:
        main.run(["workflow", "check", *map(str, arguments)])
    return ended.value.code


def test_nothing_found_ends_with_0_and_says_what_was_not_tried(checks, capsys):
    checks()
    assert exit_code(PLANTED / "set_order") == 0
    out = capsys.readouterr().out
    assert "found     nothing" in out
    assert "not tried locales: not installed here" in out


def test_a_finding_ends_with_1_and_says_where_what_why_and_how_it_is_mended(checks, capsys):
    checks([CERTAIN])
    assert exit_code(PLANTED / "set_order") == 1
    first, why, mend = capsys.readouterr().out.splitlines()[:3]
    assert first == "workflow.py:7:5: error: clock: calls time.time"
    assert why.startswith("    why: ")
    assert mend == "    mend: take the time from context.window"


def test_a_warning_alone_ends_with_0(checks, capsys):
    checks([POSSIBLE])
    assert exit_code(PLANTED / "set_order") == 0
    assert "workflow.py:8:5: warning: order" in capsys.readouterr().out


def test_a_difference_ends_with_1_and_names_variation_table_key_column_and_values(checks, capsys):
    checks([], [Differs("hash seed 1", ROW.text(), ROW)])
    assert exit_code(PLANTED / "set_order") == 1
    out = capsys.readouterr().out
    assert "differs with: hash seed 1\n    table out, row id='a', column wh: 1, then 2" in out


def test_json_is_one_object_with_findings_and_differences(checks, capsys):
    checks([CERTAIN, POSSIBLE], [Differs("hash seed 1", ROW.text(), ROW)])
    assert exit_code(PLANTED / "set_order", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["fine"] is False
    assert [one["certain"] for one in document["findings"]] == [True, False]
    assert document["differences"][0]["row"]["other"] == 2


def test_a_bundle_that_a_node_would_refuse_is_warned_of(checks, capsys):
    checks()
    assert exit_code(PLANTED / "set_order") == 0
    assert "the bundle has no runtime.json; a node would refuse this bundle" in capsys.readouterr().err


def test_json_says_whether_a_node_s_runtime_fits(checks, capsys):
    checks()
    assert exit_code(PLANTED / "set_order", "--json") == 0
    assert json.loads(capsys.readouterr().out)["runtime"] == "the bundle has no runtime.json"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere"],
        [PLANTED / "set_order", "--dataset", "meters"],
        [PLANTED / "set_order", "--dataset", "meters=a.csv", "--dataset", "meters=b.csv"],
    ],
    ids=["no folder", "no file", "twice"],
)
def test_what_cannot_be_used_ends_with_2(arguments):
    assert exit_code(*arguments) == 2


@pytest.mark.long
def test_a_folder_alone_is_checked_on_data_made_up_from_its_schema(capsys):
    assert exit_code(PLANTED / "clock_hour", "--runs", 2, "--allow-unisolated") == 1
    assert "calls datetime.datetime.now" in capsys.readouterr().out


def test_what_the_text_shows_is_told_though_the_workflow_fails_on_the_data(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> Report:
        raise NoResultError("the workflow gives no result on this data: no", "give data", (POSSIBLE,))

    monkeypatch.setattr(command, "check", fail)
    assert exit_code(PLANTED / "set_order") == 2
    told = capsys.readouterr().err
    assert "workflow.py:8:5: warning: order: goes through a set" in told
    assert "no result on this data" in told
