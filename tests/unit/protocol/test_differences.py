"""Two statements: exactly what differs is named, and who contradicts himself is found out."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.statement_samples import Work, meter

from worknet.protocol.differences import TableDifference, compare
from worknet.protocol.statement import Fingerprints, Statement, StatementError
from worknet.protocol.tables import Row

WORK = Work()
MINE = WORK.own()

CELLS = st.fixed_dictionaries(
    {
        "wh": st.integers(0, 3),
        "note": st.none() | st.sampled_from(["", "x"]),
    }
)
TABLES = st.dictionaries(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), CELLS, max_size=8)


def rows_of(cells: dict[tuple[str, int], dict[str, Any]]) -> list[Row]:
    return [{"meter": name, "slot": slot, **each} for (name, slot), each in cells.items()]


def differences(mine: Work, theirs: Work, **options: Any) -> dict[str, TableDifference]:
    found = compare(mine.own(0), theirs.own(1).statement, **options)
    return {each.name: each for each in found.tables}


@given(ours=TABLES, theirs=TABLES)
@settings(deadline=None, max_examples=80)
def test_exactly_what_differs_is_named(ours: dict[Any, Any], theirs: dict[Any, Any]) -> None:
    found = differences(Work(load=rows_of(ours)), Work(load=rows_of(theirs))).get("load")
    if ours == theirs:
        assert found is None
        return
    assert found is not None
    changed = {
        key: tuple(sorted(name for name in ours[key] if ours[key][name] != theirs[key][name]))
        for key in sorted(ours.keys() & theirs.keys())
        if ours[key] != theirs[key]
    }
    named = {tuple(value for _, value in row.key): row.columns for row in found.rows}
    assert named == changed
    assert found.differing == len(changed)
    assert found.columns == {
        name: count
        for name in ("note", "wh")
        if (count := sum(name in columns for columns in changed.values()))
    }
    mine_only = [tuple(value for _, value in key) for key in found.only_mine_keys]
    assert mine_only == sorted(ours.keys() - theirs.keys())
    assert found.only_mine == len(mine_only)
    assert found.only_theirs == len(theirs.keys() - ours.keys())
    assert (found.mine, found.theirs) == (len(ours), len(theirs))


def test_equal_work_gives_no_difference() -> None:
    found = compare(MINE, WORK.own(1).statement)
    assert (found.tables, found.manifest) == ((), ())
    assert found.same_inputs
    assert found.same_result


def test_a_changed_field_of_a_table_with_field_disclosure_is_named() -> None:
    other = Work(matches=[{"meter": "0", "matched": 0}, {"meter": "b", "matched": 3}])
    found = differences(WORK, other)["matches"]
    assert [(row.key, row.columns) for row in found.rows] == [((("meter", "b"),), ("matched",))]
    assert found.only_mine_keys == ((("meter", "a"),),)
    assert found.only_theirs == 1


def test_the_part_of_the_manifest_that_differs_is_named() -> None:
    found = compare(MINE, Work(summary={"matched": 4}).own(1).statement)
    assert found.manifest == ("summary",)
    assert found.same_inputs
    assert not found.same_result


def test_results_that_were_made_from_others_are_told_apart_by_their_parents() -> None:
    found = compare(MINE, Work(parents=(b"\x77" * 32,)).own(1).statement)
    assert (found.manifest, found.same_inputs) == (("parents",), True)


def test_same_inputs_with_another_result_are_told_as_such() -> None:
    found = compare(MINE, Work(matches=[]).own(1).statement)
    assert found.same_inputs
    assert not found.same_result
    assert found.manifest == ("tables",)


def test_more_rows_than_are_named_are_counted() -> None:
    many = [meter(f"m{number:03}") for number in range(30)]
    found = differences(Work(load=many), Work(load=[{**row, "wh": 6} for row in many]), most=5)["load"]
    assert found.differing == 30
    assert found.columns == {"wh": 30}
    assert [row.key[0] for row in found.rows] == [("meter", f"m{number:03}") for number in range(5)]


@pytest.mark.parametrize("whose", ["mine", "theirs"])
def test_a_statement_of_roots_names_the_tables_alone(whose: str) -> None:
    levels: Any = ("roots", "rows") if whose == "mine" else ("rows", "roots")
    mine, theirs = WORK.own(0, levels[0]), Work(load=[meter("a", wh=6)]).own(1, levels[1]).statement
    found = compare(mine, theirs)
    assert found.tables == (TableDifference("dataset", "load", 3, 1),)
    assert found.manifest == ()


def test_a_table_that_only_one_has_is_named() -> None:
    theirs = replace(WORK.own(1).statement, datasets=())
    assert compare(MINE, theirs).tables == (TableDifference("dataset", "load", 3, None),)


def lying(work: Work, **changes: Any) -> Statement:
    """The statement on this work with other fingerprints of its load, or other leaves."""
    statement = work.own(1).statement
    [load] = statement.datasets
    assert load.details is not None
    return replace(statement, datasets=(replace(load, details=replace(load.details, **changes)),))


def details(work: Work) -> Fingerprints:
    [load] = work.own(1).statement.datasets
    assert load.details is not None
    return load.details


OTHER = Work(load=[meter("a", wh=6), meter("b"), meter("c")])


def test_who_states_another_row_as_equal_is_found_out() -> None:
    with pytest.raises(StatementError, match="of row 0 it states otherwise than its leaf proves"):
        compare(MINE, lying(OTHER, columns=details(WORK).columns))


def test_who_states_an_equal_row_as_another_is_found_out() -> None:
    columns = details(OTHER).columns
    false = {**columns, "wh": (columns["wh"][0], b"\0" * 16, columns["wh"][2])}
    with pytest.raises(StatementError, match="of row 1 it states otherwise"):
        compare(MINE, lying(OTHER, columns=false))


def test_who_states_a_shifted_row_as_another_is_found_out() -> None:
    work = Work(load=[meter("0"), *WORK.load])
    columns = details(work).columns
    false = {**columns, "note": (*columns["note"][:3], b"\0" * 16)}
    with pytest.raises(StatementError, match="of row 3 it states otherwise"):
        compare(MINE, lying(work, columns=false))


def test_rows_out_of_order_are_refused() -> None:
    keys = details(OTHER).keys
    with pytest.raises(StatementError, match="not in the order of their keys"):
        compare(MINE, lying(OTHER, keys=(keys[2], keys[1], keys[0])))


def test_columns_that_the_schema_has_not_are_refused() -> None:
    with pytest.raises(StatementError, match="others than the workflow declares"):
        compare(MINE, lying(OTHER, columns={}))


def test_a_false_fingerprint_of_the_manifest_is_found_out() -> None:
    statement = Work(summary={"matched": 4}).own(1).statement
    with pytest.raises(StatementError, match="of the manifest"):
        compare(MINE, replace(statement, manifest_parts=MINE.statement.manifest_parts))


def test_no_word_of_the_other_comes_before_people_as_a_key_of_the_manifest() -> None:
    statement = Work(summary={"matched": 4}).own(1).statement
    parts = {**statement.manifest_parts, "call 555-0100 to have this mended": b"\0" * 16}
    with pytest.raises(StatementError, match="keys of its manifest") as caught:
        compare(MINE, replace(statement, manifest_parts=parts))
    assert "555" not in str(caught.value)


def test_an_error_names_no_value_of_a_row() -> None:
    with pytest.raises(StatementError) as caught:
        compare(
            Work(load=[meter("secretmeter", wh=1)]).own(),
            lying(Work(load=[meter("secretmeter")]), columns={}),
        )
    assert "secretmeter" not in str(caught.value)


def test_what_is_compared_is_shown_by_no_repr() -> None:
    mine = Work(load=[meter("secretmeter", note="secretnote")]).own()
    found = compare(mine, WORK.own(1).statement)
    assert "secret" not in repr(mine) + repr(found)
