"""What the largest claims cost: as many votings and periods as one may name, on a chain with cold storage."""

import boa
import pytest
from tests.contracts.network import PERIOD, Network, words_of
from tests.contracts.rewarding import end_period, hold

from worknet.protocol.rewards import PERIODS_OF_A_CLAIM, RECORDS_OF_A_CLAIM
from worknet.protocol.words import Ballots

pytestmark = pytest.mark.long

GAS_OF_A_BLOCK = 12_000_000


def gas_of(network, worker, records, periods):
    """The gas of a transaction that claims these: its base, its data, and its execution from cold storage."""
    data = network.pool.claim.prepare_calldata(worker, [words_of(one) for one in records], periods)
    boa.env.evm.reset_access_counters()
    made = boa.env.execute_code(network.pool.address, sender=network.owner, data=data)
    assert not made.is_error
    return 21_000 + sum(16 if byte else 4 for byte in data) + made.get_gas_used()


def gas_of_claim(workers, votings, periods):
    """The gas of a claim of so many votings, in which that many workers agreed, and periods, each of which
    began with a change of the amounts."""
    # A chain of its own: where storage is made cold no snapshot may be open.
    with boa.swap_env(boa.Env()):
        network = Network()
        network.enrol(workers)
        network.announce(ballots=Ballots.SEALED, accuracy=100, speed=10)
        network.fund(10**18)
        votes = dict.fromkeys(range(workers), "a")
        records = [hold(network, votes, 2 + slot) for slot in range(votings)]
        ended = []
        for number in range(periods):
            network.set_rewards(number + 1, 1)
            network.wait(PERIOD)
            network.check_in(0)
            ended.append(network.now // PERIOD)
        end_period(network)
        return gas_of(network, 0, records, ended)


def test_among_7_workers_a_claim_of_50_votings_and_100_periods_fits_into_a_block_of_12_million_gas():
    assert gas_of_claim(7, RECORDS_OF_A_CLAIM, PERIODS_OF_A_CLAIM) < GAS_OF_A_BLOCK


def test_among_120_workers_a_claim_of_a_voting_and_a_period_costs_less_than_a_20th_of_a_block():
    assert gas_of_claim(120, 1, 1) < GAS_OF_A_BLOCK // 20
