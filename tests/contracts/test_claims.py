"""The pool and the claims on it: who is paid, how often, and that nothing owed is lost."""

import boa
import pytest
from boa.contracts.base_evm_contract import BoaError
from tests.contracts.network import PERIOD, deploy, words_of
from tests.contracts.rewarding import claimed, earned, end_period, hold, vote

from worknet.contracts import artifact
from worknet.protocol.words import Ballots

BASE, CONSISTENCY, ACCURACY, SPEED = 1_000, 500, 100, 10
AGREED = dict.fromkeys(range(3), "a")
SEALED = {"ballots": Ballots.SEALED, "accuracy": ACCURACY, "speed": SPEED}


@pytest.fixture
def poor(sealed):
    """A network whose votings earn, with an empty pool; worker 0 has earned 110, worker 1 100."""
    sealed.announce(**SEALED, start=sealed.now)
    sealed.wait(2 * PERIOD)
    sealed.trigger = sealed.slot(-24).trigger_id
    for worker in AGREED:
        sealed.seal(worker, sealed.pair("a"), version=2)
        sealed.wait(1)
    sealed.reveal(sealed.pair("a"), list(AGREED), version=2)
    return sealed


def balance(account):
    return boa.env.get_balance(account)


def altered(word):
    """Another word than this one."""
    return bytes([word[0] ^ 1, *word[1:]]) if isinstance(word, bytes) else int(word) ^ 1


def altered_word(record, place, word=None):
    """The words of a record with one of them altered."""
    words = list(words_of(record))
    words[place] = altered(words[place]) if word is None else word
    return tuple(words)


# Funding


def test_anyone_pays_into_the_pool(sealed):
    some = boa.env.generate_address()
    told = sealed.call("fund", of=sealed.pool, sender=some, value=70)
    assert told == [("Funded", {"funder": some, "amount": 70})]
    sealed.fund(5)
    assert balance(sealed.pool.address) == 75


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x00", b"\xb6\x0d\x42"])
def test_money_that_is_sent_otherwise_is_refused(sealed, data):
    sender = boa.env.generate_address()
    boa.env.set_balance(sender, 10)
    assert boa.env.execute_code(sealed.pool.address, sender=sender, value=10, data=data).is_error
    assert (balance(sender), balance(sealed.pool.address)) == (10, 0)


@pytest.mark.parametrize("name", ["claim", "set_rewards", "amounts_in", "owed"])
def test_nothing_but_fund_takes_money(earning, name):
    arguments = {"claim": (0, [], []), "set_rewards": (1, 1)}.get(name, (0,))
    boa.env.set_balance(earning.owner, 10)
    call = getattr(earning.pool, name).prepare_calldata(*arguments)
    made = boa.env.execute_code(earning.pool.address, sender=earning.owner, value=1, data=call)
    assert made.is_error


def test_the_network_itself_takes_no_money(earning):
    boa.env.set_balance(earning.owner, 10)
    for data in (b"", earning.contract.check_in.prepare_calldata(0)):
        sent = boa.env.execute_code(earning.contract.address, sender=earning.owner, value=1, data=data)
        assert sent.is_error


# Claims


def test_a_claim_pays_the_operator_and_tells_so(earning):
    record = hold(earning, AGREED, apart=1)
    told = earning.claim(0, [record])
    fields = {"index": 0, "operator": earning.operators[0], "earned": 110, "paid": 110}
    assert told == [("Claimed", fields)]
    assert (balance(earning.operators[0]), balance(earning.keys[0])) == (110, 0)
    assert balance(earning.pool.address) == 10**9 - 110


def test_a_claim_takes_lists_of_votings_and_of_periods(earning):
    records = [hold(earning, AGREED, slot, apart=1) for slot in (2, 3, 4)]
    periods = [end_period(earning)]
    earning.check_in(0)
    periods.append(end_period(earning))
    assert earned(earning, 0, records, periods) == 3 * 110 + 2 * BASE + CONSISTENCY


def test_each_voting_and_period_is_paid_once(earning):
    record, number = hold(earning, AGREED), end_period(earning)
    assert earned(earning, 1, [record], [number]) > 0
    for items in (([record], []), ([], [number]), ([record], [number])):
        with earning.refuses("rewards: nothing to claim"):
            earning.claim(1, *items)
    assert earning.pool.claimed_of_voting(record.voting_id) == 0b010
    assert earning.pool.claimed_of_period(number) == 0b010


def test_what_stands_twice_in_a_claim_is_paid_once(earning):
    record, number = hold(earning, AGREED, apart=1), end_period(earning)
    assert earned(earning, 0, [record, record], [number, number]) == 110 + BASE + CONSISTENCY


def test_a_stranger_may_claim_for_a_worker_and_the_operator_is_paid(earning):
    record, stranger = hold(earning, AGREED, apart=1), boa.env.generate_address()
    earning.claim(0, [record], sender=stranger)
    assert (balance(earning.operators[0]), balance(stranger)) == (110, 0)


def test_a_claim_that_another_came_before_gets_what_is_left(earning):
    records = [hold(earning, AGREED, slot, apart=1) for slot in (2, 3)]
    earning.claim(0, records[:1], sender=boa.env.generate_address())
    assert claimed(earning.claim(0, records))["earned"] == 110
    assert balance(earning.operators[0]) == 220


def test_claims_of_one_worker_leave_those_of_the_others(earning):
    record, number = hold(earning, AGREED, apart=1), end_period(earning)
    gains = [earned(earning, worker, [record], [number]) for worker in (2, 0, 1)]
    assert gains == [ACCURACY + BASE + CONSISTENCY, 110 + BASE + CONSISTENCY, ACCURACY + BASE + CONSISTENCY]


def test_what_earns_nothing_is_passed_over_and_not_marked(earning):
    records = [hold(earning, {0: "a", 1: "a", 2: "b"}, 2), hold(earning, AGREED, 3)]
    number = end_period(earning)
    assert earned(earning, 2, records, [number - 1, number]) >= ACCURACY + BASE
    assert earning.pool.claimed_of_voting(records[0].voting_id) == 0
    assert earning.pool.claimed_of_period(number - 1) == 0


def test_an_empty_claim_of_who_is_owed_nothing_is_refused(earning):
    with earning.refuses("rewards: nothing to claim"):
        earning.claim(0)


@pytest.mark.parametrize("index", [3, 119, 120, 256, 2**256 - 1])
def test_a_claim_for_an_index_that_was_never_given_is_refused(earning, index):
    record = hold(earning, AGREED)
    with earning.refuses("members: unknown index"):
        earning.claim(index, [record])


def test_a_claim_has_at_most_50_votings_and_100_periods(earning):
    record, number = hold(earning, AGREED), end_period(earning)
    for items in (([record] * 51, []), ([], [number] * 101)):
        with pytest.raises(BoaError):
            earning.claim(0, *items)
    assert earned(earning, 0, [record] * 50, [number] * 100) >= ACCURACY + BASE


def test_a_period_that_is_not_over_is_refused_with_all_that_stands_beside_it(earning):
    record = hold(earning, AGREED)
    number = earning.now // PERIOD
    earning.wait_until((number + 1) * PERIOD - 1)
    for numbers in ([number], [number - 1, number], [number + 1], [2**256 - 1]):
        with earning.refuses("rewards: period not over"):
            earning.claim(0, [record], numbers)
    assert earning.pool.claimed_of_voting(record.voting_id) == 0
    earning.wait(1)
    assert earned(earning, 0, [], [number]) == BASE + CONSISTENCY


def test_a_voting_is_claimed_once_its_window_is_over_and_not_before(earning):
    vote(earning, AGREED)
    earning.reveal(earning.pair("a"), [0, 1])
    record, end = earning.record(), earning.voting().deadline
    earning.wait_until(end - 1)
    with earning.refuses("rewards: voting not closed"):
        earning.claim(0, [record])
    earning.wait(1)
    assert not earning.voting().booked
    assert earned(earning, 0, [record]) >= ACCURACY
    earning.advance(earning.pair("a"))
    assert earned(earning, 0, [record]) == 0


def test_a_voting_without_a_record_is_refused(earning):
    record = hold(earning, AGREED)
    earning.trigger = earning.slot(3).trigger_id
    vote(earning, AGREED)
    with earning.refuses("rewards: not the record"):
        earning.call("claim", 0, [altered_word(record, 1, earning.voting_id())], [], of=earning.pool)


@pytest.mark.parametrize("place", range(13))
def test_a_record_with_any_word_altered_is_refused_also_once_it_was_claimed(earning, place):
    record = hold(earning, AGREED)
    for _ in range(2):
        with earning.refuses("rewards: not the record"):
            earning.call("claim", 0, [altered_word(record, place)], [], of=earning.pool)
        earned(earning, 0, [record])


def test_a_record_of_another_network_is_refused(earning, new_network):
    record = hold(earning, AGREED)
    other = new_network()
    other.enrol(3)
    other.announce(**SEALED)
    other.set_rewards(1, 1)
    other_record = hold(other, AGREED)
    for network, foreign in ((earning, other_record), (other, record)):
        with network.refuses("rewards: not the record"):
            network.claim(0, [foreign])


# A pool that is short


def test_a_short_pool_pays_what_is_there_and_the_rest_stays_owed(poor):
    poor.fund(30)
    fields = claimed(poor.claim(0, [poor.record()]))
    assert (fields["earned"], fields["paid"], poor.pool.owed(0)) == (110, 30, 80)
    assert (balance(poor.operators[0]), balance(poor.pool.address)) == (30, 0)


def test_an_empty_pool_takes_claims_and_owes_them(poor):
    fields = claimed(poor.claim(0, [poor.record()]))
    assert (fields["earned"], fields["paid"], poor.pool.owed(0)) == (110, 0, 110)
    assert claimed(poor.claim(0))["paid"] == 0
    assert poor.pool.owed(0) == 110


def test_a_refilled_pool_pays_what_is_owed_without_items_until_nothing_is(poor):
    poor.claim(0, [poor.record()])
    for amount, left in ((60, 50), (60, 0)):
        poor.fund(amount)
        assert (claimed(poor.claim(0))["earned"], poor.pool.owed(0)) == (0, left)
    with poor.refuses("rewards: nothing to claim"):
        poor.claim(0)
    assert (balance(poor.operators[0]), balance(poor.pool.address)) == (110, 10)


def test_what_is_owed_is_paid_together_with_what_is_new(poor):
    poor.claim(1, [poor.record()])
    poor.check_in(1)
    poor.set_rewards(BASE, 0)
    end_period(poor)
    poor.check_in(1)
    poor.fund(10**6)
    fields = claimed(poor.claim(1, [], [end_period(poor)]))
    assert (fields["earned"], fields["paid"]) == (BASE, BASE + ACCURACY)


def test_money_that_was_forced_on_the_pool_goes_to_the_workers_and_nowhere_else(poor):
    boa.env.set_balance(poor.pool.address, 50)
    assert claimed(poor.claim(0, [poor.record()]))["paid"] == 50
    boa.env.set_balance(poor.pool.address, 1_000)
    assert claimed(poor.claim(0))["paid"] == 60
    assert balance(poor.pool.address) == 940


# A second pool of a network


def deploys_another_pool(network):
    """Replaces the network's pool by a new one, which has some money; the former pool."""
    former = network.pool
    network.pool = deploy("Rewards", ["address"], network.contract.address)
    network.fund(10**6)
    return former


def test_a_pool_tells_when_it_was_created(earning):
    first = earning.pool.created_at()
    earning.wait(77)
    deploys_another_pool(earning)
    assert (earning.pool.created_at(), earning.pool.created_at() > first) == (earning.now, True)


@pytest.mark.parametrize("is_claimed", [False, True])
def test_a_second_pool_pays_nothing_for_records_before_it_whether_claimed_or_not(earning, is_claimed):
    record = hold(earning, AGREED)
    if is_claimed:
        earning.claim(1, [record])
    earning.wait(1)
    former = deploys_another_pool(earning)
    with earning.refuses("rewards: before the pool"):
        earning.claim(1, [record])
    assert earning.pool.claimed_of_voting(record.voting_id) == 0
    earning.pool = former
    assert earned(earning, 1, [record]) == (0 if is_claimed else ACCURACY)


def test_a_second_pool_pays_for_records_from_its_creation_on(earning):
    hold(earning, AGREED, 3)
    deploys_another_pool(earning)
    record = hold(earning, AGREED, 2, apart=1)
    assert record.time >= earning.pool.created_at()
    assert [earned(earning, worker, [record]) for worker in range(3)] == [110, 100, 100]


def test_a_record_of_the_second_in_which_a_pool_is_created_is_paid_by_it(earning):
    record = hold(earning, AGREED, apart=1)
    deploys_another_pool(earning)
    assert record.time == earning.pool.created_at() == earning.now
    assert earned(earning, 0, [record]) == 110


def test_a_record_before_the_pool_refuses_the_claim_with_all_that_stands_beside_it(earning):
    early = hold(earning, AGREED, 3)
    earning.wait(1)
    deploys_another_pool(earning)
    record = hold(earning, AGREED, 2)
    for records in ([early, record], [record, early]):
        with earning.refuses("rewards: before the pool"):
            earning.claim(0, records)
    assert earning.pool.claimed_of_voting(record.voting_id) == 0
    with earning.refuses("rewards: not the record"):
        earning.call("claim", 0, [altered_word(early, 12, early.time + 10**6)], [], of=earning.pool)


def test_a_second_pool_pays_for_periods_only_amounts_that_were_set_in_it(earning):
    hold(earning, AGREED)
    before = end_period(earning)
    deploys_another_pool(earning)
    earning.check_in(0)
    earning.set_rewards(7, 0)
    first = end_period(earning)
    earning.check_in(0)
    assert earned(earning, 0, [], [before, first, end_period(earning)]) == 7


# What the owner may do


def passes_ownership_on(network):
    heir = boa.env.generate_address()
    network.call("transfer_ownership", heir)
    network.call("accept_ownership", sender=heir)


CHANGES = {
    "a removal": lambda network: network.call("remove", 0),
    "a removal and an enrolment": lambda network: (network.call("remove", 0), network.enrol_again(0)),
    "a rotation": lambda network: network.rotate(0),
    "a new policy": lambda network: network.announce(**(SEALED | {"accuracy": 0}), start=network.now),
    "new amounts": lambda network: network.set_rewards(0, 0),
    "a pause": lambda network: network.call("pause_opening", True),
    "another owner": passes_ownership_on,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_earned_is_lost_whatever_the_owner_changes(earning, change):
    record, number = hold(earning, AGREED, apart=1), end_period(earning)
    operator = earning.operators[0]
    change(earning)
    assert earned(earning, 0, [record], [number]) == 110 + BASE + CONSISTENCY
    assert balance(operator) == 110 + BASE + CONSISTENCY


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_owed_is_lost_whatever_the_owner_changes(poor, change):
    poor.claim(0, [poor.record()])
    operator = poor.operators[0]
    change(poor)
    poor.fund(10**6)
    assert claimed(poor.claim(0))["paid"] == balance(operator) == 110


def test_nobody_takes_money_out_but_by_claims():
    functions = {entry["name"] for entry in artifact("Rewards").abi if entry["type"] == "function"}
    views = {"network", "reward_period", "created_at", "owed", "amounts_in"}
    views |= {"claimed_of_voting", "claimed_of_period"}
    assert functions == views | {"fund", "set_rewards", "claim"}
