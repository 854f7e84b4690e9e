"""`[chain]`: one RPC URL or several, and how many of them must agree."""

from pathlib import Path

import pytest

from worknet.config import ConfigError, NodeConfig

OLD = 'rpc = "http://operator:hunter2@127.0.0.1:8545/v3/hunter2"'
TWO = 'rpc = ["https://a.example/token", "https://b.example"]'


def load(node_file: Path, new: str) -> NodeConfig:
    node_file.write_text(node_file.read_text().replace(OLD, new))
    return NodeConfig.load(node_file)


def test_one_address_is_read_alone(node_file: Path) -> None:
    options = NodeConfig.load(node_file).chain.options()
    assert options["url"] == ["http://operator:hunter2@127.0.0.1:8545/v3/hunter2"]
    assert (options["quorum"], options["timeout"], options["stale_after"]) == (1, 20.0, 300.0)


def test_several_addresses_keep_their_order(node_file: Path) -> None:
    config = load(node_file, f'{TWO}\nquorum = 2\ntimeout = "5s"\nstale_after = "1m"')
    assert config.chain.options() == {
        "url": ["https://a.example/token", "https://b.example"],
        "quorum": 2,
        "timeout": 5.0,
        "stale_after": 60.0,
    }


@pytest.mark.parametrize(
    ("new", "key", "wrong"),
    [
        ("rpc = []", "chain.rpc", "has 0 addresses"),
        ("rpc = 5", "chain.rpc", "is an integer"),
        ('rpc = ["https://a.example", "ftp://hunter2"]', "chain.rpc", "address 2 is no http://"),
        ('rpc = ["https://a.example/hunter2", "https://a.example/hunter2"]', "chain.rpc", "twice"),
        (f"{TWO}\nquorum = 3", "chain", "quorum is 3 of 2 addresses"),
        (f"{TWO}\nquorum = 0", "chain.quorum", "greater than or equal to 1"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused_with_their_key(
    node_file: Path, new: str, key: str, wrong: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(node_file, new)
    assert key in str(caught.value)
    assert wrong in str(caught.value)
    assert "hunter2" not in str(caught.value)
