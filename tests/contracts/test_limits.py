"""What is kept in few bits: member sets (15) and policy versions (16) end with a refusal and never wrap.

No test makes so many changes: the counters are set in the deployed contract's storage, where the compiler
says that they stand.
"""

from pathlib import Path

import boa
import pytest
from eth_abi.abi import encode
from tests.contracts.network import STANDBY
from vyper.cli.vyper_compile import compile_files

from worknet.protocol.keccak import keccak256

CONTRACTS = Path(__file__).parents[2] / "src" / "worknet" / "contracts"
LAST = 65_535
LAST_SET = 32_767
LAST_ENROLMENT = LAST_SET - 120
AT_PAUSED, AT_NUMBER = 240, 241
EVENT = b"\x11" * 32


@pytest.fixture(scope="module")
def layout():
    """Where each module's variables stand, of the sources of which the artifact is made."""
    source = CONTRACTS / "WorkerNetwork.vy"
    [outputs] = compile_files([source], ["layout"], paths=[str(CONTRACTS)]).values()
    return outputs["layout"]["storage_layout"]


def entry(layout, module, mapping, key):
    """Where the value of a key stands: Vyper keeps it at keccak256(slot of the mapping, key)."""
    slot = layout[module][mapping]["slot"]
    return int.from_bytes(keccak256(encode(["uint256", "bytes32"], [slot, key])), "big")


def at_set(network, layout, number):
    """The network, as if its members of now were the set of this number."""
    address, slot = network.contract.address, layout["members"]["current"]["slot"]
    kept = boa.env.get_storage(address, slot)
    assert (kept >> AT_NUMBER, kept >> AT_PAUSED & 1) == (network.contract.member_count(), 0)
    boa.env.set_storage(address, slot, kept % 2**AT_PAUSED | number << AT_NUMBER)
    of_set = entry(layout, "members", "sets", number.to_bytes(32, "big"))
    boa.env.set_storage(address, of_set, kept % 2**AT_PAUSED)
    return network


@pytest.fixture
def last_set_but_one(network, layout):
    """A network that is about to make its last member set."""
    assert network.contract.active() == 0b111
    return at_set(network, layout, LAST_SET - 1)


@pytest.fixture
def last_version_but_one(bare, layout):
    """An event-driven workflow that is about to get its last policy version."""
    bare.enrol(3)
    slot = entry(layout, "policies", "policy_count", bare.workflow)
    boa.env.set_storage(bare.contract.address, slot, LAST - 1)
    assert bare.contract.policy_count(bare.workflow) == LAST - 1
    return bare


@pytest.mark.long
def test_the_last_member_set_is_frozen_like_any_other(last_set_but_one):
    network = last_set_but_one
    network.call("remove", 2)
    network.cast(0, network.pair("a"))
    voting = network.voting()
    assert (voting.members, voting.n, voting.needed, voting.policy_version) == (0b011, 2, 2, 1)
    with network.refuses("votings: not a member"):
        network.cast(2, network.pair("a"))
    network.cast(1, network.pair("a"))
    assert network.contract.size() == 1


@pytest.mark.long
def test_after_the_last_member_set_nobody_is_enrolled_or_removed_and_votings_go_on(last_set_but_one):
    network = last_set_but_one
    network.call("remove", 2)
    with network.refuses("members: too many changes"):
        network.enrol()
    with network.refuses("members: too many changes"):
        network.enrol_again(2)
    with network.refuses("members: too many changes"):
        network.call("remove", 0)
    assert (network.contract.active(), network.contract.member_count()) == (0b011, 3)
    for index in (0, 2):
        network.rotate(index)
    network.call("pause_opening", True)
    network.call("pause_opening", False)
    for worker in range(2):
        network.cast(worker, network.pair("a"))
    assert network.voting().closed


def test_the_last_enrolment_leaves_sets_for_every_worker_to_be_removed(bare, layout):
    bare.enrol(119)
    at_set(bare, layout, LAST_ENROLMENT - 1)
    bare.enrol(role=STANDBY)
    with bare.refuses("members: no index left"):
        bare.enrol()
    for index in range(120):
        bare.call("remove", index)
    assert (bare.contract.active(), bare.contract.standby()) == (0, 0)
    with bare.refuses("members: too many changes"):
        bare.enrol_again(0)


@pytest.mark.parametrize("number", [LAST_ENROLMENT, LAST_ENROLMENT + 1, LAST_SET - 1])
def test_near_the_last_member_set_nobody_is_enrolled_and_everybody_can_be_removed(network, layout, number):
    at_set(network, layout, number)
    with network.refuses("members: too many changes"):
        network.enrol()
    network.call("remove", 1)
    with network.refuses("members: too many changes"):
        network.enrol_again(1)
    assert (network.contract.active(), network.contract.member_count()) == (0b101, 3)


@pytest.mark.parametrize("attempt", [256, 257, 2**256 - 1])
def test_an_attempt_of_more_than_8_bits_has_no_voters_and_is_not_taken_for_its_lower_bits(network, attempt):
    a = network.pair("a")
    network.cast(0, a)
    about = (a.input_root, a.result_root)
    assert network.contract.voters(network.voting_id(), 1, *about) == 0b001
    assert network.contract.voters(network.voting_id(), 255, *about) == 0
    with network.refuses("votings: other attempt"):
        network.contract.voters(network.voting_id(), attempt, *about)


def test_a_second_attempt_opens_with_the_last_member_set(last_set_but_one):
    network = last_set_but_one
    network.cast(0, network.pair("a"))
    network.call("remove", 0)
    network.wait(600)
    network.cast(1, network.pair("a"), attempt=2)
    network.cast(2, network.pair("a"), attempt=2)
    voting = network.voting()
    assert (voting.attempt, voting.members, voting.n, voting.closed) == (2, 0b110, 3, True)


def test_the_last_policy_version_governs_votings_and_no_further_one_is_announced(last_version_but_one):
    network = last_version_but_one
    network.announce(every=0, start=network.now)
    assert network.contract.policy_count(network.workflow) == LAST
    with network.refuses("policies: too many versions"):
        network.announce(every=0, start=network.now)
    assert network.contract.policy_count(network.workflow) == LAST
    network.trigger = EVENT
    network.cast(0, network.pair("a"), version=LAST)
    with network.refuses("votings: other policy"):
        network.cast(1, network.pair("a"), version=LAST - 1)
    network.cast(1, network.pair("a"), version=LAST)
    voting = network.voting()
    assert (voting.policy_version, voting.n, voting.needed, voting.highest) == (LAST, 3, 2, 2)
    assert network.contract.record(network.voting_id()) != bytes(32)


def test_a_workflow_at_its_last_version_leaves_other_workflows_theirs(last_version_but_one):
    network = last_version_but_one
    network.announce(every=0, start=network.now)
    network.announce(workflow=b"\x07" * 32)
    assert network.contract.policy_count(b"\x07" * 32) == 1


@pytest.mark.parametrize("version", [LAST + 1, LAST + 2, 2**32 - 1])
def test_a_version_of_more_than_16_bits_is_not_taken_for_its_lower_bits(network, version):
    with network.refuses("policies: unknown version"):
        network.contract.policy_hash(network.workflow, version)
