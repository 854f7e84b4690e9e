"""Files are read exactly: hostile texts survive, nothing is guessed, errors name file, line and column."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from tests.unit.tables.strategies import quickly, tables

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.tables import (
    DataError,
    frame_of_rows,
    parse_csv,
    read_csv,
    read_parquet,
    read_table,
    validate,
    write_csv,
)

HOSTILE = [
    '"', '""', ",", "a,b", "line\nbreak", "cr\rreturn", "crlf\r\n", " lead", "trail ", "007", "1e5", "+1",
    "null", "NULL", "None", "true", "nan", "=1+1", "#x", "\\", "\\N", "'", "\t", "\x00", "\x1f", "é",
    "e\u0301", "\ufeff",
    "\u2028", "\uffff", "\U0001f600", "-", "a" * 5000,
]  # fmt: skip


def refusal(text, schema, kind=DataError):
    with pytest.raises(kind) as caught:
        parse_csv(text if isinstance(text, bytes) else text.encode(), "t", schema, "x.csv")
    assert "x.csv" in str(caught.value)
    return caught.value


def csv_text(value):
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    return str(value)


def has_csv_form(schema, rows):
    nullable = [column.name for column in schema.columns if column.nullable]
    return not any(row[name] == "" for row in rows for name in nullable)


@quickly
@given(tables())
def test_what_is_written_is_read_back_and_is_what_pythons_csv_module_reads(table):
    schema, rows = table
    frame = validate("t", schema, frame_of_rows("t", schema, rows))
    if not has_csv_form(schema, rows):
        with pytest.raises(DataError, match="cannot tell from null"):
            write_csv(frame, "t", schema)
        return
    content = write_csv(frame, "t", schema)
    assert parse_csv(content, "t", schema).equals(frame)
    records = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    assert records[0] == [column.name for column in schema.columns]
    assert records[1:] == [[csv_text(value) for value in row] for row in frame.rows()]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_hostile_texts_written_by_pythons_csv_module_survive(meters, line_end, quoting):
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end, quoting=quoting)
    writer.writerow(["wh", "id", "site"])
    # Python 3.11 leaves a lone carriage return unquoted with LF line ends, which no reader can then read.
    texts = [text for text in HOSTILE if line_end == "\r\n" or quoting == csv.QUOTE_ALL or "\r" not in text]
    writer.writerows([number, text, text] for number, text in enumerate(texts))
    frame = parse_csv(out.getvalue().encode(), "t", meters)
    assert frame["id"].to_list() == frame["site"].to_list() == sorted(texts, key=str.encode)


def test_an_empty_field_is_null_where_null_may_be_and_else_the_empty_text():
    schema = Schema((Column("k", "str"), Column("a", "str", nullable=True), Column("b", "str")), ("k",))
    frame = parse_csv(b'k,a,b\nx,,\ny,"",""\n', "t", schema)
    assert frame.to_dicts() == [{"k": "x", "a": None, "b": ""}, {"k": "y", "a": None, "b": ""}]


def test_the_columns_may_come_in_any_order_and_after_a_byte_order_mark(meters):
    frame = parse_csv(b"\xef\xbb\xbfsite,wh,id\n,1,a", "t", meters)
    assert frame.to_dicts() == [{"id": "a", "wh": 1, "site": None}]


def test_a_header_alone_is_a_table_without_rows(meters):
    assert parse_csv(b"id,wh,site\n", "t", meters).height == 0


@pytest.mark.parametrize(
    "number", ["1.0", "+1", " 1", "1 ", "01", "-0", "1e3", "0x1", "1_000", "", "١", "--1", "9" * 30]
)
def test_an_integer_that_is_not_in_its_shortest_form_is_refused(meters, number):
    error = refusal(f"id,wh,site\na,1,\nb,{number},\n", meters)
    assert (error.line, error.column) == (3, "wh")
    assert "line 3, column wh" in str(error)


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63])
def test_an_integer_of_2_to_the_53_is_refused(meters, number):
    assert "2^53" in str(refusal(f"id,wh,site\na,{number},\n", meters))


@pytest.mark.parametrize("text", ["True", "TRUE", "1", "t", " true", ""])
def test_booleans_are_true_and_false_only(text):
    schema = Schema((Column("k", "str"), Column("b", "bool")), ("k",))
    assert refusal(f"k,b\na,true\nb,{text}\n", schema).line == 3


def test_lines_are_counted_over_line_breaks_within_fields(meters):
    assert refusal('id,wh,site\n"a\nb",1,\nc,x,\n', meters).line == 4
    assert refusal('id,wh,site\n"a\nb",1,\nc,2,\nc,3,\n', meters).line == 5


def test_two_rows_with_one_key_are_refused(meters):
    error = refusal("id,wh,site\na,1,\nb,1,\na,2,\n", meters)
    assert (error.line, error.column) == (4, "id")
    assert "line 4, column id: the key of line 2 occurs again" in str(error)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("id,wh\na,1\n", 1),
        ("id,wh,site,more\na,1,,\n", 1),
        ("id,wh,site,id\na,1,,b\n", 1),
        ("id,wh,site\na,1\n", 2),
        ("id,wh,site\na,1,,\n", 2),
        ("id,wh,site\na,1,\n\nb,1,\n", 3),
        ('id,wh,site\na,1,\n"b"x,1,\n', 3),
        ('id,wh,site\na,1,\n"b,1,\n', 3),
        (b"id,wh,site\na,1,\n\xff,1,\n", 3),
    ],
)
def test_what_is_no_table_names_its_line(meters, text, line):
    assert refusal(text, meters).line == line


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(meters, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_csv(tmp_path / "none.csv", "t", meters)
    with pytest.raises(DataError, match="known kind"):
        read_table(tmp_path / "x.xlsx", "t", meters)
    (tmp_path / "x.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_parquet(tmp_path / "x.parquet", "t", meters)


def test_many_rows_are_read_over_the_borders_of_batches(meters):
    lines = "".join(f"c{number:06},{number},\n" for number in range(120_001))
    frame = parse_csv(f"id,wh,site\n{lines}".encode(), "t", meters)
    assert frame["wh"].to_list() == list(range(120_001))
    assert refusal(f"id,wh,site\n{lines}x,y,\n", meters).line == 120_003


def test_parquet_types_with_an_exact_text_become_that_text(tmp_path):
    schema = Schema(
        (
            Column("k", "int"),
            Column("d", "decimal", digits=2),
            Column("n", "bigint"),
            Column("b", "bytes"),
            Column("t", "time", nullable=True),
            Column("ms", "time", digits=3),
        ),
        ("k",),
    )
    at = datetime(2026, 1, 31, 9, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "k": [1, 2],
            "d": pl.Series([Decimal("1.50"), Decimal("-0.05")], dtype=pl.Decimal(20, 2)),
            "n": [2**62, -1],
            "b": [b"\x00\xff", b""],
            "t": [at, None],
            "ms": [at.replace(microsecond=26000), at],
        }
    )
    frame.write_parquet(tmp_path / "x.parquet")
    assert read_table(tmp_path / "x.parquet", "t", schema).rows() == [
        (1, "1.50", str(2**62), "0x00ff", "2026-01-31T09:00:00Z", "2026-01-31T09:00:00.026Z"),
        (2, "-0.05", "-1", "0x", None, "2026-01-31T09:00:00.000Z"),
    ]


def test_a_parquet_time_finer_than_the_schema_is_refused(tmp_path):
    schema = Schema((Column("t", "time"),), ("t",))
    pl.DataFrame({"t": [datetime(2026, 1, 31, 9, 0, 0, 1, tzinfo=UTC)]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(DataError, match="column t"):
        read_table(tmp_path / "x.parquet", "t", schema)
