"""The result log: every append, the tree head that follows, and that the old log is its beginning."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from worknet.audit.facts import Happening
from worknet.audit.notes import Notes
from worknet.protocol.merkle import root_of_hashes
from worknet.protocol.trees import Frontier


@dataclass
class Log:
    """The log as the events append to it: what came before as perfect subtrees, what is new as leaf hashes.

    `size` and `subtrees` are those from which this audit went on.
    """

    size: int = 0
    subtrees: tuple[bytes, ...] = ()
    appended: list[bytes] = field(default_factory=list)

    @property
    def length(self) -> int:
        """The number of leaves so far."""
        return self.size + len(self.appended)

    def append(self, happening: Happening, position: int, leaf_hash: bytes, notes: Notes) -> None:
        """Adds a leaf that was told at a position; what it is made of, who calls this has checked."""
        notes.checked["leaves of the log"] += 1
        notes.differs(
            "log.position", "a record out of its place in the log", happening, position, self.length, position
        )
        self.appended.append(leaf_hash)

    def frontier(self) -> Frontier:
        """The tree as it is now."""
        frontier = Frontier(self.size, self.subtrees)
        for leaf_hash in self.appended:
            frontier.append(leaf_hash)
        return frontier

    def path(self) -> tuple[bytes, ...]:
        """Proves the log of before to be the beginning of this one (RFC 9162 section 2.1.4.1).

        Empty where no proof is needed: nothing came before, or nothing since.
        """
        if not self.size or not self.appended:
            return ()
        return tuple(_path(self.size, 0, self.length, list(self.subtrees), self.appended, self.size))


def _path(
    old: int, first: int, end: int, subtrees: list[bytes], new: Sequence[bytes], begin: int
) -> list[bytes]:
    """The path within the leaves from `first` to `end`, of which the old tree has those below `old`.

    Left of `old` all that a path needs are the old tree's perfect subtrees, in their order. `new` are the
    leaf hashes from `begin` on.
    """
    if old == end:
        # Of the old tree as a whole its root is known to who checks.
        return [] if first == 0 else [subtrees[-1]]
    split = first + (1 << (end - first - 1).bit_length() - 1)
    if old <= split:
        right = root_of_hashes(new[split - begin : end - begin])
        return [*_path(old, first, split, subtrees, new, begin), right]
    return [*_path(old, split, end, subtrees[1:], new, begin), subtrees[0]]
