"""The file source: windows, renamed columns, and files that are missing, half written or something else."""

import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import (
    FileSource,
    IncompleteError,
    NonsenseError,
    Occasion,
    RefusedError,
    SchemaViolationError,
    SourceError,
    UnavailableError,
)

SCHEMA = Schema(
    (Column("consumer", "str"), Column("wh", "int"), Column("site", "str", nullable=True)), ("consumer",)
)
HOUR = 3600
START = 1767225600
OCCASION = Occasion(Window(START, START + HOUR))
EXPECTED = [{"consumer": "a", "wh": 1, "site": "s"}, {"consumer": "b", "wh": 2, "site": None}]
PLAIN = "consumer,wh,site\nb,2,\na,1,s\n"
TIMED = """\
when,Meter ID,wh,site,remark
2025-12-31T23:59:59Z,early,9,,
2026-01-01T00:00:00Z,b,2,,"a, ""remark""
on two lines"
1767225601,a,1,s,
2026-01-01T01:59:59+01:00,c,3,,
2026-01-01T01:00:00Z,late,9,,
"""


def source(path: Path, **options: Any) -> FileSource:
    return FileSource("consumption", SCHEMA, path=path, **options)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(PLAIN)
    return path


def test_a_csv_file_is_read_in_the_order_of_the_key(file: Path) -> None:
    assert source(file).read(OCCASION).to_dicts() == EXPECTED


def test_each_window_has_its_file(tmp_path: Path) -> None:
    (tmp_path / "1767225600.csv").write_text(PLAIN)
    (tmp_path / "20260101").mkdir()
    (tmp_path / "20260101" / "00-01.csv").write_text(PLAIN)
    assert source(tmp_path / "{start}.csv").read(OCCASION).to_dicts() == EXPECTED
    assert source(tmp_path / "{start:%Y%m%d}/{start:%H}-{end:%H}.csv").read(OCCASION).to_dicts() == EXPECTED
    with pytest.raises(UnavailableError, match=r"1767229200.csv: there is no such file") as caught:
        source(tmp_path / "{start}.csv").read(Occasion(Window(START + HOUR, START + 2 * HOUR)))
    assert caught.value.transient


def test_a_file_of_all_times_is_cut_down_to_the_window(file: Path) -> None:
    file.write_text(TIMED)
    timed = source(file, time_column="when", columns={"consumer": "Meter ID"})
    assert timed.read(OCCASION).to_dicts() == [*EXPECTED, {"consumer": "c", "wh": 3, "site": None}]
    assert timed.read(Occasion(Window(START + HOUR, START + 2 * HOUR)))["consumer"].to_list() == ["late"]
    assert timed.read(Occasion(Window(0, 60))).height == 0


def test_windows_side_by_side_share_every_row_and_none_twice(file: Path) -> None:
    stamps = [START + second for second in range(0, 2 * HOUR, 7)]
    file.write_text("consumer,wh,site,t\n" + "".join(f"{t},1,,{t}\n" for t in stamps))
    timed = source(file, time_column="t")
    read = [timed.read(Occasion(Window(START + at, START + at + 600))) for at in range(0, 2 * HOUR, 600)]
    assert sorted(int(text) for frame in read for text in frame["consumer"]) == stamps


def test_a_column_can_be_the_time_and_the_schema_s_own(file: Path) -> None:
    schema = Schema((Column("at", "time"), Column("wh", "int")), ("at",))
    file.write_text("at,wh\n2026-01-01T00:30:00Z,1\n2026-01-01T01:30:00Z,2\n")
    frame = FileSource("d", schema, path=file, time_column="at").read(OCCASION)
    assert frame.to_dicts() == [{"at": "2026-01-01T00:30:00Z", "wh": 1}]


def test_a_byte_order_mark_and_carriage_returns_are_accepted(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert source(file).read(OCCASION).to_dicts() == EXPECTED
    file.write_bytes(b"\xef\xbb\xbf" + TIMED.replace("\n", "\r\n").encode())
    timed = source(file, time_column="when", columns={"consumer": "Meter ID"})
    assert timed.read(OCCASION).height == 3


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        ("consumer,wh\na,1\n", 1, "site", "no such column"),
        ("consumer,wh,wh,site\na,1,1,\n", 1, "wh", "twice"),
        ("consumer,wh,site,x\na,1,,\nb,1.0,,\n", 3, "wh", "not an integer"),
        ('consumer,wh,site,x\na,1,,"\n\n"\nb,,,\n', 5, "wh", "null"),
        ("consumer,wh,site,x\na,1,,\na,2,,\n", 3, "consumer", "occurs again"),
        ("consumer,wh,site,x\na,1,,\nb,2\n", 3, "", "2 fields where the header has 4"),
        ("consumer,wh,site\na,1,\nb,x,\n", 3, "wh", "not an integer"),
    ],
)
def test_a_row_that_breaks_the_schema_is_told_by_line_and_column_but_not_by_value(
    file: Path, content: str, line: int, column: str, message: str
) -> None:
    file.write_text(content)
    with pytest.raises(SchemaViolationError) as caught:
        source(file).read(OCCASION)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"dataset consumption from {file}: line {line}")


@pytest.mark.parametrize("stamp", ["", "2026-01-01T00:00:00", "2026-01-01", "yesterday", "1.5", "1_000", "١"])
def test_a_row_without_a_clear_time_is_refused(file: Path, stamp: str) -> None:
    file.write_text(f"consumer,wh,site,t\na,1,,{START}\nb,1,,{stamp}\n")
    with pytest.raises(SchemaViolationError, match="line 3, column t: no time"):
        source(file, time_column="t").read(OCCASION)


@pytest.mark.parametrize(
    "content", ["", "consumer,wh,site\nb,2,\na,1", "consumer,wh", 'consumer,wh,site\n"a']
)
def test_a_file_that_ends_in_the_middle_of_a_line_is_incomplete(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(IncompleteError, match="ends in the middle of a line") as caught:
        source(file).read(OCCASION)
    assert caught.value.transient
    assert "rename" in caught.value.hint


def test_a_file_that_changes_while_it_is_read_is_incomplete(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fstat = os.fstat

    def fstat_and_append(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        with file.open("a") as stream:
            stream.write("c,3,\n")
        return status

    monkeypatch.setattr(os, "fstat", fstat_and_append)
    with pytest.raises(IncompleteError, match="changed while it was read") as caught:
        source(file).read(OCCASION)
    assert caught.value.transient


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"consumer,wh,site\n\xff,1,\n", "line 2: the text is not UTF-8"),
        ("consumer,wh,site\n".encode("utf-16") + b"\n", "line 1: the text is UTF-16"),
        (b'consumer,wh,site,x\n"a"b,1,,\n', "line 2: no CSV"),
        (b'consumer,wh,site\n"a"b,1,\n', "no CSV"),
        (b'consumer,wh,site,x\n"a,1,,\n', "no CSV"),
    ],
)
def test_a_file_that_is_no_csv_is_nonsense(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(NonsenseError, match=message):
        source(file).read(OCCASION)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("folder.csv", "pipe.csv"):
        with pytest.raises(NonsenseError, match=r"not a regular file|a folder"):
            source(tmp_path / name).read(OCCASION)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RefusedError):
        source(tmp_path / "file" / "rows.csv").read(OCCASION)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_refused(file: Path) -> None:
    file.chmod(0)
    with pytest.raises(RefusedError, match="cannot be read"):
        source(file).read(OCCASION)


def test_a_file_that_is_too_large_is_not_read(file: Path) -> None:
    with pytest.raises(NonsenseError, match="larger than 10 bytes"):
        source(file, max_bytes=10).read(OCCASION)


@pytest.mark.parametrize(
    "options", [{"path": Path("x.xlsx")}, {"path": Path("x{begin}.csv")}, {"columns": {"x": "y"}}]
)
def test_options_that_make_no_sense_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(SourceError):
        FileSource("consumption", SCHEMA, **{"path": Path("x.csv"), **options})


def test_the_format_can_be_said_where_the_name_does_not_tell(tmp_path: Path) -> None:
    (tmp_path / "export").write_text(PLAIN)
    assert source(tmp_path / "export", format="csv").read(OCCASION).to_dicts() == EXPECTED


def parquet(path: Path, frame: pl.DataFrame) -> Path:
    content = io.BytesIO()
    frame.write_parquet(content)
    path.write_bytes(content.getvalue())
    return path


FRAME = pl.DataFrame(
    {"Meter": ["b", "a", "z"], "wh": [2, 1, 9], "site": [None, "s", None], "extra": [0.5, 1.5, 2.5]}
)
STAMPS = [START, START + HOUR - 1, START + HOUR]


@pytest.mark.parametrize(
    "times",
    [
        pl.Series("t", STAMPS),
        pl.Series("t", STAMPS, dtype=pl.UInt32),
        pl.Series("t", [str(stamp) for stamp in STAMPS]),
        pl.Series("t", [datetime.fromtimestamp(stamp, UTC).isoformat() for stamp in STAMPS]),
        pl.Series("t", [datetime.fromtimestamp(stamp, UTC) for stamp in STAMPS]),
        pl.Series("t", [datetime.fromtimestamp(stamp, ZoneInfo("Asia/Tokyo")) for stamp in STAMPS]),
    ],
    ids=["integers", "short integers", "digits", "texts", "times", "times in Tokyo"],
)  # fmt: skip
def test_a_parquet_file_is_cut_down_to_window_and_schema(tmp_path: Path, times: pl.Series) -> None:
    path = parquet(tmp_path / "rows.parquet", FRAME.with_columns(times))
    read = source(path, time_column="t", columns={"consumer": "Meter"}).read(OCCASION)
    assert read.to_dicts() == EXPECTED


@pytest.mark.parametrize(
    "times",
    [pl.Series("t", [1.0, 2.0, 3.0]), pl.Series("t", [START, None, START]), pl.Series("t", ["1", "x", "2"]),
     pl.Series("t", [datetime.fromtimestamp(START, UTC).replace(tzinfo=None)] * 3)],
    ids=["floats", "nulls", "nonsense", "no zone"],
)  # fmt: skip
def test_a_parquet_file_without_clear_times_is_refused(tmp_path: Path, times: pl.Series) -> None:
    path = parquet(tmp_path / "rows.parquet", FRAME.with_columns(times))
    with pytest.raises(SchemaViolationError, match="column t: no time"):
        source(path, time_column="t", columns={"consumer": "Meter"}).read(OCCASION)


def test_a_parquet_file_with_floats_in_a_column_of_the_schema_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", FRAME.with_columns(pl.col("wh").cast(pl.Float64)))
    with pytest.raises(SchemaViolationError, match="column wh: a floating point number"):
        source(path, columns={"consumer": "Meter"}).read(OCCASION)


def test_a_spoilt_parquet_file_is_never_more_than_a_source_s_error(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", FRAME)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(IncompleteError):
        source(path, columns={"consumer": "Meter"}).read(OCCASION)
    for at in range(0, len(whole), max(1, len(whole) // 200)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            source(path, columns={"consumer": "Meter"}).read(OCCASION)
        except SourceError:
            continue
