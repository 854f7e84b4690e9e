"""`worknet prove`: what the options disclose, what the command says of it, and what it refuses to write."""

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

from worknet.chain.client import NetworkClient
from worknet.cli import main, prove
from worknet.node.errors import RequestError
from worknet.node.prove import VotingProofs
from worknet.protocol.canonical import to_hex
from worknet.verify import parse, verify

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bills]:
    """Companies with recorded bills."""
    made = make_bills(tmp_path_factory.mktemp("prove"))
    yield made
    made.close()


@pytest.fixture
def said(
    bills: Bills, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Calls the command for company 0, beside `tmp_path`; what it printed, with the exit code."""
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

    monkeypatch.setattr(prove, "opened", opened)
    monkeypatch.chdir(tmp_path)

    def call(*options: str, out: str | None = "proof.json", slot: int = LAST) -> tuple[int, str, str]:
        place = [] if out is None else ["--out", out]
        with pytest.raises(SystemExit) as ended:
            main.run(["prove", "node.toml", to_hex(bills.chain.voting_id(slot)), *options, *place])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def written(path: Path) -> dict[str, Any]:
    """What a file discloses, once it has been verified."""
    evidence = parse(path.read_bytes())
    assert verify(evidence, evidence.head).level == 1
    assert path.stat().st_mode & 0o777 == 0o600
    disclosure: dict[str, Any] | None = evidence.document["disclosure"]
    return {} if disclosure is None else disclosure


def test_a_voting_is_proved_without_any_row(said: Said, tmp_path: Path) -> None:
    code, out, _ = said()
    assert (code, written(tmp_path / "proof.json")) == (0, {})
    assert "no row is disclosed" in out


@pytest.mark.parametrize(
    "row",
    [["--row", "peak=true,hour=2"], ["--row", "hour=2", "--row", "peak=true"], ["--row", "hour=2,peak=true"]],
)
def test_a_row_is_named_by_its_key(said: Said, tmp_path: Path, row: list[str]) -> None:
    code, out, _ = said("--table", "totals", *row)
    assert written(tmp_path / "proof.json")["shown"]["values"] == {"peak": True, "hour": 2, "wh": 100}
    assert (code, "row 3 of the table totals is disclosed" in out) == (0, True)


def test_only_the_fields_to_show_are_disclosed(said: Said, tmp_path: Path) -> None:
    _, out, _ = said("--table", "hidden", "--row", "id=c3", "--show", "wh, id")
    fields = written(tmp_path / "proof.json")["shown"]["fields"]
    assert {field["name"]: field["value"] for field in fields} == {"id": "c3", "wh": 30}
    assert "its fields " in out
    assert b"DE3" not in (tmp_path / "proof.json").read_bytes()


def test_a_whole_dataset_is_disclosed_where_that_is_asked_for(said: Said, tmp_path: Path) -> None:
    _, out, _ = said("--dataset", "meters", "--whole")
    assert len(written(tmp_path / "proof.json")["shown"]["rows"]) == 5
    assert "ALL 5 rows of the dataset meters are disclosed" in out


def test_the_answer_for_programs_says_what_is_disclosed(said: Said, bills: Bills) -> None:
    told = json.loads(said("--table", "bills", "--row", "id=c3", "--show", "wh", "--json")[1])
    assert told["disclosed"] == {"kind": "table", "name": "bills", "rows": 1, "index": 3, "fields": ["wh"]}
    assert (told["evidence"], told["position"]) == ("proof.json", bills.record().position)


def test_each_row_gets_a_file_of_its_own(said: Said, tmp_path: Path) -> None:
    code, out, _ = said("--table", "bills", "--each", "rows", "--show", "id", out=None)
    files = sorted((tmp_path / "rows").iterdir())
    assert [file.name for file in files] == [f"{number}.json" for number in range(5)]
    shown = [written(file)["shown"]["fields"][0]["value"] for file in files]
    assert shown == [f"c{number}" for number in range(5)]
    assert (code, "5 files in" in out) == (0, True)


def test_evidence_against_an_older_head_is_made(said: Said, tmp_path: Path) -> None:
    said("--size", "1", slot=LAST - 1)
    assert parse((tmp_path / "proof.json").read_bytes()).head.size == 1


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (["--table", "bills"], "not what of it", "--row COLUMN=VALUE discloses one row, --whole ALL of them"),
        (["--table", "bills", "--row", "id=c1", "--whole"], "several ways", "--whole ALL of them"),
        (["--table", "bills", "--dataset", "meters", "--whole"], "a table or of a dataset", "--dataset"),
        (["--row", "id=c1"], "of no table", "--table"),
        (["--whole"], "of no table", "--table"),
        (["--show", "id"], "of no table", "--table"),
        (["--table", "bills", "--whole", "--show", "id"], "--whole shows all fields", "--row or --each"),
        (["--table", "bills", "--row", "id=c1", "--show", ""], "shows nothing", "name columns"),
        (["--table", "bills", "--row", "id=c1", "--show", "id,"], "shows nothing", "name columns"),
        (["--table", "bills", "--row", "id=c1", "--show", "name"], "no column name", "it has iban, id, wh"),
        (
            ["--table", "totals", "--row", "peak=true,hour=1", "--show", "wh"],
            "disclosed whole",
            "show the row",
        ),
        (["--table", "bill", "--row", "id=c1"], "no committed table bill", "it has bills"),
        (["--dataset", "clocks", "--whole"], "no committed dataset clocks", "it has meters"),
        (["--table", "bills", "--row", "id=c9"], "no row has this key", "of its own window"),
        (["--table", "bills", "--row", "wh=10"], "the key of bills is id", "--row id=VALUE"),
        (["--table", "bills", "--row", "c1"], "'c1' is no part of a key", "--row COLUMN=VALUE"),
        (["--table", "totals", "--row", "hour=1", "--row", "hour=2"], "two values for hour", "one value"),
    ],
)
def test_what_cannot_be_proved_is_told_with_how_to_ask(
    said: Said, tmp_path: Path, options: list[str], message: str, hint: str
) -> None:
    code, _, err = said(*options)
    told = " ".join(err.split())
    assert (code, message in told, hint in told) == (2, True, True), told
    assert not (tmp_path / "proof.json").exists()


@pytest.mark.parametrize(
    "places", [[], ["--out", "proof.json", "--each", "rows"]], ids=["no place", "two places"]
)
def test_there_is_one_place_for_what_is_written(said: Said, tmp_path: Path, places: list[str]) -> None:
    way = [] if "--each" in places else ["--whole"]
    code, _, err = said("--table", "bills", *way, *places, out=None)
    assert (code, "one place is due" in err) == (2, True)
    assert not list(tmp_path.iterdir())


def test_files_are_never_put_into_a_folder_that_is_there(said: Said, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    code, _, err = said("--table", "bills", "--each", "rows", out=None)
    assert (code, "rows exists already" in err) == (2, True)
    assert not list((tmp_path / "rows").iterdir())


def test_fields_that_cannot_be_shown_leave_no_folder(said: Said, tmp_path: Path) -> None:
    code, _, err = said("--table", "totals", "--each", "rows", "--show", "wh", out=None)
    assert (code, "disclosed whole" in err) == (2, True)
    assert not (tmp_path / "rows").exists()


def test_what_the_verifier_refuses_is_not_written(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = VotingProofs.whole

    def forged(proofs: VotingProofs, kind: Any, name: str) -> Any:
        disclosure: Any = whole(proofs, kind, name)
        disclosure["shown"]["rows"][0]["wh"] += 1
        return disclosure

    monkeypatch.setattr(VotingProofs, "whole", forged)
    code, _, err = said("--dataset", "meters", "--whole")
    assert (code != 0, "disclosure" in err) == (True, True)
    assert not (tmp_path / "proof.json").exists()


@pytest.mark.parametrize(
    ("texts", "key"),
    [
        (["meter=a,hour=1"], {"meter": "a", "hour": "1"}),
        (["meter=a,b,hour=1"], {"meter": "a,b", "hour": "1"}),
        (["meter=a,site=b=c,hour="], {"meter": "a,site=b=c", "hour": ""}),
        (["hour=1", "meter=,"], {"hour": "1", "meter": ","}),
        (["site=x"], {"site": "x"}),
    ],
)
def test_a_comma_parts_columns_of_the_key_only(texts: list[str], key: dict[str, str]) -> None:
    assert prove.row_key(texts, ["meter", "hour"]) == key


@pytest.mark.parametrize("texts", [["meter"], [""], ["meter=a,meter=b"], ["meter=a", "meter=a"]])
def test_a_key_that_says_nothing_or_too_much_is_refused(texts: list[str]) -> None:
    with pytest.raises(RequestError):
        prove.row_key(texts, ["meter", "hour"])
