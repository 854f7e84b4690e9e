"""Statements: their one text, what they must lead to, and that nothing of a row stands in them."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.statement_samples import METERS, SALTER, VOTING, Work, meter, place, table

from worknet.protocol import fingerprints
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import decode, encode
from worknet.protocol.fingerprints import state
from worknet.protocol.statement import Statement, StatementError
from worknet.protocol.tables import Salter

WORK = Work()
STATEMENT = WORK.own().statement
TEXT = STATEMENT.to_bytes()


def changed(**changes: Any) -> bytes:
    """The text with other values under keys of the document; a key `a/b` is that of an inner object."""
    document = decode(TEXT)
    for path, value in changes.items():
        *outer, last = path.split("/")
        inner = document
        for name in outer:
            inner = inner[name]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return encode(document)


@pytest.mark.parametrize("level", ["roots", "rows"])
def test_a_statement_is_read_as_it_was_written(level: Any) -> None:
    statement = WORK.own(level=level).statement
    assert Statement.parse(statement.to_bytes()) == statement


def test_a_statement_leads_to_the_ballot_of_its_worker() -> None:
    STATEMENT.check(WORK.pair(), SALTER)


@pytest.mark.parametrize("level", ["roots", "rows"])
def test_a_statement_on_other_rows_does_not_lead_to_the_ballot(level: Any) -> None:
    other = Work(load=[meter("a", wh=6)]).own(level=level).statement
    with pytest.raises(StatementError, match="does not lead to the ballot of worker 0"):
        other.check(WORK.pair(), SALTER)


def test_the_statement_of_one_attempt_does_not_lead_to_the_ballot_of_the_next() -> None:
    with pytest.raises(StatementError, match="does not lead"):
        STATEMENT.check(WORK.pair(), replace(SALTER, attempt=2))


def test_rows_that_do_not_lead_to_their_root_are_refused() -> None:
    [load] = STATEMENT.datasets
    assert load.details is not None
    swapped = replace(load.details, leaves=load.details.leaves[::-1])
    statement = replace(STATEMENT, datasets=(replace(load, details=swapped),))
    with pytest.raises(StatementError, match="the rows of dataset load do not lead to its root"):
        statement.check(WORK.pair(), SALTER)


def test_a_table_whose_rows_do_not_fit_is_told_by_its_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "MOST_FINGERPRINTS", 8)
    statement = WORK.own().statement
    load, matches = statement.all_tables()
    assert load.details is None
    assert matches.details is not None
    statement.check(WORK.pair(), SALTER)


def test_more_fingerprints_than_are_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worknet.protocol.statement.MOST_FINGERPRINTS", 12)
    with pytest.raises(StatementError, match="more than 12 fingerprints"):
        Statement.parse(TEXT)


BAD: dict[str, dict[str, Any]] = {
    "another version": {"protocol": 2},
    "a version that is true": {"protocol": True},
    "a key too many": {"more": 1},
    "a key too few": {"worker": ...},
    "no such level": {"level": "values"},
    "a level that is a list": {"level": []},
    "a level that is an object": {"level": {}},
    "a level without fingerprints that has some": {"level": "roots"},
    "no contract": {"contract": "0x00"},
    "a voting id in upper case": {"voting": "0x" + "AB" * 32},
    "attempt 0": {"attempt": 0},
    "a worker below 0": {"worker": -1},
    "a worker that is true": {"worker": True},
    "a dataset with no name": {"datasets/": {"rows": 0, "root": "0x" + "00" * 32, "fingerprints": None}},
    "a root of 31 bytes": {"datasets/load/root": "0x" + "00" * 31},
    "a number of rows that is no number": {"datasets/load/rows": "3"},
    "fewer leaves than rows": {"datasets/load/fingerprints/leaves": "0x" + "00" * 64},
    "fewer keys than rows": {"datasets/load/fingerprints/keys": "0x" + "00" * 32},
    "a key twice": {"datasets/load/fingerprints/keys": "0x" + "00" * 48},
    "a column that is short": {"datasets/load/fingerprints/columns/wh": "0x" + "00" * 47},
    "a column with no name": {"datasets/load/fingerprints/columns/W": "0x" + "00" * 48},
    "more rows than fingerprints": {"datasets/load/rows": 4},
    "datasets that are a list": {"datasets": []},
    "a manifest without a leaf": {"manifest/leaf": None},
    "a manifest without fingerprints": {"manifest/fingerprints": None},
    "a manifest with a list of fingerprints": {"manifest/fingerprints": []},
    "a long fingerprint": {"manifest/fingerprints/bundle": "0x" + "00" * 17},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_statement_is_refused(name: str) -> None:
    with pytest.raises(StatementError):
        Statement.parse(changed(**BAD[name]))


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{}", b"\xff", TEXT[:-1], TEXT + b" ", b" " + TEXT])
def test_a_text_that_is_not_whole_is_refused(text: bytes) -> None:
    with pytest.raises(StatementError):
        Statement.parse(text)


def test_a_statement_that_is_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worknet.protocol.statement.LARGEST_STATEMENT", len(TEXT) - 1)
    with pytest.raises(StatementError, match="more than"):
        Statement.parse(TEXT)


def test_a_statement_of_too_many_parts_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worknet.protocol.statement.decode", lambda _: pytest.fail("it was read"))
    with pytest.raises(StatementError, match="more than 65536 parts"):
        Statement.parse(b"[" + b"[]," * ((1 << 16) + 1) + b"[]]")


@given(place_=st.integers(0, len(TEXT) - 1), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=60)
def test_no_other_text_leads_to_the_ballot_but_with_other_fingerprints(place_: int, bit: int) -> None:
    flipped = TEXT[:place_] + bytes([TEXT[place_] ^ 1 << bit]) + TEXT[place_ + 1 :]
    try:
        read = Statement.parse(flipped)
        read.check(WORK.pair(), SALTER)
    except StatementError:
        return
    # What is left is what only the network, or a comparison, can tell.
    assert read != STATEMENT
    assert (
        replace(
            read,
            place=STATEMENT.place,
            datasets=STATEMENT.datasets,
            tables=STATEMENT.tables,
            manifest_parts=STATEMENT.manifest_parts,
        )
        == STATEMENT
    )


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6, max_size=12)


@given(meters=st.lists(WORDS, min_size=1, max_size=4, unique=True), note=WORDS, wh=st.integers(10**9, 10**15))
@settings(deadline=None, max_examples=30)
def test_no_value_of_a_row_stands_in_a_statement(meters: list[str], note: str, wh: int) -> None:
    work = Work(load=[meter(name, wh=wh, note=note) for name in meters])
    plain = Work(load=[meter(str(number)) for number in range(len(meters))])
    assert _without_hashes(work) == _without_hashes(plain)


def _without_hashes(work: Work) -> bytes:
    """What stands in the statement beside hashes and fingerprints."""
    return re.sub(rb"0x[0-9a-f]*", b"", work.own().statement.to_bytes())


def test_equal_values_in_two_rows_have_other_fingerprints() -> None:
    [load] = Work(load=[meter("a", wh=7), meter("b", wh=7)]).own().statement.datasets
    assert load.details is not None
    assert len(set(load.details.columns["wh"])) == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(SALTER, attempt=2),
        replace(SALTER, voting_id=b"\x12" * 32),
        replace(SALTER, data_key=b"\x23" * 32),
    ],
    ids=["attempt", "voting", "data key"],
)
def test_fingerprints_are_of_one_attempt_voting_and_data_key(other: Salter) -> None:
    [mine], [theirs] = (WORK.own(salter=salter).statement.datasets for salter in (SALTER, other))
    assert mine.details is not None
    assert theirs.details is not None
    assert not set(mine.details.keys) & set(theirs.details.keys)


def test_fingerprints_are_of_one_table() -> None:
    two = [table("dataset", name, METERS, WORK.load) for name in ("load", "other")]
    first, second = state(place(), "rows", two, [], WORK.manifest(), SALTER).statement.datasets
    assert first.details is not None
    assert second.details is not None
    assert not set(first.details.keys) & set(second.details.keys)


def test_a_statement_of_roots_has_no_fingerprint() -> None:
    statement = WORK.own(level="roots").statement
    assert [each.details for each in statement.all_tables()] == [None, None]
    assert not statement.manifest_parts


def test_the_pair_of_a_statement_is_that_of_the_reference() -> None:
    assert isinstance(STATEMENT.pair(SALTER), Pair)
    assert STATEMENT.place.voting_id == VOTING
