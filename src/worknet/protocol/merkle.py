"""Merkle trees over SHA-256 as RFC 9162 section 2.1 has them: roots, and checking that a leaf is in a tree.

One tree serves rows, tables, bundles and the result log. Leaves are leaf data (bytes of any length);
a path is a sequence of 32-byte hashes, nearest the leaf first. A verifier returns nothing and raises
`ProofError` on failure. A tree's size must come from what commits to the tree, never from the prover.
What makes proofs is in `trees`.
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
    while len(level) > 1:
        above = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = above + level[2 * len(above) :]
    return level[0] if level else EMPTY


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Checks that `leaf` stands at `index` in the tree of `size` leaves with this root (section 2.1.3.2)."""
    verify_inclusion_of_hash(leaf_hash(leaf), index, size, path, root)


def verify_inclusion_of_hash(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """The same for a leaf whose leaf hash is given."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    if any(len(hash_) != HASH_BYTES for hash_ in (leaf, *path)):
        raise ProofError(f"a hash of other than {HASH_BYTES} bytes")
    node = leaf
    for sibling, is_left in climb(index, size - 1, path):
        node = node_hash(sibling, node) if is_left else node_hash(node, sibling)
    if node != root:
        raise ProofError("the path leads to another root")


def climb(here: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
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
