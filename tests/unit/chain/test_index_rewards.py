"""Rewards from events alone: what they come to is what the pool pays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.chain.votings import STANDBY, Votings

from worknet.chain.errors import IndexMismatchError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.index_rewards import NetworkRewards, rewards
from worknet.chain.pool import PoolClient
from worknet.protocol.ballots import Place
from worknet.protocol.words import How

ACCURACY, SPEED, BASE, CONSISTENCY = 1000, 100, 10, 1


class Paid:
    """A network with a pool that has 10,000 wei, and an index of both."""

    def __init__(self, folder: Path) -> None:
        self.network = Votings(folder / "chain", accuracy=ACCURACY, speed=SPEED)
        self.pool: PoolClient = self.network.new_pool()
        self.pool.fund(10_000)
        self.pool.set_rewards(BASE, CONSISTENCY)
        self.index = NetworkIndex(
            folder / "index.sqlite", self.network.owner, self.network.deployment.block, self.pool.contract
        )

    def next_period(self) -> int:
        """Goes to the beginning of the next period; its number."""
        length = self.network.PERIOD
        self.network.pass_time(length - self.network.now % length)
        return self.network.now // length

    def rewards(self) -> NetworkRewards:
        self.index.sync()
        return rewards(self.index, self.network.owner.reward_period(), self.network.now)

    def claim_all(self, worker: int) -> None:
        """Claims everything that the worker ever earned."""
        found = self.rewards().workers[worker]
        records = [record for record, _ in found.votings]
        self.pool.claim(worker, records, [number for number, _ in found.periods])


@pytest.fixture
def paid(tmp_path: Path) -> Iterator[Paid]:
    paid = Paid(tmp_path)
    yield paid
    paid.index.close()
    paid.network.store.close()


def test_a_voting_pays_the_accurate_and_the_fastest_of_them(paid: Paid) -> None:
    paid.network.vote(0)
    workers = paid.rewards().workers
    assert [workers[worker].earned for worker in range(4)] == [ACCURACY + SPEED, ACCURACY, ACCURACY, 0]


def test_what_was_earned_is_what_the_pool_pays(paid: Paid) -> None:
    period = paid.next_period()
    paid.network.vote(0)
    paid.network.bring(1, 0, 1, place=Place(1, 1))
    paid.network.seal(1, 2, paid.network.OTHER)
    paid.network.reveal(1, 2, pair=paid.network.OTHER)
    paid.network.reveal(1, 0, 1)
    paid.network.report(2, (1, 2), participants=0b111)
    paid.next_period()
    found = paid.rewards()
    assert [number for number, _ in found.workers[1].periods] == [period]
    before = paid.pool.balance()
    for worker in range(3):
        earned = found.workers[worker].earned
        paid.claim_all(worker)
        before -= earned
        assert paid.pool.balance() == before
        after = paid.rewards().workers[worker]
        assert (after.earned, after.claimed, after.paid, after.unclaimed) == (earned, earned, earned, 0)
    assert paid.rewards().pool == before


def test_words_and_amounts_of_a_period_are_those_of_the_contracts(paid: Paid) -> None:
    period = paid.next_period()
    paid.network.vote(0)
    paid.network.owner.remove(STANDBY)
    paid.network.workers[0].check_in(0)
    folded = paid.rewards().periods
    assert folded.period(period) == paid.network.owner.period(period)
    assert (folded.amounts_in(period).base, folded.amounts_in(period).consistency) == (BASE, CONSISTENCY)


def test_a_closing_that_nobody_booked_earns_already_but_counts_for_no_period(paid: Paid) -> None:
    period = paid.next_period()
    for worker in range(3):
        paid.network.seal(0, worker)
    paid.network.reveal(0, 0, 1)
    assert paid.rewards().workers[0].votings == ()
    paid.network.pass_time(300)
    found = paid.rewards()
    assert [worker for worker in range(3) if found.workers[worker].earned] == [0, 1]
    assert found.periods.period(period) == paid.network.owner.period(period)
    paid.claim_all(0)
    assert paid.rewards().workers[0].unclaimed == 0


def test_what_the_pool_cannot_pay_is_owed(paid: Paid) -> None:
    for slot in range(11):
        paid.network.vote(slot)
    earned = paid.rewards().workers[0].earned
    assert earned > 10_000
    paid.claim_all(0)
    found = paid.rewards()
    owed = earned - 10_000
    assert (found.workers[0].owed, found.workers[0].paid, found.pool) == (owed, 10_000, 0)
    assert paid.pool.owed(0) == owed


def test_a_second_pool_pays_for_what_was_recorded_after_it(paid: Paid, tmp_path: Path) -> None:
    paid.network.vote(0)
    paid.claim_all(1)
    paid.network.pass_time(1)
    pool = paid.network.new_pool()
    pool.fund(5_000)
    paid.network.vote(1)
    network = paid.network.owner
    index = NetworkIndex(tmp_path / "second.sqlite", network, paid.network.deployment.block, pool.contract)
    index.sync()
    found = rewards(index, paid.network.PERIOD, paid.network.now, pool.created_at())
    ((record, amount),) = found.workers[1].votings
    assert (record.voting_id, amount) == (paid.network.voting_id(1), ACCURACY)
    assert (found.workers[1].claimed, found.workers[1].unclaimed) == (0, ACCURACY)
    network.wait(pool.claim(1, [record])[0])
    assert (pool.balance(), pool.claimed_of_voting(record.voting_id)) == (5_000 - ACCURACY, 0b010)
    index.close()


def test_a_network_without_a_pool_pays_nothing_and_still_shows_its_votings(
    paid: Paid, tmp_path: Path
) -> None:
    paid.network.vote(0)
    index = NetworkIndex(tmp_path / "without.sqlite", paid.network.owner)
    index.sync()
    found = rewards(index, paid.network.PERIOD, paid.network.now)
    assert (found.funded, found.paid) == (0, 0)
    ((record, amount),) = found.workers[1].votings
    assert (record.how, amount) == (How.QUORUM, ACCURACY)
    index.close()


def test_events_that_no_contract_tells_are_a_mismatch(paid: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    account = paid.network.signers[3].address
    paid.network.owner.remove(STANDBY)
    key = paid.network.voters[STANDBY].address
    paid.network.owner.enrol(account, key, Role.STANDBY, b"\xe4" * 32)
    honest = paid.network.rpc.logs
    removed = paid.network.rpc.block_number() - 1
    monkeypatch.setattr(
        paid.network.rpc, "logs", lambda *wanted: [log for log in honest(*wanted) if log.block != removed]
    )
    with pytest.raises(IndexMismatchError, match="already enrolled"):
        paid.rewards()
