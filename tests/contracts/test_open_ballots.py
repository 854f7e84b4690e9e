"""Open ballots: from the first to consensus, to failure, or to the end of the window."""

import boa

from worknet.protocol.voting import State


def names(told):
    return [name for name, _ in told]


def test_the_first_ballot_opens_the_voting_and_freezes_its_members(network):
    told = network.cast(0, network.pair("a"))
    assert names(told) == ["Opened", "Cast"]
    assert told[0][1] == {
        "voting_id": network.voting_id(),
        "workflow_id": network.workflow,
        "trigger_id": network.trigger,
        "attempt": 1,
        "policy_version": 1,
        "members": 0b111,
        "n": 3,
        "needed": 2,
    }
    voting = network.voting()
    assert (voting.state, voting.attempt, voting.policy_version) == (State.CASTING, 1, 1)
    assert (voting.members, voting.n, voting.needed) == (0b111, 3, 2)
    assert (voting.ballots, voting.cast, voting.highest, voting.shared) == (0b001, 1, 1, False)
    assert voting.deadline == network.now + network.policy.cast_window
    assert not voting.sealed


def test_python_and_contract_give_one_voting_id(network):
    assert network.contract.voting_id(network.workflow, network.trigger) == network.voting_id()


def test_a_voting_never_opened_is_all_zero(network):
    assert not any(network.voting())
    with network.refuses("votings: not open"):
        network.advance()


def test_a_ballot_tells_its_place_and_pair(network):
    a = network.pair("a")
    told = network.cast(2, a)
    assert told[1][1] == {
        "voting_id": network.voting_id(),
        "place": 1 << 32 | 1 << 16 | 2,
        "input_root": a.input_root,
        "result_root": a.result_root,
    }


def test_needed_equal_ballots_are_a_consensus_at_once(network):
    a = network.pair("a")
    network.cast(0, a)
    told = network.cast(1, a)
    assert names(told) == ["Cast", "Recorded"]
    assert told[1][1] == {
        "voting_id": network.voting_id(),
        "position": 0,
        "attempt": 1,
        "input_root": a.input_root,
        "result_root": a.result_root,
        "voters": 0b011,
        "how": 1,
    }
    assert network.voting().state == State.CONSENSUS
    assert not network.voting().closed


def test_ballots_after_consensus_still_count_and_the_last_one_closes(network):
    a = network.pair("a")
    network.cast(0, a)
    network.cast(1, a)
    record = network.contract.record(network.voting_id())
    assert names(network.cast(2, a)) == ["Cast", "Closed"]
    assert network.voters(a) == 0b111
    assert network.voting().closed
    assert network.voting().booked
    assert network.contract.record(network.voting_id()) == record
    assert network.contract.size() == 1


def test_a_last_ballot_for_another_pair_makes_final_and_advance_books_it(network):
    a, b = network.pair("a"), network.pair("b")
    network.cast(0, a)
    network.cast(1, a)
    assert names(network.cast(2, b)) == ["Cast"]
    assert (network.voting().closed, network.voting().booked) == (True, False)
    for wrong in (b, network.pair("c"), None):
        with network.refuses("votings: not the recorded pair"):
            network.advance(wrong)
    assert names(network.advance(a)) == ["Closed"]
    with network.refuses("votings: nothing to advance"):
        network.advance(a)


def test_the_end_of_the_window_closes_a_recorded_voting(network):
    a = network.pair("a")
    network.cast(0, a)
    network.cast(1, a)
    with network.refuses("votings: nothing to advance"):
        network.advance(a)
    network.wait(599)
    assert not network.voting().closed
    network.wait(1)
    assert network.voting().closed
    with network.refuses("votings: not casting"):
        network.cast(2, a)
    assert names(network.advance(a)) == ["Closed"]


def test_casting_ends_when_the_window_does_to_the_second(network):
    network.cast(0, network.pair("a"))
    network.wait(599)
    network.cast(1, network.pair("b"))
    network.wait(1)
    assert network.voting().state == State.PENDING
    with network.refuses("votings: not casting"):
        network.cast(2, network.pair("b"))


def test_an_attempt_fails_at_once_when_everyone_has_cast_in_vain(network):
    for worker in (0, 1):
        network.cast(worker, network.pair(f"{worker}"))
    told = network.cast(2, network.pair("2"))
    assert names(told) == ["Cast", "Failed"]
    assert told[1][1] == {"voting_id": network.voting_id(), "attempt": 1, "at": network.now}
    voting = network.voting()
    assert (voting.state, voting.highest, voting.shared) == (State.PENDING, 1, True)
    assert voting.deadline == network.now + network.policy.stall


def test_a_failure_is_told_with_its_computed_time_however_late(network):
    opened = network.now
    network.cast(0, network.pair("a"))
    network.wait(1000)
    told = network.advance()
    assert told == [("Failed", {"voting_id": network.voting_id(), "attempt": 1, "at": opened + 600})]
    assert network.voting().deadline == opened + 600 + 900


def test_attempt_2_begins_anew_and_can_reach_consensus(network):
    a, b = network.pair("a"), network.pair("b")
    network.cast(0, a)
    network.cast(1, b)
    network.wait(600)
    told = network.cast(0, b, attempt=2)
    assert names(told) == ["Failed", "Opened", "Cast"]
    assert (told[1][1]["attempt"], told[1][1]["members"]) == (2, 0b111)
    voting = network.voting()
    assert (voting.attempt, voting.ballots, voting.highest) == (2, 0b001, 1)
    assert (network.voters(b, 1), network.voters(b, 2)) == (0b010, 0b001)
    assert names(network.cast(1, b, attempt=2)) == ["Cast", "Recorded"]
    assert names(network.cast(2, b, attempt=2)) == ["Cast", "Closed"]
    assert network.contract.size() == 1


def test_attempt_2_has_the_members_of_attempt_1_still_enrolled_and_the_same_n(network):
    network.enrol()
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    network.enrol()
    assert network.voting().members == 0b1111
    network.wait(600)
    assert network.voting().members == 0b1111
    told = dict(network.cast(0, network.pair("a"), attempt=2))
    assert (told["Opened"]["members"], told["Opened"]["n"], told["Opened"]["needed"]) == (0b1101, 4, 3)
    voting = network.voting()
    assert (voting.members, voting.n, voting.needed) == (0b1101, 4, 3)
    for worker in (1, 4):
        with network.refuses("votings: not a member"):
            network.cast(worker, network.pair("a"), attempt=2)


def test_a_member_that_has_become_a_standby_still_votes_in_attempt_2(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    network.call("enrol", network.operators[1], network.keys[1], 2, b"\x09" * 32)
    network.wait(600)
    network.cast(1, network.pair("a"), attempt=2)
    assert network.voting().members == 0b111


def test_attempt_2_ends_when_those_still_enrolled_have_cast(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    network.wait(600)
    network.cast(0, network.pair("a"), attempt=2)
    told = network.cast(2, network.pair("b"), attempt=2)
    assert names(told) == ["Cast", "Failed", "Unresolved"]


def test_after_attempt_2_the_voting_is_unresolved_and_takes_nothing_more(network):
    for attempt in (1, 2):
        for worker in range(3):
            told = network.cast(worker, network.pair(f"{worker}"), attempt)
    assert told[2] == ("Unresolved", {"voting_id": network.voting_id(), "at": network.now})
    assert network.voting().state == State.UNRESOLVED
    with network.refuses("votings: other attempt"):
        network.cast(0, network.pair("a"), attempt=3)
    with network.refuses("votings: not casting"):
        network.cast(0, network.pair("a"), attempt=2)
    with network.refuses("votings: nothing to advance"):
        network.advance()
    assert network.contract.record(network.voting_id()) == bytes(32)


def test_a_second_attempt_that_nobody_opens_stalls(network):
    opened = network.now
    network.cast(0, network.pair("a"))
    network.wait(600 + 899)
    assert network.voting().state == State.PENDING
    network.wait(1)
    assert (network.voting().state, network.voting().deadline) == (State.UNRESOLVED, opened + 1500)
    with network.refuses("votings: other attempt"):
        network.cast(0, network.pair("a"), attempt=2)
    told = network.advance()
    assert names(told) == ["Failed", "Unresolved"]
    assert [fields["at"] for _, fields in told] == [opened + 600, opened + 1500]


def test_with_a_stall_of_0_there_is_no_second_attempt(bare):
    bare.enrol(2)
    bare.announce(stall=0)
    bare.cast(0, bare.pair("a"))
    assert names(bare.cast(1, bare.pair("b"))) == ["Cast", "Failed", "Unresolved"]


def test_a_ballot_names_attempt_and_policy_version_and_any_other_is_refused(network):
    a = network.pair("a")
    for attempt in (0, 2, 257, 2**128):
        with network.refuses("votings: other attempt"):
            network.cast(0, a, attempt)
    network.cast(0, a)
    for attempt in (0, 2, 257):
        with network.refuses("votings: other attempt"):
            network.cast(1, a, attempt)
    for version in (0, 2):
        with network.refuses("votings: other policy"):
            network.cast(1, a, version=version)


def test_only_the_key_of_the_index_named_casts_for_it(network):
    a = network.pair("a")
    for sender in (network.keys[1], network.operators[0], network.owner):
        with network.refuses("votings: not the worker's key"):
            network.cast(0, a, sender=sender)


def test_who_is_no_member_casts_nothing(network):
    network.enrol(1, role=2)
    stranger = boa.env.generate_address()
    for worker in (3, 4, 119, 120, 65_535):
        with network.refuses("votings: not a member"):
            network.cast(worker, network.pair("a"), sender=network.keys.get(worker, stranger))
    network.cast(0, network.pair("a"))
    network.enrol()
    with network.refuses("votings: not a member"):
        network.cast(4, network.pair("a"))


def test_a_key_changed_in_the_middle_of_an_attempt_casts_for_its_index(network):
    network.cast(0, network.pair("a"))
    key = boa.env.generate_address()
    network.call("rotate", 1, key, b"\x09" * 32, sender=network.operators[1])
    with network.refuses("votings: not the worker's key"):
        network.cast(1, network.pair("a"))
    network.cast(1, network.pair("a"), sender=key)
    assert network.voting().state == State.CONSENSUS


def test_zero_roots_are_refused(network):
    a = network.pair("a")
    for roots in ((bytes(32), a.result_root), (a.input_root, bytes(32))):
        with network.refuses("votings: zero root"):
            place = 1 << 32 | 1 << 16
            network.call("cast", network.workflow, network.trigger, place, *roots, sender=network.keys[0])


def test_seals_and_reveals_are_refused_where_ballots_are_open(network):
    a = network.pair("a")
    with network.refuses("votings: ballots are open"):
        network.seal(0, a)
    network.cast(0, a)
    with network.refuses("votings: ballots are open"):
        network.reveal(a, [0])


def test_fewer_than_two_active_workers_open_nothing(bare):
    bare.announce()
    bare.enrol(1)
    bare.enrol(3, role=2)
    with bare.refuses("votings: too few workers"):
        bare.cast(0, bare.pair("a"))


def test_a_threshold_above_one_half_is_kept_and_one_below_is_raised(bare):
    bare.enrol(5)
    for number, (num, den, needed) in enumerate([(0, 1, 3), (2, 5, 3), (4, 5, 4), (1, 1, 5)], start=1):
        bare.announce(threshold_num=num, threshold_den=den, start=bare.now)
        bare.wait(3 * 3600)
        trigger = (3600 << 128 | (bare.now // 3600 - 2)).to_bytes(32, "big")
        told = bare.cast(0, bare.pair("a"), version=number, trigger=trigger)
        assert told[0][1]["needed"] == needed


def test_120_workers_vote_and_the_61st_equal_ballot_decides(bare):
    bare.enrol(120)
    bare.announce()
    a = bare.pair("a")
    for worker in range(60):
        bare.cast(worker, a)
    assert bare.voting().state == State.CASTING
    assert names(bare.cast(119, a)) == ["Cast", "Recorded"]
    for worker in range(60, 118):
        bare.cast(worker, a)
    assert names(bare.cast(118, a)) == ["Cast", "Closed"]
    assert bare.voters(a) == 2**120 - 1
