"""Data keys by epoch: the operator adds one while the worker runs, and is told when one is missing."""

from pathlib import Path

import pytest
from tests.logs import logged
from tests.unit.config.conftest import NETWORK, NODE

from worknet.config import ConfigError, NodeConfig
from worknet.node import data_keys
from worknet.node.data_keys import DataKeys

LINE = '1 = { file = "data-key-1" }'


@pytest.fixture
def node_file(tmp_path: Path) -> Path:
    (tmp_path / "network.toml").write_text(NETWORK)
    (tmp_path / "node.toml").write_text(NODE)
    put(tmp_path, 1)
    return tmp_path / "node.toml"


def put(folder: Path, epoch: int) -> None:
    file = folder / f"data-key-{epoch}"
    file.write_text(f"{epoch:064x}")
    file.chmod(0o600)


def test_a_new_epoch_s_key_is_found_without_a_restart(node_file: Path) -> None:
    keys = DataKeys(NodeConfig.load(node_file))
    assert keys(1) == bytes(31) + b"\x01"
    node_file.write_text(NODE.replace(LINE, f'{LINE}\n2 = {{ file = "data-key-2" }}'))
    put(node_file.parent, 2)
    assert keys(2) == bytes(31) + b"\x02"
    assert keys(1) == bytes(31) + b"\x01"


def test_a_missing_key_is_told_once_and_again_when_it_is_there(node_file: Path) -> None:
    keys = DataKeys(NodeConfig.load(node_file))
    with logged(data_keys) as told:
        for _ in range(2):
            with pytest.raises(ConfigError, match=r"data_keys\.2: is missing"):
                keys(2)
        node_file.write_text(NODE.replace(LINE, f'{LINE}\n2 = {{ file = "data-key-2" }}'))
        with pytest.raises(ConfigError, match="data-key-2 cannot be read"):
            keys(2)
        put(node_file.parent, 2)
        keys(2)
        keys(2)
    assert [(line["event"], line["epoch"]) for line in told] == [
        ("data_key.missing", 2),
        ("data_key.found", 2),
    ]
    assert told[0]["hint"] == '2 = { file = "..." }'


def test_a_file_that_is_half_written_now_costs_no_key_that_was_there(node_file: Path) -> None:
    keys = DataKeys(NodeConfig.load(node_file))
    node_file.write_text(NODE[: len(NODE) // 2])
    with pytest.raises(ConfigError):
        keys(2)
    assert keys(1) == bytes(31) + b"\x01"


def test_keys_are_not_kept(node_file: Path) -> None:
    keys = DataKeys(NodeConfig.load(node_file))
    keys(1)
    (node_file.parent / "data-key-1").write_text("ab" * 32)
    assert keys(1) == b"\xab" * 32
    assert "abab" not in repr(vars(keys))
