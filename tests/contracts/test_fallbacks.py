"""What follows when attempts 1 and 2 bring no consensus: an alert, or a plurality that anyone settles."""

import boa
import pytest

from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How

CAST, REVEAL, STALL = 600, 300, 900


def names(told):
    return [name for name, _ in told]


def times(told, since):
    """The events that tell a time, with the seconds since another."""
    return [(name, fields["at"] - since) for name, fields in told if "at" in fields]


def letters(ballots):
    return [(worker, name) for worker, name in enumerate(ballots) if name != "-"]


def vote(network, ballots, attempt=1):
    """Casts open ballots, a letter for each worker's pair and a dash for none; the last call's events."""
    told = []
    for worker, name in letters(ballots):
        told = network.cast(worker, network.pair(name), attempt)
    return told


def vote_sealed(network, ballots, revealed, attempt=1):
    """Seals these ballots and reveals those of the workers named, pair by pair."""
    for worker, name in letters(ballots):
        network.seal(worker, network.pair(name), attempt)
    if "-" in ballots:
        network.wait_until(network.voting().deadline)
    for pair in sorted(set(ballots) - {"-"}):
        workers = [worker for worker, name in letters(ballots) if name == pair and worker in revealed]
        if workers:
            network.reveal(network.pair(pair), workers, attempt)


def of(network, workers, **changes):
    """This many active workers under a plurality, unless the changes say otherwise."""
    network.enrol(workers)
    network.announce(**{"fallback": Fallback.PLURALITY, **changes})
    return network


@pytest.fixture
def settling(bare):
    """A voting of seven that is left to a plurality since its attempt 1: a has three ballots, b one."""
    of(bare, 7, stall=0)
    vote(bare, "aaab")
    bare.wait(CAST)
    return bare


def test_an_alert_leaves_a_voting_unresolved_when_attempt_2_fails(bare):
    of(bare, 7, fallback=Fallback.ALERT)
    vote(bare, "aaab")
    bare.wait(CAST)
    vote(bare, "aaab", 2)
    bare.wait(CAST)
    assert bare.voting().state == State.UNRESOLVED


def test_an_alert_leaves_a_voting_unresolved_when_attempt_2_never_opens(bare):
    of(bare, 7, fallback=Fallback.ALERT)
    opened = bare.now
    vote(bare, "aaab")
    bare.wait(CAST + STALL)
    assert times(bare.advance(), opened) == [("Failed", CAST), ("Unresolved", CAST + STALL)]


# Of a plurality: `needed` counted ballots, one pair alone with the most, two of them at least, more than n/3.
LEADS = {
    "just over a third of n": (5, "aab--", "a"),
    "needed counted, and no more": (7, "aaab---", "a"),
    "behind the others in order": (7, "abbb---", "b"),
    "one more than the second": (7, "aaabb--", "a"),
    "a shared lead that was broken": (7, "aabba--", "a"),
    "a lead that was overtaken": (7, "aabbb--", "b"),
    "everyone has cast": (7, "aaabbcc", "a"),
    "n 8, where three are more than a third": (8, "aaabb---", "a"),
    "two of n 4": (4, "aabc", "a"),
}
LEADS_NOT = {
    "a third of n and no more": (6, "aabc--"),
    "a third of n 9 and no more": (9, "aaabbc---"),
    "one ballot less than needed": (7, "aaa----"),
    "one ballot less than needed of n 5": (5, "aa---"),
    "one ballot less than needed of n 8": (8, "aaab----"),
    "a shared lead": (7, "ababab-"),
    "a shared lead of all": (4, "aabb"),
    "a lead that became shared": (7, "aaabbb-"),
    "one ballot for each pair": (3, "abc"),
    "two pairs of two": (2, "ab"),
}


@pytest.mark.parametrize("case", LEADS)
def test_a_pair_that_leads_makes_a_voting_of_open_ballots_settling(bare, case):
    workers, ballots, _ = LEADS[case]
    of(bare, workers, stall=0)
    vote(bare, ballots)
    bare.wait(CAST)
    assert bare.voting().state == State.SETTLING


@pytest.mark.parametrize("case", LEADS)
def test_a_pair_that_leads_is_settled(bare, case):
    workers, ballots, leading = LEADS[case]
    of(bare, workers, stall=0)
    vote(bare, ballots)
    bare.wait(CAST)
    bare.settle(bare.pair(leading))
    voters = bare.bitmap(worker for worker, name in enumerate(ballots) if name == leading)
    assert (bare.record().pair, bare.record().voters) == (bare.pair(leading), voters)


@pytest.mark.parametrize("case", LEADS_NOT)
def test_without_a_pair_that_leads_a_voting_of_open_ballots_is_unresolved(bare, case):
    workers, ballots = LEADS_NOT[case]
    of(bare, workers, stall=0)
    vote(bare, ballots)
    bare.wait(CAST)
    assert bare.voting().state == State.UNRESOLVED


@pytest.mark.parametrize("case", LEADS)
def test_a_pair_that_leads_makes_a_voting_of_sealed_ballots_settling(bare, case):
    workers, ballots, _ = LEADS[case]
    of(bare, workers, stall=0, ballots=Ballots.SEALED)
    vote_sealed(bare, ballots, range(workers))
    bare.wait(REVEAL)
    assert bare.voting().state == State.SETTLING


@pytest.mark.parametrize("case", LEADS_NOT)
def test_without_a_pair_that_leads_a_voting_of_sealed_ballots_is_unresolved(bare, case):
    workers, ballots = LEADS_NOT[case]
    of(bare, workers, stall=0, ballots=Ballots.SEALED)
    vote_sealed(bare, ballots, range(workers))
    bare.wait(REVEAL)
    assert bare.voting().state == State.UNRESOLVED


@pytest.mark.parametrize(("ballots", "state"), [("aaaaaa-", State.UNRESOLVED), ("aaaaaab", State.SETTLING)])
def test_the_ballots_that_a_plurality_needs_are_those_of_the_policys_threshold(bare, ballots, state):
    of(bare, 7, stall=0, threshold_num=1)
    vote(bare, ballots)
    bare.wait(CAST)
    assert bare.voting().state == state


@pytest.mark.parametrize(("revealed", "state"), [(3, State.UNRESOLVED), (4, State.SETTLING)])
def test_seals_that_were_not_revealed_do_not_count_for_a_plurality(bare, revealed, state):
    of(bare, 7, stall=0, ballots=Ballots.SEALED)
    vote_sealed(bare, "aaabbbb", range(revealed))
    bare.wait(REVEAL)
    assert bare.voting().state == state


def test_a_plurality_is_of_the_last_attempt_that_opened(bare):
    of(bare, 7)
    vote(bare, "abcd")
    bare.wait(CAST)
    vote(bare, "aaab", 2)
    bare.wait(CAST)
    bare.settle(bare.pair("a"))
    assert (bare.record().attempt, bare.record().voters) == (2, 0b0111)


def test_a_pair_that_led_in_attempt_1_leads_no_more_when_attempt_2_opened(bare):
    of(bare, 7)
    vote(bare, "aaab")
    bare.wait(CAST)
    vote(bare, "a", 2)
    bare.wait(CAST)
    assert bare.voting().state == State.UNRESOLVED


def test_a_plurality_is_of_attempt_1_when_attempt_2_never_opened(bare):
    of(bare, 7)
    vote(bare, "aaab")
    bare.wait(CAST + STALL)
    bare.settle(bare.pair("a"))
    assert (bare.record().attempt, bare.record().voters) == (1, 0b0111)


def test_while_attempt_2_may_open_nothing_is_settled(bare):
    of(bare, 7)
    vote(bare, "aaab")
    bare.wait(CAST + STALL - 1)
    with bare.refuses("votings: not settling"):
        bare.settle(bare.pair("a"))


def test_while_ballots_are_cast_nothing_is_settled(bare):
    of(bare, 7, stall=0)
    vote(bare, "aaab")
    bare.wait(CAST - 1)
    with bare.refuses("votings: not settling"):
        bare.settle(bare.pair("a"))


def test_of_an_unopened_voting_nothing_is_settled(bare):
    of(bare, 7)
    with bare.refuses("votings: not settling"):
        bare.settle(bare.pair("a"))


def test_of_a_voting_in_consensus_nothing_is_settled(bare):
    of(bare, 3)
    vote(bare, "aab")
    with bare.refuses("votings: not settling"):
        bare.settle(bare.pair("a"))


def test_of_an_unresolved_voting_nothing_is_settled(bare):
    of(bare, 7, stall=0)
    vote(bare, "aabb")
    bare.wait(CAST)
    with bare.refuses("votings: not settling"):
        bare.settle(bare.pair("a"))


def test_with_a_stall_of_0_a_plurality_follows_the_end_of_attempt_1(bare):
    of(bare, 7, stall=0)
    opened = bare.now
    vote(bare, "aaab")
    bare.wait(10**6)
    assert times(bare.advance(), opened) == [("Failed", CAST), ("Settling", CAST)]


def test_a_plurality_follows_at_once_when_the_last_member_casts_in_vain(bare):
    of(bare, 7, stall=0)
    told = vote(bare, "aaabbcc")
    assert names(told) == ["Cast", "Failed", "Settling"]


def test_a_plurality_follows_at_once_when_the_last_seal_is_revealed_in_vain(bare):
    of(bare, 7, stall=0, ballots=Ballots.SEALED)
    vote_sealed(bare, "aaabbcc", range(5))
    told = bare.reveal(bare.pair("c"), [5, 6])
    assert names(told) == ["Revealed", "Failed", "Settling"]


def test_one_late_transaction_applies_all_steps_to_a_plurality_with_their_times(bare):
    of(bare, 7, ballots=Ballots.SEALED)
    opened = bare.now
    vote_sealed(bare, "aaabc--", range(4))
    bare.wait(10**7)
    told = bare.settle(bare.pair("a"))
    assert names(told) == ["Failed", "Settling", "Recorded", "Closed"]
    failed = CAST + REVEAL
    assert times(told, opened) == [("Failed", failed), ("Settling", failed + STALL)]


def test_a_settling_voting_has_no_end(settling):
    settled = settling.now
    settling.wait(10**9)
    assert (settling.voting().state, settling.voting().deadline) == (State.SETTLING, settled)


def test_anyone_settles(settling):
    told = settling.settle(settling.pair("a"), sender=boa.env.generate_address())
    assert names(told) == ["Failed", "Settling", "Recorded", "Closed"]


def test_settling_names_the_pair_that_leads(settling):
    for other in ("b", "c"):
        with settling.refuses("votings: not the leading pair"):
            settling.settle(settling.pair(other))


def test_settling_names_both_roots_of_the_pair_that_leads(settling):
    a, b = settling.pair("a"), settling.pair("b")
    for roots in ((a.input_root, b.result_root), (bytes(32), a.result_root), (bytes(32), bytes(32))):
        with settling.refuses("votings: not the leading pair"):
            settling.call("settle", settling.workflow, settling.trigger, *roots)


def test_a_voting_is_settled_once(settling):
    settling.settle(settling.pair("a"))
    with settling.refuses("votings: not settling"):
        settling.settle(settling.pair("a"))


def test_a_record_by_plurality_says_so(settling):
    settling.wait(77)
    settling.settle(settling.pair("a"))
    record = settling.record()
    assert (record.how, record.voters, record.members) == (How.PLURALITY, 0b0111, 0b1111111)
    assert (record.n, record.needed, record.attempt, record.time) == (7, 4, 1, settling.now)


def test_a_settled_voting_is_closed_at_once(settling):
    settling.wait(77)
    settling.settle(settling.pair("a"))
    voting = settling.voting()
    assert (voting.state, voting.closed, voting.booked) == (State.SETTLED, True, True)
    assert voting.deadline == settling.now


def test_a_settled_voting_does_not_change_any_more(settling):
    settling.settle(settling.pair("a"))
    before = settling.voting()
    settling.wait(10**7)
    with settling.refuses("votings: nothing to advance"):
        settling.advance(settling.pair("a"))
    assert settling.voting() == before


def test_after_the_settlement_no_ballot_is_cast(settling):
    settling.settle(settling.pair("a"))
    with settling.refuses("votings: not casting"):
        settling.cast(5, settling.pair("a"))


def test_while_a_plurality_is_to_be_settled_no_ballot_is_cast(settling):
    with settling.refuses("votings: not casting"):
        settling.cast(5, settling.pair("b"))


def test_while_a_plurality_is_to_be_settled_no_further_attempt_opens(settling):
    for attempt in (2, 3, 4):
        with settling.refuses("votings: other attempt"):
            settling.cast(5, settling.pair("b"), attempt)


def test_a_settled_voting_counts_in_no_period(bare):
    of(bare, 7, stall=0, ballots=Ballots.SEALED)
    vote_sealed(bare, "aaabbcc", range(7))
    bare.settle(bare.pair("a"))
    assert (bare.period().taken, bare.period().missed) == (0, 0)


def test_a_plurality_is_settled_though_its_voters_were_removed(settling):
    for worker in range(7):
        settling.call("remove", worker)
    settling.settle(settling.pair("a"))
    assert settling.record().voters == 0b0111


def test_a_pause_holds_up_no_settlement(settling):
    settling.call("pause_opening", True)
    settling.settle(settling.pair("a"))
    assert settling.record().how == How.PLURALITY
