"""Merkle trees over SHA-256 as RFC 9162 section 2.1 has them: roots, inclusion and consistency proofs.

One tree serves rows, tables, bundles and the result log. Leaves are leaf data (bytes of any length);
a path is a sequence of 32-byte hashes, nearest the leaf first. A verifier returns nothing and raises
`ProofError` on failure. A tree's size must come from what commits to the tree, never from the prover.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

from worknet.protocol.errors import ProtocolError

HASH_BYTES = 32
EMPTY = sha256(b"").digest()


class ProofError(ProtocolError):
    """A proof does not show what it should, or a proof is asked for that cannot exist."""


def leaf_hash(leaf: bytes) -> bytes:
    """`SHA256(0x00 ‖ leaf)`."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """`SHA256(0x01 ‖ left ‖ right)`."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """`MTH` of the leaves in their order; of no leaves, `SHA256("")`."""
    return root_of_hashes([leaf_hash(leaf) for leaf in leaves])


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """`MTH` of leaves whose leaf hashes are given.

    Level by level from the left: a last node without a partner moves up as it is, which gives the tree
    of the RFC, since there every left subtree is the largest perfect one.
    """
    level = list(hashes)
    if not level:
        return EMPTY
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path that proves the leaf at `index` (RFC 9162 section 2.1.3.1)."""
    return inclusion_of_hashes([leaf_hash(leaf) for leaf in leaves], index)


def inclusion_of_hashes(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The same, of leaves whose leaf hashes are given."""
    if not 0 <= index < len(hashes):
        raise ProofError(f"a tree of {len(hashes)} leaves has no leaf {index}")
    path = []
    level = list(hashes)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level = _next_level(level)
        index //= 2
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Checks that `leaf` stands at `index` in the tree of `size` leaves with this root (section 2.1.3.2)."""
    verify_inclusion_of_hash(leaf_hash(leaf), index, size, path, root)


def verify_inclusion_of_hash(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """The same for a leaf whose leaf hash is given."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    if len(leaf) != HASH_BYTES:
        raise ProofError(f"a leaf hash of {len(leaf)} bytes, not {HASH_BYTES}")
    _check_hashes(path)
    node = leaf
    for sibling, is_left in _climb(index, size - 1, path):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    if node != root:
        raise ProofError("the path leads to another root")


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
    for sibling, is_left in _climb(here, last, proof[1:]):
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


def _next_level(level: list[bytes]) -> list[bytes]:
    above = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    if len(level) & 1:
        above.append(level[-1])
    return above


def _largest_power_below(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def _climb(here: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The siblings on the way from node `here` of a level to the root, each with whether it is the left one.

    `last` is the level's last node. A path that is too long or too short raises `ProofError`.
    """
    for sibling in path:
        if last == 0:
            raise ProofError("the path is longer than the tree is high")
        is_left = bool(here & 1) or here == last
        yield sibling, is_left
        if is_left:
            # A node without a partner has moved up: skip the levels that it passed unchanged.
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        here, last = here >> 1, last >> 1
    if last != 0:
        raise ProofError("the path is shorter than the tree is high")


def _check_hashes(path: Sequence[bytes]) -> None:
    for position, sibling in enumerate(path):
        if len(sibling) != HASH_BYTES:
            raise ProofError(f"element {position} of the path has {len(sibling)} bytes, not {HASH_BYTES}")
