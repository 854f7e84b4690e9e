"""Validation in Polars agrees with the protocol's own, and names table, row and column of what it refuses."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tables.strategies import quickly, tables

from worknet.protocol.columns import Column, TableError
from worknet.protocol.tables import Schema, sort_rows
from worknet.tables import DataError, FloatError, empty, frame_of_rows, validate


def refusal(schema, frame, kind=DataError):
    with pytest.raises(kind) as caught:
        validate("t", schema, frame)
    assert caught.value.table == "t"
    return caught.value


@quickly
@given(tables(), st.randoms())
def test_rows_are_sorted_as_the_protocol_sorts_them_whatever_their_order(table, random):
    schema, rows = table
    random.shuffle(rows)
    assert validate("t", schema, frame_of_rows("t", schema, rows)).to_dicts() == sort_rows("t", schema, rows)


FORMS = {
    "bigint": st.text("-+0123456789. ", max_size=5) | st.sampled_from(["-0", "٣", "1\n", "١"]),
    "decimal": st.text("-+0123456789.", max_size=6) | st.sampled_from(["-0.00", "0.00", ".10", "1.٣٣"]),
    "bytes": st.text("0xaF1", max_size=6) | st.sampled_from(["0x", "0x0", "0xAB", "0x00\n"]),
    "time": st.sampled_from(
        ["2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2000-02-29T23:59:59Z",
         "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z",
         "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "0000-02-29T00:00:00Z",
         "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-01-01T00:00:00.00Z",
         "2024-01-01T00:00:00+00:00",
         "2024-01-01 00:00:00Z", "2024-01-01T00:00:00z", "2024-01-01T00:00:00Z\n", " 2024-01-01T00:00:00Z"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(FORMS))
@quickly
@given(data=st.data())
def test_a_text_is_refused_exactly_if_the_protocol_refuses_it(kind, data):
    digits = data.draw(st.sampled_from([0, 2])) if kind in {"decimal", "time"} else 0
    schema = Schema((Column("k", kind, digits=digits),), ("k",))
    rows = [{"k": data.draw(FORMS[kind])}]
    try:
        sort_rows("t", schema, rows)
    except TableError:
        assert refusal(schema, pl.DataFrame(rows)).column == "k"
    else:
        assert validate("t", schema, pl.DataFrame(rows)).to_dicts() == rows


def test_texts_are_compared_by_their_utf8_bytes():
    schema = Schema((Column("k", "str"),), ("k",))
    texts = ["\uffff", "\U0001f600", "z", "Z", "é", "e\u0301", "", "\x00", "10", "9"]
    found = validate("t", schema, pl.DataFrame({"k": texts}))["k"].to_list()
    assert found == sorted(texts, key=str.encode)


def test_false_stands_before_true_and_numbers_are_compared_as_numbers():
    schema = Schema((Column("b", "bool"), Column("n", "bigint")), ("b", "n"))
    rows = [
        {"b": True, "n": "1"},
        *({"b": False, "n": n} for n in ["10", "9", "-9", "-10", "0", "-1" + "0" * 40]),
    ]
    numbers = validate("t", schema, pl.DataFrame(rows))["n"].to_list()
    assert numbers == ["-1" + "0" * 40, "-10", "-9", "0", "9", "10", "1"]


def test_a_key_that_occurs_twice_names_both_rows(meters):
    frame = pl.DataFrame({"id": ["b", "a", "c", "a"], "wh": [1, 2, 3, 4], "site": [None] * 4})
    error = refusal(meters, frame.with_columns(pl.col("site").cast(pl.String)))
    assert (error.row, error.column) == (3, "id")
    assert "the key of row 1 occurs again" in str(error)
    assert "t, row 3, column id" in str(error)


def test_the_message_never_holds_a_value(meters):
    frame = pl.DataFrame({"id": ["secret", "secret"], "wh": [1, 2], "site": ["x", "y"]})
    assert "secret" not in str(refusal(meters, frame))


def test_a_missing_and_a_superfluous_column_are_refused(meters):
    assert refusal(meters, pl.DataFrame({"id": ["a"], "wh": [1]})).column == "site"
    frame = pl.DataFrame({"id": ["a"], "wh": [1], "site": ["s"], "more": [1]})
    assert refusal(meters, frame).column == "more"


def test_null_is_refused_where_a_value_is_due(meters):
    error = refusal(meters, pl.DataFrame({"id": ["a", None], "wh": [1, 2], "site": ["s", None]}))
    assert (error.row, error.column) == (1, "id")
    error = refusal(meters, pl.DataFrame({"id": ["a", "b"], "wh": [None, 2], "site": ["s", None]}))
    assert (error.row, error.column) == (0, "wh")


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**63 - 1, -(2**63)])
def test_integers_of_2_to_the_53_are_refused(meters, number):
    error = refusal(meters, pl.DataFrame({"id": ["a", "b"], "wh": [1, number], "site": ["s", "s"]}))
    assert (error.row, error.column) == (1, "wh")


@pytest.mark.parametrize("dtype", [pl.UInt64, pl.Int128])
def test_wide_integers_that_do_not_fit_are_refused_and_not_made_null(dtype):
    schema = Schema((Column("k", "str"), Column("n", "int", nullable=True)), ("k",))
    frame = pl.DataFrame({"k": ["a", "b"], "n": pl.Series([5, 2**63], dtype=dtype)})
    assert refusal(schema, frame).row == 1
    assert validate("t", schema, frame[:1])["n"].to_list() == [5]


def test_integers_of_any_width_become_int64(meters):
    frame = pl.DataFrame({"id": ["a"], "wh": pl.Series([7], dtype=pl.UInt32), "site": ["s"]})
    assert validate("t", meters, frame)["wh"].dtype == pl.Int64


@pytest.mark.parametrize("number", [1.0, 0.5, float("nan"), float("inf")])
def test_floats_are_refused_with_their_place(meters, number):
    error = refusal(
        meters, pl.DataFrame({"id": ["a", "b"], "wh": [None, number], "site": ["s", "s"]}), FloatError
    )
    assert (error.row, error.column) == (1, "wh")


def test_floats_within_lists_and_structs_are_refused_as_floats(meters):
    for nested in ([[1.0]], [{"x": [0.5]}]):
        frame = pl.DataFrame({"id": ["a"], "wh": nested, "site": ["s"]})
        assert refusal(meters, frame, FloatError).column == "wh"


@pytest.mark.parametrize("values", [["1"], [True], [[1]], [b"1"]])
def test_other_types_are_refused(meters, values):
    assert refusal(meters, pl.DataFrame({"id": ["a"], "wh": values, "site": ["s"]})).column == "wh"


def test_a_table_without_rows_and_a_column_of_nulls_are_tables(meters):
    assert validate("t", meters, empty(meters)).height == 0
    frame = pl.DataFrame({"id": ["a"], "wh": [1], "site": [None]})
    assert validate("t", meters, frame)["site"].dtype == pl.String


@pytest.mark.parametrize("dtype", [pl.Enum(["meter-of-alice"]), pl.Struct({"meter-of-alice": pl.Int64})])
def test_a_type_that_holds_values_is_named_without_them(dtype):
    schema = Schema((Column("id", "str"),), ("id",))
    with pytest.raises(DataError) as caught:
        validate("t", schema, pl.DataFrame({"id": pl.Series([], dtype=dtype)}))
    assert "alice" not in str(caught.value)
    assert type(dtype).__name__ in str(caught.value)
