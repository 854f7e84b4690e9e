"""`worknet audit` on a network on a chain in this process: verdicts, what is remembered, what is written."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.unit.cli.conftest import Governed

from worknet.audit.errors import AuditError
from worknet.audit.findings import Finding
from worknet.chain.errors import ChainError
from worknet.cli import audit as command
from worknet.cli import main
from worknet.network import access

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "reference" / "audit.schema.json"
AUDIT = command.audit

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """A network with two records, the second of them a report."""
    governed = Governed(tmp_path_factory.mktemp("network"), lambda *_: (0, "", ""))
    governed.network.vote(0)
    governed.network.report(1, voters=(0, 1), participants=0b111)
    confirmed(governed)
    yield governed
    governed.network.store.close()


@pytest.fixture
def run(
    network: Governed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """The command, with a state file of this test's own."""
    monkeypatch.setattr(access, "connect", lambda *_: network.rpc)

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(["audit", str(network.file), "--state", str(tmp_path / "state.json"), *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert isinstance(caught.value.code, int)
        return caught.value.code, out, err

    return call


def confirmed(governed: Governed) -> None:
    """What happened so far is deep enough to be believed."""
    for _ in range(2):
        governed.network.pass_time(1)


def planted(monkeypatch: pytest.MonkeyPatch, rule: str = "record.voters") -> None:
    """From now on audits find a fault."""

    def faulty(*arguments: Any, **options: Any) -> Any:
        return replace(AUDIT(*arguments, **options), findings=(Finding(rule, "a planted fault"),))

    monkeypatch.setattr(command, "audit", faulty)


def test_a_sound_log_is_told_as_sound_from_the_beginning_and_remembered(run: Run, tmp_path: Path) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "nothing found: everything that was checked is as it must be"
    assert "no head was remembered: the audit began at the beginning, to size 2" in out
    assert out.splitlines()[-1] == f"remembered head 2 in {tmp_path / 'state.json'}"
    assert (tmp_path / "state.json").is_file()


def test_the_next_audit_goes_on_from_the_remembered_head(governed: Governed, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.json"))
    governed.network.vote(0)
    confirmed(governed)
    first = audited(governed, *state)
    governed.network.vote(1)
    governed.network.vote(2)
    confirmed(governed)
    second = audited(governed, *state)
    assert second["log"]["origin"] == "remembered"
    assert second["log"]["before"] == first["log"]["after"]
    assert [record["position"] for record in second["records"]] == [1, 2]
    assert second["workers"][0]["agreed"] == 2
    third = audited(governed, *state)
    assert (third["log"]["after"]["size"], third["records"]) == (3, [])


def audited(governed: Governed, *arguments: str) -> Any:
    code, out, err = governed._call("audit", str(governed.file), "--json", *arguments)
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_json_report_has_the_documented_form_and_all_that_was_seen(run: Run) -> None:
    code, out, _ = run("--json")
    document = json.loads(out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert (code, document["verdict"]) == (0, "nothing found")
    assert [record["how"] for record in document["records"]] == ["quorum", "report"]
    assert document["records"][1]["missing"] == []
    assert document["records"][1]["outvoted"] == [2]
    assert [each["act"] for each in document["members"]] == ["enrolled"] * 4


def test_findings_are_told_with_code_1_and_the_head_is_not_remembered(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch)
    code, out, _ = run()
    assert code == 1
    assert out.splitlines()[0] == "FINDINGS: 1 thing is not as they must be"
    assert "a planted fault" in out
    assert out.splitlines()[-1] == "not remembered: the next audit finds this again, unless --accept"
    assert list(tmp_path.iterdir()) == []


def test_findings_that_the_auditor_accepts_let_the_head_be_remembered(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch)
    assert run("--accept")[0] == 1
    assert (tmp_path / "state.json").is_file()


def test_a_rewritten_log_is_never_remembered_whatever_is_accepted(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run()[0] == 0
    before = (tmp_path / "state.json").read_bytes()
    planted(monkeypatch, "log.prefix")
    code, out, _ = run("--accept")
    assert code == 1
    assert out.splitlines()[0].startswith("THE LOG WAS REWRITTEN")
    assert "keep it, and the head of before, as evidence" in out.splitlines()[-1]
    assert (tmp_path / "state.json").read_bytes() == before


def test_the_log_is_held_to_a_head_that_is_given(run: Run) -> None:
    document = json.loads(run("--json")[1])
    head = document["log"]["after"]
    code, out, _ = run("--json", "--from", f"{head['size']}:{head['root']}")
    again = json.loads(out)
    assert (code, again["log"]["origin"], len(again["records"])) == (0, "given", 2)
    code, out, _ = run("--json", "--from", f"1:0x{'13' * 32}")
    wrong = json.loads(out)
    assert (code, wrong["log"]["is_rewritten"]) == (1, True)
    assert wrong["findings"][0]["rule"] == "log.prefix"


@pytest.mark.parametrize("size", [1, 99])
def test_of_a_given_head_that_does_not_fit_it_is_said_what_else_it_may_be(run: Run, size: int) -> None:
    code, out, _ = run("--from", f"{size}:0x{'13' * 32}")
    assert code == 1
    verdict = out.splitlines()[0]
    assert verdict.startswith("THE LOG WAS REWRITTEN")
    assert "or the head that was given has a slip in it, or the RPC lags" in verdict
    assert out.splitlines()[-1].startswith("not remembered; ")


def test_the_head_of_an_empty_log_cannot_be_held_to(run: Run) -> None:
    code, out, err = run("--from", f"0:0x{'13' * 32}")
    assert (code, out) == (2, "")
    assert "the head of an empty log" in err


def test_a_given_head_does_not_make_it_forget_the_remembered_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = json.loads(run("--json")[1])["log"]["after"]
    held = []
    monkeypatch.setattr(command, "hold", lambda made, heads: held.extend(heads) or made)
    run("--from", f"1:0x{'13' * 32}")
    assert [(each.size, f"0x{each.root.hex()}") for each in held][1] == (head["size"], head["root"])


@pytest.mark.parametrize("error", [ChainError("the RPC broke off"), AuditError("cannot go on", "do this")])
def test_an_audit_that_breaks_off_leaves_the_remembered_head_as_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert run()[0] == 0
    before = (tmp_path / "state.json").read_bytes()

    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(command, "audit", broken)
    code, out, err = run("--report", str(tmp_path / "report.txt"))
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {error}")
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
    assert (tmp_path / "state.json").read_bytes() == before


def test_the_report_is_written_in_every_form_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    files = [tmp_path / f"report{ending}" for ending in (".txt", ".json", ".html")]
    code, out, _ = run(*(word for file in files for word in ("--report", str(file))))
    assert code == 0
    assert out.startswith(files[0].read_text())
    assert json.loads(files[1].read_text())["verdict"] == "nothing found"
    assert files[2].read_text().startswith("<!DOCTYPE html>")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "report.html", "report.json", "report.txt", "state.json",
    ]  # fmt: skip


def test_a_report_that_cannot_be_written_in_the_end_keeps_the_head_from_being_remembered(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "write_whole", full)
    code, out, err = run("--report", str(tmp_path / "report.txt"))
    assert (code, out) == (2, "")
    assert "No space left on device" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("report.pdf", "no form of a report"),
        ("none/report.txt", "there is no such folder"),
        ("state.json", "is where the head is remembered"),
    ],
)
def test_a_report_that_could_not_be_written_is_refused_before_the_audit(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.setattr(command, "audit", lambda *_, **__: pytest.fail("it has begun"))
    code, out, err = run("--report", str(tmp_path / name))
    assert (code, out) == (2, "")
    assert told in err


def test_a_damaged_state_file_is_refused_and_left_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(b"{}")
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "is no remembered head" in err
    assert (tmp_path / "state.json").read_bytes() == b"{}"


def test_a_head_that_is_none_is_refused(run: Run) -> None:
    code, out, err = run("--from", "2")
    assert (code, out) == (2, "")
    assert "SIZE:ROOT" in err


def test_a_long_audit_tells_how_far_it_is_on_standard_error(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PROGRESS_SECONDS", 0.0)
    code, out, err = run("--json")
    assert code == 0
    assert json.loads(out)["verdict"] == "nothing found"
    assert " of " in err


def test_without_a_state_file_named_the_head_is_remembered_beside_the_networks_file(
    governed: Governed,
) -> None:
    governed.network.vote(0)
    audited(governed)
    assert (governed.folder / "audit-state.json").is_file()
