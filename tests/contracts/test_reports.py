"""Reports: a whole voting in one transaction, where it is taken, and what it leaves on chain."""

from dataclasses import astuple

import boa
import pytest

from worknet.protocol.ballots import Place
from worknet.protocol.words import Ballots, Fallback, How

ALL = 0b1111111
FOUR = (0, 2, 4, 6)
STANDBY = 2


def names(told):
    return [name for name, _ in told]


def fields_of(told, event):
    [fields] = [fields for name, fields in told if name == event]
    return fields


@pytest.fixture(params=[Ballots.OPEN, Ballots.SEALED], ids=["open", "sealed"])
def seven(request, bare):
    """Seven active workers of whom four are needed, under either kind of ballots."""
    bare.enrol(7)
    bare.announce(ballots=request.param)
    return bare


@pytest.fixture
def seven_sealed(bare):
    """Seven active workers with sealed ballots."""
    bare.enrol(7)
    bare.announce(ballots=Ballots.SEALED)
    return bare


def test_four_of_sevens_signatures_record_a_whole_voting_and_close_it(seven):
    told = seven.report(seven.pair("a"), FOUR)
    assert names(told) == ["Opened", "Reported", "Recorded", "Closed"]


def test_anyone_brings_a_report(seven):
    told = seven.report(seven.pair("a"), FOUR, sender=boa.env.generate_address())
    assert names(told)[-1] == "Closed"


def test_the_event_tells_place_participants_voters_and_signers(seven):
    told = seven.report(seven.pair("a"), FOUR, voters=0b1110101)
    expected = (Place(1, 1).word(), ALL, 0b1110101, seven.bitmap(FOUR))
    reported = fields_of(told, "Reported")
    assert reported["voting_id"] == seven.voting_id()
    assert tuple(reported[key] for key in ("place", "participants", "voters", "signers")) == expected


def test_a_reports_record_is_the_one_that_python_computes(seven):
    seven.wait(17)
    seven.report(seven.pair("a"), FOUR, voters=0b1110101)
    record = seven.record()
    told = (record.attempt, record.members, record.n, record.needed, record.voters, record.how, record.time)
    assert told == (1, ALL, 7, 4, 0b1110101, How.REPORT, seven.now)


def test_a_reports_record_names_its_pair_and_policy(seven):
    seven.report(seven.pair("a"), FOUR)
    record = seven.record()
    assert (record.pair, record.policy_hash) == (
        seven.pair("a"),
        seven.contract.policy_hash(seven.workflow, 1),
    )


def test_a_report_appends_one_leaf_to_the_log(seven):
    seven.report(seven.pair("a"), FOUR)
    assert seven.contract.size() == 1


def test_a_report_on_an_unopened_voting_writes_no_state_of_it(seven):
    seven.report(seven.pair("a"), FOUR)
    assert not any(seven.voting())


def test_a_report_on_an_unopened_voting_counts_no_ballots_on_chain(seven):
    seven.report(seven.pair("a"), FOUR)
    assert seven.contract.voters(seven.voting_id(), 1, *astuple(seven.pair("a"))) == 0


def test_voters_outside_the_participants_are_refused(seven):
    with seven.refuses("votings: voter not participant"):
        seven.report(seven.pair("a"), FOUR, participants=0b0111111)


@pytest.mark.parametrize("outside", [7, 8, 119, 120, 255])
def test_participants_outside_the_members_are_refused(seven, outside):
    seven.enrol(1, role=STANDBY)
    with seven.refuses("votings: participant not member"):
        seven.report(seven.pair("a"), FOUR, participants=ALL | 1 << outside)


@pytest.mark.parametrize("roots", [(bytes(32), b"\x01" * 32), (b"\x01" * 32, bytes(32))])
def test_a_report_with_a_zero_root_is_refused(seven_sealed, roots):
    where = (seven_sealed.workflow, seven_sealed.trigger, Place(1, 1).word())
    with seven_sealed.refuses("votings: zero root"):
        seven_sealed.call("report", *where, *roots, ALL, ALL, 0, 0, [])


@pytest.mark.parametrize("attempt", [0, 2, 3, 4, 257])
def test_a_report_on_an_unopened_voting_names_attempt_1(seven_sealed, attempt):
    with seven_sealed.refuses("votings: other attempt"):
        seven_sealed.report(seven_sealed.pair("a"), FOUR, attempt)


def test_a_report_on_an_open_voting_names_its_attempt(seven_sealed):
    seven_sealed.seal(0, seven_sealed.pair("a"))
    with seven_sealed.refuses("votings: other attempt"):
        seven_sealed.report(seven_sealed.pair("a"), FOUR, 2)


def test_a_report_on_an_open_voting_names_its_policy_version(seven_sealed):
    seven_sealed.seal(0, seven_sealed.pair("a"))
    with seven_sealed.refuses("votings: other policy"):
        seven_sealed.report(seven_sealed.pair("a"), FOUR, version=2)


def test_a_report_opens_no_slot_that_is_not_due(seven):
    seven.trigger = seven.slot(0).trigger_id
    with seven.refuses("policies: slot not due"):
        seven.report(seven.pair("a"), FOUR)


def test_a_report_opens_no_slot_that_is_too_old(bare):
    bare.enrol(7)
    bare.announce(max_age=3600)
    bare.wait(61)
    with bare.refuses("policies: slot too old"):
        bare.report(bare.pair("a"), FOUR)


def test_a_report_opens_no_slot_under_a_version_that_does_not_govern_it(seven):
    seven.announce(start=seven.now + 3600)
    with seven.refuses("policies: version not in force"):
        seven.report(seven.pair("a"), FOUR, version=2)


def test_a_report_opens_no_new_voting_while_opening_is_paused(seven):
    seven.call("pause_opening", True)
    with seven.refuses("votings: opening is paused"):
        seven.report(seven.pair("a"), FOUR)


def test_a_pause_holds_up_no_report_on_an_open_voting(seven_sealed):
    seven_sealed.seal(0, seven_sealed.pair("a"))
    seven_sealed.call("pause_opening", True)
    assert names(seven_sealed.report(seven_sealed.pair("a"), FOUR))[-1] == "Closed"


def test_a_report_needs_two_active_workers(bare):
    bare.enrol(1)
    bare.announce()
    with bare.refuses("votings: too few workers"):
        bare.report(bare.pair("a"), [0])


def test_after_a_report_no_ballot_opens_the_voting(seven_sealed):
    seven_sealed.report(seven_sealed.pair("a"), FOUR)
    with seven_sealed.refuses("votings: already recorded"):
        seven_sealed.seal(1, seven_sealed.pair("b"))


def test_after_a_report_no_open_ballot_opens_the_voting(bare):
    bare.enrol(7)
    bare.announce()
    bare.report(bare.pair("a"), FOUR)
    with bare.refuses("votings: already recorded"):
        bare.cast(1, bare.pair("b"))


def test_after_a_report_no_brought_seals_open_the_voting(seven_sealed):
    seven_sealed.report(seven_sealed.pair("a"), FOUR)
    with seven_sealed.refuses("votings: already recorded"):
        seven_sealed.bring_seals([seven_sealed.signed_seal(1, seven_sealed.pair("b"))])


def test_after_a_report_no_second_one_is_taken(seven):
    seven.report(seven.pair("a"), FOUR)
    with seven.refuses("votings: already recorded"):
        seven.report(seven.pair("b"), FOUR)


@pytest.mark.parametrize("attempt", [2, 3, 4])
def test_after_a_report_no_further_attempt_opens(seven, attempt):
    seven.report(seven.pair("a"), FOUR)
    seven.wait(10**6)
    with seven.refuses("votings: other attempt"):
        seven.report(seven.pair("b"), FOUR, attempt)


def test_after_a_report_on_an_unopened_voting_there_is_nothing_to_reveal_settle_or_advance(seven_sealed):
    seven_sealed.report(seven_sealed.pair("a"), FOUR)
    with seven_sealed.refuses("votings: not open"):
        seven_sealed.reveal(seven_sealed.pair("a"), [0])
    with seven_sealed.refuses("votings: not settling"):
        seven_sealed.settle(seven_sealed.pair("a"))
    with seven_sealed.refuses("votings: not open"):
        seven_sealed.advance(seven_sealed.pair("a"))


def test_a_report_closes_its_voting_for_the_rewards_of_the_period(seven):
    seven.report(seven.pair("a"), FOUR)
    period = seven.period()
    assert (period.taken, period.missed) == (0b1010101, 0b0101010)


def opened_for(network, attempt):
    """Brings a voting to where this attempt may open; nobody has cast in those before it but one."""
    network.seal(0, network.pair("a"))
    network.wait(900)
    if attempt > 2:
        network.wait(900)
    if attempt > 3:
        network.wait(900)
        network.reopen()


@pytest.mark.parametrize("attempt", [2, 3, 4])
def test_a_report_opens_and_closes_a_further_attempt(bare, attempt):
    bare.enrol(7)
    bare.announce(ballots=Ballots.SEALED, fallback=Fallback.FAILOVER)
    opened_for(bare, attempt)
    told = bare.report(bare.pair("a"), FOUR, attempt)
    assert names(told)[-4:] == ["Opened", "Reported", "Recorded", "Closed"]
    assert bare.record().attempt == attempt


def test_a_report_on_attempt_2_has_its_members(seven_sealed):
    opened_for(seven_sealed, 2)
    seven_sealed.call("remove", 5)
    with seven_sealed.refuses("votings: participant not member"):
        seven_sealed.report(seven_sealed.pair("a"), FOUR, 2, participants=ALL)
    seven_sealed.report(seven_sealed.pair("a"), FOUR, 2)
    assert (seven_sealed.record().members, seven_sealed.record().n) == (0b1011111, 7)


def test_a_report_on_attempt_3_is_signed_by_standbys_too(bare):
    bare.enrol(5)
    bare.enrol(2, role=STANDBY)
    bare.announce(ballots=Ballots.SEALED, fallback=Fallback.FAILOVER)
    opened_for(bare, 3)
    bare.report(bare.pair("a"), (3, 4, 5, 6), 3, participants=ALL)
    assert (bare.record().members, bare.record().needed, bare.record().voters) == (ALL, 4, 0b1111000)


def test_a_report_on_attempt_1_does_not_come_after_its_end(seven_sealed):
    opened_for(seven_sealed, 2)
    with seven_sealed.refuses("votings: not casting"):
        seven_sealed.report(seven_sealed.pair("a"), FOUR)
