"""The tutorial is true: its commands run, its tests pass or fail as it says, and its results are shown."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import structlog

from worknet.cli import main
from worknet.tables import write_csv
from worknet.testing import Desk
from worknet.testing.new_folder import new_folder
from worknet.workflow import Every, SettlePlurality, When

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "first-workflow.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ISOLATING = ("run", "check", "init")


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(GUIDE.read_text()) if kind == language]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_folder(tmp_path / "site_energy", "site_energy", Every(900, 60))
    return tmp_path / "site_energy"


def shown_tests(desk: Desk) -> dict[str, Any]:
    """The test functions that the guide shows, for this desk."""
    names: dict[str, Any] = {"DESK": desk, "When": When, "SettlePlurality": SettlePlurality}
    for text in blocks("python"):
        exec(text, names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


def test_the_sample_data_gives_the_table_that_is_shown(folder: Path) -> None:
    sample, shown = blocks("csv")
    tried = Desk(folder).run()
    assert (folder / "tests" / "data" / "readings.csv").read_text() == sample
    sites = tried.declaration.table("sites")
    assert write_csv(tried.tables["sites"], "sites", sites.schema).decode() == shown


def test_the_new_test_fails_as_it_is_shown_and_passes_once_the_rule_is_changed(folder: Path) -> None:
    name = "test_a_reading_of_the_most_that_a_meter_can_count_is_left_out"
    (message,) = blocks("text")
    with pytest.raises(AssertionError, match=re.escape(message.strip())):
        shown_tests(Desk(folder))[name]()
    code = (folder / "workflow.py").read_text()
    (rule,) = re.findall(r"`(elif .*?)`", GUIDE.read_text())
    (folder / "workflow.py").write_text(code.replace("elif wh > most:", rule))
    shown_tests(Desk(folder))[name]()


def test_the_handler_decides_as_it_is_shown(folder: Path) -> None:
    shown_tests(Desk(folder))["test_two_votes_out_of_four_are_enough_for_a_plurality"]()


@pytest.mark.long
def test_the_network_of_the_test_that_is_shown_agrees_and_logs_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configured = structlog.get_config()
    shown_tests(Desk(folder))["test_a_network_agrees_though_a_worker_withholds_its_ballots"]()
    assert capsys.readouterr() == ("", "")
    assert structlog.get_config() == configured


@pytest.mark.long
def test_the_commands_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [shlex.split(line) for text in blocks("sh") for line in text.splitlines()]
    *others, last = lines
    assert last[:2] == ["worknet", "up"]  # it goes on until it is stopped: tests/integration/test_up.py
    for _, *arguments in others:
        if any(word in arguments[:2] for word in ISOLATING):
            arguments.append("--allow-unisolated")
        expected = 1 if "wrong:3" in arguments else 0
        with pytest.raises(SystemExit) as ended:
            main.run(arguments)
        assert (ended.value.code or 0) == expected, arguments
