"""Policies: what is needed, when a slot may open, which version governs."""

from dataclasses import replace
from fractions import Fraction

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.ids import Event, Slot
from worknet.protocol.policy import Policy, PolicyError, version_at
from worknet.protocol.words import Ballots, Fallback, needed

POLICY = Policy(
    bundle_digest=b"\1" * 32,
    data_key_epoch=3,
    data_key_commitment=b"\2" * 32,
    every=3600,
    delay=900,
    start=7200,
    max_age=600,
    threshold_num=2,
    threshold_den=3,
    ballots=Ballots.SEALED,
    cast_window=300,
    reveal_window=200,
    stall=100,
    fallback=Fallback.FAILOVER,
    accuracy=11,
    speed=12,
)
THRESHOLDS = st.integers(1, 1000).flatmap(lambda den: st.tuples(st.integers(0, den), st.just(den)))


@given(st.integers(1, 120), THRESHOLDS)
def test_two_pairs_can_never_both_have_what_is_needed(n: int, threshold: tuple[int, int]) -> None:
    num, den = threshold
    enough = needed(n, num, den)
    assert 2 * enough > n
    assert enough <= n
    assert Fraction(enough, n) >= Fraction(num, den)
    assert enough == n // 2 + 1 or Fraction(enough - 1, n) < Fraction(num, den)


def test_the_simple_majority_needs_more_than_half() -> None:
    assert [needed(n, 0, 1) for n in range(2, 8)] == [2, 2, 3, 3, 4, 4]


def test_the_hash_is_that_of_the_fields_in_the_order_of_the_law() -> None:
    types = ["bytes32", "bytes32", "uint256", "bytes32", *["uint256"] * 13]
    fields = [b"\1" * 32, 3, b"\2" * 32, 3600, 900, 7200, 600, 2, 3, 1, 300, 200, 100, 2, 11, 12]
    wanted = keccak(abi_encode(types, [keccak(b"worknet/v1/policy"), *fields]))
    assert POLICY.hash() == wanted


@given(st.integers(0, 20 * 3600), st.integers(0, 10))
def test_a_slot_opens_from_when_it_is_due_until_it_is_too_old(now: int, number: int) -> None:
    slot = Slot(3600, number)
    due = (number + 1) * 3600 + 900
    if number >= 2 and due <= now <= due + 600:
        POLICY.check_opening(slot, now)
        return
    with pytest.raises(PolicyError):
        POLICY.check_opening(slot, now)


def test_an_event_may_open_at_any_time_where_there_are_no_slots() -> None:
    replace(POLICY, every=0).check_opening(Event(bytes(32)), 0)


def test_an_event_opens_nothing_where_there_are_slots() -> None:
    with pytest.raises(PolicyError, match="the policy's are slots"):
        POLICY.check_opening(Event(bytes(32)), 10**9)


@given(st.lists(st.integers(0, 50), max_size=6).map(sorted), st.integers(0, 50))
def test_the_version_that_governs_a_slot_is_the_last_that_started(starts: list[int], time: int) -> None:
    version = version_at(starts, time)
    started = [number for number, start in enumerate(starts, start=1) if start <= time]
    assert version == (max(started) if started else None)
