"""The fast encoding and commitment equal the protocol's reference, and rfc8785."""

from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from tests.unit.tables.strategies import quickly, tables

from worknet.protocol import merkle
from worknet.protocol import tables as reference
from worknet.protocol.canonical import encode
from worknet.protocol.tables import Salter
from worknet.tables import (
    commit,
    commit_table,
    encode_fields,
    encode_rows,
    frame_of_rows,
    validate,
)

SALTER = Salter(bytes(range(32)), bytes(31) + b"\x01", 1)


def committed(schema, rows, salter=SALTER):
    return commit_table("table", "t", schema, validate("t", schema, frame_of_rows("t", schema, rows)), salter)


@quickly
@given(tables())
def test_rows_are_encoded_as_the_protocol_and_rfc8785_encode_them(table):
    schema, rows = table
    encoded = encode_rows(frame_of_rows("t", schema, rows))
    assert encoded == [encode(row) for row in rows]
    assert encoded == [rfc8785.dumps(row) for row in rows]


@quickly
@given(tables())
def test_fields_are_encoded_as_the_protocol_encodes_them(table):
    schema, rows = table
    for name, values in encode_fields(schema, frame_of_rows("t", schema, rows)).items():
        assert values == [encode([name, row[name]]) for row in rows]


def test_every_character_is_escaped_as_rfc8785_escapes_it(meters):
    everything = [chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000]
    everything += ["\ue000", "\ufeff", "\uffff", "\U0001f600", "\U0010ffff"]
    rows = [{"id": f"<{text}>", "wh": 2**53 - 1, "site": None} for text in everything]
    assert encode_rows(frame_of_rows("t", meters, rows)) == [rfc8785.dumps(row) for row in rows]


@pytest.mark.parametrize(("field_disclosure", "decoys"), [(False, 0), (True, 0), (True, 1), (True, 9)])
def test_trees_equal_those_of_the_reference(field_disclosure, decoys):
    @quickly
    @given(tables(field_disclosure, decoys))
    def law(table):
        schema, rows = table
        frame = validate("t", schema, frame_of_rows("t", schema, rows))
        ordered = reference.sort_rows("t", schema, rows)
        leaves = reference.row_leaves("dataset", "t", schema, ordered, SALTER)
        found = commit_table("dataset", "t", schema, frame, SALTER)
        assert found.tree.hashes == [merkle.leaf_hash(leaf) for leaf in leaves]
        assert found.root == merkle.root(leaves)
        assert found.leaf == reference.table_leaf("dataset", "t", len(rows), merkle.root(leaves), SALTER)

    law()


@pytest.mark.parametrize("leaves_at_once", [1, 7, 16])
@pytest.mark.parametrize("field_disclosure", [False, True])
def test_a_table_committed_in_parts_has_the_tree_of_the_whole(
    meters, monkeypatch, field_disclosure, leaves_at_once
):
    schema = replace(meters, field_disclosure=field_disclosure, decoys=2 * field_disclosure)
    rows = [{"id": f"m{number}", "wh": number, "site": None} for number in range(40)]
    whole = committed(schema, rows)
    monkeypatch.setattr(commit, "_LEAVES_AT_ONCE", leaves_at_once)
    assert committed(schema, rows).tree.hashes == whole.tree.hashes


def test_another_attempt_gives_other_roots(meters):
    rows = [{"id": "a", "wh": 1, "site": None}]
    again = Salter(SALTER.data_key, SALTER.voting_id, 2)
    assert committed(meters, rows).root != committed(meters, rows, again).root
