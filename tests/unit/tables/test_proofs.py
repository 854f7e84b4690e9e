"""Proofs out of a committed table: all of them lead to its root, and what is not there is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from tests.unit.tables.strategies import quickly, tables

from worknet.protocol import merkle
from worknet.protocol.canonical import encode
from worknet.protocol.leaves import salts_of
from worknet.protocol.tables import Salter, sort_rows
from worknet.tables import DataError, TableProofs, commit_table, frame_of_rows, validate

SALTER = Salter(bytes(range(32)), bytes(31) + b"\x01", 1)
ROWS = [{"id": name, "wh": wh, "site": None} for wh, name in enumerate(["b", "a", "a'\""])]


def proofs_of(schema, rows, salter=SALTER):
    frame = validate("t", schema, frame_of_rows("t", schema, rows))
    return TableProofs(commit_table("table", "t", schema, frame, SALTER), salter)


@pytest.fixture
def fieldwise(meters):
    return replace(meters, field_disclosure=True)


@quickly
@given(tables())
def test_every_row_is_proved_with_its_values(table):
    schema, rows = table
    proofs = proofs_of(schema, rows)
    made = [proofs.row(index) for index in range(len(rows))]
    assert [proof.values for proof in made] == sort_rows("t", schema, rows)
    for index, proof in enumerate(made):
        leaf = proof.salt + encode(proof.values)
        merkle.verify_inclusion(leaf, index, len(rows), proof.path, proofs.table.root)
    assert list(proofs.rows()) == made


@pytest.mark.parametrize("decoys", [0, 1, 6])
def test_every_field_is_proved_with_its_value(decoys):
    @quickly
    @given(tables(field_disclosure=True, decoys=decoys))
    def law(table):
        schema, rows = table
        proofs = proofs_of(schema, rows)
        for index, row in enumerate(sort_rows("t", schema, rows)):
            proof = proofs.fields(index)
            assert {each.name: each.value for each in proof.fields} == row
            assert proof.count == len(row) + decoys
            leaf = proof.salt + proof.root
            merkle.verify_inclusion(leaf, index, len(rows), proof.path, proofs.table.root)
            for each in proof.fields:
                leaf = each.salt + encode([each.name, each.value])
                merkle.verify_inclusion(leaf, each.index, proof.count, each.path, proof.root)

    law()


def test_only_the_fields_that_are_named_are_in_a_proof(fieldwise):
    proof = proofs_of(fieldwise, ROWS).fields(1, ("wh", "id"))
    assert [(each.name, each.index) for each in proof.fields] == [("id", 0), ("wh", 2)]


def test_fields_among_decoys_stand_by_their_place(fieldwise):
    proof = proofs_of(replace(fieldwise, decoys=40), ROWS).fields(1)
    places = [each.index for each in proof.fields]
    assert places == sorted(set(places))


def test_the_key_of_a_table_gives_the_salts_of_all_its_rows(meters):
    proofs = proofs_of(meters, ROWS)
    assert [proof.salt for proof in proofs.rows()] == salts_of(proofs.key, 3)
    assert proofs.field_keys() is None


def test_the_keys_of_fields_give_the_salts_of_all_fields(fieldwise):
    proofs = proofs_of(fieldwise, ROWS)
    for index, key in enumerate(proofs.field_keys()):
        assert [each.salt for each in proofs.fields(index).fields] == salts_of(key, 3)


def test_other_salts_than_those_of_the_commitment_are_refused(meters):
    for other in (Salter(bytes(32), SALTER.voting_id, 1), replace(SALTER, attempt=2)):
        with pytest.raises(DataError, match="not the salts"):
            proofs_of(meters, ROWS, other)


def test_a_row_is_found_by_its_key(meters):
    proofs = proofs_of(meters, ROWS)
    assert [proofs.find([key]) for key in ("a", "a'\"", "b")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("key", "said"), [(["c"], "no row has this key"), ([1], "a int where"), (["a", "b"], "a key of 2 values")]
)
def test_a_key_that_no_row_has_is_told(meters, key, said):
    with pytest.raises(DataError, match=said):
        proofs_of(meters, ROWS).find(key)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_row_beyond_the_table_is_told(fieldwise, index):
    for prove in (proofs_of(fieldwise, ROWS).row, proofs_of(fieldwise, ROWS).fields):
        with pytest.raises(DataError, match=f"has 3 rows, none at {index}"):
            prove(index)


def test_a_field_that_the_table_has_not_is_told_with_those_it_has(fieldwise):
    with pytest.raises(DataError, match="no column name") as caught:
        proofs_of(fieldwise, ROWS).fields(0, ["name"])
    assert caught.value.hint == "it has id, site, wh"


def test_fields_of_a_table_that_discloses_whole_rows_are_refused(meters):
    with pytest.raises(DataError, match="disclosed whole"):
        proofs_of(meters, ROWS).fields(0, ["wh"])
