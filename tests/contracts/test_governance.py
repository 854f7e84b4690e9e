"""Governance: who owns the network, the pause, and a network that moved here from another contract."""

import boa
import pytest
from boa.contracts.abi.abi_contract import ABIContractFactory
from eth.exceptions import Revert
from eth_abi.abi import encode
from tests.contracts.network import ACTIVE, ENCRYPTION_KEY, NO_PREDECESSOR, PERIOD, STANDBY, deploy

from worknet.contracts import artifact
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.trees import Frontier
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How, moved_leaf

NOBODY = "0x" + "00" * 20
CONSTRUCTOR = ["uint256", "uint256", "(uint256,address,uint256,bytes32)"]
TREASURY = """
# pragma version 0.4.3
keeper: address

@deploy
def __init__():
    self.keeper = msg.sender

@external
def call(target: address, data: Bytes[1024]):
    assert msg.sender == self.keeper
    raw_call(target, data)
"""


def names(told):
    return [name for name, _ in told]


@pytest.fixture(scope="module")
def treasury_code():
    return boa.loads_partial(TREASURY)


def test_the_deployer_is_the_owner_and_nobody_is_offered_the_ownership(bare):
    assert bare.contract.owner() == bare.owner
    assert bare.contract.pending_owner() == NOBODY
    assert bare.contract.confirmations() == 12


def test_an_offer_changes_nothing_until_it_is_accepted(network):
    heir = boa.env.generate_address()
    told = network.call("transfer_ownership", heir)
    assert told == [("OwnershipOffered", {"owner": network.owner, "pending": heir})]
    assert (network.contract.owner(), network.contract.pending_owner()) == (network.owner, heir)
    with network.refuses("ownership: not the owner"):
        network.call("remove", 0, sender=heir)
    network.call("remove", 0)


def test_who_accepts_governs_and_who_offered_no_longer_does(network):
    heir = boa.env.generate_address()
    network.call("transfer_ownership", heir)
    told = network.call("accept_ownership", sender=heir)
    assert told == [("OwnershipTransferred", {"previous": network.owner, "owner": heir})]
    assert (network.contract.owner(), network.contract.pending_owner()) == (heir, NOBODY)
    with network.refuses("ownership: not the owner"):
        network.call("remove", 0)
    network.call("remove", 0, sender=heir)


def test_only_the_account_that_is_offered_the_ownership_accepts_it(network):
    heir = boa.env.generate_address()
    with network.refuses("ownership: not offered to you"):
        network.call("accept_ownership")
    network.call("transfer_ownership", heir)
    for other in (network.owner, network.keys[0], boa.env.generate_address()):
        with network.refuses("ownership: not offered to you"):
            network.call("accept_ownership", sender=other)
    network.call("accept_ownership", sender=heir)
    with network.refuses("ownership: not offered to you"):
        network.call("accept_ownership", sender=heir)


def test_an_offer_can_be_withdrawn_and_made_to_another(network):
    first, second = boa.env.generate_address(), boa.env.generate_address()
    network.call("transfer_ownership", first)
    network.call("transfer_ownership", NOBODY)
    with network.refuses("ownership: not offered to you"):
        network.call("accept_ownership", sender=first)
    network.call("transfer_ownership", first)
    network.call("transfer_ownership", second)
    with network.refuses("ownership: not offered to you"):
        network.call("accept_ownership", sender=first)
    network.call("accept_ownership", sender=second)
    assert network.contract.owner() == second


def test_only_the_owner_offers_pauses_and_reopens(network):
    heir = boa.env.generate_address()
    network.call("transfer_ownership", heir)
    for sender in (heir, network.keys[0], network.operators[0]):
        for call in (("transfer_ownership", sender), ("pause_opening", True), ("pause_opening", False)):
            with network.refuses("ownership: not the owner"):
                network.call(*call, sender=sender)
        with network.refuses("ownership: not the owner"):
            network.reopen(sender=sender)
    assert not network.contract.opening_paused()


def test_the_owner_may_be_a_contract(network, treasury_code):
    treasury = treasury_code.deploy()
    network.call("transfer_ownership", treasury.address)
    treasury.call(network.contract.address, network.contract.accept_ownership.prepare_calldata())
    assert network.contract.owner() == treasury.address
    operator, key = boa.env.generate_address(), boa.env.generate_address()
    enrolment = network.contract.enrol.prepare_calldata(operator, key, ACTIVE, ENCRYPTION_KEY)
    treasury.call(network.contract.address, enrolment)
    assert network.contract.member(3).operator == operator
    with network.refuses("ownership: not the owner"):
        network.enrol()


def test_the_pools_amounts_are_set_by_whoever_owns_the_network_at_that_moment(earning):
    heir = boa.env.generate_address()
    earning.call("transfer_ownership", heir)
    with earning.refuses("rewards: not the owner"):
        earning.set_rewards(1, 1, sender=heir)
    earning.call("accept_ownership", sender=heir)
    earning.set_rewards(1, 1, sender=heir)
    with earning.refuses("rewards: not the owner"):
        earning.set_rewards(1, 1)


def test_a_new_owner_changes_no_voting_that_is_open(network):
    network.cast(0, network.pair("a"))
    before = network.voting()
    heir = boa.env.generate_address()
    network.call("transfer_ownership", heir)
    network.call("accept_ownership", sender=heir)
    assert network.voting() == before
    assert "Recorded" in names(network.cast(1, network.pair("a")))


@pytest.fixture
def paused(new_network):
    """Sealed ballots and every fallback; slot 2 has an open voting, and the opening of others is paused."""
    with boa.env.anchor():
        made = new_network()
        made.enrol(4)
        made.enrol(1, role=STANDBY)
        made.announce(ballots=Ballots.SEALED, fallback=Fallback.FAILOVER_THEN_PLURALITY, accuracy=100)
        made.fund(1_000)
        made.seal(0, made.pair("a"))
        made.call("pause_opening", True)
        yield made


def test_the_pause_is_told_shown_and_ended(network):
    for switch in (True, True, False):
        assert network.call("pause_opening", switch) == [("OpeningPaused", {"paused": switch})]
        assert network.contract.opening_paused() == switch
    network.cast(0, network.pair("a"))


def test_while_paused_nothing_opens_attempt_1(network):
    network.announce(workflow=b"\x07" * 32, ballots=Ballots.SEALED)
    network.call("pause_opening", True)
    a, place = network.pair("a"), 1 << 32 | 1 << 16
    with network.refuses("votings: opening is paused"):
        network.cast(0, a)
    with network.refuses("votings: opening is paused"):
        network.call("seal", b"\x07" * 32, network.trigger, place, bytes(32), sender=network.keys[0])
    with network.refuses("votings: opening is paused"):
        network.bring_seals([network.signed_seal(worker, a) for worker in range(3)])
    with network.refuses("votings: opening is paused"):
        network.report(a, [0, 1, 2])
    assert not any(network.voting())
    assert network.contract.size() == 0


def test_changes_of_the_members_leave_the_pause_and_the_pause_leaves_the_members(network):
    network.call("pause_opening", True)
    network.enrol(2)
    network.call("remove", 0)
    assert network.contract.opening_paused()
    network.call("pause_opening", False)
    assert (network.contract.active(), network.contract.standby()) == (0b11110, 0)
    network.cast(4, network.pair("a"))
    assert network.voting().members == 0b11110


def test_an_open_voting_goes_on_to_its_record_while_paused(paused):
    a = paused.pair("a")
    paused.bring_seals([paused.signed_seal(worker, a) for worker in (1, 2)])
    paused.seal(3, a)
    assert "Recorded" in names(paused.reveal(a, [0, 1, 2, 3]))
    assert paused.claim(0, [paused.record()])[-1][1]["paid"] == 100


def test_an_open_voting_is_reported_while_paused(paused):
    assert names(paused.report(paused.pair("a"), [0, 1, 2])) == ["Reported", "Recorded", "Closed"]


def test_further_attempts_open_while_paused_and_a_plurality_is_settled(paused):
    paused.wait(900)
    assert names(paused.advance()) == ["Failed"]
    for attempt in (2, 3):
        for worker, name in enumerate("aabc"):
            told = paused.seal(worker, paused.pair(name), attempt)
            assert ("Opened" in names(told)) == (worker == 0)
        paused.wait_until(paused.voting().deadline if attempt == 3 else paused.now)
        for worker, name in enumerate("aabc"):
            paused.reveal(paused.pair(name), [worker], attempt)
    assert paused.voting().state == State.SETTLING
    assert names(paused.settle(paused.pair("a"))) == ["Recorded", "Closed"]
    assert paused.record().how is How.PLURALITY


def test_an_attempt_that_the_owner_gave_opens_while_paused(paused):
    paused.wait(10_000)
    paused.reopen()
    a = paused.pair("a")
    told = paused.report(a, [0, 1, 2, 3], attempt=4)
    assert names(told) == ["Opened", "Reported", "Recorded", "Closed"]


def test_a_slot_that_the_pause_kept_from_opening_can_be_reopened(network):
    network.call("pause_opening", True)
    told = network.reopen()
    assert (told[-1][0], told[-1][1]["attempt"]) == ("Reopened", 4)
    network.cast(0, network.pair("a"), attempt=4)
    assert "Recorded" in names(network.cast(1, network.pair("a"), attempt=4))


OLD = (73_799, "0x1E9C9573bdf8ceFBa47B6495fD74Cd0A1Ee24f81", 17, b"\x05" * 32)


def moved_hash(network):
    """The hash of the leaf that Python expects of a network that moved from OLD."""
    old = (OLD[0], bytes.fromhex(OLD[1][2:]), *OLD[2:])
    return leaf_hash(moved_leaf(network.chain_id, network.address, *old))


@pytest.fixture
def moved(new_network):
    """A network whose log continues that of another contract."""
    with boa.env.anchor():
        made = new_network(previous=OLD)
        made.enrol(3)
        made.announce()
        yield made


def test_the_log_of_a_network_that_moved_begins_with_what_it_continues(moved):
    log = Frontier()
    log.append(moved_hash(moved))
    assert (moved.contract.size(), moved.contract.root()) == (1, log.root())
    moved.cast(0, moved.pair("a"))
    told = dict(moved.cast(1, moved.pair("a")))
    assert told["Recorded"]["position"] == 1
    log.append(moved.record().leaf_hash())
    assert (moved.contract.size(), moved.contract.root()) == (2, log.root())


def test_a_network_that_moved_tells_so_when_it_is_made():
    built, arguments = artifact(), encode(CONSTRUCTOR, [12, PERIOD, OLD])
    with boa.env.anchor():
        address, computation = boa.env.deploy(bytecode=built.bytecode + arguments)
        made = ABIContractFactory(built.contract, built.abi).at(address)
        told = {type(log).__name__: list(log)[1:] for log in made.get_logs(computation)}
    assert told["Moved"] == list(OLD)


def test_a_network_without_a_predecessor_begins_with_an_empty_log(bare):
    assert bare.contract.size() == 0


def test_a_network_has_a_reward_period_for_ever_and_not_of_no_length(network):
    assert network.contract.reward_period() == network.period_length
    assert network.pool.reward_period() == network.period_length
    with pytest.raises(Revert, match="periods: no length"):
        deploy("WorkerNetwork", CONSTRUCTOR, 12, 0, NO_PREDECESSOR)
