"""Other forms of numbers and times: taken where the operator says so, and never guessed."""

import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import NonsenseError, Origin, SchemaViolationError
from worknet.sources.forms import Forms
from worknet.sources.json_rows import decoded, json_rows
from worknet.sources.tabular import Layout, csv_rows, parquet_rows

ORIGIN = Origin("turbine", "scada")
DECIMAL = Column("x", "decimal", digits=2)
INT = Column("x", "int")
BIGINT = Column("x", "bigint")
TIME = Column("x", "time", digits=3)


@pytest.mark.parametrize(
    ("field", "padded", "rounded"),
    [
        ("1.5", "1.50", "1.50"),
        ("1.500", "1.50", "1.50"),
        ("+01", "1.00", "1.00"),
        ("-0.0", "0.00", "0.00"),
        (".5", "0.50", "0.50"),
        ("15e-1", "1.50", "1.50"),
        ("7.119999900000001", None, "7.12"),
        ("1.005", None, "1.00"),
        ("1.015", None, "1.02"),
        ("-0.001", None, "0.00"),
        ("1,5", None, None),
        ("1 000", None, None),
        ("1_000", None, None),
        (" 1", None, None),
        ("NaN", None, None),
        ("Infinity", None, None),
        ("1e99", None, None),
        ("x", None, None),
        ("9" * 65, None, None),
    ],
)
def test_a_number_gets_the_column_s_digits_or_stays_as_it_is(
    field: str, padded: str | None, rounded: str | None
) -> None:
    assert Forms("exact").text(DECIMAL, field) == field
    assert Forms("padded").text(DECIMAL, field) == (padded or field)
    assert Forms("rounded").text(DECIMAL, field) == (rounded or field)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_padding_never_changes_a_number(number: Decimal) -> None:
    text = Forms("padded").text(DECIMAL, f"{number:f}")
    assert Decimal(text) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9))
def test_rounding_changes_a_number_by_half_a_digit_at_most(number: Decimal) -> None:
    text = Forms("rounded").text(DECIMAL, str(number))
    if len(str(number)) <= 64:
        assert abs(Decimal(text) - number) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("field", "utc"),
    [
        ("2014-01-01T01:00:00+01:00", "2014-01-01T00:00:00.000Z"),
        ("2014-01-01 00:10:00.25+00:00", "2014-01-01T00:10:00.250Z"),
        ("2014-01-01T00:10:00Z", "2014-01-01T00:10:00.000Z"),
        ("2014-10-26T02:30:00", None),
        ("2014-01-01T00:10:00.0005Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("1388534400", None),
        ("26.10.2014 02:30", None),
    ],
)
def test_a_time_with_its_zone_becomes_one_in_utc(field: str, utc: str | None) -> None:
    assert Forms(times="exact").text(TIME, field) == field
    assert Forms(times="utc").text(TIME, field) == (utc or field)


@pytest.mark.parametrize(
    ("value", "column", "taken"),
    [
        (Decimal("1.5"), DECIMAL, "1.50"),
        (2, DECIMAL, "2.00"),
        (Decimal("7.0"), INT, 7),
        (Decimal("1E+3"), BIGINT, "1000"),
        (0.5, DECIMAL, "0.50"),
        (0.1, DECIMAL, 0.1),
        (float("inf"), DECIMAL, float("inf")),
        (True, INT, True),
        (None, INT, None),
        ("n/a", INT, None),
        ([1], INT, [1]),
    ],
)
def test_a_value_of_json_or_parquet_is_taken_where_it_is_exact(
    value: Any, column: Column, taken: Any
) -> None:
    assert Forms("padded", nulls=frozenset({"n/a"})).value(column, value) == taken


SCHEMA = Schema(
    (Column("name", "str"), Column("at", "time"), Column("kw", "decimal", nullable=True, digits=2)),
    ("name", "at"),
)
WANTED = [
    {"name": "R1", "at": "2014-01-01T00:00:00Z", "kw": "642.78"},
    {"name": "R2", "at": "2014-01-01T00:00:00Z", "kw": None},
]
LOOSE = Layout.of(SCHEMA, None, None, ORIGIN, Forms("rounded", "utc", frozenset({"NaN"})))
STRICT = Layout.of(SCHEMA, None, None, ORIGIN)
MARCH = Window(1396137600, 1396144800)


def test_a_turbine_s_csv_is_refused_without_a_word_and_read_with_it() -> None:
    text = b"name,at,kw\nR2,2014-01-01T01:00:00+01:00,NaN\nR1,2014-01-01T01:00:00+01:00,642.78003\n"
    assert csv_rows(text, LOOSE, None, ORIGIN).to_dicts() == WANTED
    with pytest.raises(SchemaViolationError):
        csv_rows(text, STRICT, None, ORIGIN)


def test_numbers_with_a_point_in_json_are_what_their_digits_say() -> None:
    text = b'[{"name":"R2","at":"2014-01-01T00:00:00Z","kw":"NaN"},'
    text += b'{"name":"R1","at":"2014-01-01T01:00:00+01:00","kw":642.78003}]'
    assert json_rows(decoded(text, ORIGIN, decimals=True), "", LOOSE, ORIGIN).to_dicts() == WANTED
    with pytest.raises(SchemaViolationError, match="row 1, column kw: a floating point number"):
        json_rows(decoded(text, ORIGIN), "", STRICT, ORIGIN)
    tie = b'[{"name":"R1","at":"2014-01-01T00:00:00Z","kw":1.005}]'
    assert json_rows(decoded(tie, ORIGIN, decimals=True), "", LOOSE, ORIGIN)["kw"].to_list() == ["1.00"]


def test_a_number_with_an_exponent_beyond_all_decimals_is_nonsense() -> None:
    with pytest.raises(NonsenseError, match="far too large"):
        decoded(b"[1e99999999999999999999]", ORIGIN, decimals=True)


def test_floats_and_zoned_times_in_parquet_are_taken_with_a_word_only() -> None:
    at = datetime(2014, 1, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))
    content = io.BytesIO()
    pl.DataFrame({"name": ["R2", "R1"], "at": [at, at], "kw": [float("nan"), 642.78003]}).write_parquet(
        content
    )
    assert parquet_rows(content.getvalue(), LOOSE, None, ORIGIN).to_dicts() == WANTED
    with pytest.raises(SchemaViolationError):
        parquet_rows(content.getvalue(), STRICT, None, ORIGIN)


def test_an_hour_that_the_clock_repeats_stays_two_hours() -> None:
    text = b"name,at,kw\nR1,2014-10-26T02:30:00+02:00,1\nR1,2014-10-26T02:30:00+01:00,2\n"
    read = csv_rows(text, LOOSE, None, ORIGIN)
    assert read["at"].to_list() == ["2014-10-26T00:30:00Z", "2014-10-26T01:30:00Z"]


TWICE = [("0.30", 9), ("0.25", 10), ("0.25", 11)]
"""Of one key, in kW and temperature: the schema has no temperature, so the last two are one row."""
LEAST = Layout.of(SCHEMA, None, None, ORIGIN, Forms(repeated="least"))


@pytest.mark.parametrize("order", [1, -1])
def test_of_rows_that_repeat_a_key_the_least_counts_where_it_may_repeat(order: int) -> None:
    given = [
        {"name": "R1", "at": "2014-03-30T01:00:00Z", "kw": kw, "temperature": temperature}
        for kw, temperature in TWICE[::order]
    ]
    text = "\n".join(["name,at,kw,temperature", *(",".join(map(str, row.values())) for row in given), ""])
    parquet = io.BytesIO()
    pl.DataFrame(given).write_parquet(parquet)
    reads: list[Callable[[Layout], pl.DataFrame]] = [
        lambda layout: csv_rows(text.encode(), layout, None, ORIGIN),
        lambda layout: csv_rows(text.encode(), replace(layout, time_column="at"), MARCH, ORIGIN),
        lambda layout: json_rows(given, "", layout, ORIGIN),
        lambda layout: parquet_rows(parquet.getvalue(), layout, None, ORIGIN),
    ]
    for read in reads:
        assert read(LEAST).to_dicts() == [{"name": "R1", "at": "2014-03-30T01:00:00Z", "kw": "0.25"}]
        with pytest.raises(SchemaViolationError, match="occurs again"):
            read(STRICT)


def test_a_text_in_the_schema_s_own_form_may_repeat_keys_as_well() -> None:
    text = b"name,at,kw\nR1,2014-03-30T01:00:00Z,0.30\nR1,2014-03-30T01:00:00Z,\n"
    assert csv_rows(text, LEAST, None, ORIGIN)["kw"].to_list() == ["0.30"]


@pytest.mark.parametrize(
    ("field", "utc"),
    [
        ("1999-01-01 00:00:00", "1999-01-01T00:00:00.000Z"),
        ("2014-01-01T01:00:00+01:00", "2014-01-01T00:00:00.000Z"),
        ("1999-01-01", "1999-01-01"),
        ("01.01.1999 00:00", "01.01.1999 00:00"),
    ],
)
def test_a_time_without_a_zone_is_in_utc_where_the_operator_says_so(field: str, utc: str) -> None:
    assert Forms(times="assumed_utc").text(TIME, field) == utc


def test_a_window_is_cut_out_by_times_without_a_zone_where_they_are_in_utc() -> None:
    rows = [{"name": "R1", "at": f"2014-03-30 0{hour}:00:00", "kw": "1.00"} for hour in range(4)]
    text = "\n".join(["name,at,kw", *(",".join(row.values()) for row in rows), ""]).encode()
    tables = [pl.DataFrame(rows), pl.DataFrame(rows).with_columns(pl.col("at").str.to_datetime())]
    files = [io.BytesIO(), io.BytesIO()]
    for table, file in zip(tables, files, strict=True):
        table.write_parquet(file)
    strict = Layout.of(SCHEMA, None, "at", ORIGIN, Forms(times="utc"))
    assumed = Layout.of(SCHEMA, None, "at", ORIGIN, Forms(times="assumed_utc"))
    readers = [(csv_rows, text), *((parquet_rows, file.getvalue()) for file in files)]
    for read, content in readers:
        hours = read(content, assumed, MARCH, ORIGIN)["at"].to_list()
        assert hours == ["2014-03-30T00:00:00Z", "2014-03-30T01:00:00Z"]
        with pytest.raises(SchemaViolationError, match="column at: no time with a zone"):
            read(content, strict, MARCH, ORIGIN)


def test_cutting_a_window_out_of_a_large_text_takes_little_more_room_than_the_text() -> None:
    text = b"name,at,kw\n" + b"".join(b"R%06d,2014-01-01T00:00:00Z,1.00\n" % n for n in range(60_000))
    layout = Layout.of(SCHEMA, None, "at", ORIGIN)
    tracemalloc.start()
    csv_rows(text, layout, MARCH, ORIGIN)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(text)
