"""Making proofs in Merkle trees (RFC 9162 section 2.1), and showing that one tree is a prefix of another.

What hashes and checks inclusion is in `merkle`, so that who only verifies needs no more than that.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from worknet.protocol.merkle import EMPTY, HASH_BYTES, ProofError, climb, leaf_hash, node_hash

_PAIR = 2 * HASH_BYTES


class Tree:
    """A tree that grows at its right, and proves what stands in it now or stood in it when it was smaller.

    It keeps the root of every perfect subtree, packed level by level: 64 bytes for each leaf. So a root or
    a proof, of the tree at any size that it had, takes logarithmic time. Its leaves are given as leaf hashes.
    """

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(hashes)

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Adds leaf hashes at the right, in their order."""
        height, added = 0, b"".join(hashes)
        while added:
            if height == len(self._levels):
                self._levels.append(bytearray())
            level = self._levels[height]
            unpaired = len(level) // _PAIR * _PAIR
            level += added
            pairs = bytes(memoryview(level)[unpaired:])
            # `node_hash` without its call, which would take as long again as the hashing.
            added = b"".join(
                [
                    sha256(b"\x01" + pairs[at : at + _PAIR]).digest()
                    for at in range(0, len(pairs) - HASH_BYTES, _PAIR)
                ]
            )
            height += 1

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    @property
    def root(self) -> bytes:
        """`MTH` of all leaves; of no leaves, `SHA256("")`."""
        return self.root_at(self.size)

    def root_at(self, size: int) -> bytes:
        """`MTH` of the first `size` leaves; `ProofError` where there are not so many."""
        self._check_size(size)
        return self._edge(size.bit_length(), size) if size else EMPTY

    @property
    def hashes(self) -> list[bytes]:
        """The leaf hashes, in their order."""
        return [self._node(0, index) for index in range(self.size)]

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The path of the leaf at `index` in the tree of the first `size` leaves (None: all of them).

        RFC 9162 section 2.1.3.1. Raises `ProofError` where there is no such leaf or size.
        """
        size = self.size if size is None else size
        self._check_size(size)
        if not 0 <= index < size:
            raise ProofError(f"a tree of {size} leaves has no leaf {index}")
        return self._path(0, index, size)

    def inclusions(self) -> Iterator[list[bytes]]:
        """The paths of all leaves, in their order."""
        siblings = [b""] * (self.size - 1).bit_length() if self.size else []
        for index in range(self.size):
            for height in range(len(siblings)):
                siblings[height] = self._sibling(height, index >> height, self.size)
                if index >> height & 1:
                    break  # from here on up, the leaf before had the same siblings
            yield [sibling for sibling in siblings if sibling]

    def consistency(self, old_size: int, new_size: int | None = None) -> list[bytes]:
        """The path that proves the first `old_size` leaves to be a prefix of `new_size` (None: all).

        RFC 9162 section 2.1.4.1. Raises `ProofError` where no such proof exists.
        """
        new_size = self.size if new_size is None else new_size
        self._check_size(new_size)
        if not 0 < old_size <= new_size:
            raise ProofError(f"no consistency proof from {old_size} to {new_size} leaves exists")
        if old_size == new_size:
            return []
        # The last perfect subtree of the old tree stands in the new one too: from it all else is proven.
        height = (old_size & -old_size).bit_length() - 1
        index = (old_size >> height) - 1
        # Where it is the old tree itself, the verifier has its hash: the old root.
        known = [] if index == 0 else [self._node(height, index)]
        return known + self._path(height, index, new_size)

    def _path(self, height: int, index: int, size: int) -> list[bytes]:
        """The siblings from a perfect subtree, the `index`th of its height, up to the root at that size."""
        path = []
        while index or 1 << height < size:
            path.append(self._sibling(height, index, size))
            height, index = height + 1, index >> 1
        return [sibling for sibling in path if sibling]

    def _sibling(self, height: int, index: int, size: int) -> bytes:
        """What stands beside the `index`th node of a height, in a tree of that size; empty: nothing."""
        sibling = index ^ 1
        if (sibling + 1) << height <= size:
            return self._node(height, sibling)
        return self._edge(height, size) if sibling << height < size else b""

    def _node(self, height: int, index: int) -> bytes:
        """The root of a perfect subtree, the `index`th of its height from the left."""
        at = index * HASH_BYTES
        return bytes(self._levels[height][at : at + HASH_BYTES])

    def _edge(self, height: int, size: int) -> bytes:
        """The root over what is left of `size` leaves beyond the last perfect subtree of that height."""
        node = b""
        for below in range(height):
            if size >> below & 1:
                left = self._node(below, (size >> below) - 1)
                node = node_hash(left, node) if node else left
        return node

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ProofError(f"a tree of {self.size} leaves never had {size}")


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path of one leaf, given all leaf data; of a tree with more to prove, keep the `Tree`."""
    return Tree(map(leaf_hash, leaves)).inclusion(index)


def consistency(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """The path that proves the first `old_size` leaves to be a prefix of all, given as leaf data."""
    return Tree(map(leaf_hash, leaves)).consistency(old_size)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Checks that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    An empty old tree is a prefix of anything, so a proof from it shows nothing and is refused.
    """
    _check_hashes(path)
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

    def __init__(self, size: int = 0, subtrees: Sequence[bytes] = ()) -> None:
        """Empty, or as another of that size with these `subtrees` was; `ProofError` if they do not fit."""
        _check_hashes(subtrees)
        if size < 0 or size.bit_count() != len(subtrees):
            raise ProofError(f"{len(subtrees)} perfect subtrees make no tree of {size} leaves")
        self.size = size
        self._subtrees = list(subtrees)

    @property
    def subtrees(self) -> tuple[bytes, ...]:
        """The roots of the perfect subtrees, largest first: what is kept of the leaves."""
        return tuple(self._subtrees)

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


def _check_hashes(path: Sequence[bytes]) -> None:
    """Refuses a path element that is no hash."""
    for position, sibling in enumerate(path):
        if len(sibling) != HASH_BYTES:
            raise ProofError(f"element {position} of the path has {len(sibling)} bytes, not {HASH_BYTES}")
