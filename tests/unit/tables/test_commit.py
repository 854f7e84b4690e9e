"""The fast encoding and commitment equal the protocol's reference, and rfc8785."""

import pytest
import rfc8785
from hypothesis import given
from tests.unit.tables.strategies import quickly, tables

from worknet.protocol import merkle, salts
from worknet.protocol import tables as reference
from worknet.protocol.canonical import encode
from worknet.protocol.tables import Salter
from worknet.tables import (
    DataError,
    commit_table,
    encode_fields,
    encode_rows,
    find_row,
    frame_of_rows,
    leaf_datas,
    prove_row,
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


@pytest.mark.parametrize("field_disclosure", [False, True])
def test_leaves_equal_those_of_the_reference(field_disclosure):
    @quickly
    @given(tables(field_disclosure=field_disclosure))
    def law(table):
        schema, rows = table
        frame = validate("t", schema, frame_of_rows("t", schema, rows))
        ordered = reference.sort_rows("t", schema, rows)
        leaves = reference.row_leaves("dataset", "t", schema, ordered, SALTER)
        assert leaf_datas("dataset", "t", schema, frame, SALTER) == leaves
        table_committed = commit_table("dataset", "t", schema, frame, SALTER)
        assert table_committed.root == merkle.root(leaves)
        leaf = reference.table_leaf("dataset", "t", len(rows), merkle.root(leaves), SALTER)
        assert table_committed.leaf == leaf

    law()


@pytest.mark.parametrize("field_disclosure", [False, True])
def test_every_row_can_be_proved(field_disclosure):
    @quickly
    @given(tables(field_disclosure=field_disclosure))
    def law(table):
        schema, rows = table
        found = committed(schema, rows)
        for index in range(found.rows):
            proof = prove_row(found, index, SALTER)
            merkle.verify_inclusion(proof.leaf, index, proof.rows, proof.path, found.root)
            inner = merkle.root([salt + field for _, salt, field in proof.fields])
            assert proof.leaf == proof.salt + (inner if field_disclosure else proof.row)

    law()


def test_another_attempt_gives_other_roots(meters):
    rows = [{"id": "a", "wh": 1, "site": None}]
    again = Salter(SALTER.data_key, SALTER.voting_id, 2)
    assert committed(meters, rows).root != committed(meters, rows, again).root


def test_a_proof_with_other_salts_is_refused(meters):
    found = committed(meters, [{"id": "a", "wh": 1, "site": None}])
    with pytest.raises(DataError, match="not the salts"):
        prove_row(found, 0, Salter(bytes(32), SALTER.voting_id, 1))


def test_a_row_is_found_by_its_key(meters):
    found = committed(meters, [{"id": name, "wh": 1, "site": None} for name in ("b", "a", "a'\"")])
    assert [find_row(found, (key,)) for key in ("a", "a'\"", "b")] == [0, 1, 2]
    with pytest.raises(DataError, match="no row has this key"):
        find_row(found, ("c",))
    with pytest.raises(DataError, match="a int where text is due"):
        find_row(found, (1,))
    with pytest.raises(DataError, match="a key of 2 values"):
        find_row(found, ("a", "b"))
    with pytest.raises(DataError, match="none at 3"):
        prove_row(found, 3, SALTER)


def test_salts_of_a_row_are_those_of_its_place(meters):
    found = committed(meters, [{"id": name, "wh": 1, "site": None} for name in "cab"])
    key = SALTER.document_key(salts.rows("table", "t"))
    assert prove_row(found, 2, SALTER).salt == salts.salt(key, 2)
