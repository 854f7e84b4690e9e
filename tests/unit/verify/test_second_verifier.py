"""Our verifier beside one that was written from the specification alone: on all files they say the same."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz_evidence import VECTORS, changed_bytes, changed_document, good_files
from tests.unit.verify.second_form import Refused
from tests.unit.verify.second_verifier import verify as second

from worknet import verify
from worknet.protocol.canonical import CanonicalError
from worknet.protocol.evidence import sealed

DOCUMENT = json.loads(VECTORS.read_text())
SMALL = [good for good in good_files() if len(good.data) < 20_000]
MANY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def ours(data, head):
    """The level, or the kind of error and its field."""
    try:
        return verify.verify(verify.parse(data), None if head is None else verify.parse_head(head)).level
    except (verify.EvidenceError, verify.RefusedError) as error:
        return type(error).__name__, error.field


def theirs(data, head):
    try:
        return second(data, head)
    except Refused as refused:
        return "EvidenceError" if refused.malformed else "RefusedError", refused.field


def contents(given):
    return given["file"].encode() if "file" in given else bytes.fromhex(given["bytes"][2:])


def test_a_verifier_made_from_the_specification_says_of_all_good_vectors_what_they_say() -> None:
    cases = DOCUMENT["good"]
    outcomes = {case["name"]: theirs(contents(case["given"]), case["given"]["head"]) for case in cases}
    assert outcomes == {case["name"]: case["gives"]["level"] for case in cases}


@pytest.mark.parametrize("error", ["EvidenceError", "RefusedError"])
def test_a_verifier_made_from_the_specification_refuses_all_bad_vectors_for_the_same_field(error) -> None:
    cases = [case for case in DOCUMENT["bad"] if case["error"] == error]
    outcomes = {case["name"]: theirs(contents(case["given"]), case["given"]["head"]) for case in cases}
    assert outcomes == {case["name"]: (error, case["field"]) for case in cases}


def agree(good, random: Random) -> None:
    if random.random() < 0.1:
        data = changed_bytes(good.data, random)
    else:
        try:
            data = sealed(changed_document(good, random))
        except (CanonicalError, AttributeError):
            return
    assert said(ours(data, str(good.head))) == said(theirs(data, str(good.head)))


def said(outcome):
    """Of several faults of the form, nothing says which is told first."""
    return "EvidenceError" if isinstance(outcome, tuple) and outcome[0] == "EvidenceError" else outcome


@given(st.sampled_from(SMALL), st.randoms(use_true_random=False))
@settings(MANY, max_examples=60)
def test_both_say_the_same_of_changed_files(good, random: Random) -> None:
    agree(good, random)


@pytest.mark.long
@given(st.sampled_from(SMALL), st.randoms(use_true_random=False))
@settings(MANY, max_examples=500)
def test_both_say_the_same_of_many_changed_files(good, random: Random) -> None:
    agree(good, random)
