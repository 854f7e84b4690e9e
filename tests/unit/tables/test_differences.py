"""The first row in which two tables differ: by key, column, and both values."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.tables import frame_of_rows, validate
from worknet.tables.differences import first_difference

SCHEMA = Schema((Column("id", "bigint"), Column("wh", "int", nullable=True)), ("id",), False)
TABLES = st.dictionaries(st.integers(-30, 30), st.none() | st.integers(0, 3), max_size=6)


def frame(values):
    rows = [{"id": str(key), "wh": value} for key, value in values.items()]
    return validate("t", SCHEMA, frame_of_rows("t", SCHEMA, rows))


def difference(first, other):
    return first_difference("table", "t", SCHEMA, frame(first), frame(other))


def test_equal_tables_have_none():
    assert difference({1: 2, 3: None}, {3: None, 1: 2}) is None


def test_a_value_is_named_by_key_and_column():
    found = difference({1: 2, 3: 4, 5: 6}, {1: 2, 3: None, 5: 0})
    assert (found.key, found.column, found.first, found.other) == ({"id": "3"}, "wh", 4, None)
    assert found.text() == "table t, row id='3', column wh: 4, then None"


def test_a_row_that_only_one_side_has_is_named_by_its_key():
    found = difference({1: 2, 3: 4}, {1: 2, -3: 4, 3: 4})
    assert (found.key, found.column, found.first) == ({"id": "-3"}, "", None)
    assert found.text() == "table t, row id='-3': no such row, then there"


def test_the_last_row_may_be_the_one_that_is_missing():
    assert difference({1: 2, 3: 4}, {1: 2}).other is None


def test_values_are_in_no_repr():
    assert "4" not in repr(difference({3: 4}, {3: 5}))


@given(first=TABLES, other=TABLES)
def test_the_least_key_whose_rows_differ_is_found_and_none_if_no_rows_do(first, other):
    least = min(
        (key for key in first.keys() | other.keys() if _row(first, key) != _row(other, key)), default=None
    )
    found = difference(first, other)
    assert (None if found is None else found.key) == (None if least is None else {"id": str(least)})


def _row(table, key):
    return (key in table, table.get(key))


def test_frames_of_other_chunks_are_equal():
    whole = frame({1: 2, 3: 4})
    pieces = pl.concat([whole[:1], whole[1:]], rechunk=False)
    assert first_difference("table", "t", SCHEMA, whole, pieces) is None
