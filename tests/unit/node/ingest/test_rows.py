"""From the body of a message to rows: what is taken, in which form, and what is refused with which reason."""

import json
from dataclasses import replace
from typing import Any

import pytest

from worknet.node.inbox import Arrival, Aside, Kind, Marker, Row
from worknet.node.ingest.rows import DatasetForm, MalformedError, RowForm, identity_of
from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.sources.feed import Message
from worknet.sources.forms import EXACT, Forms

SCHEMA = Schema(
    (
        Column("meter", "str"),
        Column("wh", "int"),
        Column("price", "decimal", nullable=True, digits=2),
        Column("serial", "bigint", nullable=True),
    ),
    ("meter",),
)
FORM = DatasetForm(RowForm(SCHEMA, {"wh": "energy"}), "at", 3600, markers=True)
FIELDS: dict[str, Any] = {"meter": "m1", "energy": 5, "price": None, "serial": None, "at": 7300}


def arrivals(body: str | bytes, forms: Forms = EXACT) -> list[Arrival]:
    form = replace(FORM, rows=replace(FORM.rows, forms=forms))
    return form.arrivals(Message(body.encode() if isinstance(body, str) else body, "stream 7"))


def row(forms: Forms = EXACT, **changes: Any) -> Row:
    (arrival,) = arrivals(json.dumps({**FIELDS, **changes}), forms)
    assert isinstance(arrival, Row), arrival
    return arrival


def reason(**changes: Any) -> str:
    (arrival,) = arrivals(json.dumps({**FIELDS, **changes}))
    assert isinstance(arrival, Aside)
    assert arrival.kind is Kind.MALFORMED
    return arrival.reason


def price(text: str, forms: Forms = EXACT) -> object:
    body = '{"meter":"m","energy":1,"serial":null,"at":0,"price":' + text + "}"
    (arrival,) = arrivals(body, forms)
    return json.loads(arrival.content)["price"] if isinstance(arrival, Row) else None


def test_a_row_is_its_schemas_columns_in_canonical_form_and_belongs_to_the_window_of_its_time() -> None:
    arrival = row()
    assert arrival.content == b'{"meter":"m1","price":null,"serial":null,"wh":5}'
    assert arrival.start == 7200


@pytest.mark.parametrize(
    "time",
    [7300, "7300", "1970-01-01T02:01:40Z", "1970-01-01T03:01:40+01:00", "1970-01-01T02:01:40.999Z", 7300.75],
)
def test_a_rows_time_is_in_unix_seconds_or_iso_8601_with_a_zone(time: object) -> None:
    assert row(at=time).start == 7200


@pytest.mark.parametrize("time", [None, True, "yesterday", "2026-01-01T00:00:00", [1], 1e30])
def test_a_row_without_a_time_is_set_aside(time: object) -> None:
    assert reason(at=time) == "the field at is no Unix time, nor ISO 8601 with its zone"


def test_a_rows_key_is_its_window_and_schema_key_whatever_else_it_says() -> None:
    assert row(energy=1).key == row(energy=2).key != row(meter="m2").key


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1.5", "1.50"),
        ("1.5000", "1.50"),
        ("7", "7.00"),
        ("-0.0", "0.00"),
        ("-0.01", "-0.01"),
        ("15e-1", "1.50"),
        ("0.1", "0.10"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.12"),
        ('"1.5"', "1.50"),
    ],
)
def test_a_padded_number_becomes_a_decimal_without_a_float_on_the_way(number: str, text: str) -> None:
    assert price(number, Forms("padded")) == text


@pytest.mark.parametrize(
    "number", ["1.505", "1e-3", "1e999999999", "1e99999999999999999999", "NaN", "Infinity", "true", "[]"]
)
def test_what_is_no_decimal_of_the_schemas_digits_is_set_aside(number: str) -> None:
    assert price(number, Forms("padded")) is None


def test_without_a_word_only_the_protocols_own_form_is_taken() -> None:
    assert price('"1.50"') == "1.50"
    assert price("1.50") is None
    assert price('"1.5"') is None


def test_a_text_that_stands_for_no_value_is_null() -> None:
    taken = row(Forms(nulls=frozenset({"n/a"})), price="n/a")
    assert taken.content.startswith(b'{"meter":"m1","price":null')


def test_an_integer_of_any_size_may_stand_in_a_column_of_big_integers() -> None:
    assert b'"serial":"%d"' % 2**200 in row(serial=str(2**200)).content
    assert b'"serial":"%d"' % 2**100 in row(Forms("padded"), serial=2**100).content


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"energy": 1.5}, "column wh: a number that is not in the form taken here"),
        ({"energy": "5"}, "column wh: a str where an integer is due"),
        ({"energy": True}, "column wh: a bool where an integer is due"),
        ({"energy": None}, "column wh: null where a value is due"),
        ({"energy": 2**53}, "column wh: an integer of 2^53 or more"),
        ({"meter": "\ud800"}, "column meter: a lone surrogate"),
        ({"meter": {"a": 1}}, "column meter: a dict where text is due"),
    ],
)
def test_a_value_that_breaks_the_schema_is_named_by_its_column_alone(
    changes: dict[str, object], why: str
) -> None:
    assert reason(**changes) == why


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "not UTF-8"),
        ("", "no JSON (line 1, column 1)"),
        ('{"meter": ', "no JSON (line 1, column 11)"),
        ("7", "no object"),
        ('{"meter":"a","meter":"b","energy":1,"price":null,"serial":null,"at":1}', "an object in which"),
        ('{"meter":"a"}', "column wh: the field is missing"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100 + "1" + "}" * 100, "nested too deeply"),
        ("1" * 5000, "a number of thousands of digits"),
        ('{"end_of": "soon"}', "end_of is not the end of a window"),
        ('{"end_of": 7201}', "end_of is not the end of a window"),
    ],
)
def test_a_message_that_is_no_row_is_set_aside_whole_with_the_reason(body: str | bytes, why: str) -> None:
    (arrival,) = arrivals(body)
    assert isinstance(arrival, Aside)
    assert arrival.reason.startswith(why)
    assert arrival.where == "stream 7"


def test_one_bad_row_in_an_array_costs_no_other() -> None:
    bad = {**FIELDS, "energy": "a secret"}
    good, aside, other = arrivals(json.dumps([FIELDS, bad, {**FIELDS, "meter": "m2"}]))
    assert isinstance(good, Row)
    assert isinstance(other, Row)
    assert isinstance(aside, Aside)
    assert b"a secret" in aside.body
    assert "a secret" not in aside.reason


def test_an_empty_array_brings_nothing() -> None:
    assert arrivals("[]") == []


@pytest.mark.parametrize("end", [7200, "7200", "1970-01-01T02:00:00Z"])
def test_a_marker_names_the_end_of_the_window_that_is_complete(end: object) -> None:
    assert arrivals(json.dumps({"end_of": end})) == [Marker(3600)]


def test_a_marker_of_a_dataset_without_markers_is_no_row() -> None:
    form = DatasetForm(RowForm(SCHEMA), "at", 3600)
    (arrival,) = form.arrivals(Message(b'{"end_of": 7200}', ""))
    assert isinstance(arrival, Aside)


def test_an_events_identity_is_the_text_of_its_key() -> None:
    assert identity_of({"a": "x"}, "a") == "x"
    assert identity_of({"a": -7}, "a") == "-7"


@pytest.mark.parametrize("value", [None, True, ""])
def test_an_event_without_a_key_is_none(value: str | bool | None) -> None:
    with pytest.raises(MalformedError, match="nothing that tells events apart"):
        identity_of({"a": value}, "a")
