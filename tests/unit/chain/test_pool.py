"""The client of a pool against the contract itself: paying in, claiming, and what stays owed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.chain.conftest import ETHER, Network

from worknet.chain.answers import Receipt
from worknet.chain.client import NetworkClient
from worknet.chain.errors import (
    ChainError,
    InsufficientFundsError,
    NoContractError,
    RevertedError,
    WrongNetworkError,
)
from worknet.chain.gas import CLAIM_GAS_PER_PERIOD, GAS_LIMITS
from worknet.chain.pool import PoolClient, record_words
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.protocol.earnings import Amounts
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.words import How

ACCURACY, SPEED, BASE, CONSISTENCY = 1000, 500, 30, 7


class Paying(Network):
    """A network whose votings earn something, with an empty pool."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.pool = self.new_pool()

    def policy(self, **changes: object) -> Policy:
        return super().policy(**{"accuracy": ACCURACY, "speed": SPEED, **changes})

    def recorded(self, slot: int) -> Record:
        """The record of a voting in which all agree and the first worker is the fastest."""
        for worker in range(3):
            self.seal(slot, worker)
            self.pass_time(10)
        self.owner.wait(self.reveal(slot, 0, 1, 2))
        return self.record(slot)

    def paid(self, index: int) -> int:
        """What the operator of a worker has been paid: it had nothing before."""
        return self.rpc.balance(self.owner.member(index).operator)

    def wait(self, sent: list[bytes]) -> list[Receipt]:
        return [self.owner.wait(transaction) for transaction in sent]


@pytest.fixture
def paying(tmp_path: Path) -> Iterator[Paying]:
    network = Paying(tmp_path / "paying")
    yield network
    network.store.close()


def test_whoever_pays_in_the_pool_has_it(paying: Paying) -> None:
    assert paying.pool.balance() == 0
    paying.owner.wait(paying.pool.fund(700))
    stranger = PoolClient(paying.workers[0], paying.pool.contract)
    stranger.wait(stranger.fund(50))
    assert paying.pool.balance() == 750


def test_who_cannot_pay_in_is_told_what_is_missing(paying: Paying) -> None:
    poor = signer_from_key(b"\x77" * 32, DEVELOPMENT_CHAIN_ID)
    client = NetworkClient(paying.rpc, paying.deployment.contract, signer=poor)
    with pytest.raises(InsufficientFundsError, match="700 wei"):
        PoolClient(client, paying.pool.contract).fund(700)


def test_amounts_count_from_the_next_period(paying: Paying) -> None:
    paying.owner.wait(paying.pool.set_rewards(BASE, CONSISTENCY))
    period = paying.now // paying.PERIOD
    assert paying.pool.amounts_in(period) == Amounts(0, 0)
    assert paying.pool.amounts_in(period + 1) == Amounts(BASE, CONSISTENCY)


def test_only_the_networks_owner_sets_amounts(paying: Paying) -> None:
    with pytest.raises(RevertedError, match="rewards: not the owner"):
        PoolClient(paying.workers[0], paying.pool.contract).set_rewards(1, 1)


def test_a_claim_pays_accuracy_and_to_the_fastest_speed(paying: Paying) -> None:
    paying.pool.fund(ETHER)
    record = paying.recorded(0)
    for index in (0, 1):
        paying.wait(paying.pool.claim(index, [record]))
    assert [paying.paid(index) for index in range(3)] == [ACCURACY + SPEED, ACCURACY, 0]
    assert paying.pool.claimed_of_voting(record.voting_id) == 0b011


def test_a_claim_pays_a_period_that_is_over(paying: Paying) -> None:
    paying.pool.fund(ETHER)
    paying.pool.set_rewards(BASE, CONSISTENCY)
    paying.pass_time(paying.PERIOD)
    period = paying.now // paying.PERIOD
    paying.recorded(0)
    with pytest.raises(RevertedError, match="rewards: period not over"):
        paying.pool.claim(0, periods=[period])
    paying.pass_time(paying.PERIOD)
    paying.wait(paying.pool.claim(0, periods=[period]))
    assert paying.paid(0) == BASE + CONSISTENCY
    assert paying.pool.claimed_of_period(period) == 0b001


def test_what_a_short_pool_cannot_pay_stays_owed_until_it_can(paying: Paying) -> None:
    record = paying.recorded(0)
    paying.pool.fund(ACCURACY - 1)
    paying.wait(paying.pool.claim(1, [record]))
    assert (paying.pool.owed(1), paying.paid(1), paying.pool.balance()) == (1, ACCURACY - 1, 0)
    paying.pool.fund(10)
    paying.wait(paying.pool.claim(1))
    assert (paying.pool.owed(1), paying.paid(1), paying.pool.balance()) == (0, ACCURACY, 9)


def test_a_claim_that_would_pay_nothing_is_refused_and_costs_nothing(paying: Paying) -> None:
    record = paying.recorded(0)
    paying.pool.fund(ETHER)
    paying.wait(paying.pool.claim(1, [record]))
    balance = paying.rpc.balance(paying.signers[3].address)
    with pytest.raises(RevertedError, match="rewards: nothing to claim") as caught:
        paying.pool.claim(1, [record])
    assert caught.value.hint
    assert paying.rpc.balance(paying.signers[3].address) == balance


def test_a_record_with_another_word_is_refused(paying: Paying) -> None:
    record = paying.recorded(0)
    other = replace(record, voters=0b011)
    with pytest.raises(RevertedError, match="rewards: not the record") as caught:
        paying.pool.claim(1, [other])
    assert (caught.value.voting_id, caught.value.attempt) == (record.voting_id, 1)


def test_of_several_votings_the_one_is_named_for_which_a_claim_is_refused(paying: Paying) -> None:
    records = [paying.recorded(0), paying.recorded(1)]
    for worker in range(3):
        paying.seal(2, worker)
    paying.owner.wait(paying.reveal(2, 0, 1))
    records.append(paying.record(2, voters=0b011))
    with pytest.raises(RevertedError, match="rewards: voting not closed") as caught:
        paying.pool.claim(1, records)
    assert caught.value.voting_id == paying.voting_id(2)


def test_a_second_pool_pays_for_records_from_its_creation_on_and_names_the_one_that_is_too_early(
    paying: Paying,
) -> None:
    early = paying.recorded(0)
    paying.pass_time(1)
    first, second = paying.pool, paying.new_pool()
    assert first.created_at() < early.time < second.created_at() == paying.now
    second.fund(ETHER)
    records = [paying.recorded(1), early]
    with pytest.raises(RevertedError, match="rewards: before the pool") as caught:
        second.claim(1, records)
    assert (caught.value.voting_id, bool(caught.value.hint)) == (early.voting_id, True)
    paying.wait(second.claim(1, records[:1]))
    assert paying.paid(1) == ACCURACY


def test_a_claim_for_nobody_names_the_networks_rule(paying: Paying) -> None:
    with pytest.raises(RevertedError, match="members: unknown index"):
        paying.pool.claim(9)


def test_claims_are_cut_to_what_the_contract_takes(paying: Paying) -> None:
    paying.pool.fund(ETHER)
    paying.pool.set_rewards(BASE, CONSISTENCY)
    paying.pass_time(paying.PERIOD)
    period = paying.now // paying.PERIOD
    paying.workers[0].check_in(0)
    record = paying.recorded(0)
    paying.pass_time(200 * paying.PERIOD)
    # The worker was seen in the first of these periods only: the second batch would earn nothing.
    sent = paying.pool.claim(0, [record] * 51, range(period, period + 150))
    assert len(sent) == 2
    paying.wait(sent)
    assert paying.paid(0) == ACCURACY + SPEED + BASE + CONSISTENCY


def test_claims_are_cut_to_half_of_a_block(paying: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    room_for_two = 2 * (GAS_LIMITS["claim"] + 2 * CLAIM_GAS_PER_PERIOD)
    monkeypatch.setattr(paying.rpc, "block_gas_limit", lambda: room_for_two)
    paying.pool.fund(ETHER)
    paying.pool.set_rewards(BASE, CONSISTENCY)
    paying.pass_time(paying.PERIOD)
    first = paying.now // paying.PERIOD
    for _ in range(5):
        paying.workers[0].check_in(0)
        paying.pass_time(paying.PERIOD)
    sent = paying.pool.claim(0, periods=range(first, first + 5))
    assert len(sent) == 3
    assert all(3 * receipt.gas_used <= room_for_two for receipt in paying.wait(sent))
    assert paying.paid(0) == 5 * BASE


def test_a_claim_that_failed_in_its_block_is_explained(paying: Paying) -> None:
    record = paying.recorded(0)
    paying.pool.fund(ETHER)
    paying.rpc.methods._on_submit = lambda: None
    sent = [*paying.pool.claim(1, [record]), *paying.pool.claim(1, [record])]
    paying.rpc.request("evm_mine")
    paying.pool.wait(sent[0])
    with pytest.raises(RevertedError, match="rewards: nothing to claim") as caught:
        paying.pool.wait(sent[1])
    assert (caught.value.action, caught.value.transaction) == ("claim", sent[1])


def test_the_pool_of_another_network_is_told_from_this_ones(paying: Paying, network: Network) -> None:
    paying.pool.check()
    stranger = NetworkClient(paying.rpc, b"\x12" * 20)
    with pytest.raises(WrongNetworkError, match=paying.deployment.contract.hex()):
        PoolClient(stranger, paying.pool.contract).check()
    with pytest.raises(NoContractError):
        PoolClient(paying.owner, b"\x12" * 20).check()


def test_the_pool_of_a_client_without_key_only_reads(paying: Paying) -> None:
    pool = PoolClient(NetworkClient(paying.rpc, paying.deployment.contract), paying.pool.contract)
    assert pool.owed(0) == 0
    with pytest.raises(ChainError, match="key"):
        pool.fund(1)


def test_the_words_of_a_record_are_those_of_its_leaf(paying: Paying) -> None:
    record = paying.recorded(0)
    words = record_words(record)
    assert (words[0], words[-2], words[-1], len(words)) == (record.workflow_id, How.QUORUM, record.time, 13)
