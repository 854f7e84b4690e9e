"""Tables: the order of rows, what is refused, and leaves that can be computed by hand."""

from decimal import Decimal
from hashlib import sha256
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol import merkle, salts
from worknet.protocol.columns import Column, TableError
from worknet.protocol.leaves import fields_of, salts_of
from worknet.protocol.tables import (
    Row,
    Salter,
    Schema,
    input_root,
    result_root,
    row_leaves,
    sort_rows,
    table_leaf,
)

SALTER = Salter(b"k" * 32, b"v" * 32, 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
DECIMALS = st.decimals(min_value=-(10**12), max_value=10**12, places=3).map(lambda d: f"{d + 0:.3f}")


def schema_of(column: Column) -> Schema:
    return Schema((column, Column("v", "int")), (column.name,))


def ordered(column: Column, values: list[Any]) -> list[Any]:
    rows: list[Row] = [{"k": value, "v": number} for number, value in enumerate(values)]
    return [row["k"] for row in sort_rows("t", schema_of(column), rows)]


@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), unique=True))
def test_integers_are_sorted_numerically(values: list[int]) -> None:
    assert ordered(Column("k", "int"), values) == sorted(values)


@given(st.lists(st.integers() | st.integers(-(10**80), 10**80), unique=True))
def test_big_integers_are_sorted_numerically(values: list[int]) -> None:
    assert ordered(Column("k", "bigint"), [str(value) for value in values]) == [
        str(v) for v in sorted(values)
    ]


@given(st.lists(DECIMALS.filter(lambda text: text != "-0.000"), unique=True))
def test_decimals_are_sorted_numerically(values: list[str]) -> None:
    assert ordered(Column("k", "decimal", digits=3), values) == sorted(values, key=Decimal)


@given(st.lists(TEXTS, unique=True))
def test_texts_are_sorted_by_their_bytes(values: list[str]) -> None:
    assert ordered(Column("k", "str"), values) == sorted(values, key=lambda text: text.encode())


@given(st.lists(st.tuples(TEXTS, st.booleans(), st.integers(0, 9)), unique=True), st.randoms())
def test_the_order_given_does_not_matter(keys: list[tuple[str, bool, int]], chance: Any) -> None:
    schema = Schema((Column("a", "str"), Column("b", "bool"), Column("c", "int")), ("b", "c", "a"))
    rows: list[Row] = [{"a": a, "b": b, "c": c} for a, b, c in keys]
    once = sort_rows("t", schema, rows)
    chance.shuffle(rows)
    assert sort_rows("t", schema, rows) == once
    assert [(row["b"], row["c"]) for row in once] == sorted((b, c) for _, b, c in keys)


def test_numbers_of_any_length_are_sorted() -> None:
    long = ["9" * 6000, "1" + "0" * 6000, "-" + "9" * 6000, "-1" + "0" * 6000]
    assert ordered(Column("k", "bigint"), long) == [long[3], long[2], long[0], long[1]]


def test_a_key_that_occurs_again_is_refused_with_its_place() -> None:
    rows: list[Row] = [{"k": key, "v": 0} for key in (3, 1, 2, 1)]
    with pytest.raises(TableError, match=r"table t, row 3, column k: the key of row 1 occurs again"):
        sort_rows("t", schema_of(Column("k", "int")), rows)


def test_an_error_names_table_row_and_column_and_shows_no_value() -> None:
    rows: list[Row] = [{"k": 1, "v": 1}, {"k": 2, "v": "secret"}]
    with pytest.raises(TableError) as refused:
        sort_rows("load", schema_of(Column("k", "int")), rows)
    assert (refused.value.table, refused.value.row, refused.value.column) == ("load", 1, "v")
    assert "secret" not in str(refused.value)


def test_a_float_is_refused() -> None:
    with pytest.raises(TableError, match="float"):
        sort_rows("t", schema_of(Column("k", "int")), [{"k": 1, "v": 1.0}])  # type: ignore[dict-item]  # wrong on purpose


def test_rows_are_committed_by_row_as_the_law_says() -> None:
    schema = schema_of(Column("k", "str"))
    rows: list[Row] = [{"k": "a", "v": 1}, {"k": "b", "v": 2}]
    first, second = salts_of(SALTER.document_key("table/t"), 2)
    wanted = [first + b'{"k":"a","v":1}', second + b'{"k":"b","v":2}']
    assert row_leaves("table", "t", schema, rows, SALTER) == wanted
    header = salts.salt(SALTER.document_key("header/table/t"))
    root = merkle.root(wanted)
    leaf = header + sha256(b"t").digest() + bytes(7) + b"\2" + root
    assert table_leaf("table", "t", 2, root, SALTER) == leaf


def test_rows_are_committed_by_field_as_the_law_says() -> None:
    schema = Schema((Column("v", "int"), Column("k", "str")), ("k",), field_disclosure=True)
    rows: list[Row] = [{"v": 1, "k": "a"}, {"v": 2, "k": "b"}]
    leaves = row_leaves("dataset", "d", schema, rows, SALTER)
    row_salts = salts_of(SALTER.document_key("dataset/d"), 2)
    k_salt, v_salt = salts_of(SALTER.document_key("fields/dataset/d/1"), 2)
    fields = merkle.root([k_salt + b'["k","b"]', v_salt + b'["v",2]'])
    assert leaves[1] == row_salts[1] + fields


def test_decoys_stand_among_the_fields_by_leaf_hash_as_the_law_says() -> None:
    schema = Schema((Column("v", "int"), Column("k", "str")), ("k",), field_disclosure=True, decoys=2)
    [leaf] = row_leaves("table", "t", schema, [{"v": 1, "k": "a"}], SALTER)
    [row_salt] = salts_of(SALTER.document_key("table/t"), 1)
    k_salt, v_salt, *decoys = salts_of(SALTER.document_key("fields/table/t/0"), 4)
    leaves = [k_salt + b'["k","a"]', v_salt + b'["v",1]', *decoys]
    hashes = sorted(sha256(b"\0" + each).digest() for each in leaves)
    assert leaf == row_salt + merkle.root_of_hashes(hashes)


def test_a_row_has_the_same_leaves_in_whatever_order_its_columns_are_declared() -> None:
    columns = (Column("a", "int"), Column("b", "str"), Column("c", "bool"))
    row: Row = {"a": 1, "b": "x", "c": True}
    roots = {
        row_leaves("table", "t", Schema(order, ("a",), True, 5), [row], SALTER)[0]
        for order in permutations(columns)
    }
    assert len(roots) == 1


def test_two_rows_have_their_fields_at_other_places_among_decoys() -> None:
    # With one place for all rows a shown field's place would tell which column of how many it is.
    rows: list[Row] = [{"k": "same", "v": 1}]
    keys = [SALTER.document_key(salts.fields("table", "t", number)) for number in range(40)]
    places = set()
    for key in keys:
        [k_salt] = salts_of(key, 1)
        places.add(fields_of(rows[0], key, 6).index(k_salt + b'["k","same"]'))
    assert places == set(range(8))


def test_a_schema_without_decoys_does_not_name_them() -> None:
    plain = Schema((Column("k", "str"),), ("k",), field_disclosure=True)
    assert "decoys" not in plain.document()
    assert Schema(plain.columns, plain.key, True, 7).document() == plain.document() | {"decoys": 7}


def test_roots_take_names_in_order_and_the_manifest_first() -> None:
    leaves = {"b": b"B" * 88, "a": b"A" * 88}
    assert input_root(leaves) == merkle.root([leaves["a"], leaves["b"]])
    assert result_root(b"manifest", leaves) == merkle.root([b"manifest", leaves["a"], leaves["b"]])
    assert input_root({}) == sha256(b"").digest()


def test_a_salter_does_not_show_its_key() -> None:
    assert "6b6b" not in repr(SALTER)
    assert "kkk" not in repr(SALTER)


def test_two_schemas_that_differ_have_two_digests() -> None:
    base = schema_of(Column("k", "str"))
    others = [
        Schema(base.columns[::-1], base.key),
        Schema(base.columns, base.key, field_disclosure=True),
        Schema(base.columns, base.key, field_disclosure=True, decoys=1),
        Schema(base.columns, ("v",)),
        schema_of(Column("k", "bytes")),
        Schema((base.columns[0], Column("v", "int", nullable=True)), base.key),
    ]
    assert len({base.digest(), *(other.digest() for other in others)}) == 7
