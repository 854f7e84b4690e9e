"""What an owner does, on a real chain: deploying, also after an interruption, policies, members, a look."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from worknet.chain.client import NetworkClient
from worknet.chain.development import DevelopmentChain, start
from worknet.chain.pool import PoolClient
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer, create_keystore, signer_from_key
from worknet.cli import main
from worknet.config.network import NetworkConfig
from worknet.network import establish
from worknet.network.errors import NetworkError
from worknet.network.establish import (
    NewMember,
    announce_policies,
    deploy_contract,
    deploy_pool_contract,
    enrol_members,
)
from worknet.protocol.ids import workflow_id
from worknet.protocol.times import time_text

WORKFLOW = Path(__file__).resolve().parents[2] / "workflows" / "matching_24_7"
OWNER_KEY, STRANGER_KEY = b"\x01" * 32, b"\x02" * 32
OWNER = signer_from_key(OWNER_KEY, DEVELOPMENT_CHAIN_ID)
STRANGER = signer_from_key(STRANGER_KEY, DEVELOPMENT_CHAIN_ID)
TEXT = f"""\
[network]
name = "test"
chain_id = 31337

[workflows.matching_24_7]
folder = "{WORKFLOW}"

[workflows.matching_24_7.policy]
start = 2026-01-01T00:00:00Z
cast_window = "5m"
reveal_window = "5m"
stall = "1h"
data_key_epoch = 1
data_key_commitment = "0x{"11" * 32}"
"""
MEMBERS = [
    NewMember(bytes([0xA0 + n]) * 20, bytes([0xB0 + n]) * 20, bytes([0xE0 + n]) * 32) for n in range(3)
]


@dataclass
class Owner:
    """A network.toml, the owner's keystore, and the command line."""

    folder: Path
    rpc: Rpc
    url: str
    run: Callable[..., tuple[int, str, str]]

    @property
    def file(self) -> Path:
        return self.folder / "network.toml"

    @property
    def nonce(self) -> int:
        return self.rpc.nonce(OWNER.address)

    def key(self, name: str = "owner") -> list[str]:
        return ["--keystore", str(self.folder / f"{name}.json"), "--password-env", "A_PASSWORD"]

    def call(self, command: str, *arguments: str, key: str = "owner") -> tuple[int, str, str]:
        # What is tested here holds where runs cannot be isolated, too.
        more = ["--allow-unisolated"] if command in {"deploy", "policy"} else []
        return self.run(command, str(self.file), *arguments, "--rpc", self.url, *self.key(key), *more)

    def show(self) -> dict[str, Any]:
        code, out, err = self.run("show", str(self.file), "--rpc", self.url, "--json")
        assert (code, err) == (0, "")
        found: dict[str, Any] = json.loads(out)
        return found

    def client(self, signer: Signer = OWNER) -> NetworkClient:
        return NetworkClient(self.rpc, NetworkConfig.load(self.file).deployed()[0], signer=signer)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentChain]:
    funds = {OWNER.address: 10**20, STRANGER.address: 10**20}
    with start(tmp_path_factory.mktemp("chain"), funds=funds, engine="builtin", block_time=0) as running:
        yield running


@pytest.fixture
def owner(
    tmp_path: Path,
    chain: DevelopmentChain,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Owner:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(["network", *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert isinstance(caught.value.code, int)
        return caught.value.code, out, err

    monkeypatch.setenv("A_PASSWORD", "a password")
    (tmp_path / "network.toml").write_text(TEXT)
    for name, key in (("owner", OWNER_KEY), ("stranger", STRANGER_KEY)):
        create_keystore(tmp_path / f"{name}.json", "a password", key=key, light=True)
    return Owner(tmp_path, Rpc(chain.url, DEVELOPMENT_CHAIN_ID), chain.url, run)


@pytest.fixture
def deployed(owner: Owner) -> Owner:
    network = deploy_contract(owner.file, owner.rpc, OWNER)
    announce_policies(network, owner.client(), allow_unisolated=True)
    return owner


def test_a_deployment_writes_the_contract_and_announces_the_policies_once(owner: Owner) -> None:
    code, out, err = owner.call("deploy")
    assert (code, err) == (0, "")
    network = NetworkConfig.load(owner.file)
    contract = f"0x{network.deployed()[0].hex()}"
    pool = f"0x{network.pool().hex()}"
    assert out.splitlines() == [
        f"deployed the contract {contract}",
        f"deployed the pool {pool}",
        "announced the policy of matching_24_7",
    ]
    sent, text = owner.nonce, owner.file.read_text()
    code, out, err = owner.call("deploy")
    assert out.splitlines() == [
        f"found the contract {contract}",
        f"found the pool {pool}",
        "found the policy of matching_24_7",
    ]
    assert (owner.nonce, owner.file.read_text()) == (sent, text)
    assert sorted(file.name for file in owner.folder.iterdir()) == [
        "network.toml",
        "owner.json",
        "stranger.json",
    ]


def test_a_deployment_that_was_cut_off_before_it_was_written_down_is_found_again(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(establish, "fill_in", killed)
        with pytest.raises(KeyboardInterrupt):
            deploy_contract(owner.file, owner.rpc, OWNER)
    assert NetworkConfig.load(owner.file).network.contract is None
    sent = owner.nonce
    with pytest.raises(NetworkError, match="tells of a deployment by"):
        deploy_contract(owner.file, owner.rpc, STRANGER)
    network = deploy_contract(owner.file, owner.rpc, OWNER)
    assert owner.nonce == sent
    assert owner.client().owner() == OWNER.address
    assert owner.client().member_count() == 0
    assert network.deployed()[1] < owner.rpc.block_number() + 1
    assert owner.show()["head"] == f"0:0x{owner.client().root().hex()}"


def test_a_deployment_that_was_cut_off_before_it_was_sent_is_made(owner: Owner) -> None:
    note = owner.folder / "network.toml.deploying"
    whose = {"chain_id": DEVELOPMENT_CHAIN_ID, "owner": f"0x{OWNER.address.hex()}"}
    note.write_text(json.dumps({**whose, "nonce": owner.nonce, "block": owner.rpc.block_number()}))
    deploy_contract(owner.file, owner.rpc, OWNER)
    assert owner.client().owner() == OWNER.address
    assert not note.exists()
    owner.file.write_text(TEXT)
    note.write_text("nonsense")
    with pytest.raises(NetworkError, match="damaged"):
        deploy_contract(owner.file, owner.rpc, OWNER)


def test_what_an_interrupted_run_left_out_is_done_by_the_next(owner: Owner) -> None:
    network = deploy_contract(owner.file, owner.rpc, OWNER)
    enrol_members(owner.client(), MEMBERS[:1])
    sent = owner.nonce
    assert deploy_contract(owner.file, owner.rpc, OWNER) == network
    assert announce_policies(network, owner.client(), allow_unisolated=True) == ["matching_24_7"]
    assert announce_policies(network, owner.client(), allow_unisolated=True) == []
    enrol_members(owner.client(), MEMBERS)
    enrol_members(owner.client(), MEMBERS)
    assert owner.nonce == sent + 1 + 2
    assert [owner.client().index_of(member.worker) for member in MEMBERS] == [0, 1, 2]


def test_a_policy_that_differs_from_the_announced_one_is_an_error(deployed: Owner) -> None:
    deployed.file.write_text(deployed.file.read_text().replace('"5m"', '"6m"'))
    code, _, err = deployed.call("deploy")
    assert code == 2
    assert "not the one announced as version 1" in err
    assert str(deployed.file) in err
    assert "hint: `worknet network policy`" in err


def test_a_new_version_needs_a_change_and_a_start_to_come(deployed: Owner) -> None:
    sent = deployed.nonce
    code, _, err = deployed.call("policy", "matching_24_7")
    assert code == 2
    assert "version 1 as it was announced" in err
    later = deployed.file.read_text().replace('"5m"', '"6m"')
    deployed.file.write_text(later)
    code, _, err = deployed.call("policy", "matching_24_7")
    assert code == 2
    assert re.search(
        r"network\.toml, line \d+: workflows\.matching_24_7\.policy\.start: 2026-01-01T00:00:00Z", err
    )
    assert deployed.nonce == sent

    head = deployed.rpc.header()
    assert head is not None
    future = time_text(head.time + 3600)
    deployed.file.write_text(later.replace("2026-01-01T00:00:00Z", future))
    words = ["policy", str(deployed.file), "matching_24_7", "--rpc", deployed.url, "--allow-unisolated"]
    code, out, err = deployed.run(*words, "--calldata", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    code, out, err = deployed.call("policy", "matching_24_7")
    assert (code, err) == (0, "")
    [announced] = deployed.rpc.request("eth_getBlockByNumber", "latest", True)["transactions"]
    assert (announced["to"].lower(), announced["input"]) == (shown["target"], shown["data"])
    assert out.splitlines() == [
        "announced version 2 of the policy of matching_24_7",
        f"  start: 2026-01-01T00:00:00Z -> {future}",
        "  cast_window: 300 -> 360",
        "  reveal_window: 300 -> 360",
    ]
    client = deployed.client()
    assert client.policy_count(workflow_id("matching_24_7")) == 2
    [workflow] = deployed.show()["workflows"]
    assert [version["start"] for version in workflow["versions"]] == ["2026-01-01T00:00:00Z", future]


def test_members_come_and_go_and_come_back(deployed: Owner) -> None:
    def options(member: NewMember) -> list[str]:
        found = ["--operator", f"0x{member.operator.hex()}", "--worker", f"0x{member.worker.hex().upper()}"]
        return [*found, "--encryption-key", f"0x{member.encryption_key.hex()}"]

    first, second = MEMBERS[:2]
    code, out, err = deployed.call("enrol", *options(first))
    assert (code, out, err) == (0, f"enrolled 0x{first.worker.hex()} with index 0, active\n", "")
    assert deployed.call("enrol", *options(second), "--role", "standby")[0] == 0
    code, _, err = deployed.call("enrol", *options(first))
    assert (code, "enrolled already, with index 0" in err) == (2, True)
    code, _, err = deployed.call("remove", "7")
    assert (code, "index 7" in err, "enrolled are 0, 1" in err) == (2, True, True)
    assert deployed.call("remove", "0")[0] == 0
    assert deployed.call("remove", "0")[0] == 2
    members = deployed.show()["members"]
    assert [member["role"] for member in members] == ["none", "standby"]
    assert members[0]["encryption_key"] == f"0x{first.encryption_key.hex()}"
    assert deployed.call("enrol", *options(first))[1].startswith(
        f"enrolled 0x{first.worker.hex()} with index 0"
    )


def test_a_key_that_is_not_the_owners_sends_nothing(deployed: Owner) -> None:
    sent = deployed.rpc.nonce(STRANGER.address)
    for command in (["remove", "0"], ["deploy"]):
        code, _, err = deployed.call(*command, key="stranger")
        assert code == 2
        assert f"the key is that of 0x{STRANGER.address.hex()}" in err
    assert deployed.rpc.nonce(STRANGER.address) == sent


def test_a_network_is_shown_to_anybody(deployed: Owner) -> None:
    code, out, err = deployed.run("show", str(deployed.file), "--rpc", deployed.url)
    assert (code, err) == (0, "")
    assert f"owner      0x{OWNER.address.hex()}" in out
    assert "workflow   matching_24_7" in out
    shown = deployed.show()
    assert (shown["votings"], shown["log_size"], shown["confirmations"]) == (0, 0, 0)


def test_another_chain_is_noticed_before_anything_is_signed(owner: Owner) -> None:
    owner.file.write_text(TEXT.replace("31337", "73799\nconfirmations = 6"))
    sent = owner.nonce
    code, _, err = owner.call("deploy")
    assert code == 2
    assert "network.toml, line 3: network.chain_id:" in err
    assert "is for chain id 31337, but chain id 73799 is configured" in err
    assert owner.nonce == sent


def test_an_address_without_a_contract_is_named_with_its_key(deployed: Owner) -> None:
    text = re.sub('contract = "0x.*"', f'contract = "0x{"12" * 20}"', deployed.file.read_text())
    deployed.file.write_text(text)
    for command in (["show"], ["remove", "0"]):
        key = [] if command == ["show"] else deployed.key()
        code, _, err = deployed.run(command[0], str(deployed.file), *command[1:], "--rpc", deployed.url, *key)
        assert code == 2
        assert re.search(r"network\.toml, line \d+: network\.contract: there is no contract at 0x1212", err)


def test_a_pool_that_was_cut_off_before_it_was_written_down_is_found_again(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    deploy_contract(owner.file, owner.rpc, OWNER)
    with monkeypatch.context() as patched:
        patched.setattr(establish, "fill_in", killed)
        with pytest.raises(KeyboardInterrupt):
            deploy_pool_contract(owner.file, owner.rpc, OWNER)
    sent = owner.nonce
    network = deploy_pool_contract(owner.file, owner.rpc, OWNER)
    assert owner.nonce == sent
    PoolClient(owner.client(), network.pool()).check()
    assert not (owner.folder / "network.toml.deploying").exists()


def test_amounts_of_the_file_are_set_once_and_others_are_an_error(owner: Owner) -> None:
    owner.file.write_text(TEXT + '\n[rewards]\nperiod = "1d"\nbase = "0.5"\n')
    code, out, err = owner.call("deploy")
    assert (code, err) == (0, "")
    assert "set the amounts per period, from the next period on" in out.splitlines()
    assert owner.client().reward_period() == 86_400
    sent = owner.nonce
    assert owner.call("deploy")[0] == 0
    text = owner.file.read_text()
    owner.file.write_text(text.replace('"0.5"', '"0.7"'))
    code, _, err = owner.call("deploy")
    assert (code, "the pool pays 0.5 and 0 per period" in err, "network rewards" in err) == (2, True, True)
    owner.file.write_text(text.replace('"1d"', '"2d"'))
    code, _, err = owner.call("deploy")
    assert (code, "rewards.period: is 172800 s" in err, "86400 s for ever" in err) == (2, True, True)
    assert owner.nonce == sent


def test_a_new_network_continues_the_log_of_a_paused_one(deployed: Owner) -> None:
    old = deployed.folder / "old.toml"
    old.write_text(deployed.file.read_text())
    before = deployed.client()
    more = ["--continues", str(old), "--old-rpc", deployed.url]
    deployed.file.write_text(TEXT)
    code, _, err = deployed.call("deploy", *more)
    assert (code, "votings may still open in the old network" in err) == (2, True)
    before.wait(before.pause_opening(True))
    code, out, err = deployed.call("deploy", *more)
    assert (code, err) == (0, "")
    assert f"its log continues 0:0x{before.root().hex()}" in out
    shown = deployed.show()
    assert shown["moved"] == {
        "chain_id": DEVELOPMENT_CHAIN_ID,
        "contract": f"0x{before.contract.hex()}",
        "size": 0,
        "root": f"0x{before.root().hex()}",
    }
    assert (shown["log_size"], shown["owner"]) == (1, f"0x{OWNER.address.hex()}")
    assert deployed.call("deploy", *more)[0] == 0
    deployed.file.write_text(old.read_text())
    code, _, err = deployed.call("deploy", *more)
    assert (code, "continues no other log" in err) == (2, True)
