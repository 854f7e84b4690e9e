"""PostgreSQL, MariaDB and SQLite: how each is opened to read and no more, and how a SELECT is put to it.

In each, the statement stands within one of ours, `SELECT * FROM (...) LIMIT n`: what is no SELECT is then no
SQL at all, whatever the account may do. Beyond that the transaction is read-only in the server's own terms,
so that functions which write are refused as well, and sees one state of the data.
"""

import importlib
import sqlite3
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, TextClause
from sqlalchemy.exc import DBAPIError

from worknet.sources.errors import NonsenseError, Origin, RefusedError, SourceError, UnavailableError
from worknet.sources.fetching import untrusted
from worknet.sources.sql_faults import mariadb_fault, meant, postgresql_fault
from worknet.sources.sql_server import ServerAddress, Watch

LIMIT = "worknet_limit"
_BATCH = 1_000


class Database(Protocol):
    """One kind of database, and where the one is that is meant."""

    dialect: str
    """SQLAlchemy's name of dialect and driver."""

    def connect(self, watch: Watch, origin: Origin) -> Any:
        """A connection of the driver, that reads only."""
        ...

    def begin(self, connection: Connection, seconds: float) -> None:
        """Starts the transaction; a statement in it takes at most `seconds`."""
        ...

    def wrapped(self, statement: str) -> str:
        """The statement within ours, which takes the number of rows as the bind `LIMIT`."""
        ...

    def rows(
        self, connection: Connection, clause: TextClause, values: Mapping[str, Any], origin: Origin
    ) -> Iterator[tuple[Sequence[str], Sequence[Sequence[Any]]]]:
        """The names of the columns with each batch of rows, at least one batch."""
        ...

    def fault(self, error: Exception, origin: Origin) -> SourceError:
        """What an error of the driver means."""
        ...


class PostgreSql:
    """PostgreSQL through pg8000."""

    dialect = "postgresql+pg8000"

    def __init__(self, server: ServerAddress, tls: ssl.SSLContext | None, origin: Origin) -> None:
        self._server, self._tls = server, tls
        self._driver = _driver("pg8000.dbapi", "postgresql", origin)

    def connect(self, watch: Watch, origin: Origin) -> Any:
        server = self._server
        return self._driver.connect(
            server.user,
            host=server.host,  # what the certificate must be for
            database=server.database,
            password=server.password,
            sock=watch.connected(server),
            ssl_context=self._tls or False,
            application_name="worknet",
        )

    def begin(self, connection: Connection, seconds: float) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        milliseconds = max(1, int(seconds * 1000))
        for setting in (
            f"statement_timeout = {milliseconds}",
            f"lock_timeout = {milliseconds}",
            f"idle_in_transaction_session_timeout = {milliseconds + 1000}",
            "timezone = 'UTC'",
            "cursor_tuple_fraction = 1",
        ):
            connection.exec_driver_sql(f"SET LOCAL {setting}")

    def wrapped(self, statement: str) -> str:
        # With a bind, which LIMIT always is, the driver uses the protocol that takes one statement only.
        return f"DECLARE worknet NO SCROLL CURSOR FOR {_limited(statement)}"

    def rows(
        self, connection: Connection, clause: TextClause, values: Mapping[str, Any], origin: Origin
    ) -> Iterator[tuple[Sequence[str], Sequence[Sequence[Any]]]]:
        connection.execute(clause, values)
        while True:
            result = connection.exec_driver_sql(f"FETCH FORWARD {_BATCH} FROM worknet")
            columns = list(result.keys())
            batch = result.fetchall()
            yield columns, batch
            if len(batch) < _BATCH:
                return

    def fault(self, error: Exception, origin: Origin) -> SourceError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        told = cause.args[0] if cause is not None and cause.args else None
        if isinstance(told, dict) and "C" in told:
            return postgresql_fault(str(told["C"]), origin)
        if told == "Server refuses SSL":
            return meant("bare", origin)
        return _driver_fault(error, origin)


class MariaDb:
    """MariaDB, and MySQL, through PyMySQL."""

    dialect = "mysql+pymysql"

    def __init__(self, server: ServerAddress, tls: ssl.SSLContext | None, origin: Origin) -> None:
        self._server, self._tls = server, tls
        self._driver = _driver("pymysql", "mariadb", origin)

    def connect(self, watch: Watch, origin: Origin) -> Any:
        server = self._server
        connection = self._driver.connect(
            user=server.user,
            password=server.password or "",
            host=server.host,
            port=server.port,
            database=server.database,
            ssl=self._tls,
            ssl_disabled=self._tls is None,
            local_infile=False,
            defer_connect=True,
        )
        connection.connect(watch.connected(server))
        return connection

    def begin(self, connection: Connection, seconds: float) -> None:
        driver: Any = connection.connection.dbapi_connection
        connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {max(1, int(seconds))}")
        if "mariadb" in driver.get_server_info().lower():
            connection.exec_driver_sql(f"SET SESSION max_statement_time = {seconds:.3f}")
        else:
            connection.exec_driver_sql(f"SET SESSION max_execution_time = {max(1, int(seconds * 1000))}")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def wrapped(self, statement: str) -> str:
        return _limited(statement)

    def rows(
        self, connection: Connection, clause: TextClause, values: Mapping[str, Any], origin: Origin
    ) -> Iterator[tuple[Sequence[str], Sequence[Sequence[Any]]]]:
        yield from _streamed(connection, clause, values)
        # What another database refuses, this one often answers with a warning and a guess.
        warnings = [(level, code) for level, code, _ in connection.exec_driver_sql("SHOW WARNINGS")]
        for level, code in warnings:
            if level != "Note":
                hint = 'is a time compared with :start in seconds? then set time_binds = "timestamp"'
                raise NonsenseError(origin, f"the database had to guess (warning {code})", hint)

    def fault(self, error: Exception, origin: Origin) -> SourceError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = cause.args[0] if cause is not None and cause.args else None
        if isinstance(code, int) and code:
            return mariadb_fault(code, origin)
        return _driver_fault(error, origin)


class Sqlite:
    """A file of SQLite, through Python's own driver."""

    dialect = "sqlite+pysqlite"

    def __init__(self, path: Path) -> None:
        self._path = path

    def connect(self, watch: Watch, origin: Origin) -> Any:
        address = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        connection = sqlite3.connect(
            address, uri=True, timeout=watch.left, check_same_thread=False, isolation_level=None
        )
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(lambda: watch.expired, 1_000)
        return connection

    def begin(self, connection: Connection, seconds: float) -> None:
        connection.exec_driver_sql("BEGIN")

    def wrapped(self, statement: str) -> str:
        return _limited(statement)

    def rows(
        self, connection: Connection, clause: TextClause, values: Mapping[str, Any], origin: Origin
    ) -> Iterator[tuple[Sequence[str], Sequence[Sequence[Any]]]]:
        yield from _streamed(connection, clause, values)

    def fault(self, error: Exception, origin: Origin) -> SourceError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        name = getattr(cause, "sqlite_errorname", "")
        if name.startswith("SQLITE_READONLY"):
            return meant("writes", origin)
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return meant("locked", origin)
        if name == "SQLITE_INTERRUPT":
            return meant("slow", origin)
        if name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR")):
            return UnavailableError(origin, f"cannot be opened ({name})", "is the file there, and readable?")
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return NonsenseError(origin, f"no database of SQLite ({name})", "or a damaged one")
        if name == "SQLITE_ERROR" or isinstance(cause, sqlite3.ProgrammingError | sqlite3.Warning):
            return meant("syntax", origin)
        return _driver_fault(error, origin)


def _limited(statement: str) -> str:
    # The statement is the operator's own; on lines of its own, lest a comment takes the rest along.
    return f"SELECT * FROM (\n{statement}\n) AS worknet LIMIT :{LIMIT}"  # noqa: S608 - see above


def _streamed(
    connection: Connection, clause: TextClause, values: Mapping[str, Any]
) -> Iterator[tuple[Sequence[str], Sequence[Sequence[Any]]]]:
    result = connection.execution_options(stream_results=True).execute(clause, values)
    columns = list(result.keys())
    batch = result.fetchmany(_BATCH)
    yield columns, batch
    while batch:
        batch = result.fetchmany(_BATCH)
        yield columns, batch


def _driver(name: str, extra: str, origin: Origin) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        message = f"{name.partition('.')[0]} is not installed"
        raise RefusedError(origin, message, f"pip install 'worknet[{extra}]'") from None


def _driver_fault(error: Exception, origin: Origin) -> SourceError:
    """A fault without a code: TLS, a connection that was cut, or a value that the driver cannot read."""
    if untrusted(error):
        hint = "tls_ca names the authority's certificate, where it is the company's own"
        return RefusedError(origin, "the server's certificate is not trusted", hint)
    if isinstance(error, ValueError | TypeError | OverflowError | ArithmeticError | UnicodeError):
        return NonsenseError(
            origin, "a value that the driver cannot read", "cast it to text in the statement"
        )
    return meant("gone", origin)
