"""The result log: leaves from the contract's own state, and the tree head of RFC 9162."""

import boa

from worknet.protocol.ids import Slot
from worknet.protocol.merkle import root
from worknet.protocol.records import Record
from worknet.protocol.trees import Frontier
from worknet.protocol.words import Ballots, How


def record(network, told, **changes):
    """The record that Python expects of a voting of three that agreed."""
    [fields] = [fields for name, fields in told if name == "Recorded"]
    words = {
        "chain_id": network.chain_id,
        "contract": network.address,
        "workflow_id": network.workflow,
        "voting_id": network.voting_id(),
        "trigger_id": network.trigger,
        "attempt": fields["attempt"],
        "policy_hash": network.policy.hash(),
        "input_root": fields["input_root"],
        "result_root": fields["result_root"],
        "members": 0b111,
        "n": 3,
        "needed": 2,
        "voters": fields["voters"],
        "how": How.QUORUM,
        "time": network.now,
    }
    return Record(**{**words, **changes})


def test_the_empty_log_has_the_tree_head_of_no_leaves(bare):
    assert bare.contract.size() == 0
    assert bare.contract.root() == root([])


def test_a_records_leaf_is_what_python_computes(network):
    network.cast(0, network.pair("a"))
    network.wait(5)
    expected = record(network, network.cast(2, network.pair("a")))
    assert expected.voters == 0b101
    assert network.contract.record(network.voting_id()) == expected.leaf_hash()
    assert network.contract.root() == root([expected.leaf()])


def test_a_record_of_sealed_ballots_holds_the_voters_of_its_reveal(bare):
    bare.enrol(4)
    bare.call("remove", 3)
    policy = bare.announce(ballots=Ballots.SEALED)
    for worker in range(3):
        bare.seal(worker, bare.pair("a"))
    told = bare.reveal(bare.pair("a"), [1, 2])
    expected = record(bare, told, policy_hash=policy.hash(), voters=0b110)
    bare.reveal(bare.pair("a"), [0])
    assert bare.contract.record(bare.voting_id()) == expected.leaf_hash()


def test_a_record_of_attempt_2_names_it_and_its_members(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 0)
    network.wait(600)
    network.cast(1, network.pair("a"), attempt=2)
    told = network.cast(2, network.pair("a"), attempt=2)
    expected = record(network, told, attempt=2, members=0b110)
    assert network.contract.record(network.voting_id()) == expected.leaf_hash()


def test_the_log_stays_equal_to_pythons_over_many_records(network):
    log = Frontier()
    for position in range(35):
        network.trigger = Slot(3600, network.slot(100 - position).number).trigger_id
        network.cast(0, network.pair("a"))
        told = network.cast(1, network.pair("a"))
        log.append(record(network, told).leaf_hash())
        assert told[1][1]["position"] == position
        assert (network.contract.size(), network.contract.root()) == (position + 1, log.root())
        network.wait(1)


def test_a_failed_voting_leaves_no_record(network):
    network.cast(0, network.pair("a"))
    network.wait(10_000)
    network.advance()
    assert network.contract.record(network.voting_id()) == bytes(32)
    assert network.contract.size() == 0


def test_two_networks_on_one_chain_never_share_an_id_or_a_leaf(new_network):
    with boa.env.anchor():
        one, other = new_network(), new_network()
        for made in (one, other):
            made.enrol(3)
            made.announce()
            for worker in (0, 1):
                made.cast(worker, made.pair("a"))
        assert one.voting_id() != other.voting_id()
        assert one.contract.record(one.voting_id()) != other.contract.record(other.voting_id())
