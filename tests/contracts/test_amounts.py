"""The amounts per period: who sets them, from when they count, and that they never change afterwards."""

from pathlib import Path

import boa
import pytest
from tests.contracts.network import PERIOD
from tests.contracts.rewarding import earned, end_period
from vyper.cli.vyper_compile import compile_files

CONTRACTS = Path(__file__).parents[2] / "src" / "worknet" / "contracts"
LAST_CHANGE = 65_535


def amounts(network, number=None):
    """The amounts in a period, the present one unless another is named."""
    return tuple(network.pool.amounts_in(network.now // PERIOD if number is None else number))


def test_before_they_are_set_the_amounts_are_zero(network):
    for number in (0, network.now // PERIOD, 2**256 - 1):
        assert amounts(network, number) == (0, 0)


def test_amounts_count_from_the_next_period_on_and_tell_so(network):
    number = network.now // PERIOD
    told = network.set_rewards(7, 8)
    assert told == [("RewardsSet", {"base": 7, "consistency": 8, "since_period": number + 1})]
    assert [amounts(network, number + by) for by in (-1, 0, 1, 2, 1_000)] == [(0, 0)] * 2 + [(7, 8)] * 3


def test_of_several_settings_in_a_period_the_last_counts(network):
    network.set_rewards(7, 8)
    network.wait_until((network.now // PERIOD + 1) * PERIOD)
    network.set_rewards(9, 10)
    network.wait(PERIOD - 1)
    network.set_rewards(11, 12)
    number = end_period(network)
    assert [amounts(network, number + by) for by in (-1, 0, 1)] == [(0, 0), (7, 8), (11, 12)]


def test_amounts_that_are_set_later_change_no_period_that_has_begun(earning):
    earning.check_in(0)
    earning.set_rewards(1, 1)
    number = end_period(earning)
    earning.set_rewards(2, 2)
    assert earned(earning, 0, [], [number]) == 1_000
    assert amounts(earning) == (1, 1)


def test_amounts_count_in_periods_before_and_after_which_nothing_happened(earning):
    for _ in range(3):
        end_period(earning)
    earning.check_in(0)
    assert earned(earning, 0, [], [end_period(earning)]) == 1_000


@pytest.mark.parametrize("changes", [1, 2, 3, 7, 8, 12])
def test_every_period_finds_its_amounts_among_many_changes(network, changes):
    first = network.now // PERIOD
    expected = {first: (0, 0)}
    for change in range(1, changes + 1):
        network.set_rewards(change, 2 * change)
        for _ in range(change % 3 + 1):
            expected[end_period(network) + 1] = (change, 2 * change)
    assert {number: amounts(network, number) for number in expected} == expected


def test_only_the_networks_owner_sets_amounts(network):
    for sender in (network.operators[0], network.keys[0], boa.env.generate_address()):
        with network.refuses("rewards: not the owner"):
            network.set_rewards(1, 1, sender=sender)


def test_amounts_are_set_by_who_owns_the_network_at_that_moment(network):
    old, heir = network.owner, boa.env.generate_address()
    network.call("transfer_ownership", heir)
    with network.refuses("rewards: not the owner"):
        network.set_rewards(1, 1, sender=heir)
    network.set_rewards(2, 2, sender=old)
    network.call("accept_ownership", sender=heir)
    with network.refuses("rewards: not the owner"):
        network.set_rewards(3, 3, sender=old)
    network.set_rewards(4, 4, sender=heir)
    end_period(network)
    assert amounts(network) == (4, 4)


@pytest.mark.parametrize("too_large", [(2**128, 0), (0, 2**128), (2**256 - 1, 2**256 - 1)])
def test_amounts_have_at_most_128_bits(network, too_large):
    with network.refuses("rewards: amount too large"):
        network.set_rewards(*too_large)
    network.set_rewards(2**128 - 1, 2**128 - 1)


def test_after_the_last_change_amounts_stay_and_the_last_one_can_be_corrected(network):
    [outputs] = compile_files([CONTRACTS / "Rewards.vy"], ["layout"], paths=[str(CONTRACTS)]).values()
    slot = outputs["layout"]["storage_layout"]["change_count"]["slot"]
    pool = network.pool.address
    boa.env.set_storage(pool, slot, LAST_CHANGE - 1)
    network.set_rewards(5, 6)
    assert boa.env.get_storage(pool, slot) == LAST_CHANGE
    network.set_rewards(7, 8)
    number = end_period(network)
    with network.refuses("rewards: too many changes"):
        network.set_rewards(9, 9)
    assert amounts(network, number + 1) == (7, 8)
