"""Reopening where nothing ever opened: which slots were missed, and the events that cannot be."""

import pytest

from worknet.protocol.ids import Slot
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback

HOUR, DELAY = 3600, 60
CAST, STALL = 600, 900
EVENT = b"\x11" * 32


def names(told):
    return [name for name, _ in told]


def due(network, back):
    return (network.slot(back).number + 1) * HOUR + DELAY


@pytest.fixture
def missed(network):
    """A slot that is due for longer than `stall` and that nobody opened."""
    assert network.now > due(network, 2) + STALL
    return network


@pytest.fixture
def coming(network):
    """A slot that is not due yet."""
    network.trigger = network.slot(0).trigger_id
    return network


@pytest.fixture
def driven(bare):
    """A workflow driven by events, and one of them."""
    bare.enrol(3)
    bare.announce(every=0)
    bare.trigger = EVENT
    return bare


def test_a_missed_slot_is_reopened_with_attempt_4(missed):
    [(name, fields)] = missed.reopen()
    assert (name, fields["attempt"], fields["until"]) == ("Reopened", 4, missed.now + STALL)


def test_only_the_owner_reopens_a_missed_slot(missed):
    with missed.refuses("ownership: not the owner"):
        missed.reopen(sender=missed.keys[0])


def test_no_slot_is_reopened_that_a_report_recorded(missed):
    missed.report(missed.pair("a"), (0, 1))
    with missed.refuses("votings: already recorded"):
        missed.reopen()


def test_without_the_owner_no_attempt_4_opens_a_missed_slot(missed):
    with missed.refuses("votings: other attempt"):
        missed.cast(0, missed.pair("a"), 4)


def test_a_slot_that_is_not_due_is_not_reopened(coming):
    with coming.refuses("policies: slot not due"):
        coming.reopen()


def test_a_slot_that_is_due_for_its_stall_and_no_longer_is_not_reopened(coming):
    coming.wait_until(due(coming, 0) + STALL)
    with coming.refuses("policies: slot not due"):
        coming.reopen()


def test_a_slot_that_is_due_for_longer_than_its_stall_is_reopened(coming):
    coming.wait_until(due(coming, 0) + STALL + 1)
    assert names(coming.reopen()) == ["Reopened"]


def test_the_stall_of_the_version_that_governs_the_slot_counts(coming):
    coming.announce(start=coming.now, stall=5 * STALL)
    coming.wait_until(due(coming, 0) + 5 * STALL)
    with coming.refuses("policies: slot not due"):
        coming.reopen()
    coming.wait(1)
    assert coming.reopen()[0][1]["until"] == coming.now + 5 * STALL


def test_the_stall_of_a_later_version_does_not_count(missed):
    missed.announce(start=missed.now, stall=10**6)
    assert missed.reopen()[0][1]["until"] == missed.now + STALL


@pytest.mark.parametrize(("stall", "waits"), [(0, CAST), (CAST - 1, CAST), (CAST + 1, CAST + 1)])
def test_a_missed_slot_may_open_for_its_stall_and_at_least_a_cast_window(bare, stall, waits):
    bare.enrol(3)
    bare.announce(stall=stall)
    assert bare.reopen()[0][1]["until"] == bare.now + waits


def test_a_missed_slot_shows_that_it_waits_for_its_attempt(missed):
    missed.reopen()
    voting = missed.voting()
    assert (voting.state, voting.attempt, voting.deadline) == (State.PENDING, 0, missed.now + STALL)
    assert (voting.members, voting.n, voting.ballots, voting.closed) == (0, 0, 0, False)


@pytest.mark.parametrize("attempt", [1, 2, 3, 5])
def test_a_missed_slot_that_was_reopened_opens_with_no_other_attempt(missed, attempt):
    missed.reopen()
    with missed.refuses("votings: other attempt"):
        missed.cast(0, missed.pair("a"), attempt)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_no_report_opens_a_missed_slot_that_was_reopened_with_another_attempt(missed, attempt):
    missed.reopen()
    with missed.refuses("votings: other attempt"):
        missed.report(missed.pair("a"), (0, 1), attempt)


def test_nobody_casts_in_an_attempt_0(missed):
    missed.reopen()
    with missed.refuses("votings: not casting"):
        missed.cast(0, missed.pair("a"), 0)


def test_no_report_is_taken_in_an_attempt_0(missed):
    missed.reopen()
    with missed.refuses("votings: not casting"):
        missed.report(missed.pair("a"), (0, 1), 0)


def test_attempt_4_of_a_missed_slot_decides_like_any_other(missed):
    missed.reopen()
    missed.cast(0, missed.pair("a"), 4)
    missed.cast(2, missed.pair("a"), 4)
    record = missed.record()
    assert (record.attempt, record.members, record.n, record.voters) == (4, 0b111, 3, 0b101)


def test_a_report_closes_attempt_4_of_a_missed_slot(missed):
    missed.reopen()
    told = missed.report(missed.pair("a"), (0, 2), 4)
    assert names(told) == ["Opened", "Reported", "Recorded", "Closed"]
    assert (missed.voting().state, missed.voting().closed) == (State.CONSENSUS, True)


def test_attempt_4_of_a_missed_slot_opens_under_the_version_in_force_and_not_the_slots(missed):
    missed.announce(start=missed.now, ballots=Ballots.SEALED)
    missed.reopen()
    with missed.refuses("policies: version not in force"):
        missed.cast(0, missed.pair("a"), 4)
    assert names(missed.seal(0, missed.pair("a"), 4, version=2)) == ["Opened", "Sealed"]


def test_a_missed_slot_that_nobody_opens_is_unresolved(missed):
    since = missed.now
    missed.reopen()
    missed.wait(10**6)
    told = missed.advance()
    assert [(name, fields["at"] - since) for name, fields in told] == [("Unresolved", STALL)]


@pytest.mark.parametrize("fallback", list(Fallback))
def test_a_missed_slot_that_nobody_opens_is_unresolved_whatever_the_fallback(bare, fallback):
    bare.enrol(3)
    bare.announce(fallback=fallback)
    bare.reopen()
    bare.wait(STALL)
    assert bare.voting().state == State.UNRESOLVED


def test_a_missed_slot_that_nobody_opened_is_reopened_again_with_attempt_4(missed):
    missed.reopen()
    missed.wait(STALL)
    assert missed.reopen()[-1][1]["attempt"] == 4


def test_a_missed_slot_is_reopened_once_at_a_time(missed):
    missed.reopen()
    with missed.refuses("votings: not unresolved"):
        missed.reopen()


def test_a_slot_too_old_for_attempt_1_opens_with_attempt_4(bare):
    bare.enrol(3)
    bare.announce(max_age=60)
    with bare.refuses("policies: slot too old"):
        bare.cast(0, bare.pair("a"))
    bare.reopen()
    assert names(bare.cast(0, bare.pair("a"), 4)) == ["Opened", "Cast"]


def test_a_missed_slot_is_reopened_and_opens_while_opening_is_paused(missed):
    missed.call("pause_opening", True)
    missed.reopen()
    assert names(missed.cast(0, missed.pair("a"), 4)) == ["Opened", "Cast"]


def test_a_slot_missed_for_want_of_workers_is_reopened_and_opens_with_those_of_later(bare):
    bare.announce()
    bare.reopen()
    bare.enrol(2)
    assert names(bare.cast(0, bare.pair("a"), 4)) == ["Opened", "Cast"]


def test_a_slot_before_the_first_version_is_no_missed_one(bare):
    bare.enrol(3)
    bare.announce(start=bare.now)
    with bare.refuses("policies: unknown version"):
        bare.reopen()


def test_a_slot_of_a_workflow_without_policy_is_no_missed_one(bare):
    with bare.refuses("policies: unknown version"):
        bare.reopen()


@pytest.mark.parametrize("trigger", [Slot(HOUR // 2, 10**6).trigger_id, EVENT])
def test_a_trigger_that_is_no_slot_of_the_workflow_is_no_missed_slot(network, trigger):
    network.trigger = trigger
    with network.refuses("policies: not a slot"):
        network.reopen()


def test_an_event_that_never_opened_is_not_reopened(driven):
    with driven.refuses("policies: not a slot"):
        driven.reopen()


def test_an_unresolved_event_is_reopened(driven):
    driven.cast(0, driven.pair("a"))
    driven.wait(CAST + STALL)
    driven.reopen()
    driven.cast(0, driven.pair("a"), 4)
    assert "Recorded" in names(driven.cast(1, driven.pair("a"), 4))


def test_an_events_reopened_attempt_opens_under_the_newest_version(driven):
    driven.cast(0, driven.pair("a"))
    driven.wait(CAST + STALL)
    driven.reopen()
    driven.announce(every=0, start=driven.now + 10**6)
    assert names(driven.cast(0, driven.pair("a"), 4, version=2)) == ["Opened", "Cast"]


def test_an_events_reopened_attempt_opens_under_no_other_version(driven):
    driven.cast(0, driven.pair("a"))
    driven.wait(CAST + STALL)
    driven.reopen()
    driven.announce(every=0, start=driven.now + 10**6)
    with driven.refuses("policies: version not in force"):
        driven.cast(0, driven.pair("a"), 4, version=1)
