# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Harness
@license Apache-2.0
@notice What the contract's modules do inside, callable from outside, so that the vectors can be held against
        each rule alone. For the tests only; nothing of a voting stands here.
"""

import leaves
import policies
import records
import signatures
import tags
import tally

initializes: records

exports: (
    records.record,
    records.root,
    records.size,
)


@deploy
def __init__(previous: records.Predecessor):
    """
    @notice A log, with the predecessor that is named.
    """
    records.__init__(previous)


@external
@pure
def contract_tags() -> bytes32[5]:
    """
    @notice The tags of votings, seals, policies, records and of a log that moved.
    """
    return [tags.VOTING, tags.SEAL, tags.POLICY, tags.RECORD, tags.MOVED]


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
def make_record(record: records.Record):
    """
    @notice Appends the record of these words; chain and contract are this one's.
    """
    records._record(record)


@external
@pure
def root_of_path(
    leaf: bytes32, index: uint256, size: uint256, path: DynArray[bytes32, leaves.MAX_PATH]
) -> (bool, bytes32):
    """
    @notice Whether an inclusion proof has the length that index and size give it, and the root that it leads to.
    """
    return leaves._root(leaf, index, size, path)


@external
@view
def domain_separator() -> bytes32:
    """
    @notice The separator of what is signed for this contract.
    """
    return signatures._domain()


@external
@view
def seal_digest(voting_id: bytes32, attempt: uint256, version: uint256, seal: bytes32) -> bytes32:
    """
    @notice What a worker signs so that another may bring its seal.
    """
    message: bytes32 = keccak256(abi_encode(signatures.SEAL, voting_id, attempt, version, seal))
    return signatures._digest(signatures._domain(), message)


@external
@view
def report_digest(
    voting_id: bytes32,
    attempt: uint256,
    version: uint256,
    input_root: bytes32,
    result_root: bytes32,
    participants: uint256,
    voters: uint256,
) -> bytes32:
    """
    @notice What a worker signs under a report.
    """
    message: bytes32 = keccak256(
        abi_encode(
            signatures.REPORT, voting_id, attempt, version, input_root, result_root, participants, voters
        )
    )
    return signatures._digest(signatures._domain(), message)
