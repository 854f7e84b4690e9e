# pragma version 0.4.3
"""
@title Leaves
@license Apache-2.0
@notice Hashes and inclusion proofs of RFC 9162, section 2.1 (SHA-256), for contracts that check what the log and
        the trees under its records hold. Without state; the log itself stands in `records`.
"""

import records
import tags

# A path of this length proves inclusion in any tree that can exist.
MAX_PATH: constant(uint256) = 64


@internal
@view
def _of_record(network: address, record: records.Record) -> bytes32:
    """
    @notice The hash of the leaf that a network on this chain has for a record with these words.
    @param network Address of its contract.
    """
    return sha256(concat(b"\x00", abi_encode(tags.RECORD, chain.id, network, record)))


@internal
@pure
def _root(leaf: bytes32, index: uint256, size: uint256, path: DynArray[bytes32, MAX_PATH]) -> (bool, bytes32):
    """
    @notice The root of the tree of this size that has this leaf's hash at this index, by an inclusion proof
            (RFC 9162, section 2.1.3.2), and whether the proof has the length that index and size give it.
    @param path Hashes of the siblings, from the leaf upwards.
    @return Whether the length fits, and the root; of no meaning unless it does.
    """
    if index >= size:
        return False, empty(bytes32)
    fn: uint256 = index
    sn: uint256 = size - 1
    node: bytes32 = leaf
    for sibling: bytes32 in path:
        if sn == 0:
            return False, empty(bytes32)
        if fn & 1 == 1 or fn == sn:
            node = sha256(concat(b"\x01", sibling, node))
            # Past the levels at which the rightmost subtree is carried up alone.
            for _: uint256 in range(256):
                if fn & 1 == 1 or fn == 0:
                    break
                fn >>= 1
                sn >>= 1
        else:
            node = sha256(concat(b"\x01", node, sibling))
        fn >>= 1
        sn >>= 1
    return sn == 0, node
