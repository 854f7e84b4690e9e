"""A journal in a schema of a PostgreSQL server, with one connection that writes and keeps other workers off.

That connection holds an advisory lock, so whoever writes is the only one. Each change also counts up a number
beside it: after a cut the number tells whether the change under way was saved, whether another worker has
written meanwhile, and whether the server has lost what it had confirmed.
"""

import contextlib
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from typing import Any
from uuid import uuid4

import sqlalchemy as sql
import structlog
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from worknet.node.errors import JournalError, JournalUnavailable

ANSWER_SECONDS = 30
"""How long the server may take to answer."""
LOCK_SECONDS = 15
"""How long a starting worker waits for a lock that another process holds."""
UNSURE_SECONDS = 120
"""How long a worker tries to learn whether a change was saved whose confirmation was cut off."""
RETRY_SECONDS = 1.0

_DURABLE = {"on", "remote_apply"}
"""The settings of synchronous_commit with which a commit that was confirmed is on the disk."""

_PASSING_CLASSES = {"08", "40", "53", "55", "57"}
_PASSING = {"25006"}  # a server that is read-only is about to be, or not yet, the one that writes
_CAUSES = {
    "28": ("refuses the user or the password", "see the address that [journal] url names"),
    "3D": ("has no such database", "see the address that [journal] url names, or create the database"),
    "42501": ("refuses a right", "let the user create in the database, or own the schema"),
    "53": ("is out of room or of connections", "make room on the server; the worker then goes on by itself"),
    "42P01": ("lacks a table of the journal", "was its schema dropped or renamed? put it back, or a backup"),
    "3F000": ("lacks the journal's schema", "was it dropped or renamed? put it back, or a backup"),
    "58": ("fails: its disk or its system", "see the server's log; the worker must not go on like this"),
    "XX": ("holds damaged data", "see the server's log; restore the newest backup beside it, and keep both"),
}

log = structlog.get_logger()

_metadata = sql.MetaData()
_last = sql.Table(
    "last_change",
    _metadata,
    sql.Column("only", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("run", sql.String, nullable=False),
    sql.Column("number", sql.BigInteger, nullable=False),
)


@dataclass
class _Session:
    """A connection that holds the lock, and who it is to the server."""

    connection: sql.Connection
    process: int
    started: str


class PostgresqlSchema:
    """The database of a journal in one schema; `url` is SQLAlchemy's or libpq's, with the password in it."""

    def __init__(self, url: str, schema: str) -> None:
        address, arguments = _parsed(url)
        self._schema = schema
        self._place = f"{schema} on the PostgreSQL server {address.host}"
        self._key = int.from_bytes(
            sha256(f"worknet journal {schema}".encode()).digest()[:8], "big", signed=True
        )
        self._readers = sql.create_engine(
            address, connect_args=arguments, pool_pre_ping=True, isolation_level="REPEATABLE READ"
        )
        self._writer = sql.create_engine(address, connect_args=arguments, poolclass=sql.NullPool)
        sql.event.listen(self._readers, "connect", self._prepare_reader)
        sql.event.listen(self._writer, "connect", self._prepare_writer)
        self._turn = threading.RLock()
        self._session: _Session | None = None
        self._before: _Session | None = None
        self._run, self._number = uuid4().hex, 0
        self._has_run = False

    @property
    def name(self) -> str:
        """The schema and the server's host."""
        return self._place

    def hold(self) -> None:
        """Takes the lock; `JournalError` if another process has it."""
        with self._turn, self._explained():
            self._held()

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A connection that sees one moment and can change nothing."""
        with self._explained(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """A connection that holds the lock; its changes are on the server's disk when it has ended."""
        with self._turn, self._explained():
            connection, transaction = self._begin()
            try:
                yield connection
            except BaseException as error:
                with contextlib.suppress(Exception):
                    transaction.rollback()
                if _is_fault(error):
                    self._drop()
                raise
            try:
                transaction.commit()
            except Exception as error:  # noqa: BLE001 - whatever it is, what was saved is looked up
                self._drop()
                if not self._was_saved():
                    raise _explanation(self._place, error) from None
            else:
                self._number += 1

    def close(self) -> None:
        """Lets go of the lock and closes all connections."""
        with self._turn:
            self._drop()
        self._readers.dispose()
        self._writer.dispose()

    def _begin(self) -> tuple[sql.Connection, sql.RootTransaction]:
        """A transaction on the connection with the lock, which is made anew if it has been cut meanwhile."""
        try:
            return self._begun()
        except Exception as error:
            self._drop()
            if not _is_fault(error):
                raise
        try:
            return self._begun()
        except BaseException:
            self._drop()
            raise

    def _begun(self) -> tuple[sql.Connection, sql.RootTransaction]:
        connection = self._held().connection
        transaction = connection.begin()
        connection.execute(_last.update().values(run=self._run, number=self._number + 1))
        return connection, transaction

    def _held(self) -> _Session:
        """The connection with the lock; what stands on the server is as this process has left it."""
        if self._session is None:
            connection = self._writer.connect()
            try:
                session = self._locked(connection)
                self._look(connection)
            except BaseException:
                _abandon(connection)
                raise
            self._session = session
        return self._session

    def _locked(self, connection: sql.Connection) -> _Session:
        """Takes the lock. Of this process's own connection before, the server may not know yet that it is
        gone."""
        me = sql.text(
            "SELECT pid, backend_start::text AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        end = sql.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid = :pid AND backend_start::text = :started"
        )
        with connection.begin():
            row = connection.execute(me).one()
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            with connection.begin():
                lock = sql.select(sql.func.pg_try_advisory_lock(self._key))
                if connection.execute(lock).scalar():
                    return _Session(connection, row.pid, row.started)
                if self._before is not None:
                    before = {"pid": self._before.process, "started": self._before.started}
                    connection.execute(end, before)
            if time.monotonic() > deadline:
                raise JournalError(
                    f"another process uses the journal {self._place}",
                    hint="stop the other worker first, or give this one a schema of its own",
                )
            time.sleep(0.2)

    def _look(self, connection: sql.Connection) -> None:
        """Makes schema and number at the first time; later compares the number with what it must be."""
        with connection.begin():
            if self._has_run:
                row = connection.execute(sql.select(_last)).one()
                self._check(row.run, row.number)
                return
            named = {"schema": self._schema}
            if connection.execute(sql.text("SELECT to_regnamespace(:schema)"), named).scalar() is None:
                connection.execute(sql.schema.CreateSchema(self._schema))
            _metadata.create_all(connection)
            known = connection.execute(sql.select(_last.c.number)).scalar()
            if known is None:
                connection.execute(_last.insert().values(only=1, run=self._run, number=0))
            else:
                connection.execute(_last.update().values(run=self._run))
        self._number = known or 0
        self._has_run = True

    def _check(self, run: str, number: int) -> None:
        if run != self._run:
            raise JournalError(
                f"another worker has used the journal {self._place} while this one was cut off from it",
                hint="run one worker of this key alone, then start it again",
            )
        if number < self._number:
            raise JournalError(
                f"the journal {self._place} has lost {self._number - number} changes that it had confirmed",
                hint="it was restored, or a server that lagged behind took over: have commits wait for that "
                "one (synchronous_standby_names); seals whose salts are gone stay shut",
            )

    def _was_saved(self) -> bool:
        """Whether the change whose confirmation was cut off was saved; `JournalError` if no one can tell."""
        deadline, is_told = time.monotonic() + UNSURE_SECONDS, False
        while True:
            try:
                connection = self._held().connection
                with connection.begin():
                    number = int(connection.execute(sql.select(_last.c.number)).scalar_one())
            except Exception as error:
                self._drop()
                if not _is_fault(error):
                    raise
                if time.monotonic() > deadline:
                    break
                if not is_told:
                    # The worker stands still here: nothing may leave it before this is known.
                    told = _explanation(self._place, error)
                    log.warning("journal.fault", error=str(told), hint=told.hint)
                    is_told = True
                time.sleep(RETRY_SECONDS)
                continue
            saved = number > self._number
            self._number = number
            return saved
        raise JournalError(
            f"the journal {self._place} does not say whether the last change was saved",
            hint="see that the server runs, then start the worker again: it goes on with what was saved",
        )

    def _drop(self) -> None:
        """Gives the connection up, and the lock with it."""
        if self._session is not None:
            self._before, self._session = self._session, None
            _abandon(self._before.connection)

    def _prepare(self, connection: Any, settings: dict[str, str]) -> None:
        cursor = connection.cursor()
        for name, value in {
            "search_path": f'"{self._schema}"',
            "lock_timeout": f"'{ANSWER_SECONDS // 2}s'",
            "statement_timeout": f"'{ANSWER_SECONDS}s'",
            # A worker that was frozen, or whose network went away, must not hold the lock for ever.
            "idle_in_transaction_session_timeout": "'60s'",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            **settings,
        }.items():
            cursor.execute(f"SET SESSION {name} = {value}")
        cursor.close()
        connection.commit()

    def _prepare_reader(self, connection: Any, _: object) -> None:
        self._prepare(connection, {"default_transaction_read_only": "on"})

    def _prepare_writer(self, connection: Any, _: object) -> None:
        self._prepare(connection, {})
        if _setting(connection, "synchronous_commit") not in _DURABLE:
            self._prepare(connection, {"synchronous_commit": "on"})
        for setting, wanted in (("fsync", {"on"}), ("synchronous_commit", _DURABLE)):
            value = _setting(connection, setting)
            if value not in wanted:
                log.warning("journal.not_durable", setting=setting, value=value, journal=self._place)
        connection.commit()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not _is_fault(error):
                raise
            raise _explanation(self._place, error) from None


def _is_fault(error: BaseException) -> bool:
    """Whether the server, or the way to it, is at fault. Of a broken connection the driver raises whatever it
    stumbles over, such as struct.error."""
    if isinstance(error, SQLAlchemyError | OSError):
        return True
    frames = traceback.walk_tb(error.__traceback__)
    return isinstance(error, Exception) and any(
        str(frame.f_globals.get("__name__")).startswith("pg8000.") for frame, _ in frames
    )


def _explanation(place: str, error: Exception) -> JournalError:
    """What a fault means, without the server's text: that may repeat what a statement carried."""
    cause = getattr(error, "orig", None) or error
    told = cause.args[0] if cause.args and isinstance(cause.args[0], dict) else {}
    state = str(told.get("C", ""))
    if not state:
        hint = "see that it runs and can be reached from here; the worker then goes on by itself"
        return JournalUnavailable(f"the journal {place} does not answer ({type(cause).__name__})", hint)
    what, hint = next((_CAUSES[key] for key in (state, state[:2]) if key in _CAUSES), ("", ""))
    kind = JournalUnavailable if state[:2] in _PASSING_CLASSES or state in _PASSING else JournalError
    return kind(
        f"the journal {place}: the server {what or 'refuses'} (SQLSTATE {state})",
        hint or "see the server's log",
    )


def _parsed(url: str) -> tuple[sql.URL, dict[str, Any]]:
    """The address for SQLAlchemy, and the driver's arguments; TLS is asked for as libpq does."""
    right = "postgresql://user:password@host:5432/database, and ?sslmode=verify-full for TLS"
    if find_spec("pg8000") is None:
        raise JournalError(
            "a journal on PostgreSQL needs a library that is not installed",
            hint="pip install 'worknet[postgresql]'",
        )
    try:
        address = sql.make_url(url)
    except ArgumentError:
        raise JournalError("the journal's url is no address of a database", hint=right) from None
    query = dict(address.query)
    mode, authorities = query.pop("sslmode", "disable"), query.pop("sslrootcert", None)
    known = {"disable", "require", "verify-full"}
    if (
        address.drivername not in {"postgresql", "postgres", "postgresql+pg8000"}
        or query
        or mode not in known
    ):
        raise JournalError("the journal's url is not understood", hint=right)
    arguments: dict[str, Any] = {"timeout": ANSWER_SECONDS, "application_name": "worknet"}
    if mode != "disable":
        cafile = authorities if isinstance(authorities, str) else None
        context = ssl.create_default_context(cafile=cafile)
        if mode == "require":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        arguments["ssl_context"] = context
    return address.set(drivername="postgresql+pg8000", query={}), arguments


def _setting(connection: Any, name: str) -> str:
    cursor = connection.cursor()
    cursor.execute(f"SHOW {name}")
    (value,) = cursor.fetchone()
    cursor.close()
    return str(value)


def _abandon(connection: sql.Connection) -> None:
    """Closes a connection that may be broken already."""
    with contextlib.suppress(Exception):
        connection.invalidate()
    with contextlib.suppress(Exception):
        connection.close()
