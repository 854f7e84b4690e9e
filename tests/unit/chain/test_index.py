"""The event index against a chain in this process: catching up, forks, truth, reads."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain import catch_up
from worknet.chain.answers import Log
from worknet.chain.client import NetworkClient
from worknet.chain.development.store import BlockStore
from worknet.chain.errors import (
    ChainError,
    IndexMismatchError,
    RpcRefusedError,
    WrongChainError,
    WrongNetworkError,
)
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.protocol import merkle, trees
from worknet.protocol.voting import Opened, Revealed, Sealed, State
from worknet.protocol.words import How


@pytest.fixture
def index(network: Network, tmp_path: Path) -> Iterator[NetworkIndex]:
    index = NetworkIndex(tmp_path / "index.sqlite", network.owner, network.deployment.block)
    yield index
    index.close()


def test_members_and_policies_are_as_announced(network: Network, index: NetworkIndex) -> None:
    network.owner.remove(1)
    start = network.now + 10**6
    network.owner.announce(network.WORKFLOW, network.policy(start=start))
    index.sync()
    members = index.members()
    assert [member.role for member in members] == [Role.ACTIVE, Role.NONE, Role.ACTIVE]
    assert members[1].operator == b"\xa1" * 20
    assert members[2].encryption_key == b"\xe2" * 32
    first, second = index.policies(network.WORKFLOW)
    assert (first.version, first.policy, first.policy_hash) == (1, network.policy(), network.policy().hash())
    assert (second.version, second.policy.start) == (2, start)
    assert index.workflows() == [network.WORKFLOW]
    assert index.policies(bytes(32)) == []
    with pytest.raises(ChainError, match="version 9"):
        index.policy(network.WORKFLOW, 9)


def test_members_are_told_as_they_were_when_a_ballot_came(network: Network, index: NetworkIndex) -> None:
    network.seal(0, 0)
    network.seal(0, 1)
    network.owner.remove(1)
    network.owner.enrol(b"\xa1" * 20, network.signers[1].address, Role.STANDBY, b"\x55" * 32)
    network.pass_time(300)
    network.reveal(0, 0, 1)
    index.sync()
    moments = index.ballot_moments(network.voting_id(0), 1)
    assert sorted(moments) == [0, 1]
    assert moments[0] < moments[1] < (index.block(), 0)
    assert index.ballot_moments(network.voting_id(0), 2) == {}
    then = index.members(before=moments[1])
    assert [member.worker for member in then] == [signer.address for signer in network.signers[:3]]
    assert (then[1].role, then[1].encryption_key) == (Role.ACTIVE, b"\xe1" * 32)
    now = index.members()[1]
    assert (now.role, now.encryption_key) == (Role.STANDBY, b"\x55" * 32)
    assert index.members(before=(0, 0)) == []


def test_the_facts_fold_to_what_the_contract_shows(network: Network, index: NetworkIndex) -> None:
    def compare(slot: int) -> State:
        index.sync()
        view = network.owner.voting(network.WORKFLOW, network.trigger(slot))
        folded = index.voting(network.voting_id(slot), now=network.now)
        assert folded is not None
        assert (folded.state, folded.closed, folded.current.number) == (view.state, view.closed, view.attempt)
        assert (folded.current.members, folded.current.needed) == (view.members, view.needed)
        if folded.state in {State.REVEALING, State.CONSENSUS}:
            assert sum(1 << worker for worker in folded.current.ballots) == view.ballots
        return folded.state

    states = []
    for step in steps(network):
        step()
        states.append(compare(0))
    assert states == [
        State.CASTING,
        State.CASTING,
        State.REVEALING,
        State.REVEALING,
        State.PENDING,
        State.CASTING,
        State.CASTING,
        State.REVEALING,
        State.REVEALING,
        State.CONSENSUS,
        State.CONSENSUS,
    ]


def steps(network: Network) -> list[Callable[[], object]]:
    """A voting that fails once, by a disagreement and a missing worker, and comes to consensus then."""
    return [
        lambda: network.seal(0, 0),
        lambda: network.seal(0, 1, network.OTHER),
        lambda: network.pass_time(300),
        lambda: network.reveal(0, 0),
        lambda: network.reveal(0, 1, pair=network.OTHER),
        lambda: network.seal(0, 0, attempt=2),
        lambda: network.seal(0, 1, attempt=2),
        lambda: network.seal(0, 2, attempt=2),
        lambda: network.reveal(0, 2, attempt=2),
        lambda: network.reveal(0, 0, 1, attempt=2),
        lambda: network.pass_time(1),
    ]


def test_facts_are_told_up_to_a_block(network: Network, index: NetworkIndex) -> None:
    network.seal(0, 0)
    block = network.rpc.block_number()
    network.seal(0, 1)
    network.seal(0, 2)
    network.reveal(0, 0, 1, 2)
    index.sync()
    kinds = [type(fact) for fact in index.facts(network.voting_id(0))]
    assert kinds == [Opened, Sealed, Sealed, Sealed, Revealed]
    assert [type(fact) for fact in index.facts(network.voting_id(0), last=block)] == [Opened, Sealed]
    early = index.voting(network.voting_id(0), last=block)
    assert early is not None
    assert early.state is State.CASTING
    assert index.voting(network.voting_id(0), last=block - 1) is None
    assert index.voting(network.voting_id(9)) is None
    assert index.has_ended(network.voting_id(0))
    assert not index.has_ended(network.voting_id(0), last=block)


def test_records_and_leaves_prove_against_the_contracts_root(network: Network, index: NetworkIndex) -> None:
    for slot in range(5):
        network.vote(slot)
    index.sync()
    index.check_log()
    leaves = index.leaves()
    assert merkle.root(leaves) == network.owner.root()
    assert index.log_size() == len(leaves) == 5
    found = index.record_at(3)
    assert found == index.record_of(network.voting_id(3))
    assert found is not None
    assert found.record.leaf() == found.leaf == leaves[3]
    assert found.record.leaf_hash() == network.owner.record(network.voting_id(3))
    assert (found.record.how, found.record.voters, found.record.pair) == (How.QUORUM, 0b111, network.PAIR)
    merkle.verify_inclusion(leaves[3], 3, 5, trees.inclusion(leaves, 3), network.owner.root())
    assert index.record_at(5) is None


def test_leaves_are_told_with_the_hashes_of_their_blocks(network: Network, index: NetworkIndex) -> None:
    for slot in range(3):
        network.vote(slot)
    index.sync()
    records = [index.record_at(position) for position in (1, 2)]
    headers = [network.rpc.header(each.block) for each in records if each is not None]
    hashes = [header.hash for header in headers if header is not None]
    assert index.leaves_from(1) == list(zip(index.leaves()[1:], hashes, strict=True))


def test_votings_are_listed_by_workflow_and_state_in_pages(network: Network, index: NetworkIndex) -> None:
    for slot in range(4):
        network.vote(slot)
    network.seal(4, 0)
    network.pass_time(2000)
    network.seal(5, 0)
    index.sync()
    now = network.now

    def listed(**wanted: Any) -> list[bytes]:
        return [found.voting_id for found in index.votings(now=now, **wanted)]

    every = [network.voting_id(slot) for slot in range(6)]
    assert listed() == listed(workflow_ids=[bytes(32), network.WORKFLOW]) == every
    assert listed(workflow_ids=[bytes(32)]) == listed(workflow_ids=[]) == []
    assert listed(workflow_ids=[network.WORKFLOW], state=State.CONSENSUS) == every[:4]
    assert listed(state=State.CONSENSUS) == every[:4]
    assert listed(state=State.CONSENSUS, limit=2, offset=1) == every[1:3]
    assert listed(state=State.UNRESOLVED) == [every[4]]
    assert listed(state=State.CASTING) == [every[5]]
    assert listed(state=State.REVEALING) == []
    assert listed(limit=2, offset=3) == every[3:5]
    first = index.votings(now=now, limit=1)[0]
    assert (first.position, first.trigger_id) == (0, network.trigger(0))
    assert first.voting == index.voting(network.voting_id(0), now=now)


def test_an_index_catches_up_after_downtime_from_where_it_was(
    network: Network, index: NetworkIndex, tmp_path: Path
) -> None:
    network.vote(0)
    first = index.sync()
    index.close()
    network.vote(1)
    network.vote(2)
    again = NetworkIndex(tmp_path / "index.sqlite", network.owner)
    assert again.block() == first.block
    network.rpc.asked.clear()
    second = again.sync()
    assert second.forked_at is None
    assert second.events == 2 * (second.events // 2) > 0
    assert again.log_size() == 3
    again.check_log()
    network.rpc.asked.clear()
    assert again.sync().events == 0
    assert "eth_getLogs" not in network.rpc.asked
    again.close()


def test_two_processes_on_one_index_do_not_store_events_twice(
    network: Network, index: NetworkIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.vote(0)
    beside = NetworkIndex(tmp_path / "index.sqlite", network.owner)
    ask = network.owner.rpc.logs

    def ask_while_the_other_is_quicker(*arguments: Any, **options: Any) -> list[Log]:
        monkeypatch.setattr(network.owner.rpc, "logs", ask)
        beside.sync()
        return ask(*arguments, **options)

    monkeypatch.setattr(network.owner.rpc, "logs", ask_while_the_other_is_quicker)
    assert index.sync().block == network.rpc.block_number()
    assert index.log_size() == 1
    index.check_log()
    beside.close()


def test_an_index_stops_at_the_block_asked_for(network: Network, index: NetworkIndex) -> None:
    network.vote(0)
    middle = network.rpc.block_number()
    network.vote(1)
    assert index.sync(last=middle).block == middle
    assert index.log_size() == 1
    index.check_log()
    assert index.sync().block == network.rpc.block_number()
    assert index.log_size(last=middle) == 1
    assert index.log_size() == 2


def test_a_range_that_is_refused_is_halved(
    network: Network, index: NetworkIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worknet.chain.development.methods.LOG_LIMIT", 4)
    for slot in range(3):
        network.vote(slot)
    network.rpc.request("evm_mine", 300)
    reached: list[int] = []
    index.sync(on_progress=lambda block, _: reached.append(block))
    assert len(reached) > 2
    index.check_log()
    assert index.log_size() == 3


def test_a_block_whose_logs_are_refused_is_an_error(
    network: Network, index: NetworkIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worknet.chain.development.methods.LOG_LIMIT", 0)
    with pytest.raises(RpcRefusedError):
        index.sync()


def fork(network: Network, blocks: int, folder: Path) -> None:
    """Swap the chain for one that shares only its first blocks."""
    store = BlockStore(folder)
    genesis = network.store.genesis()
    assert genesis is not None
    store.begin(genesis)
    for block in islice(network.store.blocks(), blocks):
        store.append(block)
    network.store.close()
    network.store = store
    network.rpc.methods = network.open(store)


def test_a_reorganisation_is_undone_to_the_fork(
    network: Network, index: NetworkIndex, tmp_path: Path
) -> None:
    network.vote(0)
    common = network.rpc.block_number()
    network.vote(1)
    network.vote(2)
    before = index.sync()
    (tmp_path / "fork").mkdir()
    fork(network, common, tmp_path / "fork")
    network.pass_time(5)
    network.vote(3)
    network.rpc.request("evm_mine", before.block)
    synced = index.sync()
    assert synced.forked_at == common
    index.check_log()
    assert index.log_size() == 2
    assert index.record_of(network.voting_id(1)) is None
    assert index.record_at(1) == index.record_of(network.voting_id(3))
    listed = [found.voting_id for found in index.votings(now=network.now)]
    assert listed == [network.voting_id(0), network.voting_id(3)]


def test_a_fork_before_everything_starts_the_index_anew(
    network: Network, index: NetworkIndex, tmp_path: Path
) -> None:
    network.vote(0)
    index.sync()
    (tmp_path / "fork").mkdir()
    fork(network, 0, tmp_path / "fork")
    network.rpc.request("evm_mine", 50)
    synced = index.sync()
    assert synced.forked_at == network.deployment.block - 1
    assert (index.members(), index.log_size()) == ([], 0)


def test_a_node_that_lags_behind_undoes_nothing(
    network: Network, index: NetworkIndex, tmp_path: Path
) -> None:
    network.vote(0)
    behind = network.rpc.block_number()
    network.vote(1)
    before = index.sync()
    (tmp_path / "behind").mkdir()
    fork(network, behind, tmp_path / "behind")
    synced = index.sync()
    assert (synced.forked_at, synced.block) == (None, before.block)
    assert index.log_size() == 2


def test_an_index_of_another_network_is_refused(
    network: Network, index: NetworkIndex, tmp_path: Path
) -> None:
    index.sync()
    other = NetworkClient(network.rpc, b"\x99" * 20)
    with pytest.raises(WrongNetworkError, match="99" * 20) as caught:
        NetworkIndex(tmp_path / "index.sqlite", other)
    assert network.deployment.contract.hex() in str(caught.value)
    assert caught.value.hint
    network.rpc.chain_id = 246
    with pytest.raises(WrongNetworkError, match="246"):
        NetworkIndex(tmp_path / "index.sqlite", network.owner)
    network.rpc.chain_id = DEVELOPMENT_CHAIN_ID


def test_a_chain_with_another_id_is_not_indexed(network: Network, tmp_path: Path) -> None:
    network.rpc.chain_id = 246
    network.rpc._checked = False
    index = NetworkIndex(tmp_path / "other.sqlite", network.owner)
    with pytest.raises(WrongChainError):
        index.sync()
    index.close()


def test_a_file_that_is_no_index_is_refused(network: Network, tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(ChainError, match=r"index\.sqlite"):
        NetworkIndex(tmp_path / "index.sqlite", network.owner)


def test_a_start_that_the_chain_has_not_reached_is_named(network: Network, tmp_path: Path) -> None:
    index = NetworkIndex(tmp_path / "late.sqlite", network.owner, start_block=10**6)
    with pytest.raises(ChainError, match="1000000"):
        index.sync()
    index.close()


def test_an_index_that_starts_too_late_says_so(network: Network, tmp_path: Path) -> None:
    for worker in range(3):
        network.seal(0, worker)
    late = network.rpc.block_number() + 1
    network.reveal(0, 0, 1, 2)
    index = NetworkIndex(tmp_path / "late.sqlite", network.owner, start_block=late)
    with pytest.raises(IndexMismatchError, match="never opened"):
        index.sync()
    index.close()


def lie(network: Network, monkeypatch: pytest.MonkeyPatch, change: Callable[[list[Log]], list[Log]]) -> None:
    """Let the RPC give other logs than the chain's."""
    honest = network.rpc.logs
    monkeypatch.setattr(network.rpc, "logs", lambda *wanted: change(honest(*wanted)))


def test_an_rpc_that_leaves_out_a_record_is_found_out(
    network: Network, index: NetworkIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.vote(0)
    network.vote(1)
    last = network.rpc.block_number()
    lie(network, monkeypatch, lambda logs: [log for log in logs if log.block != last])
    index.sync()
    with pytest.raises(IndexMismatchError, match="2 leaves"):
        index.check_log()


def test_an_rpc_that_alters_an_event_is_found_out(
    network: Network, index: NetworkIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.vote(0)

    def altered(logs: list[Log]) -> list[Log]:
        changed = []
        for log in logs:
            data = log.data.replace(network.PAIR.result_root, network.OTHER.result_root)
            changed.append(Log(**{**vars(log), "data": data}))
        return changed

    lie(network, monkeypatch, altered)
    index.sync()
    with pytest.raises(IndexMismatchError, match="position 0") as caught:
        index.check_log()
    assert network.owner.root().hex() in str(caught.value)


def test_an_rpc_whose_hashes_contradict_each_other_is_given_up(
    network: Network, index: NetworkIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie(network, monkeypatch, lambda logs: [Log(**{**vars(log), "block_hash": bytes(32)}) for log in logs])
    with pytest.raises(ChainError, match="under a hash"):
        index.sync()


def test_checkpoints_do_not_pile_up(network: Network, index: NetworkIndex) -> None:
    for _ in range(3):
        for _ in range(50):
            network.rpc.request("evm_mine")
            index.sync()
    assert len(list(index._store.blocks_from(10**9))) < 100
    assert catch_up.LARGEST_RANGE > 100
