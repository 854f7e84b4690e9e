"""CSV as wind turbines and spreadsheets write it: each mess is refused at its place, with how to mend it."""

import pytest

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import NonsenseError, Occasion, Origin, RefusedError, SchemaViolationError, SourceError
from worknet.sources.tabular import Layout, csv_rows

SCHEMA = Schema((Column("at", "time"), Column("kwh", "decimal", digits=1), Column("wind", "int")), ("at",))
ORIGIN = Origin("turbine", "wt.csv")
HEAD = "at,kwh,wind\n2026-10-25T00:30:00Z,1.5,7\n"
WINDOW = Window(1761350400, 1792972800)


def read(text: str | bytes, time_column: str | None = None) -> list[dict[str, object]]:
    layout = Layout.of(SCHEMA, None, time_column, ORIGIN)
    content = text.encode() if isinstance(text, str) else text
    window = WINDOW if time_column else None
    return csv_rows(content, layout, window, ORIGIN).to_dicts()


@pytest.mark.parametrize("time_column", [None, "at"], ids=["whole", "cut to a window"])
@pytest.mark.parametrize(
    ("row", "column", "message", "hint"),
    [
        ("2026-10-25T02:30:00Z,NaN,7", "kwh", "decimal", "the field is empty"),
        ("2026-10-25T02:30:00Z,1.5,NA", "wind", "integer", "the field is empty"),
        ("2026-10-25T02:30:00Z,1.5,-inf", "wind", "integer", "the field is empty"),
        ("2026-10-25T02:30:00Z,,7", "kwh", "null where a value is due", ""),
        ('2026-10-25T02:30:00Z,"1,5",7', "kwh", "decimal", "with a point"),
        ("2026-10-25T02:30:00Z,1.55,7", "kwh", "the schema's digits", '"rounded" any number'),
        ("2026-10-25T02:30:00Z,-1,7", "kwh", "the schema's digits", '"padded" takes other zeros'),
        ("2026-10-25T02:30:00+02:00,1.5,7", "at", "time", 'times = "utc"'),
        ("2026-10-25T02:30:00Z,1.5e3,7", "kwh", "decimal", "without an exponent"),
        ("2026-10-25T02:30:00Z,1.5,7.0", "wind", "integer", "whole units"),
        ("2026-10-25T02:30:00Z,1.5, 7", "wind", "integer", "spaces"),
        ("2026-10-25T02:30:00Z,1.5,99999999999999999999", "wind", "2^53", ""),
        ("2026-10-25 02:30:00,1.5,7", "at", "time", "ambiguous when clocks change"),
        ("25.10.2026 02:30,1.5,7", "at", "time", "ambiguous when clocks change"),
        ("2026-10-25T00:30:00Z,1.5,7", "at", "the key of line 2 occurs again", "the key is at"),
        ("total: 3 rows", "", "1 fields where the header has 3", "note after the rows"),
        ("2026-10-25T02:30:00Z,1,5,7", "", "4 fields where the header has 3", "not quoted"),
        ("", "", "1 fields where the header has 3", "note after the rows"),
    ],
)
def test_a_mess_is_told_by_line_column_and_remedy(
    row: str, column: str, message: str, hint: str, time_column: str | None
) -> None:
    with pytest.raises(SchemaViolationError) as caught:
        read(HEAD + row + "\n", time_column)
    assert (caught.value.line, caught.value.column) == (3, column)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (HEAD.replace(",", ";"), "no such column", "not by semicolons"),
        (HEAD.replace(",", "\t"), "no such column", "not by tabs"),
        (HEAD.replace("at,kwh", "at, kwh"), "no such column", "spaces around it"),
        (HEAD.replace("kwh", "kwh,kwh"), "names it twice", ""),
        ("exported 2026\n" + HEAD, "no such column", "the first line names the columns"),
        (HEAD.encode("utf-16"), "UTF-16", "UTF-8"),
        (HEAD.encode() + b"\xb0,1,2\n", "line 3: the text is not UTF-8", "UTF-8"),
        ("\n", "no such column", ""),
        (HEAD + 'x,"', "middle of a line", "rename"),
        ("", "middle of a line", "rename"),
    ],
)
def test_a_text_that_is_no_such_table_is_told(content: str | bytes, message: str, hint: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read(content)
    assert hint in caught.value.hint


def test_a_null_byte_is_no_worse_than_any_other_mess() -> None:
    with pytest.raises(SourceError):
        read(HEAD + "2026-10-25T02:30:00Z,1.5,7\0\n")


def test_a_field_is_never_shown() -> None:
    with pytest.raises(SchemaViolationError) as caught:
        read(HEAD + "2026-10-25T02:30:00Z,s3cret,7\n")
    assert "s3cret" not in str(caught.value) + caught.value.hint


def test_an_event_cannot_be_cut_out_of_a_table() -> None:
    layout = Layout.of(SCHEMA, None, "at", ORIGIN)
    with pytest.raises(RefusedError, match="no window"):
        layout.window(Occasion(event={"at": 1}), ORIGIN)


def test_a_field_without_end_is_nonsense() -> None:
    with pytest.raises(NonsenseError, match="field larger than field limit"):
        read(HEAD.replace("1.5", '"' + "9" * (1 << 24) + '9"') + "\n")
