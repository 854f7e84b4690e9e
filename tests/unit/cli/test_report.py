"""`worknet report`: signatures in files that count, those that do not and why, and the one transaction."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.chain.votings import STANDBY
from tests.unit.cli.conftest import PASSWORD, Governed

from worknet.chain.events import Role
from worknet.chain.signatures import Signature
from worknet.chain.signers import create_keystore, signer_from_key
from worknet.network.report_files import parse_indices
from worknet.protocol.voting import State


class Reporting:
    """Workers that sign reports of the voting about slot 0 into files of their names."""

    def __init__(self, governed: Governed) -> None:
        self.governed = governed

    @property
    def roots(self) -> list[str]:
        pair = self.governed.network.PAIR
        return ["--input-root", f"0x{pair.input_root.hex()}", "--result-root", f"0x{pair.result_root.hex()}"]

    def file(self, worker: object) -> str:
        return str(self.governed.folder / f"{worker}.report.json")

    def sign(
        self, worker: int, voters: str = "0-2", slot: int = 0, name: str | None = None, roots: Any = None
    ) -> tuple[int, str, str]:
        words = [
            self.governed.slot(slot),
            *(roots or self.roots),
            "--participants",
            "0-2",
            "--voters",
            voters,
        ]
        out = ["--out", self.file(worker if name is None else name)]
        return self.governed.run("report", "sign", *words, *out, key=str(worker))

    def collect(self, *workers: object, key: str | None = None) -> tuple[int, Any, str]:
        files = [self.file(worker) for worker in workers]
        code, out, err = self.governed.run("report", "collect", *files, "--json", key=key)
        return code, json.loads(out) if out else None, err

    def alter(self, whose: int, **changes: Any) -> None:
        """Changes fields of a worker's file."""
        file = Path(self.file(whose))
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.fixture
def reporting(governed: Governed) -> Reporting:
    return Reporting(governed)


def test_enough_signatures_are_brought_in_one_transaction(reporting: Reporting) -> None:
    for worker in (0, 2):
        code, out, err = reporting.sign(worker)
        assert (code, err) == (0, "")
        assert f"worker {worker} signed the report of voting 0x" in out
    network = reporting.governed.network
    before = reporting.governed.sent()
    code, found, err = reporting.collect(0, 2, key="owner")
    assert (code, err) == (0, "")
    assert (found["signed"], found["missing"], found["needed"]) == ([0, 2], [1], 2)
    assert reporting.governed.sent() == before + 1
    assert network.owner.record(network.voting_id(0)) is not None


def test_too_few_are_told_with_who_is_missing_and_nothing_is_sent(reporting: Reporting) -> None:
    reporting.sign(1)
    before = reporting.governed.sent()
    code, found, err = reporting.collect(1, key="owner")
    assert (code, err) == (1, "")
    assert (found["signed"], found["missing"], found["transaction"]) == ([1], [0, 2], None)
    assert reporting.governed.sent() == before


def test_without_a_key_files_are_only_checked(reporting: Reporting) -> None:
    for worker in range(3):
        reporting.sign(worker)
    code, found, _ = reporting.collect(0, 1, 2)
    assert (code, found["signed"], found["transaction"]) == (0, [0, 1, 2], None)
    files = [reporting.file(worker) for worker in range(3)]
    out = reporting.governed.run("report", "collect", *files)[1]
    assert out.splitlines() == [
        "3 of 2 signatures are there: 0, 1, 2",
        "enough have signed: with --keystore it is brought",
    ]


def test_a_file_given_twice_counts_once(reporting: Reporting) -> None:
    reporting.sign(0)
    assert reporting.collect(0, 0)[1]["signed"] == [0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chain_id": 246}, "is of another network"),
        ({"contract": f"0x{'12' * 20}"}, "is of another network: 0x1212"),
        ({"voting_id": f"0x{'12' * 32}"}, "its voting id is not that of its workflow and trigger"),
        ({"attempt": 2}, "is of attempt 2, policy version 1; now it is attempt 1, version 1"),
        ({"policy_version": 2}, "is of attempt 1, policy version 2; now it is"),
        ({"worker": 1}, "is not signed with the key 0x"),
        ({"result_root": f"0x{'0d' * 32}"}, "is not signed with the key 0x"),
        ({"voters": [0, 1]}, "is not signed with the key 0x"),
        ({"participants": [0, 1, 2, 5]}, "participant 5 is no member of attempt 1"),
        ({"voters": [0, 1, 2, 3]}, "voter 3 is no participant"),
        ({"worker": 3}, "worker 3, which signs, is none of the voters"),
        ({"worker": 120}, "worker is no number below 120"),
        ({"worker": True}, "worker is no number"),
        ({"voters": [1, 0]}, "voters does not ascend"),
        ({"voters": "0"}, "voters is no list"),
        ({"input_root": f"0x{'00' * 32}"}, "not all of them zero"),
        ({"input_root": 7}, "input_root: "),
        ({"signature": f"0x{'11' * 64}"}, "signature: "),
        ({"signature": f"0x{'11' * 65}"}, "a v of 27 or 28"),
        ({"extra": 1}, "a field is missing or unknown: extra"),
        ({"version": 2}, "is of another version than 1"),
        ({"kind": "other"}, "is no signature under a report"),
    ],
)
def test_a_signature_that_does_not_count_is_refused_with_its_reason(
    reporting: Reporting, changes: dict[str, Any], reason: str
) -> None:
    for worker in range(3):
        reporting.sign(worker)
    reporting.alter(0, **changes)
    code, found, err = reporting.collect(0, 1, 2, key="owner")
    assert (code, found["signed"], found["missing"]) == (0, [1, 2], [0])
    assert reason in found["refused"][reporting.file(0)]
    assert err.startswith(f"warning: {reporting.file(0)} does not count: ")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (1 << 17)])
def test_a_file_that_is_none_is_refused(reporting: Reporting, content: bytes) -> None:
    Path(reporting.file(0)).write_bytes(content)
    code, found, _ = reporting.collect(0, 1)
    assert (code, found["signed"]) == (1, [])
    assert "is no signature under a report" in found["refused"][reporting.file(0)]
    assert "cannot be read" in found["refused"][reporting.file(1)]


def test_files_with_other_words_than_most_do_not_count(reporting: Reporting) -> None:
    reporting.sign(0)
    reporting.sign(1)
    reporting.sign(2, voters="1-2")
    code, found, _ = reporting.collect(2, 0, 1)
    assert (code, found["signed"]) == (0, [0, 1])
    assert found["refused"][reporting.file(2)] == "signs other words than most workers do: voters"


def test_copies_of_one_worker_s_file_do_not_outvote_the_others(reporting: Reporting) -> None:
    reporting.sign(0)
    reporting.sign(1)
    reporting.sign(2, voters="1-2")
    for copy in ("a", "b", "c"):
        Path(reporting.file(copy)).write_bytes(Path(reporting.file(2)).read_bytes())
    code, found, _ = reporting.collect(2, "a", "b", "c", 0, 1)
    assert (code, found["signed"]) == (0, [0, 1])
    assert len(found["refused"]) == 4


def test_a_signature_of_a_key_that_was_rotated_since_does_not_count(reporting: Reporting) -> None:
    governed, network = reporting.governed, reporting.governed.network
    old, new = (signer_from_key(key * 32, 31337).address for key in (b"\x33", b"\x44"))
    create_keystore(governed.folder / "old.json", PASSWORD, key=b"\x33" * 32, light=True)
    network.owner.remove(STANDBY)
    network.owner.enrol(network.signers[3].address, old, Role.ACTIVE, b"\xe3" * 32)
    words = [governed.slot(0), *reporting.roots, "--participants", "0-3", "--voters", "0-3"]
    assert governed.run("report", "sign", *words, "--out", reporting.file(3), key="old")[0] == 0
    assert reporting.collect(3)[1]["signed"] == [STANDBY]
    network.owner.rotate(STANDBY, new, b"\xe4" * 32)
    code, found, _ = reporting.collect(3)
    assert (code, found["signed"]) == (1, [])
    assert f"is not signed with the key 0x{new.hex()}" in found["refused"][reporting.file(3)]


def test_a_recorded_voting_takes_no_signature(reporting: Reporting) -> None:
    reporting.sign(0)
    network = reporting.governed.network
    network.vote(0)
    code, _, err = reporting.sign(1)
    assert (code, "recorded already" in err) == (2, True)
    code, found, _ = reporting.collect(0)
    assert (code, found["refused"]) == (1, {reporting.file(0): "the voting is recorded already"})


def test_while_seals_are_opened_the_report_is_about_the_open_attempt(reporting: Reporting) -> None:
    network = reporting.governed.network
    for worker in range(3):
        network.seal(0, worker)
    for worker in (0, 1):
        reporting.sign(worker)
    code, _, _ = reporting.collect(0, 1, key="owner")
    assert code == 0
    assert network.owner.voting(network.WORKFLOW, network.trigger(0)).state is State.CONSENSUS


def test_after_a_failed_attempt_the_report_is_about_the_next(reporting: Reporting) -> None:
    reporting.governed.network.fail(0, 1)
    reporting.sign(0)
    document = json.loads(Path(reporting.file(0)).read_text())
    assert (document["attempt"], document["policy_version"]) == (2, 1)
    reporting.sign(2)
    assert reporting.collect(0, 2, key="owner")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--voters", "1,2"], "worker 0, which signs, is none of the voters"),
        (["--voters", "0,3"], "voter 3 is no participant"),
        (["--participants", "0,99"], "participant 99 is no member"),
        (["--voters", "first"], "--voters: 'first' is no list of worker indices"),
        (["--input-root", "0x12"], "--input-root 0x12"),
        (["--result-root", f"0x{'00' * 32}"], "not all of them zero"),
        (["--attempt", "2"], "is about attempt 1, policy version 1 now"),
        (["--policy-version", "7"], "is about attempt 1, policy version 1 now"),
    ],
)
def test_words_that_no_contract_would_take_are_not_signed(
    reporting: Reporting, words: list[str], message: str
) -> None:
    out = reporting.file(0)
    rest = [*reporting.roots, "--participants", "0-2", "--voters", "0-2", "--out", out, *words]
    code, _, err = reporting.governed.run("report", "sign", reporting.governed.slot(0), *rest, key="0")
    assert (code, message in err) == (2, True)
    assert not Path(out).exists()


def test_a_key_of_no_worker_signs_nothing(reporting: Reporting) -> None:
    code, _, err = reporting.sign(3)
    assert (code, "stands behind no worker of this network" in err) == (2, True)


def test_the_file_is_as_the_reference_shows_it(reporting: Reporting) -> None:
    reporting.sign(0)
    document = json.loads(Path(reporting.file(0)).read_text())
    guide = Path(__file__).parents[3] / "docs" / "reference" / "report.md"
    shown = json.loads(guide.read_text().split("```json\n")[1].split("```")[0])
    assert list(document) == list(shown)
    assert {name: type(value) for name, value in document.items()} == {
        name: type(value) for name, value in shown.items()
    }
    Signature.of_bytes(bytes.fromhex(document["signature"][2:]))


@pytest.mark.parametrize(("text", "workers"), [("0", 1), ("0,2", 5), ("1-3", 14), ("119", 1 << 119)])
def test_indices_are_listed_alone_or_in_ranges(text: str, workers: int) -> None:
    assert parse_indices(text) == workers


@pytest.mark.parametrize("text", ["", "a", "0,", "3-1", "120", "-1", "0x1", "1000", "\u0661"])
def test_other_texts_name_no_workers(text: str) -> None:
    with pytest.raises(ValueError, match=r"worker"):
        parse_indices(text)
