"""The remembered head: what was written comes back, and nothing else is taken for it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.audit.audits import CHAIN_ID, CONTRACT, state

from worknet.audit.errors import AuditError
from worknet.audit.state import content, read
from worknet.protocol.canonical import encode


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A head of five records, remembered."""
    file = tmp_path / "audit-state.json"
    file.write_bytes(content(state(5), CHAIN_ID, CONTRACT))
    return file


def test_what_is_remembered_comes_back(file: Path) -> None:
    assert read(file, CHAIN_ID, CONTRACT) == state(5)


def test_the_file_names_the_network_and_the_head_for_people_to_read(file: Path) -> None:
    document = json.loads(file.read_text())
    assert (document["chain_id"], document["contract"]) == (CHAIN_ID, f"0x{CONTRACT.hex()}")
    assert document["head"] == f"5:0x{state(5).head.root.hex()}"


def test_no_file_remembers_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "audit-state.json", CHAIN_ID, CONTRACT) is None


@pytest.mark.parametrize(("chain_id", "contract"), [(1, CONTRACT), (CHAIN_ID, b"\xc1" * 20)])
def test_another_networks_head_is_refused(file: Path, chain_id: int, contract: bytes) -> None:
    with pytest.raises(AuditError, match=r"remembers another network: 0xc0c0.* on chain 31337") as caught:
        read(file, chain_id, contract)
    assert "--state" in caught.value.hint


def flipped(data: bytes) -> bytes:
    """Another digit in the remembered root."""
    at = data.index(b'"head":"5:0x') + 20
    return data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data + data,
        lambda data: b"\xff" + data,
        lambda data: data.replace(b"{", b"{ ", 1),
        flipped,
    ],
)
def test_a_damaged_file_is_refused_with_a_way_on(file: Path, damage: Callable[[bytes], bytes]) -> None:
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(AuditError, match="is damaged") as caught:
        read(file, CHAIN_ID, CONTRACT)
    assert "--from SIZE:ROOT" in caught.value.hint


def test_a_file_that_is_no_remembered_head_is_refused(file: Path) -> None:
    file.write_bytes(encode({"format": "worknet/evidence"}) + b"\n")
    with pytest.raises(AuditError, match="is no remembered head"):
        read(file, CHAIN_ID, CONTRACT)


def test_a_file_of_another_version_is_refused(file: Path) -> None:
    document = json.loads(file.read_bytes())
    file.write_bytes(encode({**document, "version": 2}))
    with pytest.raises(AuditError, match="is of version 2, this worknet reads version 1"):
        read(file, CHAIN_ID, CONTRACT)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        read(tmp_path, CHAIN_ID, CONTRACT)
