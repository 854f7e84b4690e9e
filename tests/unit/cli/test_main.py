"""The command line is quick to list its commands, and says what went wrong in a line."""

import subprocess
import sys

import pytest

from worknet.cli import main
from worknet.cli.failures import report
from worknet.config.network import NetworkConfig
from worknet.workflow.errors import WorkflowError


def exit_code(*arguments):
    with pytest.raises(SystemExit) as caught:
        main.run(arguments)
    return caught.value.code


def test_help_imports_neither_polars_nor_web3():
    code = """
import sys
from worknet.cli import main
try:
    main.run(["--help"])
except SystemExit:
    print(sorted({"polars", "web3", "sqlalchemy", "httpx"} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.splitlines()[-1] == "[]"
    assert all(name in found for name in main.ENTRIES)


@pytest.mark.parametrize("name", main.ENTRIES)
def test_every_command_of_the_list_exists(name, capsys):
    assert exit_code(name, "--help") == 0
    assert "Usage: worknet" in capsys.readouterr().out


def test_the_version_is_shown(capsys):
    assert exit_code("--version") == 0
    assert capsys.readouterr().out.startswith("worknet 0.")


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["workflow", "nonsense"], []])
def test_a_wrong_command_line_is_exit_2(arguments):
    assert exit_code(*arguments) == 2


def test_a_command_that_is_stopped_by_ctrl_c_is_exit_130(monkeypatch, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(NetworkConfig, "load", stopped)
    assert exit_code("network", "show", str(tmp_path / "network.toml")) == 130


@pytest.mark.parametrize("arguments", [["network", "show"], ["rewards", "show"]])
def test_with_json_an_error_is_text_on_stderr_and_stdout_stays_empty(arguments, capsys, tmp_path):
    assert exit_code(*arguments, str(tmp_path / "none.toml"), "--json") == 2
    out, err = capsys.readouterr()
    assert (out, err.startswith("error: ")) == ("", True)


def test_an_error_is_a_line_and_its_hint_another(capsys):
    assert report(WorkflowError("it is\nodd \x1b[31m", "mend it")) == 2
    assert capsys.readouterr().err == "error: it is\\nodd \\x1b[31m\nhint: mend it\n"


def test_a_fault_of_ours_is_no_traceback_unless_asked_for(capsys, monkeypatch):
    assert report(KeyError("meter-4711")) == 70
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "KeyError" in shown
    assert "4711" not in shown  # this may be a worker's log
    monkeypatch.setenv("WORKNET_TRACEBACK", "1")
    assert report(KeyError("x")) == 70
    assert "KeyError" in capsys.readouterr().err
