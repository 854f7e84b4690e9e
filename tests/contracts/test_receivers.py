"""Operators that are contracts and mean it badly: each holds up its own claim and nothing else."""

from pathlib import Path

import boa
import pytest
from tests.contracts.network import bitmap, words_of
from tests.contracts.rewarding import claimed, earned, hold

SOURCE = Path(__file__).parent / "Receiver.vy"
TAKES, REFUSES, BURNS, REENTERS = range(4)
GAS_OF_A_BLOCK = 12_000_000


@pytest.fixture(scope="module")
def receiver_code():
    return boa.load_partial(str(SOURCE))


@pytest.fixture
def receiver(receiver_code, earning):
    """The operator of worker 3 of the network `earning`."""
    made = receiver_code.deploy()
    earning.enrol(operator=made.address)
    return made


@pytest.fixture
def record(receiver, earning):
    """A voting in which all agreed and worker 3 was not the fastest: its operator has earned 100."""
    return hold(earning, dict.fromkeys(range(4), "a"), apart=1)


def balance(account):
    return boa.env.get_balance(account)


@pytest.mark.parametrize("manner", [REFUSES, BURNS])
def test_a_receiver_that_fails_fails_its_own_claim_and_is_paid_in_full_once_it_takes_the_money(
    earning, receiver, record, manner
):
    receiver.behave(manner)
    for _ in range(2):
        with earning.refuses("rewards: operator refuses"):
            earning.claim(3, [record])
    assert (earning.pool.owed(3), earning.pool.claimed_of_voting(record.voting_id)) == (0, 0)
    receiver.behave(TAKES)
    assert claimed(earning.claim(3, [record]))["paid"] == balance(receiver.address) == 100


@pytest.mark.parametrize("manner", [REFUSES, BURNS, REENTERS])
def test_a_receiver_holds_up_no_claim_of_others_and_no_voting(earning, receiver, record, manner):
    receiver.behave(manner)
    receiver.prepare(earning.pool.address, earning.pool.claim.prepare_calldata(3, [words_of(record)], []))
    assert [earned(earning, worker, [record]) for worker in range(3)] == [110, 100, 100]
    later = hold(earning, dict.fromkeys([3, 0, 1, 2], "a"), 3, apart=1)
    assert [earned(earning, worker, [later]) for worker in range(3)] == [100] * 3


def test_a_receiver_that_burns_all_gas_fails_within_a_block(earning, receiver, record):
    receiver.behave(BURNS)
    data = earning.pool.claim.prepare_calldata(3, [words_of(record)], [])
    made = boa.env.execute_code(earning.pool.address, sender=earning.owner, gas=GAS_OF_A_BLOCK, data=data)
    assert made.is_error
    assert made.get_gas_used() <= GAS_OF_A_BLOCK
    assert (earning.pool.owed(3), earning.pool.claimed_of_voting(record.voting_id)) == (0, 0)


def test_claiming_the_same_again_while_being_paid_gets_nothing(earning, receiver, record):
    receiver.behave(REENTERS)
    receiver.prepare(earning.pool.address, earning.pool.claim.prepare_calldata(3, [words_of(record)], []))
    assert claimed(earning.claim(3, [record]))["paid"] == balance(receiver.address) == 100
    assert (receiver.received(), receiver.succeeded()) == (1, 0)
    assert balance(earning.pool.address) == 10**9 - 100


def test_claiming_another_voting_while_being_paid_is_paid_as_it_would_be_afterwards(
    earning, receiver, record
):
    later = hold(earning, dict.fromkeys([3, 0, 1, 2], "a"), 3, apart=1)
    receiver.behave(REENTERS)
    data = earning.pool.claim.prepare_calldata(3, [words_of(later), words_of(record)], [])
    receiver.prepare(earning.pool.address, data)
    earning.claim(3, [record])
    assert (receiver.received(), receiver.succeeded(), balance(receiver.address)) == (2, 1, 210)
    assert earning.pool.claimed_of_voting(later.voting_id) == bitmap([3])


def test_claiming_for_another_while_being_paid_pays_that_ones_operator(earning, receiver, record):
    receiver.behave(REENTERS)
    receiver.prepare(earning.pool.address, earning.pool.claim.prepare_calldata(0, [words_of(record)], []))
    earning.claim(3, [record])
    assert (balance(receiver.address), balance(earning.operators[0])) == (100, 110)
    assert balance(earning.pool.address) == 10**9 - 210


def test_claiming_the_rest_while_a_short_pool_pays_leaves_it_owed(earning, receiver, record):
    boa.env.set_balance(earning.pool.address, 30)
    receiver.behave(REENTERS)
    receiver.prepare(earning.pool.address, earning.pool.claim.prepare_calldata(3, [], []))
    earning.claim(3, [record])
    assert (receiver.succeeded(), balance(receiver.address), earning.pool.owed(3)) == (1, 30, 70)
    earning.fund(100)
    earning.claim(3)
    assert (balance(receiver.address), earning.pool.owed(3), balance(earning.pool.address)) == (100, 0, 30)


def test_paying_back_while_being_paid_only_fills_the_pool(earning, receiver, record):
    receiver.behave(REENTERS)
    receiver.prepare(earning.pool.address, earning.pool.fund.prepare_calldata())
    earning.claim(3, [record])
    assert (receiver.succeeded(), balance(receiver.address)) == (1, 100)
    assert earning.pool.owed(3) == 0


def test_an_operator_without_code_and_without_history_is_paid(earning, record):
    operator = boa.env.generate_address()
    earning.enrol(operator=operator)
    later = hold(earning, dict.fromkeys(range(5), "a"), 3, apart=1)
    assert claimed(earning.claim(4, [later]))["paid"] == balance(operator) == 100
