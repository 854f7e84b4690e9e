"""Batches of the largest network, and stated gas limits against what the contracts use."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.chain.conftest import ETHER, Network
from tests.unit.chain.crowd import ALL, Crowd

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Predecessor, deploy, deploy_pool, deploy_row_proofs
from worknet.chain.events import Role
from worknet.chain.gas import CLAIM_GAS_PER_PERIOD, GAS_LIMITS
from worknet.chain.interface import selected
from worknet.protocol.ballots import Place
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.rewards import PERIODS_OF_A_CLAIM
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How

DAY = 86_400


class Spending:
    """Which actions were measured; each must have left half as much of its limit as it used."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.seen: set[str] = set()

    def note(self, *sent: bytes) -> None:
        for transaction in sent:
            receipt, asked = self.network.owner.wait(transaction), self.network.rpc.transaction(transaction)
            assert asked is not None
            found = selected(asked.data) or selected(asked.data, "Rewards")
            assert found is not None
            assert 3 * receipt.gas_used <= 2 * asked.gas, f"{found[0]}: {receipt.gas_used} of {asked.gas}"
            self.seen.add(found[0])


class Quarrelling(Network):
    """Three workers of whom all must agree; what they do not agree on goes through all attempts."""

    def policy(self, **changes: Any) -> Policy:
        disputed = {"threshold_num": 1, "threshold_den": 1, "fallback": Fallback.FAILOVER_THEN_PLURALITY}
        return super().policy(**{**disputed, **changes})

    def quarrel(self, slot: int, attempt: int) -> Iterator[bytes]:
        """Three seals, two of one pair, and their reveals."""
        for worker in range(3):
            pair = self.OTHER if worker == 2 else self.PAIR
            yield self.seal(slot, worker, pair, attempt)
        yield self.reveal(slot, 0, 1, attempt=attempt)
        yield self.reveal(slot, 2, pair=self.OTHER, attempt=attempt)


@pytest.fixture
def quarrelling(tmp_path: Path) -> Iterator[Quarrelling]:
    network = Quarrelling(tmp_path / "quarrelling")
    yield network
    network.store.close()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    crowd = Crowd(tmp_path_factory.mktemp("crowd") / "chain")
    yield crowd
    crowd.store.close()


def test_each_action_leaves_room(quarrelling: Quarrelling) -> None:
    network, spending = quarrelling, Spending(quarrelling)
    note, owner, pool = spending.note, network.owner, network.new_pool()
    about = network.WORKFLOW, network.trigger(0)
    operator = NetworkClient(network.rpc, owner.contract, signer=network.signers[0])
    note(owner.enrol(network.signers[0].address, b"\xbb" * 20, Role.ACTIVE, b"\xcc" * 32))
    network.pass_time(DAY)
    note(owner.enrol(b"\xaa" * 20, b"\xab" * 20, Role.STANDBY, b"\xcc" * 32))
    note(operator.rotate(3, b"\xbc" * 20, b"\xcd" * 32))
    network.pass_time(DAY)
    note(owner.remove(3), owner.remove(4))
    network.pass_time(DAY)
    note(network.workers[0].check_in(0))
    for attempt in (1, 2, 3):
        note(*network.quarrel(0, attempt))
    note(network.workers[0].settle(*about, network.PAIR))
    note(network.seal(1, 0))
    network.pass_time(DAY)
    note(owner.reopen(network.WORKFLOW, network.trigger(1)))
    note(*network.quarrel(1, 4), owner.reopen(network.WORKFLOW, network.trigger(1)))
    note(owner.reopen(network.WORKFLOW, network.trigger(2)))
    note(network.seal(3, 0))
    network.pass_time(700)
    note(network.seal(3, 1, attempt=2))
    note(network.seal(4, 0))
    network.pass_time(DAY)
    note(network.workers[0].advance(network.WORKFLOW, network.trigger(4)))
    note(owner.pause_opening(True), owner.pause_opening(False))
    note(owner.announce(network.WORKFLOW, network.policy(start=network.now + DAY)))
    event_driven = workflow_id("alarms")
    note(owner.announce(event_driven, network.policy(every=0, ballots=Ballots.OPEN, fallback=Fallback.ALERT)))
    for worker in range(3):
        place = Place(1, 1, worker)
        note(network.workers[worker].cast(event_driven, b"\x01" * 32, place, network.PAIR))
    note(pool.fund(ETHER), pool.set_rewards(1, 2))
    first = network.now // network.PERIOD + 1
    network.pass_time(DAY)
    network.workers[0].check_in(0)
    network.pass_time(DAY)
    note(*pool.claim(0, periods=[first]))
    note(owner.transfer_ownership(network.signers[0].address), operator.accept_ownership())
    assert spending.seen | {"bring_seals", "report", "deploy", "deploy_pool", "deploy_row_proofs"} == set(
        GAS_LIMITS
    )


def test_deployments_leave_room(network: Network) -> None:
    owner = network.signers[3]
    before = Predecessor(1, b"\x01" * 20, 5, b"\x02" * 32)
    created = {
        "deploy": deploy(network.rpc, owner, 2, network.PERIOD, before),
        "deploy_pool": deploy_pool(network.rpc, owner, network.deployment.contract),
        "deploy_row_proofs": deploy_row_proofs(network.rpc, owner),
    }
    for action, deployment in created.items():
        receipt = network.rpc.receipt(deployment.transaction)
        assert receipt is not None
        assert 3 * receipt.gas_used <= 2 * GAS_LIMITS[action], action


def test_seals_and_reveals_of_everybody_leave_room(crowd: Crowd) -> None:
    spending = Spending(crowd)
    brought = crowd.bring(0)
    assert len(brought) == 3
    spending.note(*brought, crowd.bring_reveals(0))
    assert crowd.owner.record(crowd.voting_id(0)) is not None


def test_of_several_batches_of_seals_one_that_is_there_already_is_left_out(crowd: Crowd) -> None:
    crowd.bring(60, range(40))
    assert len(crowd.bring(60)) == 2
    assert crowd.owner.voting(crowd.WORKFLOW, crowd.trigger(60)).state is State.REVEALING


def test_a_batch_of_which_nearly_all_is_skipped_leaves_room(crowd: Crowd) -> None:
    spending = Spending(crowd)
    spending.note(*crowd.bring(1, range(39)), *crowd.bring(1, range(40)))
    crowd.pass_time(300)
    spending.note(crowd.bring_reveals(1, range(1)), crowd.bring_reveals(1))


def test_a_report_of_everybody_leaves_room(crowd: Crowd) -> None:
    Spending(crowd).note(crowd.report(2))


def test_a_report_beside_which_the_others_may_still_reveal_leaves_room(crowd: Crowd) -> None:
    crowd.bring(3)
    needed = crowd.policy().needed(len(ALL))
    Spending(crowd).note(crowd.report(3, range(needed), (1 << needed) - 1))
    view = crowd.owner.voting(crowd.WORKFLOW, crowd.trigger(3))
    assert (view.state, view.closed, view.cast) == (State.CONSENSUS, False, len(ALL))


@pytest.mark.long
def test_a_claim_of_votings_leaves_room_however_it_was_recorded(crowd: Crowd) -> None:
    records = []
    for slot in (4, 5):
        crowd.bring(slot)
        crowd.owner.wait(crowd.bring_reveals(slot))
        records.append(crowd.record(slot))
    crowd.owner.wait(crowd.report(6))
    records.append(crowd.record(6, how=How.REPORT))
    for batch in (records[:1], records[1:], records):
        worker = len(batch)
        Spending(crowd).note(*crowd.pool.claim(worker, batch))
        assert all(crowd.pool.claimed_of_voting(record.voting_id) >> worker & 1 for record in batch)


@pytest.mark.long
def test_the_largest_claim_of_votings_leaves_room(crowd: Crowd) -> None:
    records = []
    for slot in range(7, 57):
        crowd.bring(slot)
        crowd.owner.wait(crowd.bring_reveals(slot))
        records.append(crowd.record(slot))
    sent = crowd.pool.claim(7, records)
    assert len(sent) == 3
    Spending(crowd).note(*sent)
    assert crowd.rpc.balance(crowd.owner.member(7).operator) >= 50 * 10**15


@pytest.mark.parametrize("count", [20, pytest.param(PERIODS_OF_A_CLAIM, marks=pytest.mark.long)])
def test_a_claim_of_periods_leaves_room_however_often_the_amounts_changed(
    network: Network, count: int
) -> None:
    pool = network.new_pool()
    pool.fund(ETHER)
    first = network.now // network.PERIOD + 2
    for number in range(count + 1):
        network.pass_time(network.PERIOD)
        pool.set_rewards(number + 1, 0)
        network.workers[0].check_in(0)
    network.pass_time(network.PERIOD)
    [sent] = pool.claim(0, periods=range(first, first + count))
    # The search for a period's amounts has 17 steps where a pool has had as many changes as it can.
    further_steps = (17 - count.bit_length()) * 2_500 * count
    used = network.owner.wait(sent).gas_used + further_steps
    assert 3 * used <= 2 * (GAS_LIMITS["claim"] + count * CLAIM_GAS_PER_PERIOD)
