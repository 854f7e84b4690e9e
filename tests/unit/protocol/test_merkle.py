"""Trees: the laws for all sizes. What others published is in test_published_trees."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol import merkle, trees
from worknet.protocol.merkle import ProofError


def mth(leaves: list[bytes]) -> bytes:
    """MTH word for word as RFC 9162 section 2.1.1 defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def numbered(size: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(size)]


SIZES = range(40)


def test_roots_are_those_of_the_definition_for_all_small_sizes() -> None:
    for size in SIZES:
        assert merkle.root(numbered(size)) == mth(numbered(size))


def test_a_frontier_has_the_root_of_all_its_leaves_at_every_size() -> None:
    log = trees.Frontier()
    for size in range(140):
        assert (log.size, log.root()) == (size, merkle.root(numbered(size)))
        log.append(merkle.leaf_hash(size.to_bytes(2, "big")))


def test_every_leaf_of_every_small_tree_is_proved_and_no_other() -> None:
    for size in SIZES:
        leaves, root = numbered(size), merkle.root(numbered(size))
        for index, leaf in enumerate(leaves):
            path = trees.inclusion(leaves, index)
            merkle.verify_inclusion(leaf, index, size, path, root)
            with pytest.raises(ProofError):
                merkle.verify_inclusion(leaf + b"\0", index, size, path, root)
            for other in (index - 1, index + 1):
                with pytest.raises(ProofError):
                    merkle.verify_inclusion(leaf, other, size, path, root)
        for outside in (-1, size):
            with pytest.raises(ProofError):
                trees.inclusion(leaves, outside)


def test_every_small_tree_is_proved_to_be_a_prefix_of_every_larger_one() -> None:
    for new in SIZES:
        leaves, new_root = numbered(new), merkle.root(numbered(new))
        for old in range(1, new + 1):
            path = trees.consistency(leaves, old)
            trees.verify_consistency(old, merkle.root(leaves[:old]), new, new_root, path)
            forked = merkle.root([*leaves[: old - 1], b"other"])
            with pytest.raises(ProofError):
                trees.verify_consistency(old, forked, new, new_root, path)
        for outside in (-1, 0, new + 1):
            with pytest.raises(ProofError):
                trees.consistency(leaves, outside)


def flip(path: list[bytes], data: st.DataObject) -> list[bytes]:
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    return [*path[:at], flipped, *path[at + 1 :]]


@given(st.integers(1, 300), st.data())
@settings(max_examples=60)
def test_any_flipped_bit_of_an_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    *path, root = flip([*trees.inclusion(leaves, index), merkle.root(leaves)], data)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(leaves[index], index, size, path, root)


@given(st.integers(2, 300), st.data())
@settings(max_examples=60)
def test_any_flipped_bit_of_a_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    leaves = numbered(new)
    old = data.draw(st.integers(1, new - 1))
    hashes = [*trees.consistency(leaves, old), merkle.root(leaves[:old]), merkle.root(leaves)]
    *path, old_root, new_root = flip(hashes, data)
    with pytest.raises(ProofError):
        trees.verify_consistency(old, old_root, new, new_root, path)


@given(st.integers(0, 20), st.integers(0, 20), st.lists(st.binary(min_size=31, max_size=33), max_size=6))
def test_random_paths_prove_nothing(first: int, second: int, path: list[bytes]) -> None:
    root = sha256(b"root").digest()
    with pytest.raises(ProofError):
        merkle.verify_inclusion(b"leaf", first, second, path, root)
    with pytest.raises(ProofError):
        trees.verify_consistency(first, sha256(b"old").digest(), second, root, path)
