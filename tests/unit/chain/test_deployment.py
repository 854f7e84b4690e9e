"""Contracts as they are created: a network's own, with or without a predecessor, and one that checks rows."""

from hashlib import sha256

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Predecessor, created_at, deploy, deploy_row_proofs
from worknet.chain.errors import RevertedError, RpcRefusedError
from worknet.chain.interface import call_data, output, revert_reason
from worknet.chain.pool import record_words
from worknet.protocol import merkle, trees
from worknet.protocol.ballots import Pair
from worknet.protocol.words import moved_leaf


def test_a_network_has_what_it_was_deployed_with(network: Network) -> None:
    owner = network.signers[0]
    nonce = network.rpc.nonce(owner.address)
    deployment = deploy(network.rpc, owner, 7, 3600)
    client = NetworkClient(network.rpc, deployment.contract)
    assert deployment.contract == created_at(owner.address, nonce)
    assert (client.confirmations(), client.reward_period(), client.size()) == (7, 3600, 0)
    assert client.owner() == owner.address


def test_a_network_that_moved_begins_its_log_with_the_one_before(network: Network) -> None:
    before = Predecessor(246, b"\x01" * 20, 12, b"\x02" * 32)
    deployment = deploy(network.rpc, network.signers[0], 2, 3600, before)
    client = NetworkClient(network.rpc, deployment.contract)
    leaf = moved_leaf(network.rpc.chain_id, deployment.contract, 246, before.contract, 12, before.root)
    assert (client.size(), client.root()) == (1, merkle.root([leaf]))


@pytest.mark.parametrize("length", [0, -1])
def test_a_reward_period_without_length_is_refused_before_anything_is_sent(
    network: Network, length: int
) -> None:
    nonce = network.rpc.nonce(network.signers[0].address)
    with pytest.raises(RevertedError, match="periods: no length") as caught:
        deploy(network.rpc, network.signers[0], 2, length)
    assert caught.value.hint
    assert network.rpc.nonce(network.signers[0].address) == nonce


def test_a_row_of_a_recorded_result_is_proven_to_other_contracts(network: Network) -> None:
    row, manifest = bytes(16) + b'{"id":"a"}', b"\x01" * 40
    header = bytes(16) + sha256(b"matched").digest() + (1).to_bytes(8, "big") + merkle.root([row])
    pair = Pair(b"\x0a" * 32, merkle.root([manifest, header]))
    for worker in range(3):
        network.seal(0, worker, pair)
    network.owner.wait(network.reveal(0, 0, 1, 2, pair=pair))
    record = network.record(0, pair)
    proofs = deploy_row_proofs(network.rpc, network.signers[0]).contract
    words, path = record_words(record), trees.inclusion([manifest, header], 1)

    def verify(row: bytes) -> bytes:
        proof = (network.deployment.contract, words, row, 0, [], header, 1, 2, path)
        answer = network.rpc.call(proofs, call_data("verify_row", *proof, contract="RowProofs"))
        return bytes(output("verify_row", answer, contract="RowProofs"))

    assert verify(row) == sha256(b"matched").digest()
    with pytest.raises(RpcRefusedError) as caught:
        verify(row + b" ")
    assert revert_reason(caught.value.data) == "proofs: row not in table"
