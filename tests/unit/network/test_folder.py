"""A new network's folder: complete, private, readable, and never written over another."""

import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from worknet.chain.signers import keystore_address, open_keystore
from worknet.network.errors import NetworkError
from worknet.network.folder import NetworkFolder, NetworkPlan, create, fill_in
from worknet.protocol.salts import data_key_commitment


@pytest.fixture
def folder(tmp_path: Path, network_plan: NetworkPlan) -> NetworkFolder:
    return create(tmp_path / "net", network_plan)


def test_a_new_folder_loads_and_fits_together(folder: NetworkFolder, network_plan: NetworkPlan) -> None:
    local, network, nodes = folder.load()
    assert folder.members == list(nodes) == ["alpha", "beta"]
    assert (local.chain.kind, local.chain.port) == ("builtin", 18545)
    assert local.chain.genesis_time == network_plan.genesis_time
    assert local.services["api"].arguments == ["--port", "9000"]
    assert network.network.contract is None
    for node in nodes.values():
        assert node.load_network().network == network.network
        assert node.chain.rpc[0].value == "http://127.0.0.1:18545"
        committed = network.workflows["doubled"].policy.data_key_commitment
        assert data_key_commitment(node.data_key(1)) == committed


def test_public_results_go_into_one_folder_that_the_network_names(
    tmp_path: Path, network_plan: NetworkPlan
) -> None:
    public = replace(network_plan, workflow=replace(network_plan.workflow, is_public=True))
    folder = create(tmp_path / "net", public)
    _, network, nodes = folder.load()
    assert network.network.published == (folder.published,)
    for node in nodes.values():
        assert node.publishing is not None
        assert node.publishing.folder.resolve() == folder.published
        assert node.publishing.listen is None


def test_where_nothing_is_public_nobody_publishes(folder: NetworkFolder) -> None:
    _, network, nodes = folder.load()
    assert network.network.published == ()
    assert {node.publishing for node in nodes.values()} == {None}


def test_every_company_has_keys_of_its_own_that_its_passwords_open(folder: NetworkFolder) -> None:
    addresses = set()
    for keystore in folder.path.rglob("*.json"):
        password = keystore.with_suffix(".password").read_text().strip()
        signer = open_keystore(keystore, password, 31337)
        assert signer.address == keystore_address(keystore)
        addresses.add(signer.address)
    assert len(addresses) == 1 + 2 * 2
    keys = {folder.node(member).joinpath("encryption-key").read_text() for member in folder.members}
    assert len(keys) == 2


def test_nobody_else_can_read_it_and_no_configuration_holds_a_secret(folder: NetworkFolder) -> None:
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    configuration = "".join(file.read_text() for file in folder.path.rglob("*.toml"))
    for file in folder.path.rglob("*"):
        if file.is_file() and file.suffix != ".toml":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
            assert file.read_text().strip() not in configuration
    assert (folder.node("alpha") / "token").read_text() == "a secret\n"


def test_references_to_secrets_stand_on_one_line(folder: NetworkFolder) -> None:
    text = folder.node_file("alpha").read_text()
    assert 'password = {file = "worker.password"}' in text
    assert 'token = {file = "token"}' in text
    assert text.endswith("\n")


def test_a_folder_that_holds_anything_is_left_alone(tmp_path: Path, network_plan: NetworkPlan) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place, why in (("net", "not empty"), ("file", "cannot be made")):
        with pytest.raises(NetworkError, match=why) as caught:
            create(tmp_path / place, network_plan)
        assert caught.value.hint
    assert [file.name for file in (tmp_path / "net").iterdir()] == ["mine"]


def test_the_deployment_is_written_into_the_file_and_nothing_else_is_touched(folder: NetworkFolder) -> None:
    before = folder.network_file.read_text().replace("confirmations = 0", "confirmations = 0  # ours")
    folder.network_file.write_text(before)
    fill_in(folder.network_file, "network", {"contract": "0x" + "ab" * 20, "deployed_block": 7})
    after = folder.network_file.read_text()
    assert tomllib.loads(after)["network"]["contract"] == "0x" + "ab" * 20
    added = [line for line in after.splitlines() if line.startswith(("contract", "deployed_block"))]
    assert [line for line in after.splitlines() if line not in added] == before.splitlines()
    assert folder.load()[1].deployed() == (b"\xab" * 20, 7)


def test_a_folder_without_a_network_is_named_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no local network") as caught:
        NetworkFolder(tmp_path).load()
    assert "worknet init" in caught.value.hint
