"""Folders are listed in another order, where another one is tried: the file system promises none.

In a run's process only.
"""

import os
from collections.abc import Iterator
from typing import Any, Self

from worknet.workflow.determinism.watch import Watch


def install(watch: Watch) -> None:
    """From now on `os.listdir` and `os.scandir`, and so `pathlib`, `glob` and `os.walk`, list otherwise.

    What is turned is the file system's own order: one kept in memory lists from the last file to the first,
    as names turned about would.
    """
    if not watch.order:
        return
    listdir, scandir = os.listdir, os.scandir

    def listed(*given: Any, **more: Any) -> list[Any]:
        return watch.shuffled(listdir(*given, **more))

    def scanned(*given: Any, **more: Any) -> _Scanned:
        with scandir(*given, **more) as entries:
            return _Scanned(watch.shuffled(entries))

    setattr(os, "listdir", listed)  # noqa: B010 - a type checker does not take an assignment
    setattr(os, "scandir", scanned)  # noqa: B010


class _Scanned:
    """The entries of a folder, as `os.scandir` hands them out."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open."""
