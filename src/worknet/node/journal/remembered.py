"""What a journal was asked for lately: a worker asks about open votings at every block, and nobody else
changes its journal."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

REMEMBERED = 4096
"""Of how many votings it is remembered."""

_T = TypeVar("_T")


class Remembered(Generic[_T]):
    """Values that were read about votings; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: OrderedDict[bytes, _T] = OrderedDict()
        self._changes = 0

    def get(self, voting_id: bytes, read: Callable[[bytes], _T]) -> _T:
        """The value, which `read` reads if it is not remembered. It must not be changed."""
        with self._lock:
            known, changes = self._values.get(voting_id), self._changes
        if known is not None:
            return known
        value = read(voting_id)
        with self._lock:
            # What was changed while this was read may be missing in it.
            if self._changes == changes:
                self._values[voting_id] = value
            while len(self._values) > REMEMBERED:
                self._values.popitem(last=False)
        return value

    @contextmanager
    def changing(self, voting_id: bytes) -> Iterator[None]:
        """Around each change. Nothing is remembered after it, even if it failed: it may have been made all
        the same, where a database went away before it could say so."""
        try:
            yield
        finally:
            with self._lock:
                self._changes += 1
                self._values.pop(voting_id, None)
