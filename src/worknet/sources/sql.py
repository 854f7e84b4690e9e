"""Datasets in a database: one SELECT a reading, in a transaction that reads only and is rolled back."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    DateTime,
    String,
    TextClause,
    bindparam,
    create_engine,
    text,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from worknet.protocol.tables import Schema
from worknet.sources.errors import NonsenseError, Origin, SchemaViolationError, SourceError
from worknet.sources.occasion import Occasion
from worknet.sources.source import source_names
from worknet.sources.sql_databases import LIMIT, Database, MariaDb, PostgreSql, Sqlite
from worknet.sources.sql_faults import meant
from worknet.sources.sql_server import ServerAddress, Tls, Watch, tls_context
from worknet.sources.sql_values import batch_frame, whole_table
from worknet.sources.waiting import repeated as tried_again
from worknet.tables.repeated import Repeated

_BIND = re.compile(r"start|end|event_([a-z][a-z0-9_]*)", re.ASCII)
_BINDS_HINT = "there are :start, :end and :event_NAME; a colon that is none of them is written \\:"

TimeBinds = Literal["unix", "timestamp", "iso"]


class SqlSource:
    """Reads a dataset from PostgreSQL, MariaDB (both by `url`) or a file of SQLite (by `path`).

    `statement` is one SELECT, with `:start` and `:end` for the window and `:event_NAME` for an event's
    values, which are bound and never part of the text. `time_binds` says what start and end are: `unix`
    seconds, a `timestamp` with its zone, or the text of `iso` 8601 in UTC. `columns` maps a column of the
    schema to the statement's name for it. `zone = "UTC"` tells that times without a zone are in UTC.
    `repeated` is as for `Forms`.

    One attempt takes at most `timeout` seconds from name resolution to the last row, all of them with their
    pauses at most `deadline`. More than `max_rows` rows, or about `max_bytes` bytes, are refused.

    `tls` is how the connection is encrypted: `verify` checks the certificate (with the authorities in
    `tls_ca`, if given) and is the default but on this machine itself, where it is `off`.
    """

    def __init__(
        self,
        dataset: str,
        schema: Schema,
        *,
        statement: str,
        url: str | None = None,
        path: Path | None = None,
        time_binds: TimeBinds = "unix",
        zone: Literal["UTC"] | None = None,
        columns: Mapping[str, str] | None = None,
        repeated: Repeated = "refused",
        timeout: float = 30,
        retries: int = 2,
        deadline: float = 180,
        max_rows: int = 1_000_000,
        max_bytes: int = 1 << 28,
        tls: Tls | None = None,
        tls_ca: Path | None = None,
        backoff: float = 0.5,
    ) -> None:
        self._database, self._origin = _database(dataset, url, path, tls, tls_ca)
        self._schema, self._names = schema, source_names(schema, columns or {}, self._origin)
        self._binds = _binds(statement, self._origin)
        self._clause = text(self._database.wrapped(statement.strip().rstrip(";").rstrip()))
        self._time_binds, self._in_utc, self._repeated = time_binds, zone == "UTC", repeated
        self._timeout, self._retries, self._deadline = timeout, retries, deadline
        self._max_rows, self._max_bytes, self._backoff = max_rows, max_bytes, backoff

    def __repr__(self) -> str:
        return f"SqlSource({self._origin})"

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The occasion's rows; see `Source`."""
        values = self._values(occasion)
        return tried_again(
            lambda left: self._attempt(values, min(self._timeout, left)),
            retries=self._retries,
            backoff=self._backoff,
            deadline=self._deadline,
        )

    def check(self, occasion: Occasion) -> None:
        """See `PulledSource`."""
        self._values(occasion)

    def _values(self, occasion: Occasion) -> dict[str, Any]:
        return {name: self._value(name, occasion) for name in self._binds}

    def _attempt(self, values: Mapping[str, Any], seconds: float) -> pl.DataFrame:
        """One connection, one transaction, one statement."""
        watch = Watch(seconds, self._origin)
        engine = create_engine(
            f"{self._database.dialect}://",
            creator=lambda: self._database.connect(watch, self._origin),
            poolclass=NullPool,
        )
        clause = self._clause.bindparams(*(_bound(name, value) for name, value in values.items()))
        try:
            with watch.running(), engine.connect() as connection:
                self._database.begin(connection, watch.left)
                batches = self._fetched(connection, clause)
                connection.rollback()
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - drivers raise whatever a broken connection makes them
            if watch.expired:
                raise meant("slow", self._origin) from None
            if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
                raise NonsenseError(self._origin, "the statement cannot be put to the database") from None
            raise self._database.fault(error, self._origin) from None
        return whole_table(self._schema, batches, self._repeated, self._origin)

    def _fetched(self, connection: Connection, clause: TextClause) -> list[pl.DataFrame]:
        """The rows in batches, at least one: so much of the result is in memory as the driver gives it."""
        frames: list[pl.DataFrame] = []
        height = size = 0
        limit = {LIMIT: self._max_rows + 1}
        for names, batch in self._database.rows(connection, clause, limit, self._origin):
            positions = self._positions(list(names))
            frames.append(batch_frame(self._schema, batch, positions, self._in_utc, height, self._origin))
            height += len(batch)
            size += sum(_size(row[position]) for row in batch for position in positions)
            if height > self._max_rows:
                hint = "does the statement ask for one window only?"
                raise NonsenseError(self._origin, f"more than {self._max_rows} rows", hint)
            if size > self._max_bytes:
                hint = "does the statement ask for the schema's columns only?"
                raise NonsenseError(self._origin, f"more than {self._max_bytes} bytes", hint)
        return frames

    def _positions(self, columns: list[str]) -> list[int]:
        positions = []
        for column, name in self._names.items():
            if columns.count(name) != 1:
                message = (
                    "the statement names it twice"
                    if name in columns
                    else "the statement gives no such column"
                )
                renamed = f" (called {name} there)" if name != column else ""
                hint = "name it with AS; `columns` tells which are called otherwise"
                raise SchemaViolationError(self._origin, message + renamed, hint, column=column)
            positions.append(columns.index(name))
        return positions

    def _value(self, name: str, occasion: Occasion) -> Any:
        if name.startswith("event_"):
            if (column := name.removeprefix("event_")) not in occasion.event:
                known = ", ".join(sorted(occasion.event)) or "nothing: the dataset is read for a window"
                raise NonsenseError(self._origin, f"the event has no {column}", f"it has {known}")
            return occasion.event[column]
        if occasion.window is None:
            raise NonsenseError(self._origin, f":{name} where there is no window", "an event has :event_NAME")
        seconds = occasion.window.start if name == "start" else occasion.window.end
        if self._time_binds == "unix":
            return seconds
        time = datetime.fromtimestamp(seconds, UTC)
        return time if self._time_binds == "timestamp" else time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _database(
    dataset: str, url: str | None, path: Path | None, tls: Tls | None, ca: Path | None
) -> tuple[Database, Origin]:
    nowhere = Origin(dataset, "")
    if (url is None) == (path is None):
        hint = "url is for PostgreSQL and MariaDB, path for SQLite"
        raise NonsenseError(nowhere, "a database needs either url or path", hint)
    if path is not None:
        return Sqlite(path), Origin(dataset, str(path))
    server = ServerAddress.parse(url or "", nowhere)
    origin = Origin(dataset, str(server))
    context = tls_context(server, tls, ca, origin)
    kinds: dict[str, type[PostgreSql] | type[MariaDb]] = {"postgresql": PostgreSql, "mariadb": MariaDb}
    return kinds[server.kind](server, context, origin), origin


def _binds(statement: str, origin: Origin) -> list[str]:
    """The names of the statement's binds; `NonsenseError` for one that there is not."""
    if not statement.strip():
        raise NonsenseError(origin, "the statement is empty", "select ... where t >= :start and t < :end")
    names = list(text(statement).compile().params)
    for name in names:
        if not _BIND.fullmatch(name):
            raise NonsenseError(origin, f":{name} is no value that the statement can have", _BINDS_HINT)
    return names


def _bound(name: str, value: Any) -> Any:
    """The bind with a type that every number fits in."""
    match value:
        case bool():
            return bindparam(name, value, type_=Boolean())
        case int():
            return bindparam(name, value, type_=BigInteger())
        case datetime():
            return bindparam(name, value, type_=DateTime(timezone=True))
        case _:
            return bindparam(name, value, type_=String())


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else 8
