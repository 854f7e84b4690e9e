"""A kept tree gives what RFC 9162 defines, word for word, however it grew and whatever it is asked for."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol.merkle import EMPTY, ProofError
from worknet.protocol.trees import Frontier, Tree

LARGEST = 40
HASHES = [sha256(bytes([number])).digest() for number in range(LARGEST)]


def split_of(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def mth(hashes: list[bytes]) -> bytes:
    """MTH, section 2.1.1, over leaf hashes."""
    if len(hashes) == 1:
        return hashes[0]
    k = split_of(len(hashes))
    return sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    """PATH, section 2.1.3.1."""
    if len(hashes) == 1:
        return []
    k = split_of(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), mth(hashes[k:])]
    return [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF, section 2.1.4.1."""
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = split_of(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


def test_a_large_tree_proves_every_leaf_of_every_smaller_one() -> None:
    tree = Tree(HASHES)
    for size in range(1, LARGEST + 1):
        assert tree.root_at(size) == mth(HASHES[:size])
        assert [tree.inclusion(index, size) for index in range(size)] == [
            path(index, HASHES[:size]) for index in range(size)
        ]


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_the_paths_of_all_leaves_are_those_of_each(size: int) -> None:
    tree = Tree(HASHES[:size])
    assert list(tree.inclusions()) == [tree.inclusion(index) for index in range(size)]


def test_a_large_tree_proves_every_smaller_one_to_be_a_prefix_of_every_larger_one() -> None:
    tree = Tree(HASHES)
    for new in range(1, LARGEST + 1):
        assert [tree.consistency(old, new) for old in range(1, new + 1)] == [
            subproof(old, HASHES[:new], True) for old in range(1, new + 1)
        ]


@given(st.lists(st.integers(0, 9), max_size=8))
@settings(max_examples=60)
def test_a_tree_that_grew_in_parts_is_the_tree_made_at_once(parts: list[int]) -> None:
    tree, frontier = Tree(), Frontier()
    for part in parts:
        tree.extend(HASHES[:part])
        for leaf in HASHES[:part]:
            frontier.append(leaf)
    leaves = [leaf for part in parts for leaf in HASHES[:part]]
    assert (tree.size, tree.root) == (frontier.size, frontier.root())
    assert tree.hashes == leaves
    assert [tree.inclusion(index) for index in range(tree.size)] == [
        Tree(leaves).inclusion(index) for index in range(len(leaves))
    ]


def test_the_root_of_no_leaves_is_that_of_the_empty_tree() -> None:
    assert Tree().root == Tree(HASHES).root_at(0) == EMPTY


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (0, -1), (0, 6), (5, None), (-1, None)])
def test_a_leaf_or_size_that_the_tree_never_had_is_not_proven(index: int, size: int | None) -> None:
    with pytest.raises(ProofError, match="a tree of"):
        Tree(HASHES[:5]).inclusion(index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (-1, 5), (4, 3), (6, None), (1, 6)])
def test_a_prefix_that_cannot_be_proven_is_refused(old: int, new: int | None) -> None:
    with pytest.raises(ProofError, match="leaves"):
        Tree(HASHES[:5]).consistency(old, new)
