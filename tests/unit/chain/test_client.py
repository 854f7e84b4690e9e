"""The client of the contract against the contract itself, on a chain in this process."""

from dataclasses import fields

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.client import Member, NetworkClient, VotingView
from worknet.chain.errors import (
    ChainError,
    InsufficientFundsError,
    NoContractError,
    RevertedError,
    TransactionPendingError,
    WrongChainError,
)
from worknet.chain.events import Role
from worknet.chain.gas import GAS_LIMITS
from worknet.chain.interface import call_data
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.chain.transactions import Sender
from worknet.contracts import artifact
from worknet.protocol import voting
from worknet.protocol.ballots import Place
from worknet.protocol.words import Ballots


def test_views_give_what_was_sent(network: Network) -> None:
    owner = network.owner
    owner.check()
    assert owner.owner() == network.signers[3].address
    assert owner.confirmations() == 2
    assert owner.member_count() == 3
    assert owner.member(1) == Member(1, b"\xa1" * 20, network.signers[1].address, Role.ACTIVE)
    assert [owner.index_of(signer.address) for signer in network.signers] == [0, 1, 2, None]
    assert (owner.active(), owner.standby()) == (0b111, 0)
    assert owner.policy_count(network.WORKFLOW) == 1
    assert owner.policy_hash(network.WORKFLOW, 1) == network.policy().hash()
    assert owner.policy_version_at(network.WORKFLOW, 1000) == 1
    assert owner.policy_count(bytes(32)) == 0
    assert owner.reward_period() == network.PERIOD
    assert owner.amounts(network.policy().hash()) == (0, 0)
    assert (owner.pending_owner(), owner.opening_paused()) == (None, False)


def test_the_view_of_a_voting_has_the_contracts_fields() -> None:
    (answer,) = next(entry for entry in artifact().abi if entry.get("name") == "voting")["outputs"]
    assert [field["name"] for field in answer["components"]] == [field.name for field in fields(VotingView)]


def test_a_voting_runs_to_its_record(network: Network) -> None:
    view = network.owner.voting(network.WORKFLOW, network.trigger(0))
    assert (view.state, view.members) == (voting.State.NONE, 0)
    for worker in range(3):
        network.owner.wait(network.seal(0, worker))
    stored = network.owner.seal_of(network.voting_id(0), 1, 0)
    assert stored is not None
    assert network.owner.seal_of(network.voting_id(0), 2, 0) is None
    view = network.owner.voting(network.WORKFLOW, network.trigger(0))
    assert (view.state, view.cast, view.needed) == (voting.State.REVEALING, 3, 2)
    assert network.owner.record(network.voting_id(0)) is None
    network.owner.wait(network.reveal(0, 0, 2))
    view = network.owner.voting(network.WORKFLOW, network.trigger(0))
    assert (view.state, view.ballots, view.closed) == (voting.State.CONSENSUS, 0b101, False)
    assert network.owner.voters(network.voting_id(0), 1, network.PAIR) == 0b101
    assert network.owner.voters(network.voting_id(0), 1, network.OTHER) == 0
    assert network.owner.record(network.voting_id(0)) is not None
    assert network.owner.size() == 1
    network.pass_time(300)
    network.owner.wait(network.workers[1].advance(network.WORKFLOW, network.trigger(0), network.PAIR))
    assert network.owner.voting(network.WORKFLOW, network.trigger(0)).booked


def test_open_ballots_are_cast(network: Network) -> None:
    start = network.now // network.EVERY * network.EVERY + network.EVERY
    network.owner.announce(network.WORKFLOW, network.policy(start=start, ballots=Ballots.OPEN))
    network.pass_time(3 * network.EVERY)
    slot = start // network.EVERY - (1_700_000_000 // network.EVERY - 1000)
    for worker in (0, 1):
        place = Place(1, 2, worker)
        network.workers[worker].cast(network.WORKFLOW, network.trigger(slot), place, network.PAIR)
    assert network.owner.voters(network.voting_id(slot), 1, network.PAIR) == 0b11
    assert network.owner.size() == 1


def test_views_look_at_the_block_that_they_are_given(network: Network) -> None:
    before = network.rpc.block_number()
    root = network.owner.root()
    network.vote(0)
    assert network.owner.size(before) == 0
    assert network.owner.root(before) == root != network.owner.root()


def test_a_refusal_names_rule_voting_and_attempt_and_costs_nothing(network: Network) -> None:
    network.seal(0, 0)
    balance = network.rpc.balance(network.signers[0].address)
    with pytest.raises(RevertedError) as caught:
        network.seal(0, 0)
    assert caught.value.reason == "votings: already cast"
    assert (caught.value.voting_id, caught.value.attempt) == (network.voting_id(0), 1)
    assert network.voting_id(0).hex() in str(caught.value)
    assert network.rpc.balance(network.signers[0].address) == balance


def test_a_transaction_that_failed_in_its_block_is_explained(network: Network) -> None:
    place = Place(1, 1, 2)
    data = call_data("seal", network.WORKFLOW, network.trigger(0), place.word(), bytes(30) + b"\0\0")
    intruder = Sender(network.rpc, network.signers[3])
    sent = intruder.send(network.deployment.contract, data, GAS_LIMITS["seal"])
    with pytest.raises(RevertedError) as caught:
        network.owner.wait(sent)
    assert caught.value.reason == "votings: not the worker's key"
    assert (caught.value.voting_id, caught.value.attempt) == (network.voting_id(0), 1)
    assert caught.value.transaction == sent


def test_a_transaction_out_of_gas_is_explained(network: Network) -> None:
    data = call_data(
        "seal", network.WORKFLOW, network.trigger(0), Place(1, 1, 0).word(), b"\x01" * 30 + b"\0\0"
    )
    sent = Sender(network.rpc, network.signers[0]).send(network.deployment.contract, data, 60_000)
    with pytest.raises(RevertedError) as caught:
        network.workers[0].wait(sent)
    assert caught.value.reason == ""
    assert "gas limit" in caught.value.hint


def test_only_the_owner_governs(network: Network) -> None:
    with pytest.raises(RevertedError, match="ownership: not the owner"):
        network.workers[0].wait(network.workers[0].remove(1))
    network.owner.wait(network.owner.remove(1))
    assert network.owner.member(1).role is Role.NONE


def test_what_the_chain_forgot_is_handed_over_again(network: Network) -> None:
    ledger = network.rpc.methods._ledger
    network.rpc.methods._on_submit = lambda: None
    first = network.owner.enrol(b"\x51" * 20, b"\x51" * 20, Role.STANDBY, b"\x01" * 32)
    ledger._queue.clear()
    second = network.owner.enrol(b"\x52" * 20, b"\x52" * 20, Role.STANDBY, b"\x01" * 32)
    ledger.mine()
    assert [network.owner.wait(sent).succeeded for sent in (first, second)] == [True, True]


def test_waiting_ends(network: Network) -> None:
    network.rpc.methods._on_submit = lambda: None
    sent = network.owner.remove(0)
    with pytest.raises(TransactionPendingError, match=sent.hex()):
        network.owner.wait(sent, timeout=0.02, poll=0.01)


def test_an_empty_account_is_named(network: Network) -> None:
    poor = signer_from_key(b"\x77" * 32, DEVELOPMENT_CHAIN_ID)
    client = NetworkClient(network.rpc, network.deployment.contract, signer=poor)
    with pytest.raises(InsufficientFundsError, match=poor.address.hex()):
        client.remove(0)


def test_nothing_is_signed_for_another_chain(network: Network) -> None:
    network.rpc.chain_id = 246
    network.rpc._checked = False
    with pytest.raises(WrongChainError):
        network.owner.remove(0)
    assert network.rpc.asked[-1] == "eth_chainId"


def test_an_address_without_the_contract_is_named(network: Network) -> None:
    stranger = NetworkClient(network.rpc, b"\x12" * 20)
    with pytest.raises(NoContractError, match="no contract at 0x1212") as caught:
        stranger.check()
    assert caught.value.contract == b"\x12" * 20
    with pytest.raises(ChainError, match="owner"):
        stranger.owner()
    with pytest.raises(ChainError, match="20 bytes"):
        NetworkClient(network.rpc, b"\x12" * 32)


def test_a_client_without_key_only_reads(network: Network) -> None:
    client = NetworkClient(network.rpc, network.deployment.contract)
    assert client.size() == 0
    with pytest.raises(ChainError, match="key"):
        client.remove(0)
