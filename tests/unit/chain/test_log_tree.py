"""The kept tree of the log is that of all leaves, whatever became of the chain."""

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from worknet.chain.index import NetworkIndex
from worknet.chain.log_tree import LogTree
from worknet.protocol import merkle

Leaf = tuple[bytes, bytes]


class Leaves:
    """An index with these leaves, each with the hash of its block; `read` counts what was asked for."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.read = 0

    def leaves_from(self, first: int) -> list[Leaf]:
        self.read += len(self.leaves[first:])
        return self.leaves[first:]

    def tree(self) -> LogTree:
        return LogTree(cast(NetworkIndex, self))


def grow(leaves: list[Leaf], data: bytes, blocks: int) -> list[Leaf]:
    """The leaves and one for each byte, each in a block of its own; `blocks` tells branches apart."""
    return [*leaves, *((bytes([each]), b"%d-%d" % (blocks, at)) for at, each in enumerate(data))]


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=5)), max_size=8))
def test_the_tree_is_that_of_all_leaves_after_any_forks(changes: list[tuple[int, bytes]]) -> None:
    index = Leaves()
    kept = index.tree()
    for number, (stay, added) in enumerate(changes):
        index.leaves = grow(index.leaves[:stay], added, number)
        tree = kept.now()
        assert (tree.size, tree.root) == (len(index.leaves), merkle.root([leaf for leaf, _ in index.leaves]))


def test_a_fork_that_ends_in_the_same_leaf_is_another_log() -> None:
    index = Leaves()
    index.leaves = grow([], b"abz", 0)
    kept = index.tree()
    kept.now()
    index.leaves = grow([], b"baz", 1)
    assert kept.now().root == merkle.root([b"b", b"a", b"z"])


def test_each_leaf_is_read_once_while_the_log_grows() -> None:
    index = Leaves()
    kept = index.tree()
    for number in range(100):
        index.leaves = grow(index.leaves, b"x", number)
        kept.now()
    # And the newest once more: whether it still stands.
    assert index.read == 100 + 99
