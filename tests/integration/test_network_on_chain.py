"""A network over HTTP on both development chains: votings, an index beside them, restarts in between."""

import threading
from pathlib import Path

import pytest

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import deploy
from worknet.chain.development import Engine, start
from worknet.chain.development.anvil import find_anvil
from worknet.chain.errors import RevertedError, WrongChainError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import create_keystore, open_keystore, signer_from_key
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback

needs_anvil = pytest.mark.skipif(find_anvil() is None, reason="anvil is not installed")
engines = pytest.mark.parametrize("engine", ["builtin", pytest.param("anvil", marks=needs_anvil)])

WORKFLOW = workflow_id("matching")
PAIR = Pair(b"\x0a" * 32, b"\x0b" * 32)
ETHER = 10**18
PERIOD = 86_400
SIGNERS = [signer_from_key(bytes([number]) * 32, DEVELOPMENT_CHAIN_ID) for number in (1, 2, 3, 4)]
FUNDS = {signer.address: 10 * ETHER for signer in SIGNERS}
POLICY = Policy(
    bundle_digest=b"\x01" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\x02" * 32,
    every=3600,
    delay=0,
    start=0,
    max_age=0,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=600,
    reveal_window=600,
    stall=600,
    fallback=Fallback.ALERT,
)


def salt(slot: Slot, worker: int) -> bytes:
    return slot.trigger_id[-8:] + bytes([worker]) + bytes(23)


def vote(clients: list[NetworkClient], slot: Slot) -> None:
    """All workers at once seal, then reveal, each with its own key."""
    voting_id = clients[0].voting_id(WORKFLOW, slot.trigger_id)
    chain_id, contract = clients[0].rpc.chain_id, clients[0].contract
    sent = [
        client.seal(
            WORKFLOW,
            slot.trigger_id,
            Place(1, 1, worker),
            seal(chain_id, contract, voting_id, 1, worker, PAIR, salt(slot, worker)),
        )
        for worker, client in enumerate(clients)
    ]
    for client, transaction in zip(clients, sent, strict=True):
        client.wait(transaction, timeout=30, poll=0.05)
    sent = [
        client.reveal(WORKFLOW, slot.trigger_id, Place(1, 1), PAIR, {worker: salt(slot, worker)})
        for worker, client in enumerate(clients)
    ]
    for client, transaction in zip(clients, sent, strict=True):
        client.wait(transaction, timeout=30, poll=0.05)


@engines
def test_votings_are_recorded_and_indexed_across_a_restart_of_the_chain(
    tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "chain"
    with start(folder, funds=FUNDS, engine=engine, block_time=0.2) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        deployment = deploy(rpc, SIGNERS[3], 1, PERIOD)
        owner = NetworkClient(rpc, deployment.contract, signer=SIGNERS[3])
        for number in range(3):
            owner.enrol(bytes([0xA0 + number]) * 20, SIGNERS[number].address, Role.ACTIVE, b"\x01" * 32)
        owner.wait(owner.announce(WORKFLOW, POLICY), poll=0.05)
        header = rpc.header()
        assert header is not None
        first = Slot.at(3600, header.time - 10 * 3600)
        vote([NetworkClient(rpc, deployment.contract, signer=signer) for signer in SIGNERS[:3]], first)
        index = NetworkIndex(tmp_path / "index.sqlite", owner, deployment.block)
        index.sync()
        index.check_log()
        assert [entry.voting.state for entry in index.votings(now=header.time)] == [State.CONSENSUS]
        index.close()
    with start(folder, funds=FUNDS, engine=engine, block_time=0.2) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        clients = [NetworkClient(rpc, deployment.contract, signer=signer) for signer in SIGNERS[:3]]
        for number in (1, 2):
            vote(clients, Slot(3600, first.number + number))
        index = NetworkIndex(tmp_path / "index.sqlite", clients[0], deployment.block)
        synced = index.sync()
        assert synced.forked_at is None
        index.check_log()
        assert index.log_size() == clients[0].size() == 3
        with pytest.raises(RevertedError, match="votings: not casting"):
            vote(clients, first)
        index.close()


@engines
def test_threads_share_one_key(tmp_path: Path, engine: Engine) -> None:
    with start(tmp_path / "chain", funds=FUNDS, engine=engine, block_time=0.2) as chain:
        rpc = Rpc(chain.url, DEVELOPMENT_CHAIN_ID)
        deployment = deploy(rpc, SIGNERS[3], 1, PERIOD)
        owner = NetworkClient(rpc, deployment.contract, signer=SIGNERS[3])
        sent: list[bytes] = []

        def enrol(number: int) -> None:
            account = bytes([number]) * 20
            sent.append(owner.enrol(account, account, Role.STANDBY, account + bytes(12)))

        threads = [threading.Thread(target=enrol, args=(number,)) for number in range(1, 13)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for transaction in sent:
            owner.wait(transaction, timeout=30, poll=0.05)
        assert len(set(sent)) == owner.member_count() == 12


def test_a_key_of_one_chain_signs_nothing_on_another(tmp_path: Path) -> None:
    create_keystore(tmp_path / "key.json", "secret", light=True)
    signer = open_keystore(tmp_path / "key.json", "secret", 246)
    funds = {signer.address: ETHER}
    with start(tmp_path / "chain", funds=funds, engine="builtin", block_time=0) as chain:
        with pytest.raises(WrongChainError, match="246"):
            deploy(Rpc(chain.url, 246), signer, 1, PERIOD)
        with pytest.raises(WrongChainError, match="246"):
            deploy(Rpc(chain.url, DEVELOPMENT_CHAIN_ID), signer, 1, PERIOD)
        assert Rpc(chain.url, DEVELOPMENT_CHAIN_ID).nonce(signer.address) == 0
