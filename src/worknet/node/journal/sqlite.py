"""A journal in one SQLite file: WAL mode with `synchronous=FULL`, so that a commit has reached the disk.

The file is the owner's alone, and watched: SQLite goes on writing into a file that was deleted.
"""

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from worknet.node.errors import JournalError, JournalUnavailable

BUSY_SECONDS = 10
"""How long a step waits for another process that holds the file."""

_CHECKED = ("about", "ballots", "transactions")
"""The tables that are looked through at the start. The rows of years are not: that would take minutes."""

_KEEP = "keep it, for it holds the salts of open seals: make a copy, mend that with `sqlite3 COPY .recover`"
_HELD = "see who holds it (`fuser FILE`): no shell and no backup may keep it locked"
_BARRED = "let the worker's user write the file, its folder and its disk, then start again"
_HINTS = {
    sqlite3.SQLITE_BUSY: _HELD,
    sqlite3.SQLITE_LOCKED: _HELD,
    sqlite3.SQLITE_FULL: "make room on its disk; the worker then goes on by itself",
    sqlite3.SQLITE_READONLY: _BARRED,
    sqlite3.SQLITE_PERM: _BARRED,
    sqlite3.SQLITE_CANTOPEN: "see that its folder is there and the worker's user may write it",
    sqlite3.SQLITE_IOERR: "its disk fails: see the system's log; move it to a sound disk, then start again",
    sqlite3.SQLITE_CORRUPT: _KEEP,
    sqlite3.SQLITE_NOTADB: _KEEP,
}
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}


class SqliteFile:
    """The database of a journal in a file that is for its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _make_private(path)
        # What reads can never write, so that no change escapes the steps.
        self._readers = self._engine("PRAGMA query_only=ON", "BEGIN")
        # Taking turns at the start, so that what was read in a step still stands when it writes.
        self._writer = self._engine("PRAGMA query_only=OFF", "BEGIN IMMEDIATE")
        self._turn = threading.Lock()
        self._opened: tuple[int, int] | None = None
        with self._explained(), self._readers.begin() as connection:
            self._check_content(connection)
            self._opened = self._files()

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def hold(self) -> None:
        """The lock on the data_dir, in which the file lies, already keeps other workers off."""

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A connection that sees one moment and can change nothing."""
        self._check_files()
        with self._explained(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A connection whose changes, all of them or none, are on the disk once the context has ended."""
        with self._turn:
            self._check_files()
            with self._explained(), self._writer.begin() as connection:
                yield connection
            # What was committed meanwhile into a file that nobody will find is lost.
            self._check_files()

    def close(self) -> None:
        """Closes the file."""
        self._readers.dispose()
        self._writer.dispose()

    def _engine(self, access: str, begin: str) -> sql.Engine:
        engine = sql.create_engine(
            f"sqlite:///{self._path}",
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            # A connection comes back after a commit or a rollback of its own.
            pool_reset_on_return=None,
        )

        def prepare(connection: sqlite3.Connection, _: object) -> None:
            # The driver's own transactions would begin too late for a step, and not at all for a reader.
            connection.isolation_level = None
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", access):
                connection.execute(statement).close()

        sql.event.listen(engine, "connect", prepare)
        sql.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _check_content(self, connection: sql.Connection) -> None:
        """Raises `JournalError` if a table that seals and sending depend on is damaged."""
        known = sql.inspect(connection).get_table_names()
        for table in set(_CHECKED) & set(known):
            found = connection.exec_driver_sql(f"PRAGMA quick_check('{table}')").scalar()
            if found != "ok":
                raise JournalError(f"the journal {self._path} is damaged in its table {table}", hint=_KEEP)

    def _files(self) -> tuple[int, int]:
        """The identities of the file and of its log of what is not in the file yet."""
        log = self._path.with_name(self._path.name + "-wal")
        try:
            return self._path.stat().st_ino, log.stat().st_ino
        except OSError as error:
            raise JournalError(
                f"the journal {self._path} is gone: {error.filename} cannot be found ({error.strerror})",
                hint="put back what was moved or deleted, and start again: a new journal has no salts, "
                "and seals that are open stay shut",
            ) from None

    def _check_files(self) -> None:
        if self._files() != self._opened:
            raise JournalError(
                f"the journal {self._path} was replaced by another file while the worker ran",
                hint="put back the file that was there, with its -wal, and start again",
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # The text of the library's error holds the statement's parameters: salts and rows.
            cause = getattr(error, "orig", None)
            code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
            kind = JournalUnavailable if code in _PASSING else JournalError
            raise kind(
                f"the journal {self._path} failed: {cause or type(error).__name__}",
                hint=_HINTS.get(code, "see that its disk is writable and has room").replace(
                    "FILE", str(self._path)
                ),
            ) from None


def check_private(folder: Path) -> None:
    """Raises `JournalError` if others than the user may enter the folder: rows and salts lie in it."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        raise JournalError(
            f"{folder} is open to others (mode {mode:o}), and a worker's rows and salts lie in it",
            hint=f"chmod 700 {folder}",
        )


def _make_private(path: Path) -> None:
    """The file is for its owner alone before anything stands in it; SQLite gives -wal and -shm its mode."""
    try:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            # Never opened here: closing it would end the locks that this process may hold on it.
            path.chmod(0o600)
    except OSError as error:
        hint = "see that its folder is there, and that this user may write the folder and the file"
        raise JournalError(f"the journal {path} cannot be made or used: {error.strerror}", hint) from None
