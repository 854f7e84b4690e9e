"""`worknet disclose` and `worknet replay --disclosed`: from a member's folder to an auditor's verdict."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.bills import DATA_KEY, NAME, Bills
from tests.unit.node.bills import make as make_bills
from tests.unit.node.conftest import LAST

from worknet.audit.disclosed import Disclosed
from worknet.chain.client import NetworkClient
from worknet.chain.keyfiles import encryption_public_key
from worknet.cli import disclose, main
from worknet.protocol.canonical import to_hex
from worknet.verify import parse
from worknet.workflow.again import Again

Call = Callable[..., tuple[int, str, str]]
REPLAY = ("replay", "--disclosed", "given", "--key", "auditor", "--allow-unisolated")


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bills]:
    made = make_bills(tmp_path_factory.mktemp("disclose"))
    yield made
    made.close()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls a command in `tmp_path`; exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main.run(arguments)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def given(bills: Bills, call: Call, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """What company 0 said when it disclosed the last voting to the auditor, into the folder `given`."""
    company = bills.companies[0]

    @contextmanager
    def opened(_: Path) -> Iterator[Any]:
        yield SimpleNamespace(
            config=SimpleNamespace(data_key=lambda _: DATA_KEY),
            network=SimpleNamespace(workflows={NAME: None}),
            client=NetworkClient(company.rpc, bills.chain.contract, signer=company.signer),
            index=company.index,
            journal=company.journal,
        )

    bundles = SimpleNamespace(get=lambda *_: bills.runner.bundle)
    monkeypatch.setattr(disclose, "opened", opened)
    monkeypatch.setattr(disclose, "bundles_of", lambda *_: bundles)
    key = call("key", "auditor")[1].strip()
    return call("disclose", "node.toml", to_hex(bills.chain.voting_id(LAST)), "--to", key, "--out", "given")


def head(bills: Bills) -> str:
    return str(parse(bills.prover(0).evidence(bills.record())).head)


def test_a_member_is_told_what_is_disclosed_and_to_whom(given: tuple[int, str, str], tmp_path: Path) -> None:
    code, out, _ = given
    assert code == 0
    assert "dataset-meters" in out
    assert to_hex(encryption_public_key(tmp_path / "auditor")) in out


def test_an_auditor_gets_the_same_result_and_a_verified_record(
    given: tuple[int, str, str], call: Call, bills: Bills
) -> None:
    code, out, _ = call(*REPLAY, "--head", head(bills))
    assert code == 0
    assert "verified, level 1" in out
    assert "these inputs give the recorded result" in out


def test_without_anything_to_hold_it_against_the_exit_code_says_so(
    given: tuple[int, str, str], call: Call
) -> None:
    code, out, _ = call(*REPLAY, "--json")
    document = json.loads(out)
    assert code == 3
    assert (document["same"], document["level"], document["unproven"]) == (True, 0, ["clocks"])


def test_what_a_member_wrote_steers_no_terminal(
    given: tuple[int, str, str], call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Again(None, "summary, \x1b[2Jtotal: 1, then 2\nresult    the same")
    monkeypatch.setattr(Disclosed, "compute_again", lambda *_: wrong)
    code, out, _ = call(*REPLAY)
    assert code == 1
    assert "\x1b" not in out
    assert "result    DIFFERS: summary, \\x1b[2Jtotal: 1, then 2\\nresult    the same\n" in out


def test_another_head_refuses_the_record_and_nothing_is_run(given: tuple[int, str, str], call: Call) -> None:
    code, out, _ = call(*REPLAY, "--head", f"2:{'01' * 32}")
    assert code == 1
    assert "REFUSED" in out
    assert "recorded result" not in out


def test_another_contract_than_the_one_that_is_meant_is_refused(
    given: tuple[int, str, str], call: Call
) -> None:
    assert call(*REPLAY, "--contract", "0x" + "02" * 20)[0] == 1


def test_a_wrong_key_is_a_file_that_cannot_be_used(given: tuple[int, str, str], call: Call) -> None:
    call("key", "other")
    code, _, err = call("replay", "--disclosed", "given", "--key", "other")
    assert code == 2
    assert "not to yours" in err


def test_a_folder_that_is_there_is_never_written_into(
    given: tuple[int, str, str], call: Call, bills: Bills
) -> None:
    key = call("key", "auditor", "--show")[1].strip()
    voting = to_hex(bills.chain.voting_id(LAST))
    code, _, err = call("disclose", "node.toml", voting, "--to", key, "--out", "given")
    assert code == 2
    assert "exists already" in err


def test_what_has_no_record_is_not_disclosed(given: tuple[int, str, str], call: Call) -> None:
    key = call("key", "auditor", "--show")[1].strip()
    code, _, err = call("disclose", "node.toml", "0x" + "09" * 32, "--to", key, "--out", "more")
    assert code == 2
    assert "has no record" in err


@pytest.mark.parametrize("key", ["0x12", "auditor", "0x" + "00" * 32])
def test_a_key_that_is_none_is_refused_before_anything_is_written(
    given: tuple[int, str, str], call: Call, bills: Bills, tmp_path: Path, key: str
) -> None:
    voting = to_hex(bills.chain.voting_id(LAST))
    assert call("disclose", "node.toml", voting, "--to", key, "--out", "more")[0] == 2
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--disclosed", "given"],
        ["node.toml", "0x05", "--disclosed", "given", "--key", "auditor"],
        ["node.toml", "0x05", "--key", "auditor"],
        ["node.toml", "0x05", "--head", "1:00"],
        [],
    ],
)
def test_options_that_do_not_go_together_are_told(call: Call, arguments: list[str]) -> None:
    code, _, err = call("replay", *arguments)
    assert code == 2
    assert err.startswith("error: ")


def test_an_older_head_that_the_auditor_trusts_can_be_named(
    given: tuple[int, str, str], call: Call, bills: Bills
) -> None:
    key = call("key", "auditor", "--show")[1].strip()
    voting = to_hex(bills.chain.voting_id(LAST - 1))
    assert call("disclose", "node.toml", voting, "--to", key, "--out", "older", "--size", "1")[0] == 0
    older = parse(bills.prover(0).evidence(bills.record(LAST - 1), None, 1)).head
    replay = ("replay", "--disclosed", "older", "--key", "auditor", "--allow-unisolated")
    assert call(*replay, "--head", str(older))[0] == 0
    code, out, _ = call(*replay, "--head", head(bills))
    assert (code, "--size" in out) == (1, True)
