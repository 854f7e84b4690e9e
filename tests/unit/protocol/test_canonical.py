"""Canonical values: one value has one text, and it is that of RFC 8785 wherever both are defined."""

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol.canonical import CanonicalError, check_name, decode, encode, from_hex, to_hex

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_encoded_decodes_to_itself(value: object) -> None:
    decoded = decode(encode(value))
    assert decoded == value
    assert encode(decoded) == encode(value)


@given(VALUES)
def test_the_text_is_that_of_the_reference_implementation(value: object) -> None:
    assert encode(value) == rfc8785.dumps(value)


@given(VALUES, st.data())
def test_no_other_text_with_one_byte_changed_stands_for_the_same_value(
    value: object, data: st.DataObject
) -> None:
    text = bytearray(encode(value))
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        changed = decode(bytes(text))
    except CanonicalError:
        return
    assert encode(changed) == bytes(text)


@given(st.binary(max_size=30))
@settings(max_examples=300)
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except CanonicalError:
        return
    assert encode(value) == data


# RFC 8785, section 3.2.2 (strings, literals) and 3.2.3 (order of keys), without numbers that are no integers.
def test_the_samples_of_rfc_8785_come_out_as_published() -> None:
    string = "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f"
    value = {"string": string, "literals": [None, True, False]}
    published = (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c22737472696e67223a22e282ac245c75303030665c6e"
        "4127425c225c5c5c5c5c222f227d"
    )
    assert encode(value).hex() == published
    names = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    order = list(decode(encode(names)).values())
    assert order == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), 2**53, -(2**53), {1: 2}, {None: 1}, b"", {1, 2}, "\ud800", object()]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    for nested in (value, [value], {"a": value}):
        with pytest.raises(CanonicalError):
            encode(nested)  # type: ignore[arg-type]  # wrong on purpose


def test_an_error_says_where_and_does_not_show_the_value() -> None:
    with pytest.raises(CanonicalError) as refused:
        encode({"rows": [{"wh": 1}, {"wh": 2.718}]})
    assert refused.value.where == "$.rows[1].wh"
    assert "2.718" not in str(refused.value)
    assert refused.value.hint


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(CanonicalError, match="deeper"):
        encode(value)


@given(st.binary(max_size=40))
def test_hex_goes_there_and_back(data: bytes) -> None:
    assert from_hex(to_hex(data), len(data)) == data
    with pytest.raises(CanonicalError):
        from_hex(to_hex(data), len(data) + 1)


@given(st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True))
def test_names_of_the_pattern_are_names(name: str) -> None:
    assert check_name(name, "table") == name
