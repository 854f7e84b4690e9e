"""Reports on votings that have ballots on chain: what they respect, and who may still reveal after them."""

import pytest

from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How

ALL = 0b1111111
MOST = 0b0011111
"""Five of seven take part in a report; 5 and 6 stay outside."""
FOUR = (0, 1, 2, 3)


def names(told):
    return [name for name, _ in told]


def skipped(told):
    return [(fields["worker"], fields["rule"]) for name, fields in told if name == "Skipped"]


@pytest.fixture
def seven(bare):
    """Seven active workers with sealed ballots, of whom four are needed."""
    bare.enrol(7)
    bare.announce(ballots=Ballots.SEALED)
    return bare


@pytest.fixture
def open_seven(bare):
    """Seven active workers with open ballots, of whom four are needed."""
    bare.enrol(7)
    bare.announce()
    return bare


def seal(network, ballots):
    """Seals ballots, a letter for each worker's pair and a dash for none."""
    for worker, name in enumerate(ballots):
        if name != "-":
            network.seal(worker, network.pair(name))


def sealed_until_revealing(network, ballots):
    """The same, and lets the cast window end, which it does at once when all seven have sealed."""
    seal(network, ballots)
    if len(ballots.replace("-", "")) < 7:
        network.wait(600)


def report(network, participants=MOST, voters=0b0001111):
    return network.report(network.pair("a"), FOUR, participants=participants, voters=voters)


def test_a_whole_report_closes_a_voting_in_which_workers_cast(seven):
    seal(seven, "a-a")
    assert names(report(seven, ALL)) == ["Reported", "Recorded", "Closed"]


def test_a_whole_report_closes_a_voting_in_which_workers_reveal(seven):
    sealed_until_revealing(seven, "aaab")
    seven.reveal(seven.pair("a"), [0])
    assert names(report(seven, ALL)) == ["Reported", "Recorded", "Closed"]


def test_a_voting_that_a_whole_report_closed_is_closed_at_once(seven):
    seal(seven, "a-a")
    seven.wait(5)
    report(seven, ALL)
    voting = seven.voting()
    assert (voting.state, voting.closed, voting.booked) == (State.CONSENSUS, True, True)
    assert voting.deadline == seven.now


def test_after_a_whole_report_nobody_seals(seven):
    seal(seven, "a-a")
    report(seven, ALL)
    with seven.refuses("votings: not casting"):
        seven.seal(1, seven.pair("a"))


def test_after_a_whole_report_nobody_reveals(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven, ALL)
    with seven.refuses("votings: not revealing"):
        seven.reveal(seven.pair("a"), [6])


def test_after_a_whole_report_there_is_nothing_to_advance(seven):
    seal(seven, "a-a")
    report(seven, ALL)
    seven.wait(10**6)
    with seven.refuses("votings: nothing to advance"):
        seven.advance(seven.pair("a"))


def test_after_a_report_on_an_open_voting_no_second_one_is_taken(seven):
    seal(seven, "a-a")
    report(seven, ALL)
    with seven.refuses("votings: already recorded"):
        report(seven, ALL)


def test_no_report_is_taken_after_a_consensus(seven):
    sealed_until_revealing(seven, "aaaab")
    seven.reveal(seven.pair("a"), [0, 1, 2, 3])
    with seven.refuses("votings: already recorded"):
        report(seven)


def test_no_report_is_taken_after_a_plurality_was_settled(bare):
    bare.enrol(7)
    bare.announce(stall=0, fallback=Fallback.PLURALITY)
    for worker, name in enumerate("aaab"):
        bare.cast(worker, bare.pair(name))
    bare.wait(600)
    bare.settle(bare.pair("a"))
    with bare.refuses("votings: already recorded"):
        bare.report(bare.pair("a"), FOUR)


def test_no_report_is_taken_while_a_plurality_is_to_be_settled(bare):
    bare.enrol(7)
    bare.announce(stall=0, fallback=Fallback.PLURALITY)
    for worker, name in enumerate("aaab"):
        bare.cast(worker, bare.pair(name))
    bare.wait(600)
    with bare.refuses("votings: not casting"):
        bare.report(bare.pair("a"), FOUR, voters=0b1001111)


def test_no_report_is_taken_on_an_unresolved_voting(seven):
    seal(seven, "a")
    seven.wait(10**6)
    with seven.refuses("votings: not casting"):
        report(seven, ALL)


def test_a_report_of_not_all_members_is_refused_on_an_unopened_voting(seven):
    with seven.refuses("votings: cast window not over"):
        report(seven)


def test_a_report_of_not_all_members_is_refused_until_the_cast_window_is_over(seven):
    seal(seven, "aaaaaa")
    seven.wait(599)
    with seven.refuses("votings: cast window not over"):
        report(seven)
    seven.wait(1)
    assert names(report(seven)) == ["Reported", "Recorded"]


def test_a_report_of_not_all_members_is_taken_when_all_sealed_before_the_windows_end(seven):
    seal(seven, "aaaaaaa")
    assert names(report(seven)) == ["Reported", "Recorded"]


def test_a_report_of_not_all_members_is_refused_after_the_reveal_window(seven):
    sealed_until_revealing(seven, "aaaaaa")
    seven.wait(300)
    with seven.refuses("votings: not casting"):
        report(seven)


def test_a_report_of_not_all_members_is_refused_where_it_opens_attempt_2(seven):
    seal(seven, "a")
    seven.wait(900)
    with seven.refuses("votings: cast window not over"):
        seven.report(seven.pair("a"), FOUR, 2, participants=MOST)


def test_after_a_report_of_not_all_members_the_voting_stays_open_until_the_reveal_windows_end(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    end = seven.now + 300
    report(seven)
    voting = seven.voting()
    assert (voting.state, voting.closed, voting.deadline) == (State.CONSENSUS, False, end)


def test_after_a_report_an_outsiders_reveal_still_counts(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven)
    seven.reveal(seven.pair("a"), [5])
    assert seven.voters(seven.pair("a")) == 0b0101111


def test_after_a_report_an_outsiders_reveal_leaves_the_record_as_it_is(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven)
    before = seven.contract.record(seven.voting_id())
    assert names(seven.reveal(seven.pair("a"), [5])) == ["Revealed"]
    assert seven.contract.record(seven.voting_id()) == before


def test_after_a_report_an_insiders_reveal_is_skipped(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven)
    told = seven.reveal(seven.pair("a"), [3, 4, 5])
    assert skipped(told) == [(worker, "votings: already revealed") for worker in (3, 4)]


def test_after_a_report_insiders_reveals_alone_are_refused(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven)
    with seven.refuses("votings: nothing to reveal"):
        seven.reveal(seven.pair("a"), [0, 4])


def test_after_a_report_an_outsider_without_a_seal_has_nothing_to_reveal(seven):
    sealed_until_revealing(seven, "aaaaaa-")
    report(seven)
    with seven.refuses("votings: nothing to reveal"):
        seven.reveal(seven.pair("a"), [6])


def test_a_voting_closes_when_the_last_outsiders_seal_is_revealed(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven)
    assert names(seven.reveal(seven.pair("a"), [5])) == ["Revealed"]
    assert names(seven.reveal(seven.pair("a"), [6])) == ["Revealed", "Closed"]


def test_a_voting_closes_also_when_the_last_outsider_reveals_another_pair(seven):
    sealed_until_revealing(seven, "aaaaaab")
    report(seven)
    seven.reveal(seven.pair("a"), [5])
    seven.reveal(seven.pair("b"), [6])
    assert (seven.voting().closed, seven.voting().deadline) == (True, seven.now)


def test_a_closing_by_another_pairs_reveal_is_booked_by_naming_the_reported_pair(seven):
    sealed_until_revealing(seven, "aaaaaab")
    report(seven)
    seven.reveal(seven.pair("a"), [5])
    seven.reveal(seven.pair("b"), [6])
    with seven.refuses("votings: not the recorded pair"):
        seven.advance(seven.pair("b"))
    assert names(seven.advance(seven.pair("a"))) == ["Closed"]


def test_a_voting_whose_outsiders_do_not_reveal_closes_with_the_reveal_window(seven):
    sealed_until_revealing(seven, "aaaaaaa")
    report(seven)
    seven.wait(300)
    with seven.refuses("votings: not revealing"):
        seven.reveal(seven.pair("a"), [5])
    assert names(seven.advance(seven.pair("a"))) == ["Closed"]


def test_a_report_closes_at_once_where_no_outsider_has_sealed(seven):
    sealed_until_revealing(seven, "aaa----")
    assert names(report(seven)) == ["Reported", "Recorded", "Closed"]
    assert seven.voting().closed


def test_a_report_closes_at_once_where_every_outsider_has_revealed(seven):
    sealed_until_revealing(seven, "aaaaabb")
    seven.reveal(seven.pair("b"), [5, 6])
    assert names(report(seven)) == ["Reported", "Recorded", "Closed"]


def test_participants_need_not_have_sealed_on_chain(seven):
    sealed_until_revealing(seven, "------b")
    assert names(report(seven)) == ["Reported", "Recorded"]


def test_an_outsider_that_revealed_the_pair_before_is_added_to_the_voters(seven):
    sealed_until_revealing(seven, "aaaaaa-")
    seven.reveal(seven.pair("a"), [5])
    report(seven)
    assert (seven.record().voters, seven.record().how) == (0b0101111, How.REPORT)


def test_a_participant_that_revealed_the_pair_before_is_added_to_the_voters(seven):
    sealed_until_revealing(seven, "aaaaa--")
    seven.reveal(seven.pair("a"), [4])
    report(seven)
    assert seven.record().voters == 0b0011111


def test_who_revealed_another_pair_before_is_not_added_to_the_voters(seven):
    sealed_until_revealing(seven, "aaaabb-")
    seven.reveal(seven.pair("b"), [4, 5])
    report(seven)
    assert seven.record().voters == 0b0001111


def test_a_voter_that_revealed_another_pair_refuses_the_report(seven):
    sealed_until_revealing(seven, "baaaaaa")
    seven.reveal(seven.pair("b"), [0])
    with seven.refuses("votings: voter of other pair"):
        report(seven)


def test_a_voter_that_cast_another_pair_refuses_the_report(open_seven):
    open_seven.cast(0, open_seven.pair("b"))
    with open_seven.refuses("votings: voter of other pair"):
        report(open_seven, ALL)


def test_a_voters_unopened_seal_refuses_no_report(seven):
    seal(seven, "bbbb")
    assert names(report(seven, ALL)) == ["Reported", "Recorded", "Closed"]


def test_a_participant_that_is_no_voter_may_have_cast_another_pair(open_seven):
    open_seven.cast(6, open_seven.pair("b"))
    assert names(report(open_seven, ALL)) == ["Reported", "Recorded", "Closed"]


def test_open_ballots_for_the_pair_are_added_to_the_voters(open_seven):
    open_seven.cast(6, open_seven.pair("a"))
    report(open_seven, ALL)
    assert open_seven.record().voters == 0b1001111


def test_a_ballot_of_attempt_1_is_none_of_attempt_2(open_seven):
    open_seven.cast(0, open_seven.pair("b"))
    open_seven.cast(6, open_seven.pair("a"))
    open_seven.wait(600)
    open_seven.report(open_seven.pair("a"), FOUR, 2)
    assert open_seven.record().voters == 0b0001111


def test_a_report_of_not_all_members_is_refused_where_ballots_are_open(open_seven):
    open_seven.cast(0, open_seven.pair("a"))
    with open_seven.refuses("votings: cast window not over"):
        report(open_seven)


def test_after_a_whole_report_nobody_casts_an_open_ballot(open_seven):
    open_seven.cast(0, open_seven.pair("a"))
    report(open_seven, ALL)
    with open_seven.refuses("votings: not casting"):
        open_seven.cast(6, open_seven.pair("a"))


def test_the_period_counts_an_outsiders_reveal_after_the_report(seven):
    sealed_until_revealing(seven, "aaaaaab")
    report(seven)
    seven.reveal(seven.pair("b"), [6])
    seven.reveal(seven.pair("a"), [5])
    assert (seven.period().taken, seven.period().missed) == (0b0101111, 0b1010000)


def test_the_period_counts_the_ballots_that_the_report_did_not_know_of(open_seven):
    open_seven.cast(6, open_seven.pair("a"))
    report(open_seven, ALL)
    assert (open_seven.period().taken, open_seven.period().missed) == (0b1001111, 0b0110000)
