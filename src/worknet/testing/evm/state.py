"""The accounts of a chain, and what was changed: a failure is undone, an older block has them as before."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

Change: TypeAlias = tuple[dict[Any, Any], Any, Any]
"""A table, a key in it, and the value that it had: None where there was none."""


class State:
    """Storage, balances, nonces and codes after the newest block; `journal` holds the changes since."""

    def __init__(self) -> None:
        self.words: dict[tuple[bytes, int], int] = {}
        self.balances: dict[bytes, int] = {}
        self.nonces: dict[bytes, int] = {}
        self.codes: dict[bytes, bytes] = {}
        self.journal: list[Change] = []

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Changes one value."""
        self.journal.append((table, key, table.get(key)))
        table[key] = value

    def transfer(self, sender: bytes, receiver: bytes, value: int) -> None:
        """Moves wei that the sender has."""
        if value:
            self.put(self.balances, sender, self.balances[sender] - value)
            self.put(self.balances, receiver, self.balances.get(receiver, 0) + value)

    def is_there(self, address: bytes) -> bool:
        """Whether the account has anything (EIP-161)."""
        return bool(self.balances.get(address) or self.nonces.get(address) or self.codes.get(address))

    def mark(self) -> int:
        """A moment that `undo` goes back to."""
        return len(self.journal)

    def undo(self, mark: int) -> None:
        """Undoes all changes since a moment."""
        _turn_back(self.journal[mark:])
        del self.journal[mark:]

    def commit(self) -> list[Change]:
        """Ends a block: its changes, with which `before` goes back."""
        changes, self.journal = self.journal, []
        # What a transaction has touched is no part of the state.
        tables = (self.words, self.balances, self.nonces, self.codes)
        return [change for change in changes if any(change[0] is table for table in tables)]

    @contextmanager
    def before(self, blocks: list[list[Change]]) -> Iterator[None]:
        """Inside, the state is as it was before these blocks, the newest last; nothing may be kept."""
        redone = [_turn_back(changes) for changes in reversed(blocks)]
        try:
            yield
        finally:
            for changes in reversed(redone):
                _turn_back(changes)


def _turn_back(changes: list[Change]) -> list[Change]:
    """Puts the former values in the place of the later ones, which are returned as changes."""
    later = []
    for table, key, former in reversed(changes):
        later.append((table, key, table.get(key)))
        if former is None:
            del table[key]
        else:
            table[key] = former
    return later
