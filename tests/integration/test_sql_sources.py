"""SQL sources against real servers of PostgreSQL and MariaDB: what is read, what is refused, what fails."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from tests.proxy import TcpProxy
from tests.services import host_and_port, service

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import (
    NonsenseError,
    Occasion,
    RefusedError,
    SchemaViolationError,
    SourceError,
    UnavailableError,
)
from worknet.sources.sql import SqlSource

START = 1767225600
OCCASION = Occasion(Window(START, START + 3600))
SCHEMA = Schema((Column("meter", "str"), Column("wh", "int")), ("meter",))


class Engines(dict[str, Engine]):
    """One for each server: to make one takes a while."""

    def __missing__(self, url: str) -> Engine:
        self[url] = create_engine(url, pool_size=1)
        return self[url]


ENGINES = Engines()


@dataclass
class Database:
    """One of the servers, and a table on it whose name no other test has."""

    kind: str
    url: str
    table: str

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        with ENGINES[self.url].begin() as connection:
            yield connection

    def run(self, *statements: str) -> None:
        with self.connected() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def count(self) -> int:
        with self.connected() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {self.table}")).scalar_one())

    def source(self, statement: str, schema: Schema = SCHEMA, **options: Any) -> SqlSource:
        given = {"url": self.url, "timeout": 5, "retries": 0, "backoff": 0.05, **options}
        return SqlSource("meters", schema, statement=statement.replace("TABLE", self.table), **given)

    def read(self, statement: str, schema: Schema = SCHEMA, **options: Any) -> list[dict[str, Any]]:
        return self.source(statement, schema, **options).read(OCCASION).to_dicts()


def database(kind: str, unique: str) -> Iterator[Database]:
    made = Database(kind, service(kind), unique)
    zoned = "timestamptz" if kind == "postgres" else "datetime"
    made.run(
        f"CREATE TABLE {unique} (meter varchar(80) PRIMARY KEY, wh bigint, t bigint, at {zoned})",
        f"INSERT INTO {unique} VALUES ('b', 2, {START}, '2026-01-01 00:00:00'),"
        f" ('a', 1, {START + 3599}, '2026-01-01 00:59:59'),"
        f" ('late', 9, {START + 3600}, '2026-01-01 01:00:00')",
    )
    try:
        yield made
    finally:
        made.run(f"DROP TABLE IF EXISTS {unique}")


@pytest.fixture(params=["postgres", "mariadb"])
def db(request: pytest.FixtureRequest, unique: str) -> Iterator[Database]:
    yield from database(request.param, unique)


@pytest.fixture
def postgres(unique: str) -> Iterator[Database]:
    yield from database("postgres", unique)


@pytest.fixture
def mariadb(unique: str) -> Iterator[Database]:
    yield from database("mariadb", unique)


IN_WINDOW = "SELECT meter, wh FROM TABLE WHERE t >= :start AND t < :end"
BOTH = [{"meter": "a", "wh": 1}, {"meter": "b", "wh": 2}]


def test_a_window_s_rows_are_read_in_the_order_of_the_key(db: Database) -> None:
    assert db.read(IN_WINDOW) == BOTH
    assert db.read(IN_WINDOW + " -- a note") == BOTH
    assert db.read(f"WITH w AS ({IN_WINDOW}) SELECT * FROM w;") == BOTH


def test_a_window_can_be_bound_as_times(db: Database) -> None:
    statement = "SELECT meter, wh FROM TABLE WHERE at >= :start AND at < :end"
    assert db.read(statement, time_binds="timestamp") == BOTH


def test_times_compared_with_seconds_are_refused_and_not_guessed(db: Database) -> None:
    with pytest.raises(SourceError, match=r"compares or calls what does not fit|had to guess") as caught:
        db.read("SELECT meter, wh FROM TABLE WHERE at >= :start")
    assert "time_binds" in caught.value.hint


def test_an_event_s_values_are_bound_and_never_text(db: Database) -> None:
    source = db.source("SELECT meter, wh FROM TABLE WHERE meter = :event_meter AND wh < :event_most")
    assert source.read(Occasion(event={"meter": "a", "most": 1 << 40})).height == 1
    assert source.read(Occasion(event={"meter": "a' OR '1'='1", "most": 5})).height == 0
    with pytest.raises(NonsenseError, match="the event has no most"):
        source.read(Occasion(event={"meter": "a"}))
    with pytest.raises(NonsenseError, match="no window"):
        db.source(IN_WINDOW).read(Occasion(event={"meter": "a"}))


def test_percent_signs_colons_and_quotes_are_left_as_they_are(db: Database) -> None:
    statement = "SELECT '100% \"x\" 12:30:15 \\:start' AS meter, wh FROM TABLE WHERE meter LIKE 'a%'"
    assert db.read(statement) == [{"meter": '100% "x" 12:30:15 :start', "wh": 1}]


def test_columns_are_renamed_and_those_beyond_the_schema_left_out(db: Database) -> None:
    rows = db.read("SELECT meter AS device, wh, t FROM TABLE WHERE wh = 1", columns={"meter": "device"})
    assert rows == [{"meter": "a", "wh": 1}]
    with pytest.raises(SchemaViolationError, match="column meter: the statement gives no such column"):
        db.read("SELECT wh FROM TABLE")


def test_no_rows_are_a_table_without_rows(db: Database) -> None:
    assert db.read("SELECT meter, wh FROM TABLE WHERE wh < 0") == []


def test_rows_in_many_batches_are_all_there(postgres: Database) -> None:
    rows = postgres.read("SELECT n::text AS meter, n AS wh FROM generate_series(1, 12345) AS n")
    assert {row["wh"] for row in rows} == set(range(1, 12346))


WRITES = [
    "INSERT INTO TABLE VALUES ('x', 1, 1, NULL)",
    "UPDATE TABLE SET wh = 7",
    "DELETE FROM TABLE",
    "CREATE TABLE TABLE_x (a int)",
    "CREATE TEMPORARY TABLE TABLE_x (a int)",
    "DROP TABLE TABLE",
    "TRUNCATE TABLE TABLE",
    "GRANT SELECT ON TABLE TO nobody",
    "COMMIT",
    "SET TRANSACTION READ WRITE",
    "SELECT meter, wh FROM TABLE; DELETE FROM TABLE",
    "SELECT meter, wh FROM TABLE) AS x; DELETE FROM TABLE; SELECT * FROM (SELECT 1",
    "COMMIT; DELETE FROM TABLE",
    "EXPLAIN DELETE FROM TABLE",
    "CALL nothing()",
]
WRITES_POSTGRES = [
    "WITH d AS (DELETE FROM TABLE RETURNING *) SELECT meter, wh FROM d",
    "SELECT * INTO TABLE_x FROM TABLE",
    "INSERT INTO TABLE VALUES ('x', 1, 1, NULL) RETURNING meter, wh",
    "SELECT meter, nextval('TABLE_s') AS wh FROM TABLE",
    "SELECT meter, TABLE_f() AS wh FROM TABLE",
    "SELECT meter, wh FROM TABLE FOR UPDATE",
    "COPY TABLE TO '/tmp/TABLE.csv'",
    "COPY TABLE TO PROGRAM 'cat > /tmp/TABLE.csv'",
    "COPY TABLE FROM '/etc/passwd'",
    "DO $$ BEGIN DELETE FROM TABLE; END $$",
    "VACUUM TABLE",
    "REFRESH MATERIALIZED VIEW x",
    "LISTEN x",
    "SELECT set_config('transaction_read_only', 'off', true) AS meter, 1 AS wh",
    "EXPLAIN ANALYZE DELETE FROM TABLE",
    "PREPARE x AS DELETE FROM TABLE",
]
WRITES_MARIADB = [
    "REPLACE INTO TABLE VALUES ('a', 7, 7, NULL)",
    "SELECT * FROM TABLE INTO OUTFILE '/tmp/TABLE.csv'",
    "SELECT meter FROM TABLE LIMIT 1 INTO @x",
    "SELECT * FROM TABLE) AS x INTO OUTFILE '/tmp/TABLE.csv' -- ",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE TABLE (meter)",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE TABLE (meter)",
    "CALL TABLE_p()",
    "SELECT meter, TABLE_f() AS wh FROM TABLE",
    "SELECT meter, NEXTVAL(TABLE_s) AS wh FROM TABLE",
    "LOCK TABLES TABLE WRITE",
    "SET GLOBAL max_connections = 1",
    "KILL 1",
    "HANDLER TABLE OPEN",
]


@pytest.mark.parametrize("statement", WRITES)
def test_a_statement_that_writes_is_refused_and_writes_nothing(db: Database, statement: str) -> None:
    _check_refused(db, statement)


@pytest.mark.parametrize("statement", WRITES_POSTGRES)
def test_postgresql_refuses_what_writes_in_its_own_ways(postgres: Database, statement: str) -> None:
    table = postgres.table
    postgres.run(
        f"CREATE SEQUENCE {table}_s",
        f"CREATE FUNCTION {table}_f() RETURNS bigint LANGUAGE sql"
        f" AS $$ DELETE FROM {table}; SELECT 1::bigint $$",
    )
    try:
        _check_refused(postgres, statement)
        with postgres.connected() as connection:
            assert connection.execute(text(f"SELECT is_called FROM {table}_s")).scalar_one() is False
    finally:
        postgres.run(f"DROP SEQUENCE {table}_s", f"DROP FUNCTION {table}_f")


@pytest.mark.parametrize("statement", WRITES_MARIADB)
def test_mariadb_refuses_what_writes_in_its_own_ways(mariadb: Database, statement: str) -> None:
    table = mariadb.table
    mariadb.run(
        f"CREATE SEQUENCE {table}_s",
        f"CREATE PROCEDURE {table}_p()"
        f" BEGIN COMMIT; START TRANSACTION READ WRITE; DELETE FROM {table}; COMMIT; END",
        f"CREATE FUNCTION {table}_f() RETURNS bigint BEGIN DELETE FROM {table}; RETURN 1; END",
    )
    try:
        _check_refused(mariadb, statement)
    finally:
        mariadb.run(f"DROP SEQUENCE {table}_s", f"DROP PROCEDURE {table}_p", f"DROP FUNCTION {table}_f")


def _check_refused(db: Database, statement: str) -> None:
    with pytest.raises(RefusedError) as caught:
        db.read(statement)
    told = str(caught.value) + caught.value.hint
    assert "changes nothing" in caught.value.hint or "right to that" in told
    assert db.table not in told
    assert db.count() == 3


SECRETS = "SELECT 's3cret' AS meter, "


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("SELECT meter, wh FRM TABLE", RefusedError, "not one SELECT"),
        ("SELECT meter, wh FROM TABLE_nothere", RefusedError, "does not have"),
        ("SELECT s3cret FROM TABLE", RefusedError, "does not have"),
        (SECRETS + "s3cret('x') AS wh", RefusedError, "does not"),
        (SECRETS + "1 / 0 AS wh", NonsenseError, "fails on the data|had to guess"),
        (SECRETS + "1.5 AS wh", SchemaViolationError, "row 0, column wh: a decimal where an integer is due"),
        (SECRETS + "wh FROM TABLE", SchemaViolationError, "column meter: the key of row 0 occurs again"),
        (SECRETS + "NULL AS wh", SchemaViolationError, "row 0, column wh: null"),
        (
            SECRETS + "'1' AS wh",
            SchemaViolationError,
            "row 0, column wh: a str where the column is of type int",
        ),
        ("SELECT meter, wh, wh FROM TABLE", SourceError, "names it twice|not one SELECT"),
        ("SELECT :stop AS meter, 1 AS wh", NonsenseError, ":stop is no value"),
        (" ; ", RefusedError, "not one SELECT"),
    ],
)
def test_a_statement_that_makes_no_sense_is_told_without_its_values(
    db: Database, statement: str, error: type[SourceError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        db.read(statement)
    told = str(caught.value) + caught.value.hint
    assert "s3cret" not in told
    assert db.table not in told


EVERYTHING = Schema(
    (
        Column("a_int", "int"),
        Column("a_big", "bigint"),
        Column("a_dec", "decimal", digits=3),
        Column("a_str", "str"),
        Column("a_bool", "bool"),
        Column("a_bytes", "bytes"),
        Column("a_time", "time", digits=3),
        Column("a_null", "str", nullable=True),
    ),
    ("a_int",),
)
CANONICAL = {
    "a_int": 6,
    "a_big": "123456789012345678901234567890",
    "a_dec": "-1.500",
    "a_str": "ä",
    "a_bool": True,
    "a_bytes": "0x00ff",
    "a_time": "2026-01-01T00:30:00.250Z",
    "a_null": None,
}


def test_values_of_postgresql_get_the_protocol_s_form(postgres: Database) -> None:
    statement = """SELECT (SELECT sum(x) FROM (VALUES (1), (2), (3)) AS v (x)) AS a_int,
        123456789012345678901234567890 AS a_big, -1.5::numeric(10, 2) AS a_dec, 'ä'::text AS a_str,
        true AS a_bool, '\\x00ff'::bytea AS a_bytes,
        '2026-01-01 01:30:00.25+01'::timestamptz AS a_time, NULL::text AS a_null"""
    assert postgres.read(statement, EVERYTHING) == [CANONICAL]


def test_values_of_mariadb_get_the_protocol_s_form(mariadb: Database) -> None:
    mariadb.run(f"ALTER TABLE {mariadb.table} ADD stamp timestamp(3) NULL")
    mariadb.run("SET time_zone = '+05:00'", f"UPDATE {mariadb.table} SET stamp = '2026-01-01 05:30:00.250'")
    statement = """SELECT (SELECT sum(wh) + 3 FROM TABLE WHERE wh < 3) AS a_int,
        123456789012345678901234567890 AS a_big, CAST(-1.5 AS decimal(10, 2)) AS a_dec, 'ä' AS a_str,
        true AS a_bool, x'00ff' AS a_bytes, stamp AS a_time, NULL AS a_null FROM TABLE WHERE meter = 'a'"""
    assert mariadb.read(statement, EVERYTHING, zone="UTC") == [CANONICAL]


def test_a_time_without_a_zone_needs_a_word_about_it(db: Database) -> None:
    schema = Schema((Column("at", "time"),), ("at",))
    statement = "SELECT CAST('2026-01-01 00:30:00' AS TYPE) AS at"
    statement = statement.replace("TYPE", "timestamp" if db.kind == "postgres" else "datetime")
    assert db.read(statement, schema, zone="UTC") == [{"at": "2026-01-01T00:30:00Z"}]
    with pytest.raises(SchemaViolationError, match="row 0, column at: a time without a zone") as caught:
        db.read(statement, schema)
    assert 'zone = "UTC"' in caught.value.hint


@pytest.mark.parametrize(
    ("value", "column", "message"),
    [
        ("CAST(0.1 AS double)", Column("x", "decimal", digits=1), "floating point"),
        ("CAST(1 AS double)", Column("x", "int"), "floating point"),
        ("CAST(1.25 AS decimal(5, 2))", Column("x", "decimal", digits=1), "more than 1 digits"),
        ("9007199254740992", Column("x", "int"), "2^53"),
        ("'x'", Column("x", "bigint"), "shortest form"),
        ("2", Column("x", "bool"), "a int where the column is of type bool"),
        ("12", Column("x", "str"), "a int where the column is of type str"),
        ("12", Column("x", "bytes"), "a int where the column is of type bytes"),
        ("1767225600", Column("x", "time"), "a int where the column is of type time"),
        ("CURRENT_DATE", Column("x", "time"), "a date where the column is of type time"),
    ],
)
def test_a_value_without_an_exact_form_is_refused(
    db: Database, value: str, column: Column, message: str
) -> None:
    if db.kind == "postgres":
        value = value.replace("double", "double precision")
    with pytest.raises(SchemaViolationError) as caught:
        db.read(f"SELECT {value} AS x", Schema((column,), ("x",)))
    assert message in str(caught.value)
    assert (caught.value.row, caught.value.column) == (0, "x")


@pytest.mark.parametrize("value", ["'NaN'::numeric", "'Infinity'::numeric", "'infinity'::timestamptz"])
def test_what_is_no_number_and_no_time_is_refused(postgres: Database, value: str) -> None:
    kind = Column("x", "time") if "time" in value else Column("x", "decimal", digits=1)
    with pytest.raises(SourceError, match=r"not a finite number|a time that exists|cannot read"):
        postgres.read(f"SELECT {value} AS x", Schema((kind,), ("x",)))


def test_too_many_rows_and_bytes_are_refused_and_not_cut_off(db: Database) -> None:
    assert len(db.read("SELECT meter, wh FROM TABLE", max_rows=3)) == 3
    with pytest.raises(NonsenseError, match="more than 2 rows"):
        db.read("SELECT meter, wh FROM TABLE", max_rows=2)
    with pytest.raises(NonsenseError, match="more than 1000 bytes"):
        db.read("SELECT repeat('x', 2000) AS meter, wh FROM TABLE WHERE wh = 1", max_bytes=1000)


def test_all_rows_are_of_one_state_of_the_data(db: Database) -> None:
    """The statement reads the table twice, and between the two somebody adds a row."""
    pause = "(SELECT 1 AS one FROM (SELECT pg_sleep(0.4)) AS p)"
    if db.kind == "mariadb":
        pause = "(SELECT sleep(0.4) + 1 AS one)"
    statement = f"""SELECT 'before' AS meter, (SELECT count(*) FROM TABLE) AS wh
        UNION ALL SELECT 'pause', one FROM {pause} AS pause
        UNION ALL SELECT 'after', (SELECT count(*) FROM TABLE)"""
    adding = threading.Timer(0.15, db.run, [f"INSERT INTO {db.table} VALUES ('new', 1, 1, NULL)"])
    adding.start()
    rows = {row["meter"]: row["wh"] for row in db.read(statement)}
    adding.join()
    assert (rows["before"], rows["after"], db.count()) == (3, 3, 4)


SLEEP = {
    "postgres": "SELECT 'a' AS meter, 1 AS wh FROM (SELECT pg_sleep(20)) AS s",
    "mariadb": "SELECT 'a' AS meter, sleep(20) AS wh",
}


def test_a_slow_statement_is_ended_by_the_server_in_time(db: Database) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        db.read(SLEEP[db.kind], timeout=0.6)
    assert time.monotonic() - started < 2.5
    assert caught.value.transient


def test_a_locked_table_is_not_waited_for_longer_than_stated(db: Database) -> None:
    with ENGINES[db.url].connect() as holder:
        lock = f"LOCK TABLE {db.table} IN ACCESS EXCLUSIVE MODE"
        holder.execute(text(lock if db.kind == "postgres" else f"LOCK TABLES {db.table} WRITE"))
        started = time.monotonic()
        with pytest.raises(UnavailableError, match=r"in time|locked"):
            db.read(IN_WINDOW, timeout=0.6)
        assert time.monotonic() - started < 2.5
        holder.invalidate()


@contextmanager
def through_proxy(db: Database) -> Iterator[tuple[TcpProxy, str]]:
    host, port = host_and_port(db.url)
    with TcpProxy(host, port) as proxy:
        yield (
            proxy,
            urlsplit(db.url)._replace(netloc=f"{urlsplit(db.url).username}@127.0.0.1:{proxy.port}").geturl(),
        )


def test_a_server_that_is_cut_off_in_the_middle_is_unavailable_and_then_read_again(db: Database) -> None:
    with through_proxy(db) as (proxy, url):
        cut = threading.Timer(0.3, proxy.cut)
        cut.start()
        with pytest.raises(UnavailableError, match="the connection failed"):
            db.read(SLEEP[db.kind], url=url)
        cut.join()
        with pytest.raises(UnavailableError, match=r"no connection .*\(2 tries\)"):
            db.read(IN_WINDOW, url=url, retries=1)
        heal = threading.Timer(0.2, proxy.heal)
        heal.start()
        assert db.read(IN_WINDOW, url=url, retries=5) == BOTH
        heal.join()


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_server_that_falls_silent_is_not_waited_for(db: Database, when: str) -> None:
    with through_proxy(db) as (proxy, url):
        stall = threading.Timer(0 if when == "before" else 0.3, proxy.stall)
        stall.start()
        if when == "before":
            stall.join()
        started = time.monotonic()
        with pytest.raises(UnavailableError, match="no whole answer in time"):
            db.read(SLEEP[db.kind], url=url, timeout=0.6)
        assert time.monotonic() - started < 2
        stall.join()


def test_a_server_that_says_nonsense_is_a_failed_connection(db: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def babble() -> None:
            client, _ = listening.accept()
            with client:
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)

        threading.Thread(target=babble, daemon=True).start()
        scheme = db.url.partition(":")[0]
        url = f"{scheme}://user:s3cret@127.0.0.1:{listening.getsockname()[1]}/test"
        with pytest.raises(SourceError) as caught:
            db.read(IN_WINDOW, url=url, timeout=2)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["user", "database"])
def test_a_login_that_is_refused_is_told_without_the_password(db: Database, wrong: str) -> None:
    host, port = host_and_port(db.url)
    user = "nobody_here" if wrong == "user" else urlsplit(db.url).username
    name = "nothing_here" if wrong == "database" else "test"
    password = ":s3cret" if wrong == "user" else ""
    url = f"{db.url.partition(':')[0]}://{user}{password}@{host}:{port}/{name}"
    with pytest.raises(RefusedError, match="the login was refused") as caught:
        db.read(IN_WINDOW, url=url)
    assert "s3cret" not in str(caught.value) + caught.value.hint
    assert not caught.value.transient


def test_a_password_that_expires_is_told_by_the_next_reading(mariadb: Database) -> None:
    user = mariadb.table
    host, port = host_and_port(mariadb.url)
    mariadb.run(
        f"CREATE USER {user}@'%' IDENTIFIED BY 's3cret'", f"GRANT SELECT ON test.{user} TO {user}@'%'"
    )
    try:
        source = mariadb.source(IN_WINDOW, url=f"mariadb://{user}:s3cret@{host}:{port}/test")
        assert source.read(OCCASION).to_dicts() == BOTH
        with pytest.raises(RefusedError, match="the account has no right"):
            mariadb.read(
                "SELECT user AS meter, 1 AS wh FROM mysql.user",
                url=f"mariadb://{user}:s3cret@{host}:{port}/test",
            )
        mariadb.run(f"ALTER USER {user}@'%' PASSWORD EXPIRE")
        with pytest.raises(RefusedError, match="the login was refused"):
            source.read(OCCASION)
    finally:
        mariadb.run(f"DROP USER {user}@'%'")


def test_encryption_that_is_asked_for_is_never_done_without(db: Database) -> None:
    with pytest.raises(RefusedError, match="the server does not encrypt"):
        db.read(IN_WINDOW, tls="verify")


def test_readings_leave_no_connection_behind(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    source = db.source(IN_WINDOW)
    failing = db.source("DELETE FROM TABLE")
    for _ in range(5):
        source.read(OCCASION)
        with pytest.raises(RefusedError):
            failing.read(OCCASION)
    with db.connected() as connection:
        left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'worknet' AND query LIKE :mine"
        if db.kind == "mariadb":
            left = "SELECT count(*) FROM information_schema.processlist"
            left += " WHERE info LIKE :mine AND id <> connection_id()"
        assert connection.execute(text(left), {"mine": f"%{db.table}%"}).scalar_one() == 0
    assert caplog.records == []


def test_several_threads_may_read_at_once(db: Database) -> None:
    source = db.source(IN_WINDOW)
    heights: list[int] = []
    readings = [
        threading.Thread(target=lambda: heights.append(source.read(OCCASION).height)) for _ in range(8)
    ]
    for reading in readings:
        reading.start()
    for reading in readings:
        reading.join()
    assert heights == [2] * 8
