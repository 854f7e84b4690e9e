"""`worknet simulate`: its report for people and machines, its exit codes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Call

from worknet.cli import main

LIGHT = Path(__file__).parents[1] / "testing" / "light"
SMALL = ("--workers", "3", "--standbys", "0", "--votings", "2")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command; gives exit code, stdout and stderr."""

    def simulate(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(["simulate", *arguments])
        code = caught.value.code or 0
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return simulate


def test_the_last_line_is_one_object_with_the_outcomes(call: Call) -> None:
    code, out, _ = call(str(LIGHT), *SMALL, "--json")
    found = json.loads(out.splitlines()[-1])
    assert code == 0
    counts = {name: found[name] for name in ("votings", "consensus", "plurality", "unresolved", "violations")}
    assert counts == {"votings": 2, "consensus": 2, "plurality": 0, "unresolved": 0, "violations": 0}
    assert found["seconds"] > 0


@pytest.mark.parametrize(("threshold", "told"), [("1/3", "1/3 raised to a majority"), ("2/3", "2/3")])
def test_a_threshold_below_a_majority_is_told_to_be_raised(call: Call, threshold: str, told: str) -> None:
    _, out, _ = call(str(LIGHT), "--workers", "3", "--votings", "1", "--threshold", threshold)
    assert f"threshold {told}, seed" in out.splitlines()[0]


def test_the_same_seed_gives_the_same_report_but_for_its_seconds(call: Call) -> None:
    faults = ("--faults", "equivocate:1,crash:p=0.05", "--seed", "5", "--json")

    def once() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(call(str(LIGHT), *SMALL, *faults)[1])
        del found["seconds"]
        return found

    assert once() == once()


def test_a_broken_promise_is_told_and_is_exit_code_1(call: Call) -> None:
    code, out, _ = call(str(LIGHT), *SMALL, "--faults", "wrong:2")
    assert code == 1
    assert "2 of 3 members lie alike" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--faults", "slow:1"], "there is no fault 'slow'"),
        (["--faults", "wrong:4", "--workers", "3"], "4 workers are to be faulty"),
        (["--faults", "partition:2|2", "--workers", "3"], "partition:2|2"),
        (["--workers", "100", "--standbys", "30"], "100 workers and 30 standbys are too many"),
        (["--threshold", "3/2"], "--threshold 3/2"),
        (["--threshold", "half"], "--threshold half"),
        (["--dataset", "readings"], "not NAME=FILE"),
        (["--dataset", "other=rows.csv"], "other"),
        (["--votings", "0"], "votings"),
        (["--fallback", "shrug"], "fallback"),
    ],
)
def test_what_makes_no_sense_is_refused_with_exit_code_2(call: Call, arguments: list[str], told: str) -> None:
    code, out, error = call(str(LIGHT), *arguments)
    assert (code, out) == (2, "")
    assert told in error


def test_a_folder_without_a_workflow_is_refused(call: Call, tmp_path: Path) -> None:
    assert call(str(tmp_path))[0] == 2
