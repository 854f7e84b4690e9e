"""Failover: attempt 3, in which the standbys of attempt 1's opening vote too, and what follows it."""

import pytest

from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How

CAST, REVEAL, STALL = 600, 300, 900
ACTIVE, STANDBY = 1, 2


def names(told):
    return [name for name, _ in told]


def times(told, since):
    """The events that tell a time, with the seconds since another."""
    return [(name, fields["at"] - since) for name, fields in told if "at" in fields]


def frozen(told):
    """What the opening of an attempt froze: its number, members, n and needed."""
    [fields] = [fields for name, fields in told if name == "Opened"]
    return tuple(fields[key] for key in ("attempt", "members", "n", "needed"))


def of(network, **changes):
    """Workers 0 to 2 active, 3 and 4 standbys, under a failover unless the changes say otherwise."""
    network.enrol(3)
    network.enrol(2, role=STANDBY)
    network.announce(**{"fallback": Fallback.FAILOVER, **changes})
    return network


@pytest.fixture
def first_failed(bare):
    """An open voting whose attempt 1 has just failed."""
    of(bare)
    bare.cast(0, bare.pair("a"))
    bare.wait(CAST)
    return bare


@pytest.fixture
def second_failed(first_failed):
    """The same after its attempt 2 failed too: attempt 3 may open."""
    first_failed.cast(0, first_failed.pair("a"), 2)
    first_failed.wait(CAST)
    return first_failed


@pytest.fixture
def sealed_second_failed(bare):
    """A voting with sealed ballots whose attempt 3 may open; its attempt 2 never did."""
    of(bare, ballots=Ballots.SEALED)
    bare.seal(0, bare.pair("a"))
    bare.wait(CAST + REVEAL + STALL)
    return bare


def test_attempt_3_has_the_standbys_of_attempt_1s_opening_as_members_too(second_failed):
    told = second_failed.cast(1, second_failed.pair("a"), 3)
    assert frozen(told) == (3, 0b11111, 5, 3)


def test_a_standby_opens_attempt_3(second_failed):
    told = second_failed.cast(4, second_failed.pair("a"), 3)
    assert names(told) == ["Failed", "Opened", "Cast"]


def test_standbys_decide_in_attempt_3(second_failed):
    for worker in (0, 3, 4):
        told = second_failed.cast(worker, second_failed.pair("a"), 3)
    assert names(told) == ["Cast", "Recorded"]


def test_the_record_of_attempt_3_names_its_members_n_and_needed(second_failed):
    for worker in (0, 3, 4):
        second_failed.cast(worker, second_failed.pair("a"), 3)
    record = second_failed.record()
    assert (record.attempt, record.members, record.n, record.needed) == (3, 0b11111, 5, 3)
    assert (record.voters, record.how) == (0b11001, How.QUORUM)


def test_a_standby_opens_no_attempt_1(bare):
    of(bare)
    with bare.refuses("votings: not a member"):
        bare.cast(3, bare.pair("a"))


def test_a_standby_does_not_vote_in_attempt_1(bare):
    of(bare)
    bare.cast(0, bare.pair("a"))
    with bare.refuses("votings: not a member"):
        bare.cast(3, bare.pair("a"))


def test_a_standby_opens_no_attempt_2(first_failed):
    with first_failed.refuses("votings: not a member"):
        first_failed.cast(3, first_failed.pair("a"), 2)


def test_a_standby_does_not_vote_in_attempt_2(first_failed):
    first_failed.cast(0, first_failed.pair("a"), 2)
    with first_failed.refuses("votings: not a member"):
        first_failed.cast(3, first_failed.pair("a"), 2)


def test_a_standby_seals_in_attempt_3(sealed_second_failed):
    told = sealed_second_failed.seal(3, sealed_second_failed.pair("a"), 3)
    assert frozen(told) == (3, 0b11111, 5, 3)


def test_a_standbys_seal_is_brought_in_attempt_3(sealed_second_failed):
    network = sealed_second_failed
    signed = [network.signed_seal(worker, network.pair("a"), 3) for worker in range(5)]
    told = network.bring_seals(signed, 3)
    assert told[-1][1]["workers"] == 0b11111
    assert network.voting().state == State.REVEALING


def test_a_standby_is_no_standby_any_more_in_attempt_2_when_it_became_active(first_failed):
    first_failed.call("remove", 3)
    first_failed.enrol_again(3, ACTIVE)
    with first_failed.refuses("votings: not a member"):
        first_failed.cast(3, first_failed.pair("a"), 2)


def test_a_standby_that_became_active_since_is_a_member_of_attempt_3(second_failed):
    second_failed.call("remove", 3)
    second_failed.enrol_again(3, ACTIVE)
    assert frozen(second_failed.cast(3, second_failed.pair("a"), 3)) == (3, 0b11111, 5, 3)


def test_an_active_worker_that_became_a_standby_since_is_a_member_of_attempt_3(second_failed):
    second_failed.call("remove", 2)
    second_failed.enrol_again(2, STANDBY)
    assert frozen(second_failed.cast(2, second_failed.pair("a"), 3)) == (3, 0b11111, 5, 3)


@pytest.mark.parametrize("role", [ACTIVE, STANDBY])
def test_who_was_enrolled_after_attempt_1s_opening_is_no_member_of_attempt_3(second_failed, role):
    second_failed.enrol(1, role=role)
    assert frozen(second_failed.cast(0, second_failed.pair("a"), 3))[1] == 0b11111
    with second_failed.refuses("votings: not a member"):
        second_failed.cast(5, second_failed.pair("a"), 3)


def test_a_standby_enrolled_while_attempt_1_was_open_is_no_member_of_attempt_3(bare):
    of(bare)
    bare.cast(0, bare.pair("a"))
    bare.enrol(1, role=STANDBY)
    bare.wait(CAST + STALL)
    assert frozen(bare.cast(0, bare.pair("a"), 3))[1] == 0b11111


def test_a_standby_removed_before_attempt_3_is_no_member_of_it(second_failed):
    second_failed.call("remove", 4)
    assert frozen(second_failed.cast(0, second_failed.pair("a"), 3)) == (3, 0b01111, 4, 3)


def test_a_standby_removed_while_attempt_3_is_open_still_votes_in_it(second_failed):
    second_failed.cast(0, second_failed.pair("a"), 3)
    second_failed.call("remove", 4)
    assert names(second_failed.cast(4, second_failed.pair("a"), 3)) == ["Cast"]


def test_removals_do_not_lower_n_below_that_of_attempt_1(second_failed):
    for worker in (1, 2, 3, 4):
        second_failed.call("remove", worker)
    assert frozen(second_failed.cast(0, second_failed.pair("a"), 3)) == (3, 0b00001, 3, 2)


def test_removals_in_attempt_2_do_not_lower_the_n_of_attempt_3(first_failed):
    for worker in (1, 2, 3, 4):
        first_failed.call("remove", worker)
    assert frozen(first_failed.cast(0, first_failed.pair("a"), 2)) == (2, 0b00001, 3, 2)
    first_failed.wait(CAST)
    assert frozen(first_failed.cast(0, first_failed.pair("a"), 3)) == (3, 0b00001, 3, 2)


def test_what_is_needed_in_attempt_3_comes_from_its_n_and_the_policys_threshold(bare):
    of(bare, threshold_num=2, threshold_den=3)
    bare.cast(0, bare.pair("a"))
    bare.wait(CAST + STALL)
    assert frozen(bare.cast(0, bare.pair("a"), 3)) == (3, 0b11111, 5, 4)


def test_attempt_3_keeps_the_votings_policy_version(second_failed):
    second_failed.announce(start=second_failed.now, cast_window=60)
    with second_failed.refuses("votings: other policy"):
        second_failed.cast(0, second_failed.pair("a"), 3, version=2)
    second_failed.cast(0, second_failed.pair("a"), 3)
    assert second_failed.voting().deadline == second_failed.now + CAST


def test_attempt_3_follows_attempt_1_when_attempt_2_never_opened(first_failed):
    first_failed.wait(STALL)
    assert frozen(first_failed.cast(0, first_failed.pair("a"), 3)) == (3, 0b11111, 5, 3)


def test_attempt_2_does_not_open_any_more_when_attempt_3_may(first_failed):
    first_failed.wait(STALL)
    with first_failed.refuses("votings: other attempt"):
        first_failed.cast(0, first_failed.pair("a"), 2)


def test_attempt_3_does_not_open_while_attempt_2_may(first_failed):
    first_failed.wait(STALL - 1)
    with first_failed.refuses("votings: other attempt"):
        first_failed.cast(0, first_failed.pair("a"), 3)


def test_attempt_3_opens_in_the_last_second_of_its_stall(second_failed):
    second_failed.wait(STALL - 1)
    told = second_failed.cast(0, second_failed.pair("a"), 3)
    assert names(told) == ["Failed", "Opened", "Cast"]


def test_attempt_3_does_not_open_after_its_stall(second_failed):
    second_failed.wait(STALL)
    with second_failed.refuses("votings: other attempt"):
        second_failed.cast(0, second_failed.pair("a"), 3)


@pytest.mark.parametrize("fallback", [Fallback.ALERT, Fallback.PLURALITY])
def test_without_failover_no_attempt_3_opens(bare, fallback):
    of(bare, fallback=fallback)
    bare.cast(0, bare.pair("a"))
    bare.wait(CAST)
    bare.cast(0, bare.pair("a"), 2)
    bare.wait(CAST)
    with bare.refuses("votings: other attempt"):
        bare.cast(0, bare.pair("a"), 3)


def test_a_pause_holds_up_no_attempt_3(second_failed):
    second_failed.call("pause_opening", True)
    assert names(second_failed.cast(3, second_failed.pair("a"), 3))[-1] == "Cast"


def test_the_voting_shows_that_it_waits_for_attempt_3_without_any_transaction(second_failed):
    assert (second_failed.voting().state, second_failed.voting().deadline) == (
        State.PENDING,
        second_failed.now + STALL,
    )


def test_a_failed_attempt_3_leaves_the_voting_unresolved(second_failed):
    opened = second_failed.now
    second_failed.cast(0, second_failed.pair("a"), 3)
    second_failed.wait(CAST)
    assert times(second_failed.advance(), opened) == [("Failed", CAST), ("Unresolved", CAST)]


def test_an_attempt_3_in_which_all_cast_in_vain_fails_at_once(second_failed):
    for worker, name in enumerate("aabbc"):
        told = second_failed.cast(worker, second_failed.pair(name), 3)
    assert names(told) == ["Cast", "Failed", "Unresolved"]


def test_a_failover_that_nobody_opens_leaves_the_voting_unresolved(second_failed):
    failed = second_failed.now
    second_failed.wait(10**6)
    assert times(second_failed.advance(), failed) == [("Failed", 0), ("Unresolved", STALL)]


def test_failover_alone_settles_nothing(second_failed):
    for worker, name in enumerate("aab"):
        second_failed.cast(worker, second_failed.pair(name), 3)
    second_failed.wait(CAST)
    with second_failed.refuses("votings: not settling"):
        second_failed.settle(second_failed.pair("a"))


@pytest.fixture
def then_plurality(bare):
    """A voting of five and two standbys under `failover then plurality`; attempt 2 failed with a leader."""
    bare.enrol(5)
    bare.enrol(2, role=STANDBY)
    bare.announce(fallback=Fallback.FAILOVER_THEN_PLURALITY)
    bare.cast(0, bare.pair("c"))
    bare.wait(CAST)
    for worker, name in enumerate("aab"):
        bare.cast(worker, bare.pair(name), 2)
    bare.wait(CAST)
    return bare


def test_failover_comes_before_the_plurality(then_plurality):
    assert then_plurality.voting().state == State.PENDING
    with then_plurality.refuses("votings: not settling"):
        then_plurality.settle(then_plurality.pair("a"))


def test_a_plurality_of_attempt_3_counts_its_standbys(then_plurality):
    for worker, name in ((0, "a"), (4, "b"), (5, "b"), (6, "b")):
        then_plurality.cast(worker, then_plurality.pair(name), 3)
    then_plurality.wait(CAST)
    then_plurality.settle(then_plurality.pair("b"))
    record = then_plurality.record()
    assert (record.attempt, record.how, record.voters, record.n) == (3, How.PLURALITY, 0b1110000, 7)


def test_a_plurality_of_attempt_3_is_more_than_a_third_of_its_own_n(then_plurality):
    for worker, name in enumerate("aabc"):
        then_plurality.cast(worker, then_plurality.pair(name), 3)
    then_plurality.wait(CAST)
    assert then_plurality.voting().state == State.UNRESOLVED


def test_a_pair_that_led_in_attempt_2_leads_no_more_when_attempt_3_opened(then_plurality):
    then_plurality.cast(0, then_plurality.pair("a"), 3)
    then_plurality.wait(CAST)
    assert then_plurality.voting().state == State.UNRESOLVED


def test_a_plurality_is_of_attempt_2_when_attempt_3_never_opened(then_plurality):
    then_plurality.wait(STALL)
    then_plurality.settle(then_plurality.pair("a"))
    assert (then_plurality.record().attempt, then_plurality.record().voters) == (2, 0b0011)


def test_a_stall_of_0_leaves_no_time_for_attempts_2_and_3(bare):
    of(bare, stall=0)
    opened = bare.now
    bare.cast(0, bare.pair("a"))
    bare.wait(10**6)
    assert times(bare.advance(), opened) == [("Failed", CAST), ("Unresolved", CAST)]


def test_with_a_stall_of_0_the_plurality_follows_attempt_1(bare):
    bare.enrol(5)
    bare.announce(fallback=Fallback.FAILOVER_THEN_PLURALITY, stall=0)
    for worker, name in enumerate("aab"):
        bare.cast(worker, bare.pair(name))
    bare.wait(CAST)
    assert names(bare.settle(bare.pair("a"))) == ["Failed", "Settling", "Recorded", "Closed"]


def test_one_late_transaction_applies_every_step_with_its_computed_time(bare):
    of(bare, ballots=Ballots.SEALED)
    opened = bare.now
    bare.seal(0, bare.pair("a"))
    bare.wait(10**7)
    failed = CAST + REVEAL
    assert times(bare.advance(), opened) == [("Failed", failed), ("Unresolved", failed + 2 * STALL)]


def test_one_late_settlement_applies_every_step_with_its_computed_time(bare):
    bare.enrol(5)
    bare.announce(fallback=Fallback.FAILOVER_THEN_PLURALITY)
    opened = bare.now
    for worker, name in enumerate("aab"):
        bare.cast(worker, bare.pair(name))
    bare.wait(10**7)
    told = bare.settle(bare.pair("a"))
    assert times(told, opened) == [("Failed", CAST), ("Settling", CAST + 2 * STALL)]


def test_a_voting_that_nobody_touches_is_seen_in_each_state_at_its_computed_time(bare):
    of(bare, ballots=Ballots.SEALED)
    opened = bare.now
    bare.seal(0, bare.pair("a"))
    ends = [CAST, CAST + REVEAL, CAST + REVEAL + STALL, CAST + REVEAL + 2 * STALL]
    states = [State.CASTING, State.REVEALING, State.PENDING, State.PENDING]
    for end, state in zip(ends, states, strict=True):
        bare.wait_until(opened + end - 1)
        assert (bare.voting().state, bare.voting().deadline) == (state, opened + end)
    bare.wait(1)
    assert (bare.voting().state, bare.voting().deadline) == (State.UNRESOLVED, opened + ends[-1])


@pytest.mark.parametrize("fallback", list(Fallback))
@pytest.mark.parametrize("kind", list(Ballots))
def test_with_everyone_removed_time_alone_ends_the_voting(bare, fallback, kind):
    of(bare, fallback=fallback, ballots=kind)
    (bare.seal if kind else bare.cast)(0, bare.pair("a"))
    for worker in range(5):
        bare.call("remove", worker)
    bare.wait(10**6)
    bare.advance()
    assert bare.voting().state == State.UNRESOLVED


def test_with_everyone_removed_nobody_opens_a_further_attempt(first_failed):
    for worker in range(5):
        first_failed.call("remove", worker)
    for worker in range(5):
        with first_failed.refuses("votings: not a member"):
            first_failed.cast(worker, first_failed.pair("a"), 2)
