# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Proofs of the claims
@license Apache-2.0
@notice What has been claimed never pays again, and a claim touches nobody else's bit. This contract is also the
        network that the pool asks; it answers whatever a proof's inputs say. For halmos only, see README.md.
"""

import Rewards
import records
import statements

initializes: Rewards

WORKERS: constant(uint256) = 120
# Where halmos takes orders, by the convention of Foundry.
MACHINE: constant(address) = 0x7109709ECfa91a80626fF3989D68f67F5b1DD12D

seen: Rewards.Period
leaf: bytes32
is_closed: bool
state: uint256
on_chain: uint256
accuracy: uint256


@deploy
def __init__():
    """
    @notice A pool whose network is this contract.
    """
    Rewards.__init__(self)


@external
@view
def period(number: uint256) -> Rewards.Period:
    """
    @notice What the network remembers of any period.
    """
    return self.seen


@external
@view
def record(voting_id: bytes32) -> bytes32:
    """
    @notice The leaf of any voting's record.
    """
    return self.leaf


@external
@view
def voting(workflow_id: bytes32, trigger_id: bytes32) -> Rewards.Voting:
    """
    @notice Any voting.
    """
    answer: Rewards.Voting = empty(Rewards.Voting)
    answer.state = self.state
    answer.closed = self.is_closed
    return answer


@external
@view
def voters(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> uint256:
    """
    @notice Who voted on chain for any pair.
    """
    return self.on_chain


@external
@view
def amounts(policy_hash: bytes32) -> uint256:
    """
    @notice What any policy pays for accuracy; nothing for speed.
    """
    return self.accuracy


@external
def check_a_period_pays_once(
    now: uint256,
    number: uint256,
    index: uint256,
    before: uint256,
    seen: Rewards.Period,
    base: uint256,
    consistency: uint256,
):
    """
    @notice For any period that is over, any worker, any bits claimed before and whatever was seen and set: a set
            bit earns nothing, what earned sets its bit and earns nothing again, every other bit stays.
    """
    statements._given(index < WORKERS and now < 2**40)
    statements._given(base <= 2**128 - 1 and consistency <= 2**128 - 1)
    raw_call(MACHINE, abi_encode(now, method_id=method_id("warp(uint256)")))
    self.seen = seen
    Rewards.change_count = 1
    Rewards.changes[1] = Rewards.Amounts(base=base, consistency=consistency, since_period=0)
    Rewards.claimed_of_period[number] = before

    first: uint256 = Rewards._of_period(number, index)
    between: uint256 = Rewards.claimed_of_period[number]
    second: uint256 = Rewards._of_period(number, index)
    self._is_once(index, before, first, between, second, Rewards.claimed_of_period[number])


@external
def check_a_voting_pays_once(
    record: records.Record,
    leaf: bytes32,
    index: uint256,
    before: uint256,
    on_chain: uint256,
    accuracy: uint256,
    state: uint256,
    is_closed: bool,
):
    """
    @notice The same for any record and any answers of the network, but that nothing is paid for speed.
    """
    statements._given(index < WORKERS and accuracy <= 2**128 - 1)
    self.leaf = leaf
    self.state = state
    self.is_closed = is_closed
    self.on_chain = on_chain
    self.accuracy = accuracy
    Rewards.claimed_of_voting[record.voting_id] = before

    first: uint256 = Rewards._of_voting(record, index)
    between: uint256 = Rewards.claimed_of_voting[record.voting_id]
    second: uint256 = Rewards._of_voting(record, index)
    self._is_once(index, before, first, between, second, Rewards.claimed_of_voting[record.voting_id])


@internal
@pure
def _is_once(
    index: uint256, before: uint256, first: uint256, between: uint256, second: uint256, after: uint256
):
    """
    @notice What is to be proven of two equal claims, one after the other.
    """
    bit: uint256 = 1 << index
    statements._holds(before & bit == 0 or first == 0)
    statements._holds(first == 0 or between & bit != 0)
    statements._holds(first == 0 or second == 0)
    statements._holds((between ^ before) & ~bit == 0 and (after ^ between) & ~bit == 0)
    statements._holds(before & ~between == 0 and between & ~after == 0)
