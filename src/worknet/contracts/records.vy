# pragma version 0.4.3
"""
@title Records
@license Apache-2.0
@notice The result log: an append-only Merkle tree (RFC 9162, section 2.1, SHA-256) with one leaf for each
        record. Of the tree only its size and frontier are kept, of a record only its leaf's hash; its words
        are the callers' to know. When a voting is decided stands in `votings`.
"""

import tags


# The creation of a network that moved: this log continues that of `contract` on the chain with this id, which
# had `size` leaves and the tree head `root`. Told once; it is leaf 0 of this log.
event Moved:
    chain_id: uint256
    contract: indexed(address)
    size: uint256
    root: bytes32


# `cast`, `reveal`, `report` and `settle`: a voting has its record, at `position` of the log, from 0. `voters`
# is the bitmap in the record; `how` is 1 by quorum, 2 by plurality, 3 by report.
event Recorded:
    voting_id: indexed(bytes32)
    position: uint256
    attempt: uint256
    input_root: bytes32
    result_root: bytes32
    voters: uint256
    how: uint256


# The words of a record in the order of its leaf, after the tag, the chain id and the contract. `members` and
# `voters` are bitmaps of workers, `voters` of those at that moment; `time` is the block's, in Unix seconds.
struct Record:
    workflow_id: bytes32
    voting_id: bytes32
    trigger_id: bytes32
    attempt: uint256
    policy_hash: bytes32
    input_root: bytes32
    result_root: bytes32
    members: uint256
    n: uint256
    needed: uint256
    voters: uint256
    how: uint256
    time: uint256


# The log that a network's log continues, of the contract that it was on before: its number of leaves and its
# tree head.
struct Predecessor:
    chain_id: uint256
    contract: address
    size: uint256
    root: bytes32


# How a record came about.
QUORUM: constant(uint256) = 1
PLURALITY: constant(uint256) = 2
REPORT: constant(uint256) = 3

# Of the frontier: the log has fewer than 2^64 leaves.
LEVELS: constant(uint256) = 64

# @notice Number of leaves: of records ever made, and the one that names a predecessor; also the next position.
size: public(uint256)
# @notice The hash of the leaf of a voting's record; zero: there is none.
record: public(HashMap[bytes32, bytes32])

# frontier[k] is the root of the perfect subtree of 2^k leaves wherever bit k of the size is set; elsewhere
# it is left over, so that writing it anew costs less.
frontier: bytes32[LEVELS]


@deploy
def __init__(previous: Predecessor):
    """
    @notice Begins the log; that of a network that moved with the leaf that names the log it continues.
    @param previous Its contract zero: there is none.
    """
    if previous.contract != empty(address):
        self._append(
            sha256(concat(b"\x00", abi_encode(tags.MOVED, chain.id, self, previous)))
        )
        log Moved(
            chain_id=previous.chain_id,
            contract=previous.contract,
            size=previous.size,
            root=previous.root,
        )


@external
@view
def root() -> bytes32:
    """
    @notice The tree head of the log.
    @return MTH of RFC 9162 over its leaf data; of none SHA-256("").
    """
    size: uint256 = self.size
    if size == 0:
        return sha256(b"")
    head: bytes32 = empty(bytes32)
    started: bool = False
    for level: uint256 in range(LEVELS):
        if size >> level == 0:
            break
        if size >> level & 1 == 1:
            head = self._node(self.frontier[level], head) if started else self.frontier[level]
            started = True
    return head


@internal
def _record(record: Record):
    """
    @notice Appends the one record of a voting. The caller answers for there being none before.
    """
    leaf: bytes32 = sha256(concat(b"\x00", abi_encode(tags.RECORD, chain.id, self, record)))
    self.record[record.voting_id] = leaf
    position: uint256 = self._append(leaf)
    log Recorded(
        voting_id=record.voting_id,
        position=position,
        attempt=record.attempt,
        input_root=record.input_root,
        result_root=record.result_root,
        voters=record.voters,
        how=record.how,
    )


@internal
def _append(leaf: bytes32) -> uint256:
    """
    @notice Appends a leaf's hash to the log.
    @dev As in adding one to the size in binary: where a bit is set, the new node is joined to the perfect
         subtree that stands there and carried upwards.
    @return The leaf's position.
    """
    position: uint256 = self.size
    node: bytes32 = leaf
    for level: uint256 in range(LEVELS):
        if position >> level & 1 == 0:
            self.frontier[level] = node
            break
        node = self._node(self.frontier[level], node)
    self.size = unsafe_add(position, 1)
    return position


@internal
@pure
def _node(left: bytes32, right: bytes32) -> bytes32:
    """
    @notice The hash of an inner node.
    """
    return sha256(concat(b"\x01", left, right))
