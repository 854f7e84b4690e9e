"""Evidence files: one text for one evidence, and every other text refused."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol.canonical import encode
from worknet.verify import EvidenceError, parse, parse_head
from worknet.verify.evidence import Evidence

ROWS = [
    None,
    ("table", "scores", 3),
    ("table", "owners", 1),
    ("dataset", "meters", 4),
    ("dataset", "owners", 2),
]


def with_checksum(document):
    body = {key: value for key, value in document.items() if key != "checksum"}
    return encode(body | {"checksum": "0x" + sha256(encode(body)).hexdigest()}) + b"\n"


def bent(evidence, change):
    """The file after a change of its document, with the checksum made anew."""
    document = json.loads(evidence.to_bytes())
    change(document)
    return with_checksum(document)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("with_manifest", [True, False])
def test_what_was_written_is_read_again(make, row, with_manifest):
    evidence = make(row=row, with_manifest=with_manifest)
    assert parse(evidence.to_bytes()) == evidence


def test_one_field_of_a_row_can_be_shown_alone(make):
    evidence = make(row=("table", "owners", 1), fields={"owner"})
    assert parse(evidence.to_bytes()) == evidence
    assert b"DE1" not in evidence.to_bytes()


@pytest.mark.long
@pytest.mark.parametrize("row", [("table", "owners", 1), ("table", "scores", 3)])
def test_a_flip_of_any_character_is_refused(make, row):
    data = make(row=row).to_bytes()
    for at in range(len(data)):
        for flip in (0x01, 0x20, 0x80):
            with pytest.raises(EvidenceError):
                parse(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])


def test_a_digit_that_becomes_another_digit_is_refused_everywhere(evidence):
    data = evidence.to_bytes()
    for at in range(len(data)):
        if data[at : at + 1] in b"0123456789abcdef":
            other = b"1" if data[at : at + 1] == b"0" else b"0"
            with pytest.raises(EvidenceError):
                parse(data[:at] + other + data[at + 1 :])


def test_every_truncation_is_refused(evidence):
    data = evidence.to_bytes()
    for end in range(len(data)):
        with pytest.raises(EvidenceError):
            parse(data[:end])


@pytest.mark.parametrize("more", [b"\n", b" ", b"\x00", b"{}", b"\n\n", b"x\n"])
def test_anything_behind_or_before_the_file_is_refused(evidence, more):
    for data in (evidence.to_bytes() + more, more + evidence.to_bytes()):
        with pytest.raises(EvidenceError):
            parse(data)


def test_another_text_of_the_same_value_is_refused(evidence):
    document = json.loads(evidence.to_bytes())
    for data in (
        json.dumps(document).encode() + b"\n",
        json.dumps(document, indent=2).encode() + b"\n",
        json.dumps(document, separators=(",", ":"), sort_keys=False).encode()[::1] + b"\r\n",
        b"\xef\xbb\xbf" + evidence.to_bytes(),
        evidence.to_bytes().decode().encode("utf-16"),
        evidence.to_bytes().replace(b'"n":3', b'"n":3.0'),
        evidence.to_bytes().replace(b'"n":3', b'"n":3,"n":3'),
    ):
        with pytest.raises(EvidenceError):
            parse(data)


def test_a_wrong_checksum_is_refused_with_its_name(evidence):
    document = json.loads(evidence.to_bytes()) | {"checksum": "0x" + "00" * 32}
    with pytest.raises(EvidenceError) as refusal:
        parse(encode(document) + b"\n")
    assert refusal.value.field == "$.checksum"
    assert refusal.value.hint


def places(value, path=()):
    """Every place of a document, objects and lists included."""
    yield path, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, element in inside:
        yield from places(element, (*path, key))


def put(document, path, value):
    for key in path[:-1]:
        document = document[key]
    document[path[-1]] = value


# What the manifest and a row may hold is free: a change there is refused by the proofs, not by the form.
FREE = [("manifest", "document"), ("disclosure", "row", "values"), ("disclosure", "row", "fields")]


@pytest.mark.parametrize("row", [("table", "scores", 3), ("dataset", "owners", 2)])
@pytest.mark.parametrize("value", [True, -1, 2**53 - 1, "", "0X00", "0x0", "ä", [], {}, [[]], {"a": 1}])
def test_a_value_of_another_form_is_refused_everywhere(make, row, value):
    evidence = make(row=row)
    document = json.loads(evidence.to_bytes())
    for path, old in places(document):
        if not path or any(path[: len(free)] == free for free in FREE) or path == ("checksum",):
            continue
        if type(old) is type(value) and value in (True, 2**53 - 1, []):
            continue  # of the right form
        changed = json.loads(evidence.to_bytes())
        put(changed, path, value)
        if changed == document:
            continue
        with pytest.raises(EvidenceError) as refusal:
            assert parse(with_checksum(changed)) == "refused", path
        assert refusal.value.field.startswith("$")


def test_a_missing_and_an_added_member_are_refused_everywhere(make):
    evidence = make(row=("table", "owners", 1))
    document = json.loads(evidence.to_bytes())
    for path, old in places(document):
        if not isinstance(old, dict) or path[:3] in [
            ("manifest", "document", "parameters"),
            ("manifest", "document", "summary"),
            ("manifest", "document", "tables"),
        ]:
            continue
        for key in [*old, "more"]:
            changed = dict(old)
            changed.pop(key) if key in changed else changed.update({key: 1})
            whole = json.loads(evidence.to_bytes())
            if path:
                put(whole, path, changed)
            elif key == "checksum":
                continue
            else:
                whole = changed
            with pytest.raises(EvidenceError):
                parse(with_checksum(whole))


def test_another_format_or_protocol_is_refused(evidence):
    for change in ({"format": "worknet/report"}, {"protocol": 2}, {"protocol": True}, {"protocol": "1"}):
        with pytest.raises(EvidenceError):
            parse(bent(evidence, lambda document, change=change: document.update(change)))


def test_what_policy_manifest_and_schema_refuse_is_refused_at_its_place(evidence):
    def zero_threshold(document):
        document["policy"]["threshold_den"] = 0

    def float_like_amount(document):
        document["policy"]["accuracy"] = "01"

    def huge_amount(document):
        document["policy"]["accuracy"] = "9" * 78

    def parents(document):
        document["manifest"]["document"]["parents"] *= 2

    def doubled_column(document):
        document["disclosure"]["schema"]["columns"] *= 2

    def unknown_type(document):
        document["disclosure"]["schema"]["columns"][0]["type"] = "float"

    def zero_root(document):
        document["ballots"][0]["input_root"] = "0x" + "00" * 32

    def bad_column_name(document):
        document["disclosure"]["row"]["values"]["Bad Name"] = 1

    def long_path(document):
        document["path"] = document["path"] * 40

    expected = {
        zero_threshold: "$.policy",
        float_like_amount: "$.policy.accuracy",
        huge_amount: "$.policy.accuracy",
        parents: "$.manifest.document",
        doubled_column: "$.disclosure.schema",
        unknown_type: "$.disclosure.schema.columns[0].type",
        zero_root: "$.ballots[0]",
        bad_column_name: "$.disclosure.row.values",
        long_path: "$.path",
    }
    for change, field in expected.items():
        with pytest.raises(EvidenceError) as refusal:
            parse(bent(evidence, change))
        assert refusal.value.field == field


def test_a_file_beyond_the_limit_is_refused_unread():
    with pytest.raises(EvidenceError, match="longer than"):
        parse(b" " * (16 << 20) + b" \n")


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(EvidenceError):
        parse(data)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v))
)
@settings(max_examples=50)
def test_other_json_is_refused(value):
    with pytest.raises(EvidenceError):
        parse(json.dumps(value).encode() + b"\n")


def test_deep_nesting_is_refused():
    for data in (b"[" * 100 + b"]" * 100, b'{"a":' * 100, b'{"a":' * 100 + b"1" + b"}" * 100):
        with pytest.raises(EvidenceError):
            parse(data + b"\n")


def test_evidence_without_a_text_says_so(evidence):
    beyond = Evidence(**{**vars(evidence), "position": 2**53})
    with pytest.raises(EvidenceError):
        beyond.to_bytes()


def test_a_head_is_read_with_or_without_0x():
    root = "ab" * 32
    assert parse_head(f"24:0x{root}") == parse_head(f"24:{root.upper()}")
    assert str(parse_head(f"24:{root}")) == f"24:0x{root}"


@pytest.mark.parametrize(
    "text", ["", "24", ":", "24:", "0:" + "ab" * 32, "-1:" + "ab" * 32, "24:" + "ab" * 31, "024:" + "ab" * 32]
)
def test_what_is_no_head_is_refused_with_a_hint(text):
    with pytest.raises(EvidenceError) as refusal:
        parse_head(text)
    assert "0x" in refusal.value.hint
