"""The text of --faults: what it means, what it refuses, and whom its faults befall."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.testing.errors import FaultsError
from worknet.testing.faults import COUNTED, Faults, Role

ALL = "late:1,silent:1,wrong:1,copy:1,equivocate:1,withhold:1,skew:2s,partition:2|5,crash:p=0.01"


def test_all_faults_are_read_from_one_text():
    assert Faults.parse(ALL) == Faults(1, 1, 1, 1, 1, 1, 2, (2, 5), Decimal("0.01"))


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_names_no_faults(text):
    assert Faults.parse(text) == Faults()


def test_blanks_around_names_and_values_do_not_matter():
    assert Faults.parse(" late: 2 , partition:2 | 5 ") == Faults(late=2, partition=(2, 5))


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("2s", 2), ("3m", 180), ("1h", 3600)])
def test_a_skew_has_a_unit(text, seconds):
    assert Faults.parse(f"skew:{text}").skew == seconds


@pytest.mark.parametrize("text", ["skew:90s", "skew:30m", "skew:1h"])
def test_a_skew_is_told_in_the_largest_unit_that_fits(text):
    assert str(Faults.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("slow:1", "there is no fault 'slow'"),
        ("late", "late: makes no sense"),
        ("late:", "late: makes no sense"),
        ("late:x", "late:x makes no sense"),
        ("late:-1", "late:-1 makes no sense"),
        ("late:1.5", "late:1.5 makes no sense"),
        ("late:01", "late:01 makes no sense"),
        ("late:1,late:2", "late stands there twice"),
        ("late:1,,wrong:1", "there is no fault ''"),
        ("skew:2", "skew:2 makes no sense"),
        ("skew:200ms", "skew:200ms makes no sense"),
        ("skew:2h", "skew:2h makes no sense"),
        ("partition:7", "partition:7 makes no sense"),
        ("partition:0|7", "partition:0|7 makes no sense"),
        ("partition:2|", "partition:2| makes no sense"),
        ("crash:0.01", "crash:0.01 makes no sense"),
        ("crash:p=1.5", "crash:p=1.5 makes no sense"),
        ("crash:p=-0.1", "crash:p=-0.1 makes no sense"),
        ("crash:p=nan", "crash:p=nan makes no sense"),
    ],
)
def test_a_text_that_makes_no_sense_is_refused_with_what_is_wrong(text, told):
    with pytest.raises(FaultsError, match="--faults") as refused:
        Faults.parse(text)
    assert told in str(refused.value)
    assert refused.value.hint


def test_more_faulty_workers_than_there_are_is_refused():
    with pytest.raises(FaultsError, match="8 workers are to be faulty, and there are 7"):
        Faults(wrong=4, silent=4).check(7)


@pytest.mark.parametrize("sizes", [(2, 4), (2, 6), (3, 3, 3)])
def test_groups_that_are_not_all_workers_are_refused(sizes):
    with pytest.raises(FaultsError, match="and there are 7"):
        Faults(partition=sizes).check(7)


COUNTS = st.integers(0, 3)
FAULTS = st.builds(
    Faults,
    *[COUNTS] * len(COUNTED),
    skew=st.integers(0, 3600),
    partition=st.lists(st.integers(1, 40), min_size=2, max_size=4).map(tuple) | st.just(()),
    crash=st.decimals(0, 1, places=4),
)


@given(FAULTS)
def test_the_text_of_faults_is_read_as_the_same_faults(faults):
    assert Faults.parse(str(faults)) == faults


@given(FAULTS, st.integers(0, 2**32))
def test_as_many_workers_have_a_fault_as_were_asked_for_and_no_standby(faults, seed):
    workers = sum(faults.partition) if faults.partition else 20
    if sum(map(faults.count, COUNTED)) > workers:
        return
    roles = faults.roles(workers, 2, seed)
    drawn = Counter(roles[:workers])
    assert {role: drawn[role] for role in COUNTED} == {role: faults.count(role) for role in COUNTED}
    assert roles[workers:] == (Role.HONEST, Role.HONEST)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple), st.integers(0, 2**32))
def test_groups_share_out_all_workers_and_the_largest_has_the_chain_and_the_standbys(sizes, seed):
    workers = sum(sizes)
    groups = Faults(partition=sizes).groups(workers, 2, seed)
    assert sorted(worker for group in groups for worker in group) == list(range(workers + 2))
    assert groups[0] >= {workers, workers + 1}
    assert [len(groups[0]) - 2, *map(len, groups[1:])] == sorted(sizes, reverse=True)


def test_without_a_partition_all_workers_are_in_one_group():
    assert Faults().groups(3, 1, 0) == (frozenset(range(4)),)


def test_another_seed_gives_the_faults_to_other_workers():
    drawn = {Faults(wrong=1).roles(7, 0, seed).index(Role.WRONG) for seed in range(100)}
    assert drawn == set(range(7))


def test_the_same_seed_gives_the_same_workers_in_every_version():
    # Written down, since whoever keeps a seed wants the same run again.
    assert Faults(wrong=2, silent=1).roles(5, 0, 7) == (
        Role.WRONG,
        Role.WRONG,
        Role.SILENT,
        Role.HONEST,
        Role.HONEST,
    )
