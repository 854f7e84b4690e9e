"""Where a simulated worker dies: before, inside or after a change of its journal, or beside a sending."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql

from worknet.node.journal import SqliteFile


class Crash(BaseException):
    """The machine stops here: nothing below `BaseException` catches it, as nothing would."""


class Trap:
    """Has a worker die at one of the places that it comes by, once it is set."""

    def __init__(self) -> None:
        self._left: int | None = None

    def set(self, places: int) -> None:
        """It is to die at the next place but so many."""
        self._left = places

    def pass_by(self) -> None:
        """A place where a worker may die: raises Crash if it is the one."""
        if self._left is None:
            return
        if self._left:
            self._left -= 1
        else:
            self.close()

    def close(self) -> None:
        """The last place: raises Crash if the worker is still to die."""
        was, self._left = self._left, None
        if was is not None:
            raise Crash


class MortalFile(SqliteFile):
    """A journal's file, whose worker may die at each change: before it, before its commit, or after."""

    def __init__(self, path: Path, trap: Trap) -> None:
        super().__init__(path)
        self._trap = trap

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A connection whose changes, all of them or none, are on the disk once the context has ended."""
        self._trap.pass_by()
        with super().writing() as connection:
            yield connection
            self._trap.pass_by()
        self._trap.pass_by()
