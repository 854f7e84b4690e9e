# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Proofs of the result log
@license Apache-2.0
@notice An append adds one leaf and keeps the frontier; the root is that of RFC 9162. The driver compiles this and
        `records` with another hash in SHA-256's place, for the reason that stands in README.md beside.
"""

import records
import statements

initializes: records

exports: records.root


interface Log:
    def root() -> bytes32: view


LEAVES: constant(uint256) = 8
# Ones at the end of a size that are tried, and so nodes that one append hashes, from none to one less than this.
CARRIES: constant(uint256) = 24


@deploy
def __init__():
    """
    @notice An empty log.
    """
    records.__init__(empty(records.Predecessor))


@external
def check_append_keeps_the_frontier(
    upper: uint256, ones: uint256, frontier: bytes32[64], leaf: bytes32, other: uint256
):
    """
    @notice For every size below 2^64 - 1 that ends in t ones below a zero, t less than CARRIES (so every size
            below 2^24 - 1), any frontier and any leaf: the size grows by one, the new slot t is the node over the subtrees of the
            slots below it and the leaf, and no slot above is touched. Slots that are set in the old and the new
            size begin at the same leaf in both, so they stay the roots they were.
    """
    statements._given(other < 64)
    records.frontier = frontier
    kept: bytes32 = records.frontier[other]
    for t: uint256 in range(CARRIES):
        if ones == t:
            size: uint256 = (upper << t << 1) | ((1 << t) - 1)
            statements._given(size < 2**64 - 1)
            records.size = size
            root: bytes32 = leaf
            for level: uint256 in range(t, bound=64):
                root = self._node(frontier[level], root)

            statements._holds(records._append(leaf) == size)
            after: uint256 = records.size
            statements._holds(after == unsafe_add(size, 1))
            statements._holds(after >> t == size >> t | 1 and after & ((1 << t) - 1) == 0)
            statements._holds(records.frontier[t] == root)
            statements._holds(other <= t or records.frontier[other] == kept)
            return


@external
def check_root_is_that_of_rfc_9162(leaves: bytes32[LEAVES]):
    """
    @notice From the empty log on, after each of 8 appends of any leaves: the size is one more, and root() is MTH
            by its recursion in RFC 9162, section 2.1.1, over the left part of the largest power of two.
    """
    # Length -> first leaf -> MTH of that many leaves from there.
    roots: bytes32[LEAVES + 1][LEAVES + 1] = empty(bytes32[LEAVES + 1][LEAVES + 1])
    for first: uint256 in range(LEAVES):
        roots[1][first] = leaves[first]
    for length: uint256 in range(2, LEAVES + 1):
        left: uint256 = 1
        for _: uint256 in range(3):
            if 2 * left < length:
                left *= 2
        for first: uint256 in range(LEAVES):
            if first + length <= LEAVES:
                roots[length][first] = self._node(roots[left][first], roots[length - left][first + left])
    for i: uint256 in range(LEAVES):
        statements._holds(records._append(leaves[i]) == i)
        statements._holds(records.size == i + 1)
        statements._holds(staticcall Log(self).root() == roots[i + 1][0])


@internal
@pure
def _node(left: bytes32, right: bytes32) -> bytes32:
    """
    @notice The hash of an inner node, as RFC 9162 writes it.
    """
    return sha256(concat(b"\x01", left, right))
