"""Reopening: what the owner may give a further attempt, and under which rules that attempt runs."""

import boa
import pytest

from worknet.protocol.voting import MAX_ATTEMPT, State
from worknet.protocol.words import Ballots, Fallback, How

CAST, REVEAL, STALL = 600, 300, 900
STANDBY = 2


def names(told):
    return [name for name, _ in told]


def times(told, since):
    """The events that tell a time, with the seconds since another."""
    return [(name, fields["at"] - since) for name, fields in told if "at" in fields]


def frozen(told):
    """What the opening of an attempt froze: its number, policy version, members, n and needed."""
    [fields] = [fields for name, fields in told if name == "Opened"]
    return tuple(fields[key] for key in ("attempt", "policy_version", "members", "n", "needed"))


def unresolved_after(network, attempt):
    """Brings the voting of a network without failover to its end after attempt 1 or 2."""
    network.cast(0, network.pair("a"))
    network.wait(CAST)
    if attempt == 2:
        network.cast(0, network.pair("a"), 2)
        network.wait(CAST)
    else:
        network.wait(STALL)


@pytest.fixture
def unresolved(network):
    """A voting of three with open ballots, unresolved since attempt 2 never opened."""
    unresolved_after(network, 1)
    return network


@pytest.fixture
def reopened(unresolved):
    """The same, reopened."""
    unresolved.reopen()
    return unresolved


def test_only_the_owner_reopens(unresolved):
    for stranger in (unresolved.keys[0], unresolved.operators[0], boa.env.generate_address()):
        with unresolved.refuses("ownership: not the owner"):
            unresolved.reopen(sender=stranger)


def test_a_new_owner_reopens(unresolved):
    heir = boa.env.generate_address()
    unresolved.call("transfer_ownership", heir)
    unresolved.call("accept_ownership", sender=heir)
    assert names(unresolved.reopen(sender=heir))[-1] == "Reopened"


def test_the_event_tells_which_attempt_may_open_and_until_when(unresolved):
    told = unresolved.reopen()
    assert told[-1] == (
        "Reopened",
        {
            "voting_id": unresolved.voting_id(),
            "workflow_id": unresolved.workflow,
            "trigger_id": unresolved.trigger,
            "attempt": 4,
            "until": unresolved.now + STALL,
        },
    )


def test_reopening_applies_the_time_that_has_passed(network):
    opened = network.now
    network.cast(0, network.pair("a"))
    network.wait(10**6)
    told = network.reopen()
    assert names(told) == ["Failed", "Unresolved", "Reopened"]
    assert times(told, opened) == [("Failed", CAST), ("Unresolved", CAST + STALL)]


def test_a_reopened_voting_waits_for_its_attempt(reopened):
    voting = reopened.voting()
    assert (voting.state, voting.deadline) == (State.PENDING, reopened.now + STALL)


def test_no_voting_is_reopened_while_ballots_are_cast(network):
    network.cast(0, network.pair("a"))
    with network.refuses("votings: not unresolved"):
        network.reopen()


def test_no_voting_is_reopened_while_ballots_are_revealed(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.wait(CAST)
    with sealed.refuses("votings: not unresolved"):
        sealed.reopen()


def test_no_voting_is_reopened_while_attempt_2_may_open(network):
    network.cast(0, network.pair("a"))
    network.wait(CAST + STALL - 1)
    with network.refuses("votings: not unresolved"):
        network.reopen()


def test_no_voting_is_reopened_while_attempt_3_may_open(bare):
    bare.enrol(3)
    bare.announce(fallback=Fallback.FAILOVER)
    bare.cast(0, bare.pair("a"))
    bare.wait(CAST + 2 * STALL - 1)
    with bare.refuses("votings: not unresolved"):
        bare.reopen()


def test_no_voting_is_reopened_that_is(reopened):
    with reopened.refuses("votings: not unresolved"):
        reopened.reopen()


def test_no_voting_is_reopened_after_a_consensus(network):
    network.cast(0, network.pair("a"))
    network.cast(1, network.pair("a"))
    network.wait(10**6)
    with network.refuses("votings: not unresolved"):
        network.reopen()


@pytest.mark.parametrize("is_settled", [False, True])
def test_no_voting_is_reopened_that_is_left_to_a_plurality(bare, is_settled):
    bare.enrol(5)
    bare.announce(fallback=Fallback.PLURALITY, stall=0)
    for worker, name in enumerate("aab"):
        bare.cast(worker, bare.pair(name))
    bare.wait(CAST)
    if is_settled:
        bare.settle(bare.pair("a"))
    with bare.refuses("votings: not unresolved"):
        bare.reopen()


def test_after_attempt_1_comes_attempt_4(reopened):
    assert frozen(reopened.cast(0, reopened.pair("a"), 4))[0] == 4


def test_after_attempt_2_comes_attempt_4(network):
    unresolved_after(network, 2)
    network.reopen()
    assert frozen(network.cast(0, network.pair("a"), 4))[0] == 4


def test_after_attempt_3_comes_attempt_4(bare):
    bare.enrol(3)
    bare.announce(fallback=Fallback.FAILOVER)
    bare.cast(0, bare.pair("a"))
    bare.wait(CAST + STALL)
    bare.cast(0, bare.pair("a"), 3)
    bare.wait(CAST)
    bare.reopen()
    assert frozen(bare.cast(0, bare.pair("a"), 4))[0] == 4


def test_after_attempt_4_comes_attempt_5(reopened):
    reopened.cast(0, reopened.pair("a"), 4)
    reopened.wait(CAST)
    assert reopened.reopen()[-1][1]["attempt"] == 5
    assert frozen(reopened.cast(0, reopened.pair("a"), 5))[0] == 5


def test_an_attempt_4_that_never_opened_is_given_again(reopened):
    reopened.wait(STALL)
    assert reopened.reopen()[-1][1]["attempt"] == 4


@pytest.mark.parametrize("attempt", [0, 1, 2, 3, 5, 4 + 256])
def test_no_other_attempt_opens_than_the_one_that_was_given(reopened, attempt):
    with reopened.refuses("votings: not casting" if attempt == 1 else "votings: other attempt"):
        reopened.cast(0, reopened.pair("a"), attempt)


def test_without_the_owner_no_attempt_4_opens(unresolved):
    with unresolved.refuses("votings: other attempt"):
        unresolved.cast(0, unresolved.pair("a"), 4)


def test_a_reopened_attempt_decides_like_any_other(reopened):
    reopened.cast(0, reopened.pair("a"), 4)
    assert names(reopened.cast(1, reopened.pair("a"), 4)) == ["Cast", "Recorded"]
    record = reopened.record()
    assert (record.attempt, record.voters, record.how) == (4, 0b011, How.QUORUM)


def test_ballots_of_attempt_1_do_not_count_in_a_reopened_one(reopened):
    assert names(reopened.cast(1, reopened.pair("a"), 4)) == ["Opened", "Cast"]
    assert reopened.voters(reopened.pair("a"), 4) == 0b010


def test_ballots_of_attempt_1_stay_as_evidence(reopened):
    reopened.cast(1, reopened.pair("a"), 4)
    assert reopened.voters(reopened.pair("a"), 1) == 0b001


def test_a_reopened_attempt_has_the_active_workers_of_its_own_opening(reopened):
    reopened.enrol(3)
    reopened.call("remove", 0)
    told = reopened.cast(4, reopened.pair("a"), 4)
    assert frozen(told) == (4, 1, 0b111110, 5, 3)


def test_n_may_be_lower_in_a_reopened_attempt(reopened):
    reopened.call("remove", 0)
    assert frozen(reopened.cast(1, reopened.pair("a"), 4)) == (4, 1, 0b110, 2, 2)


def test_who_was_removed_before_is_no_member_of_a_reopened_attempt(reopened):
    reopened.call("remove", 0)
    with reopened.refuses("votings: not a member"):
        reopened.cast(0, reopened.pair("a"), 4)


def test_who_is_removed_later_still_votes_in_a_reopened_attempt(reopened):
    reopened.cast(0, reopened.pair("a"), 4)
    reopened.call("remove", 1)
    assert "Recorded" in names(reopened.cast(1, reopened.pair("a"), 4))


def test_standbys_are_no_members_of_a_reopened_attempt(reopened):
    reopened.enrol(1, role=STANDBY)
    with reopened.refuses("votings: not a member"):
        reopened.cast(3, reopened.pair("a"), 4)


def test_a_reopened_attempt_needs_two_active_workers(reopened):
    for worker in (0, 1):
        reopened.call("remove", worker)
    with reopened.refuses("votings: too few workers"):
        reopened.cast(2, reopened.pair("a"), 4)


def in_force(network, **changes):
    """Announces version 2, in force from now on."""
    return network.announce(start=network.now, **changes)


def test_a_reopened_attempt_names_the_version_that_is_in_force(reopened):
    policy = in_force(reopened)
    assert frozen(reopened.cast(0, reopened.pair("a"), 4, version=2))[1] == 2
    reopened.cast(1, reopened.pair("a"), 4, version=2)
    assert reopened.record().policy_hash == policy.hash()


def test_a_reopened_attempt_opens_under_no_version_that_was_followed_by_another(reopened):
    in_force(reopened)
    with reopened.refuses("policies: version not in force"):
        reopened.cast(0, reopened.pair("a"), 4, version=1)


def test_a_reopened_attempt_opens_under_no_version_that_is_yet_to_come(reopened):
    reopened.announce(start=reopened.now + 1)
    with reopened.refuses("policies: version not in force"):
        reopened.cast(0, reopened.pair("a"), 4, version=2)


def test_a_reopened_attempt_opens_under_the_old_version_until_the_new_one_starts(reopened):
    reopened.announce(start=reopened.now + 1)
    assert frozen(reopened.cast(0, reopened.pair("a"), 4, version=1))[1] == 1


def test_a_reopened_attempt_opens_under_no_unknown_version(reopened):
    for version in (0, 2, 65_535):
        with reopened.refuses("policies: unknown version"):
            reopened.cast(0, reopened.pair("a"), 4, version=version)


def test_a_reopened_attempt_keeps_its_version_when_another_comes_into_force(reopened):
    reopened.cast(0, reopened.pair("a"), 4)
    in_force(reopened)
    with reopened.refuses("votings: other policy"):
        reopened.cast(1, reopened.pair("a"), 4, version=2)
    assert "Recorded" in names(reopened.cast(1, reopened.pair("a"), 4, version=1))


def test_a_reopened_attempt_has_its_own_versions_kind_of_ballots(reopened):
    in_force(reopened, ballots=Ballots.SEALED)
    with reopened.refuses("votings: ballots are sealed"):
        reopened.cast(0, reopened.pair("a"), 4, version=2)
    for worker in range(3):
        reopened.seal(worker, reopened.pair("a"), 4, version=2)
    told = reopened.reveal(reopened.pair("a"), [0, 1, 2], 4, version=2)
    assert names(told) == ["Revealed", "Recorded", "Closed"]


def test_a_voting_of_sealed_ballots_may_be_reopened_with_open_ones(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.wait(CAST + REVEAL + STALL)
    sealed.reopen()
    in_force(sealed, ballots=Ballots.OPEN)
    for worker in (0, 1):
        told = sealed.cast(worker, sealed.pair("a"), 4, version=2)
    assert names(told) == ["Cast", "Recorded"]


def test_a_reopened_attempt_has_its_own_versions_windows(reopened):
    in_force(reopened, ballots=Ballots.SEALED, cast_window=77, reveal_window=33)
    opened = reopened.now
    reopened.seal(0, reopened.pair("a"), 4, version=2)
    assert reopened.voting().deadline == opened + 77
    reopened.wait(77)
    assert (reopened.voting().state, reopened.voting().deadline) == (State.REVEALING, opened + 77 + 33)


def test_what_is_needed_in_a_reopened_attempt_comes_from_its_own_version(reopened):
    in_force(reopened, threshold_num=1)
    assert frozen(reopened.cast(0, reopened.pair("a"), 4, version=2)) == (4, 2, 0b111, 3, 3)


def test_seals_are_brought_for_a_reopened_attempt(reopened):
    in_force(reopened, ballots=Ballots.SEALED)
    signed = [reopened.signed_seal(worker, reopened.pair("a"), 4, version=2) for worker in range(3)]
    assert names(reopened.bring_seals(signed, 4, version=2)) == ["Opened", "SealsBrought"]


def test_a_pause_holds_up_no_reopened_attempt(reopened):
    reopened.call("pause_opening", True)
    assert names(reopened.cast(0, reopened.pair("a"), 4)) == ["Opened", "Cast"]


def test_a_pause_holds_up_no_reopening(unresolved):
    unresolved.call("pause_opening", True)
    assert names(unresolved.reopen())[-1] == "Reopened"


@pytest.mark.parametrize(("stall", "waits"), [(0, CAST), (CAST - 1, CAST), (CAST + 1, CAST + 1)])
def test_a_reopened_attempt_may_open_for_its_stall_and_at_least_a_cast_window(bare, stall, waits):
    bare.enrol(3)
    bare.announce(stall=stall)
    bare.cast(0, bare.pair("a"))
    bare.wait(CAST + stall)
    assert bare.reopen()[-1][1]["until"] == bare.now + waits


def test_a_reopened_attempt_opens_in_the_last_second_of_its_waiting(reopened):
    reopened.wait(STALL - 1)
    assert names(reopened.cast(0, reopened.pair("a"), 4)) == ["Opened", "Cast"]


def test_a_reopened_attempt_does_not_open_after_its_waiting(reopened):
    reopened.wait(STALL)
    with reopened.refuses("votings: other attempt"):
        reopened.cast(0, reopened.pair("a"), 4)


def test_a_reopened_attempt_that_nobody_opens_leaves_the_voting_unresolved_again(reopened):
    since = reopened.now
    reopened.wait(10**6)
    assert times(reopened.advance(), since) == [("Unresolved", STALL)]
    assert reopened.voting().deadline == since + STALL


@pytest.mark.parametrize("fallback", list(Fallback))
def test_a_reopened_attempt_that_fails_leaves_the_voting_unresolved_whatever_the_fallback(bare, fallback):
    bare.enrol(5)
    bare.announce(fallback=fallback)
    bare.reopen()
    opened = bare.now
    for worker, name in enumerate("aab"):
        bare.cast(worker, bare.pair(name), 4)
    bare.wait(10**6)
    assert times(bare.advance(), opened) == [("Failed", CAST), ("Unresolved", CAST)]


def test_a_reopened_attempt_in_which_all_cast_in_vain_fails_at_once(reopened):
    for worker, name in enumerate("abc"):
        told = reopened.cast(worker, reopened.pair(name), 4)
    assert names(told) == ["Cast", "Failed", "Unresolved"]


def test_a_reopened_attempt_that_failed_is_reopened_under_the_rules_of_its_own_version(reopened):
    in_force(reopened, stall=5000)
    reopened.cast(0, reopened.pair("a"), 4, version=2)
    reopened.wait(CAST)
    assert reopened.reopen()[-1][1]["until"] == reopened.now + 5000


def test_the_last_attempt_is_number_255(unresolved):
    """By 252 reopenings, for a number beyond 8 bits must never stand in a voting's word."""
    for attempt in range(4, MAX_ATTEMPT + 1):
        assert unresolved.reopen()[-1][1]["attempt"] == attempt
        unresolved.cast(0, unresolved.pair("a"), attempt)
        unresolved.wait(CAST)
    with unresolved.refuses("votings: too many attempts"):
        unresolved.reopen()
