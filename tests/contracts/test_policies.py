"""Policies: what is accepted, which version governs what, and when a slot's voting may open."""

from dataclasses import astuple

import pytest

from worknet.protocol.ids import Slot
from worknet.protocol.policy import version_at
from worknet.protocol.words import Ballots, Fallback

HOUR = 3600


def announce(network, **changes):
    """Announces without Python's own checks, so that the contract's are met."""
    fields = {**network.policy.__dict__, **changes}
    return network.call("announce", network.workflow, tuple(fields.values()))


def test_the_event_carries_the_version_whole_and_its_hash(bare):
    policy = bare.policy
    [(name, told)] = announce(bare)
    assert (name, told["workflow_id"], told["version"]) == ("PolicyAnnounced", bare.workflow, 1)
    assert tuple(told["policy"]) == astuple(policy)
    assert told["policy_hash"] == policy.hash()


def test_the_largest_numbers_are_announced_and_read_back(bare):
    policy = bare.announce(
        data_key_epoch=2**32 - 1,
        delay=2**32 - 1,
        max_age=2**32 - 1,
        threshold_num=2**32 - 2,
        threshold_den=2**32 - 1,
        ballots=Ballots.SEALED,
        cast_window=2**32 - 1,
        reveal_window=2**32 - 1,
        stall=2**32 - 1,
        fallback=Fallback.FAILOVER_THEN_PLURALITY,
        accuracy=2**128 - 1,
        speed=2**128 - 1,
    )
    [(_, _, told)] = [event for event in bare.history if event[1] == "PolicyAnnounced"]
    assert tuple(told["policy"]) == astuple(policy)
    assert bare.contract.policy_hash(bare.workflow, 1) == policy.hash()
    assert bare.contract.amounts(policy.hash()) == 2**256 - 1
    for version in (0, 2):
        with bare.refuses("policies: unknown version"):
            bare.contract.policy_hash(bare.workflow, version)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("policies: zero digest", {"bundle_digest": bytes(32)}),
        ("policies: zero digest", {"data_key_commitment": bytes(32)}),
        ("policies: number too large", {"data_key_epoch": 2**32}),
        ("policies: number too large", {"start": 2**40 - 1}),
        ("policies: number too large", {"every": 2**32}),
        ("policies: number too large", {"delay": 2**32}),
        ("policies: number too large", {"max_age": 2**256 - 1}),
        ("policies: number too large", {"cast_window": 2**32}),
        ("policies: number too large", {"reveal_window": 2**32}),
        ("policies: number too large", {"stall": 2**32}),
        ("policies: number too large", {"threshold_den": 2**32}),
        ("policies: number too large", {"accuracy": 2**128, "ballots": 1}),
        ("policies: number too large", {"speed": 2**128, "ballots": 1}),
        ("policies: bad threshold", {"threshold_den": 0}),
        ("policies: bad threshold", {"threshold_num": 2, "threshold_den": 1}),
        ("policies: bad threshold", {"threshold_num": 2**256 - 1, "threshold_den": 1}),
        ("policies: unknown choice", {"ballots": 2}),
        ("policies: unknown choice", {"ballots": 2**256 - 1}),
        ("policies: unknown choice", {"fallback": 4}),
        ("policies: unknown choice", {"fallback": 2**256 - 1}),
        ("policies: no window", {"cast_window": 0}),
        ("policies: no window", {"reveal_window": 0, "ballots": 1}),
        ("policies: open ballots earn none", {"accuracy": 1}),
        ("policies: open ballots earn none", {"speed": 1}),
    ],
)
def test_what_no_version_may_say_is_refused_by_its_rule(bare, reason, changes):
    with bare.refuses(reason):
        announce(bare, **changes)
    assert bare.contract.policy_count(bare.workflow) == 0


def test_only_the_owner_announces(network):
    with network.refuses("ownership: not the owner"):
        network.call("announce", network.workflow, astuple(network.policy), sender=network.keys[0])


def test_every_never_changes_in_a_workflows_life(network):
    with network.refuses("policies: every changed"):
        network.announce(every=1800, start=network.now)
    network.announce(workflow=b"\x07" * 32, every=1800)


def test_starts_never_decrease_and_are_not_in_the_past_after_the_first(network):
    with network.refuses("policies: start in the past"):
        network.announce(start=network.now - 1)
    network.announce(start=network.now + HOUR)
    with network.refuses("policies: start decreases"):
        network.announce(start=network.now + HOUR - 1)
    network.announce(start=network.now + HOUR)
    assert network.contract.policy_count(network.workflow) == 3


def test_the_version_of_a_slot_is_the_last_that_starts_at_or_before_it(network):
    starts = [network.policy.start]
    for hours in (1, 1, 2, 5, 9, 9, 9, 12):
        starts.append(network.now + hours * HOUR)
        network.announce(start=starts[-1])
    edges = [start + shift for start in starts for shift in (-1, 0, 1)]
    for time in edges:
        expected = version_at(starts, time) or 0
        assert network.contract.policy_version_at(network.workflow, time) == expected
    assert network.contract.policy_version_at(b"\x07" * 32, network.now) == 0


def test_a_voting_opens_only_under_the_version_that_governs_its_slot(network):
    start = network.slot(0).window.start + HOUR
    network.announce(start=start)
    network.wait(5 * HOUR)
    before, after = Slot.at(HOUR, start - 1).trigger_id, Slot.at(HOUR, start).trigger_id
    for trigger, version in ((before, 2), (after, 1)):
        with network.refuses("policies: version not in force"):
            network.cast(0, network.pair("a"), version=version, trigger=trigger)
    for version in (0, 3):
        with network.refuses("policies: unknown version"):
            network.cast(0, network.pair("a"), version=version, trigger=after)
    network.cast(0, network.pair("a"), version=1, trigger=before)
    network.cast(0, network.pair("a"), version=2, trigger=after)


def test_a_slot_before_the_first_start_has_no_version(network):
    first = Slot.at(HOUR, network.policy.start)
    assert network.contract.policy_version_at(network.workflow, first.window.start - 1) == 0
    with network.refuses("policies: version not in force"):
        network.cast(0, network.pair("a"), trigger=Slot(HOUR, first.number - 1).trigger_id)


def test_a_voting_keeps_the_version_under_which_it_opened(network):
    network.cast(0, network.pair("a"))
    network.announce(start=network.now)
    with network.refuses("votings: other policy"):
        network.cast(1, network.pair("a"), version=2)
    network.cast(1, network.pair("a"), version=1)


def test_nothing_is_accepted_for_a_slot_that_is_not_due(network):
    slot = network.slot(0)
    network.wait(slot.due(60) - 1 - network.now)
    with network.refuses("policies: slot not due"):
        network.cast(0, network.pair("a"), trigger=slot.trigger_id)
    network.wait(1)
    network.cast(0, network.pair("a"), trigger=slot.trigger_id)


def test_attempt_1_opens_at_most_max_age_after_its_slot_was_due(bare):
    bare.enrol(3)
    bare.announce(max_age=100)
    slot = bare.slot(0)
    bare.wait(slot.due(60) + 101 - bare.now)
    with bare.refuses("policies: slot too old"):
        bare.cast(0, bare.pair("a"), trigger=slot.trigger_id)
    bare.wait(-1)
    bare.cast(0, bare.pair("a"), trigger=slot.trigger_id)
    bare.wait(50)
    bare.cast(1, bare.pair("a"), trigger=slot.trigger_id)


@pytest.mark.parametrize(
    "word",
    [0, 1, 1800 << 128 | 5, 3601 << 128, HOUR << 128 | 2**64, HOUR << 128 | 2**128 - 1, 2**256 - 1],
)
def test_what_is_no_slot_of_the_workflow_is_refused(network, word):
    with network.refuses("policies: not a slot"):
        network.cast(0, network.pair("a"), trigger=word.to_bytes(32, "big"))


def test_the_largest_slot_is_judged_and_not_overflown(network):
    with network.refuses("policies: version not in force"):
        network.cast(0, network.pair("a"), trigger=Slot(HOUR, 2**64 - 1).trigger_id)


def test_event_votings_take_the_version_that_is_newest_when_they_open(bare):
    bare.enrol(3)
    bare.announce(every=0)
    bare.cast(0, bare.pair("a"), trigger=b"\x11" * 32)
    bare.announce(every=0, start=bare.now + HOUR)
    assert bare.contract.policy_version_at(bare.workflow, 0) == 2
    with bare.refuses("policies: version not in force"):
        bare.cast(0, bare.pair("a"), version=1, trigger=b"\x12" * 32)
    bare.cast(0, bare.pair("a"), version=2, trigger=b"\x12" * 32)
    bare.cast(1, bare.pair("a"), version=1, trigger=b"\x11" * 32)


@pytest.mark.parametrize("fallback", Fallback)
def test_every_fallback_is_offered(bare, fallback):
    policy = bare.announce(fallback=fallback)
    assert bare.contract.policy_hash(bare.workflow, 1) == policy.hash()


def test_amounts_are_kept_under_the_hash_that_covers_them(bare):
    policy = bare.announce(ballots=Ballots.SEALED, accuracy=7, speed=9)
    assert bare.contract.amounts(policy.hash()) == 7 | 9 << 128
    assert bare.contract.amounts(bytes(32)) == 0
    other = bare.announce(ballots=Ballots.SEALED, accuracy=8, speed=9, start=bare.now)
    assert (bare.contract.amounts(policy.hash()), bare.contract.amounts(other.hash())) == (
        7 | 9 << 128,
        8 | 9 << 128,
    )
