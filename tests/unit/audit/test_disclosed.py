"""What is handed over of a voting is proven and computed again; what was tampered with is refused."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.bills import CODE, DATA_KEY, METERS, Bills
from tests.unit.node.bills import make as make_bills
from tests.unit.node.conftest import LAST

from worknet.audit.disclosed import Disclosed, read_disclosed
from worknet.audit.errors import AuditError
from worknet.chain.keyfiles import public_key_of
from worknet.chain.sealed_files import SUFFIX, seal_file
from worknet.node.disclosing import Discloser
from worknet.protocol import evidence, salts
from worknet.protocol.canonical import decode, encode
from worknet.verify import verify
from worknet.workflow import runtime
from worknet.workflow.archive import pack
from worknet.workflow.folder import Bundle
from worknet.workflow.runner import Runner

KEY, STRANGER = b"\x51" * 32, b"\x52" * 32
ALL = {
    "bundle",
    "dataset-meters",
    "table-bills",
    "table-hidden",
    "table-totals",
    "uncommitted-clocks",
}


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bills]:
    made = make_bills(tmp_path_factory.mktemp("bills"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def files(bills: Bills) -> dict[str, bytes]:
    """What company 0 discloses of the last voting, not yet sealed."""
    bundles: Any = SimpleNamespace(get=lambda *_: bills.runner.bundle)
    return dict(Discloser(bills.prover(0), bundles).files(bills.record()))


def folder_of(path: Path, bills: Bills, files: dict[str, bytes], key: bytes = KEY) -> Path:
    for name, content in files.items():
        sealed = seal_file(name, bills.record().record.voting_id, content, public_key_of(key))
        (path / f"{name}{SUFFIX}").write_bytes(sealed)
    return path


def reading(path: Path, bills: Bills, files: dict[str, bytes]) -> Disclosed:
    return read_disclosed(folder_of(path, bills, files), KEY)


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """An evidence file with something in it changed, and a right checksum."""
    document = decode(content[:-1])
    change(document)
    return evidence.sealed(document)


def test_all_that_stands_behind_a_voting_is_handed_over(files: dict[str, bytes]) -> None:
    assert files.keys() == ALL


def test_what_is_handed_over_gives_the_recorded_result_again(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    again = reading(tmp_path, bills, files).compute_again(bills.runner)
    assert (again.pair, again.text) == (bills.record().record.pair, "")


def test_what_nothing_proves_is_named(bills: Bills, files: dict[str, bytes], tmp_path: Path) -> None:
    assert reading(tmp_path, bills, files).unproven == ("clocks",)


def test_it_can_be_held_against_a_head_that_is_trusted(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    disclosed = reading(tmp_path, bills, files)
    assert verify(disclosed.evidence, disclosed.evidence.head).level == 1


def test_neither_the_data_key_nor_a_key_of_another_voting_is_handed_over(
    bills: Bills, files: dict[str, bytes]
) -> None:
    whole = b"".join(files.values())
    other = bills.record(LAST - 1).record.voting_id
    infos = [salts.MANIFEST, salts.rows("dataset", "meters"), salts.rows("table", "totals")]
    secrets = [DATA_KEY, *(salts.document_key(DATA_KEY, other, 1, info) for info in infos)]
    assert [secret for secret in secrets if secret.hex().encode() in whole or secret in whole] == []


def test_rows_never_stand_in_the_open(bills: Bills, files: dict[str, bytes], tmp_path: Path) -> None:
    folder_of(tmp_path, bills, files)
    assert not [file for file in tmp_path.iterdir() if b"DE1" in file.read_bytes()]


def test_a_bundle_that_computes_otherwise_now_is_told_by_the_first_row(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    # As if the workers had agreed on what the bundle does not say: the machine, or they, were at fault.
    code = CODE.replace('"hidden": meters}', '"hidden": meters.with_columns(pl.col("wh") + 1)}')
    bundle = Bundle({"workflow.py": code.encode(), "runtime.json": runtime.lock()})
    with Runner(bundle, allow_unisolated=True, waiting=0) as runner:
        again = reading(tmp_path, bills, files).compute_again(runner)
    assert again.difference is not None
    assert (again.difference.table, again.difference.key) == ("hidden", {"id": "c0"})


def test_the_key_of_another_reader_opens_nothing(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(AuditError, match="not to yours"):
        read_disclosed(folder_of(tmp_path, bills, files, STRANGER), KEY)


def test_a_folder_without_sealed_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no sealed file"):
        read_disclosed(tmp_path, KEY)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="cannot be read"):
        read_disclosed(tmp_path / "nowhere", KEY)


def test_a_file_under_another_name_is_refused(bills: Bills, files: dict[str, bytes], tmp_path: Path) -> None:
    folder_of(tmp_path, bills, files)
    (tmp_path / f"table-bills{SUFFIX}").rename(tmp_path / f"table-other{SUFFIX}")
    with pytest.raises(AuditError, match="by another name"):
        read_disclosed(tmp_path, KEY)


def test_a_file_about_another_voting_is_refused(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    folder_of(tmp_path, bills, files)
    other = bills.record(LAST - 1).record.voting_id
    sealed = seal_file("bundle", other, files["bundle"], public_key_of(KEY))
    (tmp_path / f"bundle{SUFFIX}").write_bytes(sealed)
    with pytest.raises(AuditError, match="another voting"):
        read_disclosed(tmp_path, KEY)


def test_a_dataset_of_another_voting_is_refused(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    proofs = bills.prover(0).of(bills.record(LAST - 1))
    mixed = files | {"dataset-meters": proofs.file(proofs.whole("dataset", "meters"))}
    with pytest.raises(AuditError, match="of another record"):
        reading(tmp_path, bills, mixed)


def test_a_row_that_was_changed_is_refused(bills: Bills, files: dict[str, bytes], tmp_path: Path) -> None:
    def cheat(document: dict[str, Any]) -> None:
        document["disclosure"]["shown"]["rows"][0]["wh"] += 1

    with pytest.raises(AuditError, match="dataset-meters"):
        reading(tmp_path, bills, files | {"dataset-meters": changed(files["dataset-meters"], cheat)})


def test_a_single_row_is_not_taken_for_a_table(bills: Bills, files: dict[str, bytes], tmp_path: Path) -> None:
    proofs = bills.prover(0).of(bills.record())
    with pytest.raises(AuditError, match="no whole"):
        reading(tmp_path, bills, files | {"table-totals": proofs.file(proofs.row("table", "totals", 0))})


@pytest.mark.parametrize("missing", ["dataset-meters", "table-totals", "uncommitted-clocks"])
def test_what_was_left_out_is_told_with_its_name(
    bills: Bills, files: dict[str, bytes], tmp_path: Path, missing: str
) -> None:
    fewer = {name: content for name, content in files.items() if name != missing}
    again = reading(tmp_path, bills, fewer).compute_again(bills.runner)
    assert again.text == f"{missing.replace('uncommitted', 'dataset').replace('-', ' ')} is missing"


def test_without_the_bundle_nothing_is_computed(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    fewer = {name: content for name, content in files.items() if name != "bundle"}
    with pytest.raises(AuditError, match="the bundle"):
        reading(tmp_path, bills, fewer)


def test_another_bundle_than_the_pinned_one_is_refused(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    bundle = pack(replace(bills.runner.bundle, files={**bills.runner.bundle.files, "more.py": b"\n"}))
    with pytest.raises(AuditError, match="the policy pins"):
        reading(tmp_path, bills, files | {"bundle": bundle})


@pytest.mark.parametrize(
    "content",
    [b"", b"{}\n", b'{"name":"clocks","rows":[1]}\n', b'{"name":"other","rows":[]}\n', b"\xff\n"],
)
def test_rows_that_are_none_are_refused(
    bills: Bills, files: dict[str, bytes], tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(AuditError, match="uncommitted-clocks"):
        reading(tmp_path, bills, files | {"uncommitted-clocks": content})


def test_rows_that_do_not_fit_their_schema_are_told(
    bills: Bills, files: dict[str, bytes], tmp_path: Path
) -> None:
    rows = encode({"name": "clocks", "rows": [{"id": 1}]}) + b"\n"
    disclosed = reading(tmp_path, bills, files | {"uncommitted-clocks": rows})
    with pytest.raises(AuditError, match="dataset clocks is not what the bundle declares"):
        disclosed.compute_again(bills.runner)


def test_the_rows_are_those_that_were_read(bills: Bills, files: dict[str, bytes], tmp_path: Path) -> None:
    rows = reading(tmp_path, bills, files).rows["dataset", "meters"]
    read = [f"{row['id']},{row['wh']},{row['iban']}" for row in rows]
    assert read == METERS.splitlines()[1:]


def test_neither_a_pipe_nor_a_link_is_read(tmp_path: Path) -> None:
    sealed = tmp_path / f"bundle{SUFFIX}"
    os.mkfifo(sealed)
    with pytest.raises(AuditError, match="no regular file"):
        read_disclosed(tmp_path, KEY)
    sealed.unlink()
    sealed.symlink_to("/dev/zero")
    with pytest.raises(AuditError, match="cannot be read"):
        read_disclosed(tmp_path, KEY)


def test_more_than_a_machine_can_hold_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / f"bundle{SUFFIX}").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(AuditError, match="bytes of them"):
        read_disclosed(tmp_path, KEY)
