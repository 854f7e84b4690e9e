"""Rows of Python values become frames, or errors with their place."""

import polars as pl
import pytest

from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.tables import DataError, FloatError, frame_of_rows


def refusal(schema, rows, kind=DataError):
    with pytest.raises(kind) as caught:
        frame_of_rows("t", schema, rows)
    return caught.value


def test_rows_keep_their_values_and_order(meters):
    rows = [{"id": "b", "wh": 2, "site": None}, {"site": "s", "wh": -1, "id": ""}]
    frame = frame_of_rows("t", meters, iter(rows))
    assert frame.to_dicts() == rows
    assert frame["site"].dtype == pl.String


def test_a_column_too_many_or_too_few_names_the_row(meters):
    error = refusal(meters, [{"id": "a", "wh": 1, "site": None}, {"id": "b", "wh": 1}])
    assert (error.row, error.column) == (1, "site")
    error = refusal(meters, [{"id": "a", "wh": 1, "site": None, "x": 1}])
    assert (error.row, error.column) == (0, "x")


@pytest.mark.parametrize("number", [1.0, float("nan"), [0.5], {"x": [1.5]}])
def test_floats_are_refused_even_whole_and_nested_ones(meters, number):
    error = refusal(
        meters, [{"id": "a", "wh": 1, "site": None}, {"id": "b", "wh": number, "site": None}], FloatError
    )
    assert (error.table, error.row, error.column) == ("t", 1, "wh")


@pytest.mark.parametrize("value", [True, "1", 2**63, 10**30])
def test_what_is_no_integer_or_too_large_is_refused(meters, value):
    error = refusal(meters, [{"id": "a", "wh": value, "site": None}])
    assert (error.row, error.column) == (0, "wh")


def test_a_lone_surrogate_is_refused(meters):
    error = refusal(meters, [{"id": "a", "wh": 1, "site": "x"}, {"id": "\ud800", "wh": 1, "site": None}])
    assert (error.row, error.column) == (1, "id")


def test_one_is_not_true():
    schema = Schema((Column("k", "bool"),), ("k",))
    assert refusal(schema, [{"k": 1}]).column == "k"


def test_what_is_no_row_is_refused(meters):
    assert refusal(meters, [["a", 1, None]]).row == 0
