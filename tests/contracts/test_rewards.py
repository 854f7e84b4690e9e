"""What is earned by what votings and periods left behind: base, consistency, accuracy."""

import pytest
from tests.contracts.network import PERIOD, STANDBY
from tests.contracts.rewarding import earned, end_period, hold, open_ballots, vote

from worknet.protocol.words import Ballots, Fallback

BASE, CONSISTENCY, ACCURACY, SPEED = 1_000, 500, 100, 10
AGREED = dict.fromkeys(range(3), "a")


def present(network):
    """The number of the present period."""
    return network.now // PERIOD


# Base


def test_a_worker_enrolled_throughout_and_seen_by_its_check_in_earns_the_base(earning):
    told = earning.check_in(1)
    assert told == [("CheckedIn", {"index": 1, "period": present(earning)})]
    assert earned(earning, 1, [], [end_period(earning)]) == BASE


def test_a_standby_that_checks_in_earns_the_base(earning):
    earning.enrol(1, STANDBY)
    end_period(earning)
    earning.check_in(3)
    assert earned(earning, 3, [], [end_period(earning)]) == BASE


def test_a_worker_whose_ballot_is_the_recorded_pair_need_not_check_in(earning):
    hold(earning, AGREED)
    earning.set_rewards(7, 0)
    assert earned(earning, 1, [], [end_period(earning)]) == BASE + CONSISTENCY


def test_a_worker_that_is_not_seen_earns_no_base(earning):
    earning.check_in(0)
    assert earned(earning, 1, [], [end_period(earning)]) == 0


def test_a_worker_that_was_outvoted_and_did_not_check_in_earns_no_base(earning):
    hold(earning, {0: "a", 1: "a", 2: "b"})
    assert earned(earning, 2, [], [end_period(earning)]) == 0


def test_a_check_in_of_another_period_is_none_of_this_one(earning):
    earning.check_in(1)
    end_period(earning)
    earning.check_in(0)
    assert earned(earning, 1, [], [end_period(earning)]) == 0


@pytest.mark.parametrize("second", [0, PERIOD - 1])
def test_a_check_in_counts_from_the_first_to_the_last_second_of_a_period(earning, second):
    earning.wait_until((present(earning) + 1) * PERIOD + second)
    number = present(earning)
    earning.check_in(0)
    assert [earning.period(number + by).checked_in for by in (-1, 0, 1)] == [0, 1, 0]


def test_a_second_check_in_changes_nothing(earning):
    earning.check_in(1)
    before = earning.period()
    earning.wait(1)
    earning.check_in(1)
    assert earning.period() == before


def test_a_worker_enrolled_in_the_period_earns_its_base_from_the_next_one_on(earning):
    earning.enrol()
    earning.check_in(3)
    assert earned(earning, 3, [], [end_period(earning)]) == 0
    earning.check_in(3)
    assert earned(earning, 3, [], [end_period(earning)]) == BASE


def test_a_worker_removed_in_the_period_earns_no_base_though_it_checked_in(earning):
    earning.check_in(1)
    earning.call("remove", 1)
    assert earned(earning, 1, [], [end_period(earning)]) == 0


def test_a_worker_removed_and_enrolled_again_in_the_period_earns_no_base_of_it(earning):
    earning.call("remove", 1)
    earning.enrol_again(1)
    earning.check_in(1)
    assert earned(earning, 1, [], [end_period(earning)]) == 0
    earning.check_in(1)
    assert earned(earning, 1, [], [end_period(earning)]) == BASE


def test_a_worker_removed_in_the_first_second_of_a_period_has_the_base_of_the_one_before(earning):
    earning.check_in(1)
    number = end_period(earning)
    earning.call("remove", 1)
    assert earned(earning, 1, [], [number]) == BASE
    assert earning.period().eligible == 0b101


@pytest.mark.parametrize(
    ("first", "eligible"),
    [
        (lambda network: network.enrol(), 0b0111),
        (lambda network: network.call("remove", 0), 0b0110),
        (lambda network: network.check_in(0), 0b0111),
        (lambda network: hold(network, AGREED), 0b0111),
        (lambda network: network.report(network.pair("a"), [0, 1, 2]), 0b0111),
    ],
    ids=["an enrolment", "a removal", "a check-in", "a closing", "a report"],
)
def test_whatever_happens_first_in_a_period_stores_who_was_enrolled_before_it(earning, first, eligible):
    assert earning.period().eligible == 0
    first(earning)
    assert earning.period().eligible == eligible
    earning.enrol()
    earning.check_in(1)
    assert earning.period().eligible == eligible


@pytest.mark.parametrize(
    "what",
    [
        lambda network: network.rotate(1),
        lambda network: network.announce(start=network.now),
        lambda network: network.set_rewards(1, 1),
        lambda network: network.fund(1),
        lambda network: network.seal(0, network.pair("a")),
        lambda network: network.call("pause_opening", True),
    ],
    ids=["a rotation", "a policy", "amounts", "money", "a seal", "a pause"],
)
def test_what_changes_no_membership_and_closes_nothing_leaves_no_trace_in_a_period(earning, what):
    what(earning)
    assert tuple(earning.period()) == (0, 0, 0, 0)


def test_of_a_period_in_which_nothing_happened_nobody_earns_anything(earning):
    number = end_period(earning)
    assert earning.pool.amounts_in(number) == (BASE, CONSISTENCY)
    assert [earned(earning, worker, [], [number]) for worker in range(3)] == [0, 0, 0]


def test_after_a_rotation_the_new_key_checks_in_and_the_old_one_no_more(earning):
    old = earning.keys[1]
    earning.rotate(1)
    with earning.refuses("members: not the worker's key"):
        earning.check_in(1, sender=old)
    earning.check_in(1)
    assert earned(earning, 1, [], [end_period(earning)]) == BASE


def test_only_its_own_key_checks_an_enrolled_worker_in(earning):
    for sender in (earning.owner, earning.operators[1], earning.keys[0]):
        with earning.refuses("members: not the worker's key"):
            earning.check_in(1, sender=sender)
    earning.call("remove", 1)
    for index in (1, 3, 120, 2**256 - 1):
        with earning.refuses("members: not enrolled"):
            earning.check_in(index, sender=earning.keys[1])


# Consistency


def test_who_agreed_in_every_voting_of_a_period_earns_consistency_and_who_missed_one_does_not(earning):
    hold(earning, AGREED, 2)
    hold(earning, {0: "a", 1: "b", 2: "a"}, 3)
    number = end_period(earning)
    assert earned(earning, 0, [], [number]) == BASE + CONSISTENCY
    assert earned(earning, 1, [], [number]) == BASE


def test_who_did_not_vote_at_all_missed_the_voting(earning):
    hold(earning, AGREED, 2)
    hold(earning, {0: "a", 1: "a"}, 3)
    period = earning.period()
    assert (period.taken, period.missed) == (0b111, 0b100)
    assert earned(earning, 2, [], [end_period(earning)]) == BASE


def test_who_sealed_and_never_opened_its_seal_missed_the_voting(earning):
    vote(earning, AGREED)
    earning.reveal(earning.pair("a"), [0, 1])
    earning.wait(300)
    earning.advance(earning.pair("a"))
    assert (earning.period().taken, earning.period().missed) == (0b011, 0b100)


def test_a_voting_that_one_was_no_member_of_is_not_missed(earning):
    hold(earning, AGREED, 2)
    earning.call("remove", 2)
    hold(earning, {0: "a", 1: "a"}, 3)
    assert (earning.period().taken, earning.period().missed) == (0b111, 0)
    assert earned(earning, 2, [], [end_period(earning)]) == CONSISTENCY


def test_who_was_enrolled_in_the_period_earns_its_consistency(earning):
    earning.enrol()
    hold(earning, {**AGREED, 3: "a"})
    assert earned(earning, 3, [], [end_period(earning)]) == CONSISTENCY


def test_of_a_voting_recorded_in_attempt_2_the_members_of_that_attempt_count(earning):
    vote(earning, {0: "a", 1: "b", 2: "c"})
    open_ballots(earning, {0: "a", 1: "b", 2: "c"})
    earning.call("remove", 2)
    votes = {0: "a", 1: "a"}
    vote(earning, votes, attempt=2)
    open_ballots(earning, votes, attempt=2)
    assert earning.record().attempt == 2
    assert (earning.period().taken, earning.period().missed) == (0b011, 0)


def test_a_voting_of_open_ballots_that_agreed_touches_no_period(network):
    for worker in range(3):
        network.cast(worker, network.pair("a"))
    assert network.voting().booked
    assert tuple(network.period()) == (0, 0, 0, 0)


def test_a_plurality_touches_no_period_and_earns_nothing(earning):
    earning.enrol(2)
    earning.announce(
        ballots=Ballots.SEALED,
        accuracy=100,
        speed=10,
        fallback=Fallback.PLURALITY,
        stall=0,
        start=earning.now,
    )
    end_period(earning)
    earning.trigger = earning.slot(-24).trigger_id
    earning.wait(PERIOD // 2)
    votes = {0: "a", 1: "a", 2: "b", 3: "c"}
    for worker, name in votes.items():
        earning.seal(worker, earning.pair(name), version=2)
    earning.wait(600)
    for name in "abc":
        earning.reveal(earning.pair(name), [one for one in votes if votes[one] == name], version=2)
    earning.settle(earning.pair("a"))
    assert (earning.record().how, earning.voting().closed) == (2, True)
    assert tuple(earning.period()) == (0, 0, 0, 0)
    assert earned(earning, 0, [earning.record()], [end_period(earning)]) == 0


def test_a_report_counts_for_the_period(earning):
    earning.report(earning.pair("a"), [0, 2], participants=0b111, voters=0b101)
    assert (earning.period().taken, earning.period().missed) == (0b101, 0b010)
    assert earned(earning, 0, [], [end_period(earning)]) == BASE + CONSISTENCY


def test_a_report_of_open_ballots_counts_for_the_period_too(network):
    network.report(network.pair("a"), [0, 2], participants=0b111, voters=0b101)
    assert (network.period().taken, network.period().missed) == (0b101, 0b010)


def test_a_closing_counts_for_the_period_in_which_it_is_booked_however_late(earning):
    vote(earning, AGREED)
    earning.reveal(earning.pair("a"), [0, 1])
    voted = end_period(earning)
    booked = end_period(earning) + 1
    assert earning.voting().closed
    earning.advance(earning.pair("a"))
    assert tuple(earning.period(voted)) == (0, 0, 0, 0)
    assert (earning.period(booked).taken, earning.period(booked).missed) == (0b011, 0b100)


def test_a_closing_by_the_reveal_of_another_pair_is_booked_by_whoever_advances(earning):
    votes = {0: "a", 1: "a", 2: "b"}
    vote(earning, votes)
    earning.reveal(earning.pair("a"), [0, 1])
    earning.reveal(earning.pair("b"), [2])
    assert (earning.voting().closed, earning.voting().booked) == (True, False)
    assert tuple(earning.period()) == (0, 0, 0, 0)
    earning.advance(earning.pair("a"))
    assert (earning.period().taken, earning.period().missed) == (0b011, 0b100)


# Accuracy


def test_all_whose_ballot_is_the_recorded_pair_earn_accuracy_and_the_others_nothing(earning):
    record = hold(earning, {2: "a", 1: "b", 0: "a"}, apart=1)
    assert [earned(earning, worker, [record]) for worker in range(3)] == [ACCURACY, 0, ACCURACY + SPEED]


def test_a_ballot_that_comes_after_the_record_and_before_the_end_earns_like_the_others(earning):
    vote(earning, {1: "a", 2: "a", 0: "a"}, apart=1)
    earning.reveal(earning.pair("a"), [1, 2])
    earning.reveal(earning.pair("a"), [0])
    record = earning.record()
    assert record.voters == 0b110
    assert earned(earning, 0, [record]) == ACCURACY


def test_a_seal_of_the_recorded_pair_that_is_never_opened_earns_nothing(earning):
    vote(earning, AGREED)
    earning.reveal(earning.pair("a"), [0, 1])
    earning.wait(300)
    assert earned(earning, 2, [earning.record()]) == 0


def test_the_voters_of_a_report_earn_accuracy_and_nobody_speed(earning):
    earning.report(earning.pair("a"), [0, 2], participants=0b111, voters=0b101)
    record = earning.record()
    assert [earned(earning, worker, [record]) for worker in range(3)] == [ACCURACY, 0, ACCURACY]


def test_who_reveals_the_pair_after_a_report_without_it_earns_accuracy(earning):
    vote(earning, AGREED)
    earning.report(earning.pair("a"), [0, 1], participants=0b011)
    with earning.refuses("rewards: voting not closed"):
        earning.claim(2, [earning.record()])
    earning.reveal(earning.pair("a"), [2])
    assert earning.record().voters == 0b011
    assert [earned(earning, worker, [earning.record()]) for worker in range(3)] == [ACCURACY] * 3


def test_a_voting_under_a_policy_without_amounts_earns_nothing_and_is_not_marked(sealed):
    record = hold(sealed, AGREED)
    assert earned(sealed, 0, [record]) == 0
    assert sealed.pool.claimed_of_voting(record.voting_id) == 0


def test_a_voting_pays_what_its_own_version_of_the_policy_says(earning):
    record = hold(earning, AGREED)
    earning.announce(ballots=Ballots.SEALED, accuracy=7, speed=7, start=earning.now)
    amounts = sorted(earned(earning, worker, [record]) for worker in range(3))
    assert amounts == [ACCURACY, ACCURACY, ACCURACY + SPEED]


def test_the_largest_amounts_are_kept_and_owed_in_full(bare):
    most = 2**128 - 1
    bare.enrol(3)
    bare.announce(ballots=Ballots.SEALED, accuracy=most, speed=most)
    record = hold(bare, AGREED, apart=1)
    assert earned(bare, 0, [record]) == bare.pool.owed(0) == 2 * most


def test_a_standby_that_votes_in_attempt_3_earns_like_the_others(bare):
    bare.enrol(3)
    bare.enrol(1, STANDBY)
    bare.announce(ballots=Ballots.SEALED, accuracy=ACCURACY, speed=SPEED, fallback=Fallback.FAILOVER)
    split = {0: "a", 1: "b", 2: "c"}
    vote(bare, split)
    open_ballots(bare, split)
    bare.wait(900)
    votes = {3: "a", 1: "a", 2: "a", 0: "b"}
    vote(bare, votes, apart=1, attempt=3)
    open_ballots(bare, votes, attempt=3)
    assert (bare.period().taken, bare.period().missed) == (0b1110, 0b0001)
    gains = [earned(bare, worker, [bare.record()]) for worker in range(4)]
    assert gains == [0, ACCURACY, ACCURACY, ACCURACY + SPEED]


def test_a_reopened_voting_pays_what_the_version_of_its_last_attempt_says(earning):
    split = {0: "a", 1: "b", 2: "c"}
    vote(earning, split)
    open_ballots(earning, split)
    earning.wait(900)
    earning.reopen()
    earning.announce(ballots=Ballots.SEALED, accuracy=7, speed=0, start=earning.now)
    for worker in range(3):
        earning.seal(worker, earning.pair("a"), 4, version=2)
    earning.reveal(earning.pair("a"), [0, 1, 2], 4, version=2)
    assert (earning.record().attempt, earning.period().taken) == (4, 0b111)
    assert [earned(earning, worker, [earning.record()]) for worker in range(3)] == [7, 7, 7]
