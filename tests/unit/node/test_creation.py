"""A new worker's folder: keys that open, a node.toml that loads, and what cannot be made."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from worknet.chain.signers import open_keystore
from worknet.cli import main
from worknet.config import NodeConfig
from worknet.config.errors import ConfigError
from worknet.node.creation import create_node
from worknet.node.errors import NodeError
from worknet.workflow import WorkflowError, runtime

CODE = b"""
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]

@workflow(name="doubled", trigger=Every(3600), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters) -> Result:
    return Result({"out": meters})
"""
NETWORK = f"""\
[network]
name = "test"
chain_id = 31337

[workflows.doubled]
folder = "doubled"

[workflows.doubled.policy]
cast_window = "5m"
reveal_window = "5m"
stall = "1h"
data_key_epoch = 3
data_key_commitment = "0x{"11" * 32}"
"""
RPC = "https://rpc.example/a-token"
OPERATOR = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    folder = tmp_path / "doubled"
    folder.mkdir()
    (folder / "workflow.py").write_bytes(CODE)
    (folder / "runtime.json").write_bytes(runtime.lock())
    file = tmp_path / "network.toml"
    file.write_text(NETWORK)
    return file


def test_the_key_opens_and_the_configuration_loads(network: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nodes" / "alpha"
    made = create_node(folder, "alpha", network, RPC, allow_unisolated=True)
    config = NodeConfig.load(folder / "node.toml")
    assert open_keystore(config.key.keystore, config.key.password.resolve(), 31337).address == made.address
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex((folder / "encryption-key").read_text()))
    assert key.public_key().public_bytes_raw() == made.encryption_key
    assert config.load_network().file.resolve() == network
    assert config.chain.rpc[0].value == RPC
    assert config.node.allow_unisolated
    assert list(config.workflows["doubled"].datasets) == ["meters"]
    assert made.data_keys == (folder / "data-key-3",)
    assert not made.data_keys[0].exists()


def test_nobody_else_can_read_what_was_made(network: Path, tmp_path: Path) -> None:
    create_node(tmp_path / "alpha", "alpha", network, RPC, allow_unisolated=True)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "alpha").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "alpha").stat().st_mode) == 0o700


def test_keys_are_never_overwritten(network: Path, tmp_path: Path) -> None:
    (tmp_path / "alpha").mkdir()
    (tmp_path / "alpha" / "worker.json").write_text("a key")
    with pytest.raises(NodeError, match="is not empty"):
        create_node(tmp_path / "alpha", "alpha", network, RPC, allow_unisolated=True)
    assert (tmp_path / "alpha" / "worker.json").read_text() == "a key"


@pytest.mark.parametrize(
    ("name", "rpc", "key"),
    [
        ("two words", RPC, "node.name"),
        ('a"\nb', RPC, "node.name"),
        ("alpha", "ftp://user:secret@host", "chain.rpc"),
    ],
)
def test_what_cannot_stand_in_a_node_toml_is_told_and_leaves_no_key(
    network: Path, tmp_path: Path, name: str, rpc: str, key: str
) -> None:
    with pytest.raises(ConfigError, match=key) as caught:
        create_node(tmp_path / "alpha", name, network, rpc, allow_unisolated=True)
    assert "secret" not in str(caught.value)
    assert list((tmp_path / "alpha").iterdir()) == []


def test_a_workflow_that_is_not_there_is_told(network: Path, tmp_path: Path) -> None:
    (tmp_path / "doubled" / "workflow.py").unlink()
    with pytest.raises(WorkflowError, match="doubled"):
        create_node(tmp_path / "alpha", "alpha", network, RPC, allow_unisolated=True)


def test_the_command_tells_what_the_owner_needs(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--name", "alpha", "--network", str(network), "--rpc", RPC, "--allow-unisolated"]
    with pytest.raises(SystemExit) as caught:
        main.run(["node", "init", str(tmp_path / "alpha"), *options, "--operator", OPERATOR, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert caught.value.code == 0
    assert told["operator"] == OPERATOR.lower()
    assert (len(told["worker"]), len(told["encryption_key"])) == (42, 66)
    with pytest.raises(SystemExit) as caught:
        main.run(["node", "init", str(tmp_path / "beta"), *options, "--operator", OPERATOR])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert f"worknet network enrol network.toml --operator {OPERATOR.lower()} --worker 0x" in text
    assert "a-token" not in text


def test_an_operator_that_is_no_address_is_refused(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--name", "alpha", "--network", str(network), "--rpc", RPC, "--operator", "0x12"]
    with pytest.raises(SystemExit) as caught:
        main.run(["node", "init", str(tmp_path / "alpha"), *options])
    assert caught.value.code == 2
    assert "error: --operator 0x12: no address" in capsys.readouterr().err
    assert not (tmp_path / "alpha").exists()


@pytest.mark.parametrize(
    ("trigger", "source"),
    [
        ('OnMessage("ready", key="id")', "nats"),
        ('OnWebhook("ordered")', "webhook"),
        ('OnPoll("listed", key="id")', "http"),
        ('OnLog("moved", event="Moved(string id)")', "log"),
    ],
)
def test_a_workflow_of_events_gets_a_section_for_its_trigger_and_a_file_for_the_trigger_key(
    network: Path, tmp_path: Path, trigger: str, source: str
) -> None:
    code = CODE.replace(b"Every(3600)", trigger.encode()).replace(b'"meters"', b'"event"')
    code = code.replace(b"meters", b"event").replace(b", Every,", b", OnLog, OnMessage, OnPoll, OnWebhook,")
    (tmp_path / "doubled" / "workflow.py").write_bytes(code)
    made = create_node(tmp_path / "alpha", "alpha", network, RPC, allow_unisolated=True)
    config = NodeConfig.load(tmp_path / "alpha" / "node.toml")
    section = config.workflows["doubled"]
    assert section.trigger is not None
    assert (section.trigger.source, dict(section.datasets)) == (source, {})
    assert made.trigger_key == tmp_path / "alpha" / "trigger-key"
    assert config.node.trigger_key is not None
