"""The tree of the result log, kept while the log grows, so that many proofs hash each leaf once."""

from worknet.chain.index import NetworkIndex
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.trees import Tree


class LogTree:
    """The log's tree as an index has it; of use to one thread at a time."""

    def __init__(self, index: NetworkIndex) -> None:
        self._index, self._tree = index, Tree()
        self._last = b""  # The hash of the block of the last leaf in the tree.

    def now(self) -> Tree:
        """The tree over all leaves that the index has by now. Raises ChainError."""
        known = self._tree.size
        # One question for what is known and what is new: between two, the index may go back to a fork.
        rows = self._index.leaves_from(max(0, known - 1))
        if known and rows[:1] and rows[0][1] == self._last:
            del rows[0]
        elif known:
            self._tree, rows = Tree(), self._index.leaves_from(0)
        self._tree.extend(leaf_hash(leaf) for leaf, _ in rows)
        self._last = rows[-1][1] if rows else self._last
        return self._tree
