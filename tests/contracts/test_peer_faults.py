"""The faults of an earlier system, by their numbers in the project's list, that concern the contracts.

Four concern none: 9 (fields joined without a boundary) and 10 (unsalted leaves) are about how rows are made,
which no contract does, and whatever the contracts hash themselves has words of a fixed width; 13 is about
certificates derived from certificates, of which there are none here; 14 is the node's.
"""

import hashlib
from dataclasses import replace

import boa
import pytest
from tests.contracts.network import words_of

from worknet.protocol import merkle, trees
from worknet.protocol.ids import Slot
from worknet.protocol.merkle import ProofError, node_hash, verify_inclusion_of_hash
from worknet.protocol.trees import Tree
from worknet.protocol.voting import State


def names(told):
    return [name for name, _ in told]


def closed(network):
    """The record of a voting of sealed ballots in which all three workers agreed."""
    for worker in range(3):
        network.seal(worker, network.pair("a"))
    network.reveal(network.pair("a"), [0, 1, 2])
    return network.record()


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


def test_1_who_voted_on_chain_is_no_voter_of_a_report_of_another_pair(network):
    network.cast(0, network.pair("a"))
    with network.refuses("votings: voter of other pair"):
        network.report(network.pair("b"), [0, 1, 2])
    network.report(network.pair("b"), [1, 2], voters=0b110)
    with network.refuses("votings: already recorded"):
        network.report(network.pair("a"), [0, 1])
    assert network.contract.size() == 1


def test_1_a_voting_is_paid_once_to_each_of_its_workers(earning):
    record = closed(earning)
    assert earning.claim(0, [record, record])[-1][1]["earned"] in {100, 110}
    with earning.refuses("rewards: nothing to claim"):
        earning.claim(0, [record])


def test_2_a_copied_seal_cannot_be_opened_by_the_copier(sealed):
    a = sealed.pair("a")
    sealed.seal(0, a)
    sealed.seal(1, a)
    sealed.seal(2, a, seal=sealed.seal_for(0, a))
    told = sealed.reveal(a, [0, 1, 2], salts=[sealed.salt(0), sealed.salt(1), sealed.salt(0)])
    assert ("Skipped", 2) in [(name, fields.get("worker")) for name, fields in told]
    assert sealed.voters(a) == 0b011


def test_2_whoever_copies_a_seal_earns_nothing(earning):
    a = earning.pair("a")
    earning.seal(2, a, seal=earning.seal_for(0, a))
    earning.seal(0, a)
    earning.seal(1, a)
    salts = [earning.salt(0), earning.salt(1), earning.salt(0)]
    earning.reveal(a, [0, 1, 2], salts=salts)
    earning.wait(300)
    earning.advance(a)
    with earning.refuses("rewards: nothing to claim"):
        earning.claim(2, [earning.record()])


def test_2_an_open_ballot_which_can_be_copied_is_never_paid(bare):
    with bare.refuses("policies: open ballots earn none"):
        bare.call("announce", bare.workflow, tuple({**bare.policy.__dict__, "accuracy": 1}.values()))


def test_3_an_honest_reveal_after_the_deciding_one_is_paid_like_the_others(earning):
    a = earning.pair("a")
    for worker in range(3):
        earning.seal(worker, a)
    earning.reveal(a, [0, 1])
    earning.reveal(a, [2])
    assert earning.record().voters == 0b011
    assert earning.claim(2, [earning.record()])[-1][1]["paid"] in {100, 110}


def test_3_an_honest_ballot_after_the_deciding_one_is_counted_and_not_reverted(network):
    for worker in range(3):
        network.cast(worker, network.pair("a"))
    assert network.voters(network.pair("a")) == 0b111


@pytest.fixture
def receiver():
    """An account that takes money as long as it wants to."""
    code = """
# pragma version 0.4.3
refuses: public(bool)

@external
def refuse(refuses: bool):
    self.refuses = refuses

@external
@payable
def __default__():
    assert not self.refuses
"""
    with boa.env.anchor():
        yield boa.loads(code)


def test_4_a_receiver_that_refuses_money_blocks_neither_a_voting_nor_anybody_elses_claim(earning, receiver):
    earning.enrol(operator=receiver.address)
    a = earning.pair("a")
    for worker in range(4):
        earning.seal(worker, a)
    receiver.refuse(True)
    assert names(earning.reveal(a, [0, 1, 2, 3])) == ["Revealed", "Recorded", "Closed"]
    record = earning.record()
    for worker in range(3):
        assert earning.claim(worker, [record])[-1][1]["paid"] >= 100
    with earning.refuses("rewards: operator refuses"):
        earning.claim(3, [record])
    receiver.refuse(False)
    assert earning.claim(3, [record])[-1][1]["paid"] >= 100
    assert boa.env.get_balance(receiver.address) >= 100


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


def test_5_a_worker_removed_and_enrolled_again_leaves_its_vote_to_nobody_else(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    with network.refuses("members: not the operator's key"):
        network.call("enrol", network.operators[1], boa.env.generate_address(), 1, b"\x09" * 32)
    network.enrol_again(1)
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


def test_6_a_voting_that_nobody_resolved_is_given_another_attempt_for_the_same_pair(network):
    network.cast(0, network.pair("a"))
    network.wait(10_000)
    assert network.voting().state == State.UNRESOLVED
    network.reopen()
    network.cast(0, network.pair("a"), attempt=4)
    assert "Recorded" in names(network.cast(1, network.pair("a"), attempt=4))


def test_7_nothing_is_proved_or_paid_of_a_voting_that_has_no_record(earning):
    other = closed(earning)
    unvoted = earning.voting_id(earning.slot(5).trigger_id)
    assert earning.contract.record(unvoted) == bytes(32)
    table = bytes(16) + bytes(32) + (1).to_bytes(8, "big") + merkle.root([b"row"])
    for result_root in (unvoted, bytes(32), merkle.root([b"manifest", table])):
        forged = replace(other, voting_id=unvoted, result_root=result_root, voters=0b111)
        path = [merkle.leaf_hash(b"manifest")]
        row = (b"row", 0, [], table, 1, 2, path)
        with earning.refuses("proofs: not the record"):
            earning.proofs.verify_row(earning.contract.address, words_of(forged), *row)
        with earning.refuses("rewards: not the record"):
            earning.claim(0, [forged])


def test_8_an_inner_node_of_a_table_is_no_row_and_one_of_the_result_no_table(network):
    rows = [b"salt of sixteen." + b'["%d"]' % number for number in range(4)]
    name = hashlib.sha256(b"certificates").digest()
    table = b"header's 16 byte" + name + (4).to_bytes(8, "big") + merkle.root(rows)
    leaves = [b"manifest", table]
    pair = replace(network.pair("a"), result_root=merkle.root(leaves))
    network.cast(0, pair)
    network.cast(1, pair)
    about = (network.contract.address, words_of(network.record()))
    of_table = (table, 1, 2, trees.inclusion(leaves, 1))
    path = trees.inclusion(rows, 2)
    assert network.proofs.verify_row(*about, rows[2], 2, path, *of_table) == name
    inner = [merkle.leaf_hash(rows[2]), merkle.leaf_hash(rows[3])]
    for forged in (b"".join(inner), b"\x01" + b"".join(inner), merkle.node_hash(*inner)):
        for index in range(4):
            with network.refuses("proofs: row not in table"):
                network.proofs.verify_row(*about, forged, index, path[1:], *of_table)
    joined = b"".join(merkle.leaf_hash(leaf) for leaf in leaves)
    with network.refuses("proofs: not a table"):
        network.proofs.verify_row(*about, rows[2], 2, path, joined, 0, 1, [])
    with network.refuses("proofs: table not in result"):
        network.proofs.verify_row(*about, rows[2], 2, path, joined + bytes(24), 0, 1, [])


def test_8_an_inner_node_of_the_log_is_no_record(network):
    leaves = []
    for back in (9, 8, 7, 6):
        network.trigger = network.slot(back).trigger_id
        network.cast(0, network.pair("a"))
        network.cast(1, network.pair("a"))
        leaves.append(network.contract.record(network.voting_id()))
    head = network.contract.root()
    verify_inclusion_of_hash(leaves[0], 0, 4, Tree(leaves).inclusion(0), head)
    inner = [node_hash(*leaves[:2]), node_hash(*leaves[2:])]
    assert head == node_hash(*inner)
    for position in range(4):
        with pytest.raises(ProofError):
            verify_inclusion_of_hash(inner[0], position, 4, [inner[1]], head)


def test_11_two_of_three_workers_open_no_votings_on_invented_ids(earning):
    a = earning.pair("a")
    invented = {
        b"\x11" * 32: "policies: not a slot",
        Slot(60, 5).trigger_id: "policies: not a slot",
        Slot(3600, earning.now // 3600 + 1).trigger_id: "policies: slot not due",
        Slot(3600, 5).trigger_id: "policies: version not in force",
    }
    for trigger, reason in invented.items():
        earning.trigger = trigger
        with earning.refuses(reason):
            earning.seal(0, a)
        with earning.refuses(reason):
            earning.report(a, [0, 1], participants=0b111)
        with earning.refuses(reason):
            earning.bring_seals([earning.signed_seal(0, a), earning.signed_seal(1, a)])
    assert earning.contract.size() == 0


def test_11_what_two_of_three_agree_on_is_paid_once_a_slot_and_never_beyond_the_pool(earning):
    a, records = earning.pair("a"), []
    for back in range(2, 7):
        earning.trigger = earning.slot(back).trigger_id
        earning.report(a, [0, 1], participants=0b111)
        records.append(earning.record())
        with earning.refuses("votings: already recorded"):
            earning.report(a, [0, 1], participants=0b111)
    held = boa.env.get_balance(earning.pool.address)
    paid = [earning.claim(worker, records)[-1][1]["paid"] for worker in (0, 1)]
    assert paid == [500, 500]
    assert boa.env.get_balance(earning.pool.address) == held - 1_000
    for worker in (0, 1):
        with earning.refuses("rewards: nothing to claim"):
            earning.claim(worker, records)


def consensus_gas(network):
    """What the two ballots of a consensus cost in the slot before the ones tried so far."""
    spent = 0
    for worker in (0, 1):
        network.cast(worker, network.pair("a"))
        spent += network.contract._computation.get_gas_used()
    return spent


def test_12_votings_that_one_worker_opens_make_neither_the_log_nor_the_ballots_of_others_dearer(network):
    network.trigger = network.slot(60).trigger_id
    consensus_gas(network)
    with boa.env.anchor():
        network.trigger = network.slot(59).trigger_id
        alone = consensus_gas(network)
    head = network.contract.size(), network.contract.root()
    for back in range(2, 42):
        network.trigger = network.slot(back).trigger_id
        network.cast(2, network.pair("b"))
    assert (network.contract.size(), network.contract.root()) == head
    network.trigger = network.slot(59).trigger_id
    assert consensus_gas(network) == alone


def test_12_no_batch_is_longer_than_its_bound(sealed):
    record, a = closed(sealed), sealed.pair("a")
    about = (sealed.workflow, sealed.trigger, 1 << 32 | 1 << 16, a.input_root, a.result_root)
    with sealed.refuses(""):
        sealed.call("reveal", *about, 2**120 - 1, [bytes(32)] * 121)
    with sealed.refuses(""):
        sealed.claim(0, periods=range(101))
    with sealed.refuses(""):
        sealed.claim(0, [record] * 51)
    with sealed.refuses(""):
        sealed.bring_seals([sealed.signed_seal(0, a)] * 41)
