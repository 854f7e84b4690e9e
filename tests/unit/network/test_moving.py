"""A log is continued only from a head after which nothing can come."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.deployment import deploy
from worknet.chain.errors import IndexMismatchError
from worknet.chain.rpc import Rpc
from worknet.config.network import NetworkConfig
from worknet.network import moving
from worknet.network.errors import NetworkError
from worknet.network.moving import open_predecessor, predecessor_of


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path / "chain")
    yield network
    network.store.close()


@pytest.fixture
def old(tmp_path: Path, network: Network) -> NetworkConfig:
    file = tmp_path / "old.toml"
    contract, block = network.deployment.contract.hex(), network.deployment.block
    lines = ["[network]", 'name = "old"', "chain_id = 31337", f'contract = "0x{contract}"']
    file.write_text("\n".join([*lines, f"deployed_block = {block}", ""]))
    return NetworkConfig.load(file)


def bury(network: Network) -> None:
    """Makes all blocks so far deep enough to count."""
    for _ in range(2):
        network.pass_time(1)


def test_the_head_of_a_paused_network_is_continued(network: Network, old: NetworkConfig) -> None:
    network.vote(0)
    network.owner.pause_opening(True)
    bury(network)
    previous = predecessor_of(old, network.rpc)
    assert (previous.contract, previous.size) == (network.deployment.contract, 1)
    assert previous.root == network.owner.root()
    new = deploy(network.rpc, network.signers[3], 2, network.PERIOD, previous)
    assert new.contract != previous.contract


def test_a_pause_that_is_not_deep_enough_does_not_count(network: Network, old: NetworkConfig) -> None:
    network.owner.pause_opening(True)
    with pytest.raises(NetworkError, match="may still open") as caught:
        predecessor_of(old, network.rpc)
    assert "worknet network pause" in caught.value.hint


def test_votings_that_go_on_hold_the_move_up(network: Network, old: NetworkConfig) -> None:
    network.seal(0, 0)
    network.owner.pause_opening(True)
    bury(network)
    with pytest.raises(NetworkError, match=r"still go on in the old network \(1\)"):
        predecessor_of(old, network.rpc)


def test_events_that_do_not_lead_to_the_head_are_not_continued(
    network: Network, old: NetworkConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.vote(0)
    network.owner.pause_opening(True)
    bury(network)
    logs = Rpc.logs

    def without_votings(rpc: Rpc, address: bytes, first: int, last: int, *topics: object) -> object:
        return [log for log in logs(rpc, address, first, last) if log.topics[1:2] != (network.voting_id(0),)]

    monkeypatch.setattr(Rpc, "logs", without_votings)
    with pytest.raises(IndexMismatchError, match="the contract's log has 1 leaves"):
        predecessor_of(old, network.rpc)


@pytest.mark.parametrize(
    ("chain_id", "old_rpc", "asked"),
    [
        (31337, None, "http://new"),
        (31337, "http://old", "http://old"),
        (246, None, None),
        (246, "http://old", "http://old"),
    ],
)
def test_an_old_network_on_the_same_chain_is_looked_at_through_the_same_rpc(
    old: NetworkConfig,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    chain_id: int,
    old_rpc: str | None,
    asked: str | None,
) -> None:
    urls: list[str | None] = []

    def connect(_: NetworkConfig, url: str | None) -> Rpc:
        urls.append(url)
        return network.rpc

    monkeypatch.setattr(moving, "connect", connect)
    file = old.file.with_name("new.toml")
    file.write_text(f'[network]\nname = "new"\nchain_id = {chain_id}\n')
    found, _ = open_predecessor(NetworkConfig.load(file), "http://new", old.file, old_rpc)
    assert (found.file, urls) == (old.file, [asked])


def test_an_old_network_without_an_rpc_is_told_with_its_file_and_option(old: NetworkConfig) -> None:
    with pytest.raises(NetworkError, match=r"old\.toml: no public RPC of chain id 31337") as caught:
        open_predecessor(old, None, old.file, None)
    assert str(old.file) in caught.value.hint
    assert "--old-rpc" in caught.value.hint
