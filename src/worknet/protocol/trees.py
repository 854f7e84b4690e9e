"""Making proofs in Merkle trees (RFC 9162 section 2.1), and showing that one tree is a prefix of another.

What hashes and checks inclusion is in `merkle`, so that who only verifies needs no more than that.
"""

from collections.abc import Sequence

from worknet.protocol.merkle import (
    EMPTY,
    ProofError,
    check_hashes,
    climb,
    leaf_hash,
    next_level,
    node_hash,
    root_of_hashes,
)


class Tree:
    """A tree that keeps its levels, so that each further proof is a look-up: 64 bytes for each leaf.

    Made of leaf hashes, of 32 bytes each.
    """

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self._levels = [list(hashes)]
        while len(self._levels[-1]) > 1:
            self._levels.append(next_level(self._levels[-1]))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """`MTH` of the leaves; of no leaves, `SHA256("")`."""
        return self._levels[-1][0] if self.size else EMPTY

    def inclusion(self, index: int) -> list[bytes]:
        """The path that proves the leaf at `index` (RFC 9162 section 2.1.3.1).

        Raises `ProofError` where there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise ProofError(f"a tree of {self.size} leaves has no leaf {index}")
        path = []
        for level in self._levels:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path of one leaf of a tree that is needed once; see `Tree.inclusion`."""
    return Tree([leaf_hash(leaf) for leaf in leaves]).inclusion(index)


def consistency(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The path that proves the first `old_size` leaves to be a prefix (RFC 9162 section 2.1.4.1)."""
    return consistency_of_hashes([leaf_hash(leaf) for leaf in leaves], old_size)


def consistency_of_hashes(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """The same, of leaves whose leaf hashes are given."""
    if not 0 < old_size <= len(hashes):
        raise ProofError(f"no consistency proof from {old_size} to {len(hashes)} leaves exists")
    path: list[bytes] = []
    first, end, known = 0, len(hashes), True
    tails = []
    while old_size != end - first:
        split = first + _largest_power_below(end - first)
        if old_size <= split - first:
            tails.append(root_of_hashes(hashes[split:end]))
            end = split
        else:
            tails.append(root_of_hashes(hashes[first:split]))
            old_size -= split - first
            first, known = split, False
    if not known:
        path.append(root_of_hashes(hashes[first:end]))
    return path + tails[::-1]


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Checks that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    An empty old tree is a prefix of anything, so a proof from it shows nothing and is refused.
    """
    check_hashes(path)
    if old_size == new_size and old_size >= 0:
        if path:
            raise ProofError("trees of one size need an empty path")
        if old_root != new_root:
            raise ProofError("two roots for one size")
        return
    if not 0 < old_size < new_size:
        raise ProofError(f"no consistency proof from {old_size} to {new_size} leaves exists")
    proof = list(path)
    if old_size & (old_size - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        raise ProofError("the path is empty")
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old_node = new_node = proof[0]
    for sibling, is_left in climb(here, last, proof[1:]):
        if is_left:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
        else:
            new_node = node_hash(new_node, sibling)
    if old_node != old_root:
        raise ProofError("the path leads to another old root")
    if new_node != new_root:
        raise ProofError("the path leads to another new root")


class Frontier:
    """An append-only tree kept as its size and the roots of its perfect subtrees, largest first.

    It is what the contract keeps of the result log (section 7); appending and the root take
    logarithmic time.
    """

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Adds a leaf hash at the right."""
        node = leaf
        size = self.size
        while size & 1:
            node = node_hash(self._subtrees.pop(), node)
            size >>= 1
        self._subtrees.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree head over all leaves so far."""
        if not self._subtrees:
            return EMPTY
        node = self._subtrees[-1]
        for subtree in reversed(self._subtrees[:-1]):
            node = node_hash(subtree, node)
        return node


def _largest_power_below(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
