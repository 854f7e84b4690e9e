"""An index whose RPC makes up heads and leaves out events: what it lost is read again."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.index import NetworkIndex


@pytest.fixture
def index(network: Network, tmp_path: Path) -> NetworkIndex:
    return NetworkIndex(tmp_path / "index.sqlite", network.owner)


def lie(
    network: Network, monkeypatch: pytest.MonkeyPatch, *, ahead: int = 0, hides_logs: bool = False
) -> None:
    """From now on the RPC tells of a head that is not there, or of no events."""
    ask = network.rpc.request

    def request(method: str, *params: Any) -> Any:
        real = int(ask("eth_blockNumber"), 16)
        if method == "eth_blockNumber":
            return hex(real + ahead)
        if method == "eth_getLogs" and hides_logs:
            return []
        if method == "eth_getBlockByNumber" and params[0] != "latest" and int(params[0], 16) > real:
            block = ask(method, "latest", False)
            return block | {"number": params[0], "hash": "0x" + "ab" * 32}
        return ask(method, *params)

    monkeypatch.setattr(network.rpc, "request", request)


def test_blocks_that_a_made_up_head_hid_are_read_as_soon_as_the_head_is_true_again(
    network: Network, index: NetworkIndex
) -> None:
    index.sync()
    with pytest.MonkeyPatch.context() as patched:
        lie(network, patched, ahead=500)
        made_up = index.sync()
    network.vote(0)
    synced = index.sync()
    assert (synced.block, synced.forked_at) == (network.rpc.block_number(), made_up.block - 500)
    assert index.log_size() == 1


def test_a_node_that_lags_behind_the_index_makes_it_forget_nothing(
    network: Network, index: NetworkIndex
) -> None:
    network.vote(0)
    index.sync()
    with pytest.MonkeyPatch.context() as patched:
        lie(network, patched, ahead=-3)
        assert index.sync().forked_at is None
    assert index.log_size() == 1


def test_events_of_a_receipt_that_were_left_out_are_missed_until_they_are_read_again(
    network: Network, index: NetworkIndex
) -> None:
    index.sync()
    with pytest.MonkeyPatch.context() as patched:
        lie(network, patched, hides_logs=True)
        receipt = network.owner.wait(network.seal(0, 0))
        index.sync()
    assert index.lacks(receipt)
    index.reread(network.now - 10)
    index.sync()
    assert not index.lacks(receipt)


def test_a_receipt_above_the_index_lacks_nothing(network: Network, index: NetworkIndex) -> None:
    index.sync()
    assert not index.lacks(network.owner.wait(network.seal(0, 0)))


def test_a_block_is_held_until_a_fork_takes_it_back(network: Network, index: NetworkIndex) -> None:
    index.sync()
    newest = index.newest()
    assert newest is not None
    assert index.holds(newest)
    index.reread(0)
    assert not index.holds(newest)
