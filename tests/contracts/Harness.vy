# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Harness
@license Apache-2.0
@notice What the contract's modules do inside, callable from outside, so that the vectors can be held against
        each rule alone. For the tests only; nothing of a voting stands here.
"""

import policies
import records
import tags
import tally

initializes: records

exports: (
    records.record,
    records.root,
    records.size,
)


@external
@pure
def contract_tags() -> bytes32[4]:
    """
    @notice The tags of votings, seals, policies and records.
    """
    return [tags.VOTING, tags.SEAL, tags.POLICY, tags.RECORD]


@external
@pure
def needed(n: uint256, numerator: uint256, denominator: uint256) -> uint256:
    """
    @notice Equal ballots that make a consensus.
    """
    return tally._needed(n, numerator, denominator)


@external
@pure
def policy_hash(policy: policies.Policy) -> bytes32:
    """
    @notice The hash of a policy, whether or not this version of the contract offers it.
    """
    return policies._hash(policy)


@external
@pure
def node(left: bytes32, right: bytes32) -> bytes32:
    """
    @notice The hash of an inner node of the log.
    """
    return records._node(left, right)


@external
def append(leaf: bytes32) -> uint256:
    """
    @notice Appends the hash of any leaf to the log.
    """
    return records._append(leaf)


@external
@view
def frontier(level: uint256) -> bytes32:
    """
    @notice What the log keeps for a level of its tree.
    """
    return records.frontier[level]


@external
def make_record(
    workflow_id: bytes32,
    voting_id: bytes32,
    trigger_id: bytes32,
    attempt: uint256,
    policy_hash: bytes32,
    input_root: bytes32,
    result_root: bytes32,
    members: uint256,
    n: uint256,
    needed: uint256,
    voters: uint256,
    how: uint256,
):
    """
    @notice Appends a record of these words, in the leaf's order; chain, contract and time are the block's.
    """
    records._record(
        voting_id,
        workflow_id,
        trigger_id,
        attempt,
        policy_hash,
        input_root,
        result_root,
        members,
        n,
        needed,
        voters,
        how,
    )
