"""`worknet workflow new`: what it makes runs as it stands, and what it refuses to make."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from worknet.cli import main
from worknet.protocol.canonical import to_hex
from worknet.testing import Desk
from worknet.workflow import Every, OnMessage, When, runtime
from worknet.workflow.folder import read_bundle

Call = Callable[..., tuple[int, str, str]]
FILES = ["README.md", "parameters.json", "runtime.json", "tests/test_workflow.py", "workflow.py"]


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command in a folder of the test; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(["workflow", "new", *arguments])
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call


def test_a_new_folder_has_a_workflow_its_runtime_sample_data_and_tests(new: Call, tmp_path: Path) -> None:
    code, out, err = new("site_energy", "--json")
    assert (code, err) == (0, "")
    files = sorted(
        path.relative_to(tmp_path / "site_energy").as_posix()
        for path in (tmp_path / "site_energy").rglob("*")
        if path.is_file()
    )
    bundle = read_bundle(tmp_path / "site_energy")
    runtime.check(bundle)
    assert files == sorted([*FILES, "tests/data/readings.csv"])
    assert json.loads(out) == {
        "folder": "site_energy",
        "workflow": "site_energy",
        "files": files,
        "digest": to_hex(bundle.digest),
    }


def test_what_it_says_is_what_to_do_next(new: Call) -> None:
    code, out, _ = new("a b", "--name", "site_energy")
    assert code == 0
    assert "worknet workflow run 'a b' --out result" in out
    assert "pytest 'a b'" in out
    assert "worknet simulate 'a b'" in out


@pytest.mark.parametrize(
    ("options", "name", "trigger"),
    [
        ((), "site_energy", Every(3600, 60)),
        (("--every", "15m"), "site_energy", Every(900, 60)),
        (("--every", "90", "--name", "other"), "other", Every(90, 60)),
        (("--event",), "site_energy", OnMessage("batch_ready", "batch")),
    ],
)
def test_it_has_the_name_and_the_trigger_that_were_asked_for(
    new: Call, tmp_path: Path, options: tuple[str, ...], name: str, trigger: object
) -> None:
    assert new("site-energy", *options)[0] == 0
    declaration = Desk(tmp_path / "site-energy").declaration
    assert (declaration.name, declaration.trigger) == (name, trigger)
    assert declaration.handlers == (When.PLURALITY, When.UNRESOLVED)
    text = "".join(path.read_text() for path in (tmp_path / "site-energy").rglob("*.*") if path.is_file())
    assert "new_workflow" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("full",), "full: there is something already"),
        (("full/file",), "full/file: there is something already"),
        (("7_sites",), "'7_sites' is no name of a workflow"),
        (("w", "--name", "Sites"), "'Sites' is no name of a workflow"),
        (("w", "--every", "1y"), "--every 1y: not the length of a slot"),
        (("w", "--every", "0s"), "--every 0s: a slot of no length"),
        (("w", "--every", "1h", "--event"), "--every and --event"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    new: Call, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    code, out, err = new(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "file"]


def test_an_empty_folder_that_is_there_is_filled(new: Call, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert new("there")[0] == 0


def test_a_folder_that_cannot_be_written_is_exit_2(new: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = new("file/w")
    assert code == 2
    assert "cannot be written" in err


@pytest.mark.parametrize("options", [(), ("--event",)])
def test_what_it_makes_runs_at_once(new: Call, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert new("tried", *options)[0] == 0
    assert any(frame.height for frame in Desk(tmp_path / "tried").run().tables.values())


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    ["run tried --out out --allow-unisolated", "check tried --allow-unisolated"],
)
def test_one_of_events_passes_an_author_s_commands_as_that_of_the_tutorial_does(
    new: Call, command: str
) -> None:
    assert new("tried", "--event")[0] == 0
    with pytest.raises(SystemExit) as caught:
        main.run(["workflow", *command.split()])
    assert not caught.value.code


@pytest.mark.long
@pytest.mark.parametrize("options", [("--every", "15m"), ("--event",)])
def test_its_own_tests_pass(new: Call, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert new("tried", *options)[0] == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tried"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
