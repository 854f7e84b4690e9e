"""Reading: one text for one evidence, the place of every fault, and a whole file's checksum."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.verify.conftest import file_of
from tools.vectors.voted import Voted

from worknet.protocol.canonical import Value, encode
from worknet.protocol.evidence import sealed
from worknet.verify import Evidence, EvidenceError, Head, parse, parse_head
from worknet.verify.form import MAX_BYTES


def test_values_stand_in_place_of_texts(evidence: Evidence, voted: Voted) -> None:
    assert evidence.record == vars(voted.record)
    assert evidence.policy == vars(voted.policy)
    assert evidence.head == parse_head(voted.head)
    assert evidence.disclosure is not None
    assert evidence.disclosure["shown"]["values"] == {"consumer": "c1", "wh": 1000}


def test_the_document_is_that_of_the_file(evidence: Evidence, content: bytes) -> None:
    assert encode(evidence.document) + b"\n" == content


NAMES = st.from_regex("[a-z][a-z0-9_]{0,8}", fullmatch=True)
VALUES: st.SearchStrategy[Value] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text('aä"\\é\U0001f50c', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.dictionaries(NAMES, VALUES, max_size=4))
@settings(max_examples=25)
def test_whatever_a_manifest_says_is_written_and_read_alike(
    parameters: dict[str, Value], summary: dict[str, Value]
) -> None:
    content = file_of(Voted(parameters=parameters, summary=summary | {"checksum": "0x" + "00" * 32}))
    read = parse(content)
    assert sealed(read.document) == content
    assert read.manifest is not None
    assert read.manifest["document"]["parameters"] == parameters


@pytest.mark.parametrize(
    "text", ["", "7", "7:", "0:" + "0" * 64, "7:0x12", "-7:" + "0" * 64, "7:" + "g" * 64, "7 :" + "0" * 64]
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        parse_head(text)
    assert refused.value.hint


def test_a_head_is_read_as_it_is_written() -> None:
    head = Head(24, bytes(range(32)))
    assert parse_head(str(head)) == head
    assert parse_head(str(head).replace("0x", "").upper()) == head


def test_a_file_that_is_too_long_is_refused_before_it_is_read(content: bytes) -> None:
    with pytest.raises(EvidenceError, match=str(MAX_BYTES)):
        parse(content.ljust(MAX_BYTES + 1, b"\n"))


def test_members_with_a_form_of_their_own_are_told_by_what_they_hold(voted: Voted) -> None:
    document = voted.document(voted.row("table", "scores", 1))
    del document["disclosure"]["shown"]["salt"]  # type: ignore[union-attr]  # an object
    with pytest.raises(EvidenceError) as refused:
        parse(sealed(document))
    assert refused.value.field == "$.disclosure.shown"
    assert "'salt'" in str(refused.value)


def test_no_message_holds_a_salt_or_a_value(content: bytes) -> None:
    secret = json.loads(content)["disclosure"]["shown"]["salt"]
    with pytest.raises(EvidenceError) as refused:
        parse(content.replace(secret.encode(), secret.upper().encode()))
    assert secret[2:] not in str(refused.value).lower()
