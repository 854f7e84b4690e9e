"""How the command line says what went wrong: lines for people, never a library's own words."""

from pathlib import Path

import pytest

from worknet.cli.failures import BAD_INPUT, INTERNAL, report
from worknet.config import ConfigFileError, Problem
from worknet.node.errors import NodeError


def problem(key: str) -> Problem:
    return Problem(Path("node.toml"), 3, key, "is missing", "a name")


def test_an_error_is_one_line_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(NodeError("the journal is full", hint="make room")) == BAD_INPUT
    assert capsys.readouterr().err == "error: the journal is full\nhint: make room\n"


def test_a_file_with_one_problem_says_once_what_would_be_right(capsys: pytest.CaptureFixture[str]) -> None:
    report(ConfigFileError([problem("node.name")]))
    assert capsys.readouterr().err == "error: node.toml, line 3: node.name: is missing\nhint: a name\n"


def test_each_problem_of_a_file_gets_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(ConfigFileError([problem("node.name"), problem("key")]))
    assert capsys.readouterr().err.splitlines() == [
        "error: node.toml, line 3: node.name: is missing - a name",
        "error: node.toml, line 3: key: is missing - a name",
    ]


def test_what_others_wrote_cannot_break_a_line_or_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(NodeError("a\nb\x1b[2J"))
    assert capsys.readouterr().err == "error: a\\nb\\x1b[2J\n"


def test_the_words_of_a_fault_of_ours_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ValueError("meter-of-alice: 1234 Wh")) == INTERNAL
    assert "alice" not in capsys.readouterr().err
