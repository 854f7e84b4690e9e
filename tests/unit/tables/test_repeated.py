"""Of rows with the same key the one with the least canonical bytes counts, where the reader says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tables.strategies import quickly, tables

from worknet.protocol.canonical import encode
from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema, sort_rows
from worknet.tables import DataError, frame_of_rows, validate

SCHEMA = Schema(
    (Column("meter", "str"), Column("n", "int", nullable=True), Column("note", "str", nullable=True)),
    ("meter",),
)
rows = st.fixed_dictionaries(
    {
        "meter": st.sampled_from(["a", "b", "é"]),
        "n": st.none() | st.integers(-12, 12),
        "note": st.none() | st.text(max_size=2),
    }
)


@quickly
@given(st.lists(rows, max_size=8).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_row_of_least_canonical_bytes_counts_in_any_order(given_twice):
    least = {}
    for row in given_twice[0]:
        least[row["meter"]] = min(row, least.get(row["meter"], row), key=encode)
    for some in given_twice:
        found = validate("t", SCHEMA, frame_of_rows("t", SCHEMA, some), "least")
        assert found.to_dicts() == sort_rows("t", SCHEMA, list(least.values()))


@quickly
@given(tables())
def test_a_table_that_repeats_no_key_is_what_it_was(table):
    schema, some = table
    frame = frame_of_rows("t", schema, some)
    assert validate("t", schema, frame, "least").equals(validate("t", schema, frame))


def test_rows_that_do_not_fit_are_refused_though_another_one_of_their_key_counts():
    bad = frame_of_rows("t", SCHEMA, [{"meter": "a", "n": n, "note": None} for n in (1, 2**53)])
    with pytest.raises(DataError, match="2\\^53"):
        validate("t", SCHEMA, bad, "least")
