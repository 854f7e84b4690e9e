"""SQL sources on files of SQLite, and what is refused before any database is asked."""

import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
IN_WINDOW = "SELECT meter, wh FROM readings WHERE t >= :start AND t < :end"
BOTH = [{"meter": "a", "wh": 1}, {"meter": "b", "wh": 2}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "the meters?.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE readings (meter TEXT, wh INTEGER, t INTEGER, iso TEXT)")
        rows = [
            ("b", 2, START, "2026-01-01T00:00:00Z"),
            ("a", 1, START + 3599, "2026-01-01T00:59:59Z"),
            ("late", 9, START + 3600, "2026-01-01T01:00:00Z"),
        ]
        connection.executemany("INSERT INTO readings VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return path


def source(path: Path, statement: str, schema: Schema = SCHEMA, **options: Any) -> SqlSource:
    given = {"path": path, "timeout": 3, "retries": 0, "backoff": 0.01, **options}
    return SqlSource("meters", schema, statement=statement, **given)


def read(path: Path, statement: str, schema: Schema = SCHEMA, **options: Any) -> list[dict[str, Any]]:
    return source(path, statement, schema, **options).read(OCCASION).to_dicts()


def test_a_window_s_rows_are_read_in_the_order_of_the_key(file: Path) -> None:
    assert read(file, IN_WINDOW) == BOTH
    assert read(file, IN_WINDOW + " -- note\n ; ") == BOTH


def test_a_key_that_the_database_repeats_is_refused_or_its_least_row_counts(file: Path) -> None:
    statement = "SELECT 'a' AS meter, 2 AS wh UNION ALL SELECT 'a', 11"
    assert read(file, statement, repeated="least") == [{"meter": "a", "wh": 11}]
    with pytest.raises(SchemaViolationError, match="occurs again"):
        read(file, statement)


def test_a_window_can_be_bound_as_the_text_of_times(file: Path) -> None:
    statement = "SELECT meter, wh FROM readings WHERE iso >= :start AND iso < :end"
    assert read(file, statement, time_binds="iso") == BOTH


def test_an_event_s_values_are_bound(file: Path) -> None:
    rows = source(
        file, "SELECT meter, wh FROM readings WHERE meter = :event_meter OR :event_none IS NOT NULL"
    )
    assert rows.read(Occasion(event={"meter": "a", "none": None})).height == 1
    assert rows.read(Occasion(event={"meter": "' OR 1 --", "none": None})).height == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO readings VALUES ('x', 1, 1, '')",
        "DELETE FROM readings RETURNING meter, wh",
        "WITH x AS (SELECT 1) DELETE FROM readings",
        "DROP TABLE readings",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "ATTACH 'other.db' AS other",
        "VACUUM INTO 'other.db'",
        "PRAGMA query_only = OFF",
        "PRAGMA journal_mode = DELETE",
        "COMMIT",
        "SELECT meter, wh FROM readings; DELETE FROM readings",
        "SELECT 1) ; DELETE FROM readings ; SELECT * FROM (SELECT 1",
    ],
)
def test_a_statement_that_writes_is_refused_and_writes_nothing(
    file: Path, statement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    before = file.read_bytes()
    with pytest.raises(RefusedError) as caught:
        read(file, statement)
    assert "changes nothing" in caught.value.hint
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.fixture
def locked(file: Path) -> Iterator[Path]:
    connection = sqlite3.connect(file)
    connection.execute("BEGIN EXCLUSIVE")
    yield file
    connection.rollback()
    connection.close()


def test_a_locked_file_is_not_waited_for_longer_than_stated(locked: Path) -> None:
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"in time|locked"):
        read(locked, IN_WINDOW, timeout=0.3)
    assert time.monotonic() - started < 1


def test_a_slow_statement_is_ended_in_time(file: Path) -> None:
    endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT '', max(x) FROM n"
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="no whole answer in time"):
        read(file, endless, timeout=0.3)
    assert time.monotonic() - started < 1


def test_a_file_is_read_while_somebody_writes(file: Path) -> None:
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO readings VALUES ('x', 1, ?, '')", (START,))
    assert read(file, IN_WINDOW) == BOTH
    writer.commit()
    assert len(read(file, IN_WINDOW)) == 3
    writer.close()


@pytest.mark.parametrize(
    ("statement", "column", "message"),
    [
        ("SELECT 'a' AS meter, 1.0 AS wh", "wh", "floating point"),
        ("SELECT 'a' AS meter, 'one' AS wh", "wh", "a str where the column is of type int"),
        ("SELECT 7 AS meter, 1 AS wh", "meter", "a int where the column is of type str"),
        ("SELECT x'00' AS meter, 1 AS wh", "meter", "a bytes where the column is of type str"),
        ("SELECT 'a' AS meter, NULL AS wh", "wh", "null"),
        ("SELECT 'a' AS meter, wh FROM readings", "meter", "occurs again"),
        ("SELECT 'a' AS meter", "wh", "gives no such column"),
    ],
)
def test_a_row_that_breaks_the_schema_is_told_by_column_but_not_by_value(
    file: Path, statement: str, column: str, message: str
) -> None:
    with pytest.raises(SchemaViolationError, match=message) as caught:
        read(file, statement)
    assert caught.value.column == column
    assert str(caught.value).startswith(f"dataset meters from {file}: ")


EXACT = Schema((Column("x", "decimal", digits=2),), ("x",))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'-12.50'", "-12.50"),
        ("3", "3.00"),
        ("0", "0.00"),
        ("-7", "-7.00"),
        ("'1.5'", None),
        ("'1,50'", None),
    ],
)
def test_decimals_are_texts_or_integers(file: Path, value: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(SchemaViolationError, match="not the text of a decimal"):
            read(file, f"SELECT {value} AS x", EXACT)
    else:
        assert read(file, f"SELECT {value} AS x", EXACT) == [{"x": text}]


def test_too_many_rows_and_bytes_are_refused_and_not_cut_off(file: Path) -> None:
    many = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000) "
    many += "SELECT CAST(x AS TEXT) AS meter, x AS wh FROM n"
    assert len(read(file, many)) == 20_000
    with pytest.raises(NonsenseError, match="more than 19999 rows"):
        read(file, many, max_rows=19_999)
    with pytest.raises(NonsenseError, match="more than 100000 bytes"):
        read(file, many, max_bytes=100_000)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, UnavailableError, "cannot be opened"),
        (b"no database" * 100, NonsenseError, "no database of SQLite"),
        (b"", RefusedError, "not one SELECT"),
    ],
)
def test_a_file_that_is_no_database_is_told(
    tmp_path: Path, content: bytes | None, error: type[SourceError], message: str
) -> None:
    path = tmp_path / "other.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=message):
        read(path, IN_WINDOW)
    assert path.exists() == (content is not None)


def test_a_database_that_is_damaged_is_never_more_than_a_source_s_error(file: Path) -> None:
    whole = file.read_bytes()
    for at in range(0, len(whole), 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            read(file, IN_WINDOW)
        except SourceError:
            continue


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statement": "select :when"}, ":when is no value"),
        ({"statement": " "}, "the statement is empty"),
        ({"path": None}, "either url or path"),
        ({"url": "sqlite:///x"}, "either url or path"),
        ({"path": None, "url": "not a url s3cret"}, "no address of a database"),
        ({"path": None, "url": "oracle://u:s3cret@h/d"}, "no database that is known here"),
        ({"path": None, "url": "postgresql+asyncpg://u:s3cret@h/d"}, "no database that is known here"),
        ({"path": None, "url": "postgresql://u:s3cret@h/d?options=x"}, "a parameter that is not known"),
        ({"path": None, "url": "mysql://u:s3cret@h/d?local_infile=1"}, "a parameter that is not known"),
        ({"path": None, "url": "postgresql://h/d"}, "lacks user, host or database"),
        ({"path": None, "url": "postgresql://u:s3cret@h"}, "lacks user, host or database"),
        ({"path": None, "url": "postgresql://u:s3cret@h:99999999999/d"}, "no port from 1 to 65535"),
        (
            {"path": None, "url": "mariadb://u:s3cret@h/d", "tls_ca": Path("/nowhere")},
            "tls_ca cannot be read",
        ),
        ({"columns": {"other": "x"}}, "no such column to rename"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_once(
    file: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        SqlSource("meters", SCHEMA, **{"path": file, "statement": "select 1", **options}).read(OCCASION)
    assert "s3cret" not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [("postgresql://u@127.0.0.1/d", "pg8000", "postgresql"), ("mysql://u@127.0.0.1/d", "pymysql", "mariadb")],
)
def test_a_driver_that_is_missing_is_named(
    url: str, driver: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    monkeypatch.setitem(sys.modules, "pg8000.dbapi", None)
    with pytest.raises(RefusedError, match=f"{driver} is not installed") as caught:
        SqlSource("meters", SCHEMA, url=url, statement="select 1")
    assert caught.value.hint == f"pip install 'worknet[{extra}]'"


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: time.sleep(2))
    slow = SqlSource(
        "m", SCHEMA, url="mysql://u@db.example/d", tls="off", statement="select 1", timeout=0.2, retries=0
    )
    started = time.monotonic()
    with pytest.raises(UnavailableError, match="in time"):
        slow.read(OCCASION)
    assert time.monotonic() - started < 1


def test_several_threads_may_read_at_once(file: Path) -> None:
    rows = source(file, IN_WINDOW)
    heights: list[int] = []
    threads = [threading.Thread(target=lambda: heights.append(rows.read(OCCASION).height)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heights == [2] * 8
