"""Sealed ballots: seals, batches of reveals by anyone, and the ends of both phases."""

from types import SimpleNamespace

import pytest

from worknet.protocol.ballots import seconds_left, without_time
from worknet.protocol.voting import State


def names(told):
    return [name for name, _ in told]


def seal_all(network, *pairs):
    for worker, name in enumerate(pairs):
        network.seal(worker, network.pair(name))


def test_a_seal_is_stored_with_the_seconds_left_of_the_cast_window(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.wait(123)
    told = sealed.seal(1, sealed.pair("a"))
    stored = sealed.contract.seal_of(sealed.voting_id(), 1, 1)
    assert without_time(stored) == sealed.seal_for(1, sealed.pair("a"))
    assert seconds_left(stored) == 600 - 123
    assert seconds_left(sealed.contract.seal_of(sealed.voting_id(), 1, 0)) == 600
    fields = {"voting_id": sealed.voting_id(), "place": 1 << 32 | 1 << 16 | 1, "seal": stored}
    assert told == [("Sealed", fields)]
    assert sealed.contract.seal_of(sealed.voting_id(), 1, 2) == bytes(32)
    with sealed.refuses("votings: not a member"):
        sealed.contract.seal_of(sealed.voting_id(), 1, 120)


def test_of_a_long_window_65535_seconds_are_stored_at_most(bare):
    bare.enrol(3)
    bare.announce(ballots=1, cast_window=70_000)
    bare.seal(0, bare.pair("a"))
    bare.wait(70_000 - 65_534)
    bare.seal(1, bare.pair("a"))
    stored = [bare.contract.seal_of(bare.voting_id(), 1, worker) for worker in (0, 1)]
    assert [seconds_left(seal) for seal in stored] == [65_535, 65_534]


def test_a_seal_that_is_not_truncated_is_refused(sealed):
    for tail in (b"\x00\x01", b"\x80\x00"):
        with sealed.refuses("votings: seal not truncated"):
            sealed.seal(0, sealed.pair("a"), seal=b"\x05" * 30 + tail)


def test_revealing_starts_when_every_member_has_sealed(sealed):
    seal_all(sealed, "a", "a")
    with sealed.refuses("votings: not revealing"):
        sealed.reveal(sealed.pair("a"), [0, 1])
    sealed.wait(7)
    sealed.seal(2, sealed.pair("a"))
    voting = sealed.voting()
    assert (voting.state, voting.ballots, voting.cast) == (State.REVEALING, 0, 3)
    assert voting.deadline == sealed.now + sealed.policy.reveal_window
    with sealed.refuses("votings: not casting"):
        sealed.seal(2, sealed.pair("a"))


def test_revealing_starts_when_the_cast_window_is_over(sealed):
    opened = sealed.now
    seal_all(sealed, "a", "a")
    sealed.wait(600)
    assert (sealed.voting().state, sealed.voting().deadline) == (State.REVEALING, opened + 900)
    with sealed.refuses("votings: not casting"):
        sealed.seal(2, sealed.pair("a"))
    assert names(sealed.reveal(sealed.pair("a"), [0, 1])) == ["Revealed", "Recorded", "Closed"]


def test_anyone_reveals_a_batch_of_one_pair_tallied_once(sealed):
    seal_all(sealed, "a", "a", "a")
    told = sealed.reveal(sealed.pair("a"), [2, 0, 1])
    assert names(told) == ["Revealed", "Recorded", "Closed"]
    assert told[0][1]["workers"] == 0b111
    assert told[0][1]["place"] == 1 << 32 | 1 << 16
    assert told[1][1]["voters"] == 0b111
    assert sealed.voters(sealed.pair("a")) == 0b111


def test_reveals_after_consensus_still_count_until_every_seal_is_revealed(sealed):
    a, b = sealed.pair("a"), sealed.pair("b")
    seal_all(sealed, "a", "a", "b")
    assert names(sealed.reveal(a, [0, 1])) == ["Revealed", "Recorded"]
    assert names(sealed.reveal(b, [2])) == ["Revealed"]
    assert (sealed.voters(a), sealed.voters(b)) == (0b011, 0b100)
    assert (sealed.voting().closed, sealed.voting().booked) == (True, False)
    assert names(sealed.advance(a)) == ["Closed"]


def test_reveals_after_the_window_are_refused(sealed):
    seal_all(sealed, "a", "a", "a")
    sealed.reveal(sealed.pair("a"), [0, 1])
    sealed.wait(300)
    with sealed.refuses("votings: not revealing"):
        sealed.reveal(sealed.pair("a"), [2])
    assert names(sealed.advance(sealed.pair("a"))) == ["Closed"]


def test_an_item_that_does_not_fit_is_skipped_with_its_rule(sealed):
    a = sealed.pair("a")
    sealed.seal(0, a)
    sealed.seal(1, sealed.pair("b"))
    sealed.wait(600)
    told = sealed.reveal(a, [0, 1, 2, 3, 119])
    skipped = [(fields["worker"], fields["rule"]) for name, fields in told if name == "Skipped"]
    assert skipped == [
        (1, "votings: seal does not open"),
        (2, "votings: no seal"),
        (3, "votings: no seal"),
        (119, "votings: no seal"),
    ]
    assert told[-1][0] == "Revealed"
    assert told[-1][1]["workers"] == 0b001


def test_what_was_revealed_before_is_skipped_and_the_rest_of_the_batch_counts(sealed):
    a = sealed.pair("a")
    seal_all(sealed, "a", "a", "a")
    sealed.reveal(a, [1])
    told = sealed.reveal(a, [0, 1, 2])
    assert told[0] == (
        "Skipped",
        {"voting_id": sealed.voting_id(), "worker": 1, "rule": "votings: already revealed"},
    )
    assert told[1][1]["workers"] == 0b101
    assert sealed.voters(a) == 0b111


def test_a_batch_in_which_nothing_takes_effect_is_refused(sealed):
    a = sealed.pair("a")
    seal_all(sealed, "a", "a", "b")
    for workers, salts in (([], []), ([0], [bytes(32)]), ([2], [sealed.salt(2)])):
        with sealed.refuses("votings: nothing to reveal"):
            sealed.reveal(a, workers, salts=salts)
    sealed.reveal(a, [0])
    with sealed.refuses("votings: nothing to reveal"):
        sealed.reveal(a, [0])


def test_a_batch_needs_a_salt_for_each_of_its_workers(sealed):
    seal_all(sealed, "a", "a", "a")
    for workers, count in (([0], 0), ([], 1), ([0, 1], 1), ([0, 1], 3), ([120], 1), ([0, 255], 2)):
        with sealed.refuses("votings: lengths differ"):
            sealed.reveal(sealed.pair("a"), workers, salts=[sealed.salt(0)] * count)


def test_a_reveal_names_attempt_and_version_of_an_open_voting(sealed):
    a = sealed.pair("a")
    with sealed.refuses("votings: not open"):
        sealed.reveal(a, [0])
    seal_all(sealed, "a", "a", "a")
    with sealed.refuses("votings: other attempt"):
        sealed.reveal(a, [0], attempt=2)
    with sealed.refuses("votings: other policy"):
        sealed.reveal(a, [0], version=2)


@pytest.mark.parametrize("zero", ["input_root", "result_root"])
def test_a_seal_over_a_zero_root_never_opens(sealed, zero):
    roots = {**sealed.pair("a").__dict__, zero: bytes(32)}
    for worker in range(3):
        sealed.seal(worker, SimpleNamespace(**roots))
    with sealed.refuses("votings: zero root"):
        about = (sealed.workflow, sealed.trigger, 1 << 32 | 1 << 16)
        sealed.call("reveal", *about, *roots.values(), 0b111, [sealed.salt(worker) for worker in range(3)])
    assert sealed.voting().ballots == 0


def test_open_ballots_are_refused_where_they_are_sealed(sealed):
    with sealed.refuses("votings: ballots are sealed"):
        sealed.cast(0, sealed.pair("a"))


def test_one_seal_per_worker_and_attempt_and_only_by_its_key(sealed):
    sealed.seal(0, sealed.pair("a"))
    with sealed.refuses("votings: already cast"):
        sealed.seal(0, sealed.pair("b"))
    with sealed.refuses("votings: not the worker's key"):
        sealed.seal(1, sealed.pair("a"), sender=sealed.keys[0])


def test_all_revealed_in_vain_fails_the_attempt_at_once(sealed):
    seal_all(sealed, "a", "b", "c")
    for worker, name in enumerate("abc"):
        told = sealed.reveal(sealed.pair(name), [worker])
    assert names(told) == ["Revealed", "Failed"]
    assert sealed.voting().state == State.PENDING


def test_too_few_seals_fail_when_they_are_revealed_or_the_window_is_over(sealed):
    opened = sealed.now
    sealed.seal(0, sealed.pair("a"))
    sealed.wait(600)
    assert sealed.voting().state == State.REVEALING
    sealed.wait(300)
    told = sealed.advance()
    assert told == [("Failed", {"voting_id": sealed.voting_id(), "attempt": 1, "at": opened + 900})]


def test_only_revealed_ballots_count(sealed):
    seal_all(sealed, "a", "a", "a")
    sealed.reveal(sealed.pair("a"), [0])
    sealed.wait(300)
    assert sealed.voting().state == State.PENDING


def test_attempt_2_takes_new_seals_and_no_old_ones(sealed):
    a = sealed.pair("a")
    seal_all(sealed, "a", "b", "c")
    sealed.wait(300)
    assert names(sealed.seal(0, a, attempt=2)) == ["Failed", "Opened", "Sealed"]
    sealed.seal(1, a, attempt=2, seal=sealed.seal_for(1, a, attempt=1))
    sealed.seal(2, a, attempt=2)
    told = sealed.reveal(a, [0, 1, 2], attempt=2)
    assert [name for name, _ in told] == ["Skipped", "Revealed", "Recorded"]
    assert told[1][1]["workers"] == 0b101
    assert (
        sealed.contract.seal_of(sealed.voting_id(), 1, 0)[:30]
        != sealed.contract.seal_of(sealed.voting_id(), 2, 0)[:30]
    )


def test_a_voting_left_alone_goes_all_the_way_at_computed_times(sealed):
    opened = sealed.now
    sealed.seal(0, sealed.pair("a"))
    sealed.wait(10**6)
    told = sealed.advance()
    assert [(name, fields["at"] - opened) for name, fields in told] == [("Failed", 900), ("Unresolved", 1800)]
    assert sealed.voting().deadline == opened + 1800


def test_120_reveals_fit_into_one_batch(bare):
    bare.enrol(120)
    bare.announce(ballots=1)
    for worker in range(120):
        bare.seal(worker, bare.pair("a"))
    told = bare.reveal(bare.pair("a"), list(range(120)))
    assert names(told) == ["Revealed", "Recorded", "Closed"]
    assert told[1][1]["voters"] == 2**120 - 1
