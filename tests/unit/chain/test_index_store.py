"""The index on disk: which files it takes, and logs that begin with the leaf of a network that moved."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Predecessor, deploy
from worknet.chain.errors import ChainError, WrongNetworkError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.index_store import FORMAT, IndexStore
from worknet.protocol import merkle
from worknet.protocol.ballots import Place, seal
from worknet.protocol.words import moved_leaf

BEFORE = Predecessor(246, b"\x09" * 20, 17, b"\x08" * 32)


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as database:
        return {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_file_in_an_older_format_is_refused_and_left_as_it_is(network: Network, tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE network (format, chain_id, contract, start)")
        about = (1, network.rpc.chain_id, network.deployment.contract, 0)
        database.execute("INSERT INTO network VALUES (?, ?, ?, ?)", about)
        database.commit()
    with pytest.raises(WrongNetworkError, match=rf"format 1 .* not in format {FORMAT}"):
        NetworkIndex(file, network.owner)
    assert tables(file) == {"network"}


def test_a_full_disk_is_told_and_what_did_not_fit_is_stored_once_there_is_room(tmp_path: Path) -> None:
    store = IndexStore(tmp_path / "index.sqlite", 246, b"\1" * 20, 0)
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    blocks = [(number, number.to_bytes(32, "big")) for number in range(2000)]
    # SQLite's own limit on a file fails as a full disk does.
    for most in (pages + 1, 1 << 30):
        store._database.execute(f"PRAGMA max_page_count = {most}")
        with contextlib.suppress(ChainError), store.transaction():
            for number, digest in blocks:
                store.add_block(number, digest, number, has_logs=True)
        assert store.cursor() == (None if most < 1 << 30 else blocks[-1])
    store.close()


def test_a_file_with_the_events_of_a_pool_is_no_other_pools(network: Network, tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    NetworkIndex(file, network.owner, pool=b"\x05" * 20).close()
    NetworkIndex(file, network.owner, pool=b"\x05" * 20).close()
    for other in (None, b"\x06" * 20):
        with pytest.raises(WrongNetworkError, match="05" * 20):
            NetworkIndex(file, network.owner, pool=other)


@pytest.fixture
def moved(network: Network) -> NetworkClient:
    """A contract to which a network moved, with three workers and a policy."""
    contract = deploy(network.rpc, network.signers[3], 2, network.PERIOD, BEFORE).contract
    owner = NetworkClient(network.rpc, contract, signer=network.signers[3])
    for number in range(3):
        owner.enrol(bytes([0xA0 + number]) * 20, network.signers[number].address, Role.ACTIVE, b"\1" * 32)
    owner.announce(network.WORKFLOW, network.policy())
    return owner


@pytest.fixture
def index(moved: NetworkClient, tmp_path: Path) -> Iterator[NetworkIndex]:
    index = NetworkIndex(tmp_path / "moved.sqlite", moved)
    yield index
    index.close()


def vote(network: Network, client: NetworkClient, slot: int) -> bytes:
    """A voting that comes to consensus; its id."""
    trigger = network.trigger(slot)
    voting_id = client.voting_id(network.WORKFLOW, trigger)
    for worker in range(3):
        own = NetworkClient(network.rpc, client.contract, signer=network.signers[worker])
        where = (network.rpc.chain_id, client.contract, voting_id, 1, worker)
        sealed = seal(*where, network.PAIR, network.salt(slot, worker))
        own.seal(network.WORKFLOW, trigger, Place(1, 1, worker), sealed)
    salts = {worker: network.salt(slot, worker) for worker in range(3)}
    client.reveal(network.WORKFLOW, trigger, Place(1, 1), network.PAIR, salts)
    return voting_id


def test_the_log_of_a_network_that_moved_begins_with_the_log_before_it(
    network: Network, moved: NetworkClient, index: NetworkIndex
) -> None:
    index.sync()
    index.check_log()
    before = (BEFORE.chain_id, BEFORE.contract, BEFORE.size, BEFORE.root)
    assert index.leaves() == [moved_leaf(network.rpc.chain_id, moved.contract, *before)]
    predecessor = index.predecessor()
    assert predecessor is not None
    assert (predecessor.chain_id, predecessor.contract, predecessor.size, predecessor.root) == before


def test_a_network_that_did_not_move_has_no_predecessor(network: Network, tmp_path: Path) -> None:
    index = NetworkIndex(tmp_path / "index.sqlite", network.owner)
    index.sync()
    assert index.predecessor() is None
    index.close()


def test_records_stand_behind_the_leaf_of_the_move(
    network: Network, moved: NetworkClient, index: NetworkIndex
) -> None:
    voting_ids = [vote(network, moved, slot) for slot in range(2)]
    index.sync()
    index.check_log()
    assert index.log_size() == moved.size() == 3
    assert merkle.root(index.leaves()) == moved.root()
    assert index.record_at(0) is None
    assert [index.record_at(position) for position in (1, 2)] == [index.record_of(id_) for id_ in voting_ids]
    (listed, _) = index.votings(now=network.now)
    assert (listed.voting_id, listed.position) == (voting_ids[0], 1)
