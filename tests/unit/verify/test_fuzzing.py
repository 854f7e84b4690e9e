"""Files that others made or changed: each ends in a `VerifyError`, or says no more than the good one."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz_evidence import accepted, fault, good_files

from worknet import verify
from worknet.protocol.canonical import encode

SMALL = [good for good in good_files() if len(good.data) < 20_000]
MANY = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_verify_error(data: bytes) -> None:
    with pytest.raises(verify.VerifyError):
        verify.parse(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_any_canonical_value_ends_in_a_verify_error(value: object) -> None:
    with pytest.raises(verify.VerifyError):
        verify.parse(encode(value) + b"\n")


@given(st.sampled_from(SMALL), st.randoms(use_true_random=False))
@settings(MANY, max_examples=100)
def test_changed_files_are_refused_or_say_no_more(good, random: Random) -> None:
    _, wrong = fault(good, random)
    assert not wrong


@pytest.mark.long
@given(st.sampled_from(SMALL), st.randoms(use_true_random=False))
@settings(MANY, max_examples=700)
def test_many_changed_files_are_refused_or_say_no_more(good, random: Random) -> None:
    _, wrong = fault(good, random)
    assert not wrong


@given(st.sampled_from(SMALL), st.data())
@settings(MANY, max_examples=100)
def test_a_flipped_bit_is_refused(good, data) -> None:
    at = data.draw(st.integers(0, len(good.data) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = good.data[:at] + bytes([good.data[at] ^ 1 << bit]) + good.data[at + 1 :]
    assert not accepted(changed, good.head)


@given(st.sampled_from(SMALL), st.data())
@settings(MANY, max_examples=50)
def test_a_file_that_was_cut_off_is_refused(good, data) -> None:
    assert not accepted(good.data[: data.draw(st.integers(0, len(good.data) - 1))], good.head)


@pytest.mark.parametrize(("good", "other"), list(pairwise(SMALL)), ids=lambda good: good.name)
def test_no_file_is_accepted_against_the_head_of_another(good, other) -> None:
    assert accepted(good.data, other.head) == (good.head == other.head)
