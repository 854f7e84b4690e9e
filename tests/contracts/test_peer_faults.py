"""The faults of an earlier system, by their numbers in the project's list, that concern the contract now."""

import boa
import pytest

from worknet.protocol.ids import Slot
from worknet.protocol.merkle import ProofError, inclusion_of_hashes, node_hash, verify_inclusion_of_hash
from worknet.protocol.voting import State


def names(told):
    return [name for name, _ in told]


def test_1_a_worker_cannot_vote_for_several_results_of_one_voting(network):
    network.cast(0, network.pair("a"))
    for name in ("a", "b"):
        with network.refuses("votings: already cast"):
            network.cast(0, network.pair(name))
    network.cast(1, network.pair("a"))
    for worker in (0, 1):
        with network.refuses("votings: already cast"):
            network.cast(worker, network.pair("b"))
    assert network.contract.size() == 1


def test_1_one_worker_cannot_reveal_two_pairs(sealed):
    for worker in range(3):
        sealed.seal(worker, sealed.pair("a"))
    sealed.reveal(sealed.pair("a"), [0])
    with sealed.refuses("votings: nothing to reveal"):
        sealed.reveal(sealed.pair("b"), [0])


def test_2_a_copied_seal_cannot_be_opened_by_the_copier(sealed):
    a = sealed.pair("a")
    sealed.seal(0, a)
    sealed.seal(1, a)
    sealed.seal(2, a, seal=sealed.seal_for(0, a))
    told = sealed.reveal(a, [0, 1, 2], salts=[sealed.salt(0), sealed.salt(1), sealed.salt(0)])
    assert ("Skipped", 2) in [(name, fields.get("worker")) for name, fields in told]
    assert sealed.voters(a) == 0b011


def test_3_an_honest_ballot_after_the_deciding_one_is_counted_and_not_reverted(network):
    for worker in range(3):
        network.cast(worker, network.pair("a"))
    assert network.voters(network.pair("a")) == 0b111


def test_5_removing_a_worker_decides_nothing_that_was_undecided(bare):
    bare.enrol(5)
    bare.announce()
    bare.cast(0, bare.pair("a"))
    bare.cast(1, bare.pair("a"))
    for worker in (2, 3, 4):
        bare.call("remove", worker)
    with bare.refuses("votings: nothing to advance"):
        bare.advance()
    assert (bare.voting().state, bare.voting().needed) == (State.CASTING, 3)
    bare.wait(600)
    bare.cast(0, bare.pair("a"), attempt=2)
    assert names(bare.cast(1, bare.pair("a"), attempt=2)) == ["Cast", "Failed", "Unresolved"]


def test_5_enrolling_workers_leaves_nothing_open_that_is_decided(network):
    network.cast(0, network.pair("a"))
    network.enrol(10)
    assert "Recorded" in names(network.cast(1, network.pair("a")))


def test_5_a_worker_removed_in_the_middle_of_an_attempt_still_votes_in_it(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    assert "Recorded" in names(network.cast(1, network.pair("a")))


@pytest.mark.parametrize("sealed_ballots", [False, True])
def test_6_after_its_time_limit_a_voting_is_tried_again_with_the_same_pair(new_network, sealed_ballots):
    with boa.env.anchor():
        made = new_network()
        made.enrol(3)
        made.announce(ballots=int(sealed_ballots))
        a = made.pair("a")
        bring = made.seal if sealed_ballots else made.cast
        bring(0, a)
        made.wait(900)
        told = [event for worker in range(3) for event in bring(worker, a, attempt=2)]
        if sealed_ballots:
            told += made.reveal(a, [0, 1, 2], attempt=2)
        assert "Recorded" in names(told)
        assert made.voting().state == State.CONSENSUS


def test_6_one_voting_that_failed_locks_no_other(network):
    network.cast(0, network.pair("a"))
    network.wait(10_000)
    network.advance()
    network.trigger = Slot(3600, network.slot(1).number).trigger_id
    network.cast(0, network.pair("a"))
    assert "Recorded" in names(network.cast(1, network.pair("a")))


def test_8_an_inner_node_of_the_log_is_no_record(network):
    leaves = []
    for back in (9, 8, 7, 6):
        network.trigger = network.slot(back).trigger_id
        network.cast(0, network.pair("a"))
        network.cast(1, network.pair("a"))
        leaves.append(network.contract.record(network.voting_id()))
    head = network.contract.root()
    verify_inclusion_of_hash(leaves[0], 0, 4, inclusion_of_hashes(leaves, 0), head)
    inner = [node_hash(*leaves[:2]), node_hash(*leaves[2:])]
    assert head == node_hash(*inner)
    for position in range(4):
        with pytest.raises(ProofError):
            verify_inclusion_of_hash(inner[0], position, 4, [inner[1]], head)
