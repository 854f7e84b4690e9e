"""Single rules of the state machine of a voting, by example; `test_voting_laws` has what always holds."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol import voting_rules
from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Policy
from worknet.protocol.voting import (
    MAX_ATTEMPT,
    Cast,
    Fact,
    FactError,
    Opened,
    Part,
    Reopened,
    Reported,
    Revealed,
    Sealed,
    State,
    Voting,
    VotingError,
)
from worknet.protocol.voting_rules import apply, fold, members_of_next
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, Fallback

ROOT = Path(__file__).parents[3]
POLICY = Policy(
    bundle_digest=b"\1" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\2" * 32,
    every=3600,
    delay=0,
    start=0,
    max_age=0,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=20,
    reveal_window=10,
    stall=30,
    fallback=Fallback.ALERT,
)
SEALED = {1: POLICY}
OPENLY = {1: replace(POLICY, ballots=Ballots.OPEN)}
FAILOVER = {1: replace(POLICY, ballots=Ballots.OPEN, fallback=Fallback.FAILOVER)}
A, B, C = (Pair(bytes([number]) * 32, b"\x99" * 32) for number in (1, 2, 3))
OPENED = Opened(1000, 1, 1, 0b111, 3, 2)
BEGUN: list[Fact] = [OPENED, Sealed(1000, 1, 0, bytes(32))]
ALL_SEALED: list[Fact] = [*BEGUN, Sealed(1001, 1, 1, bytes(32)), Sealed(1002, 1, 2, bytes(32))]
WITH_STANDBYS: list[Fact] = [replace(OPENED, standbys=0b11000), Cast(1000, 1, 0, A)]


@given(st.integers(0, 5000), st.booleans())
def test_phases_end_at_computed_times_however_late_they_are_applied(late: int, is_sealed: bool) -> None:
    first = BEGUN[1] if is_sealed else Cast(1000, 1, 0, A)
    end = 1000 + 20 + (10 if is_sealed else 0)
    voting = fold(SEALED if is_sealed else OPENLY, [OPENED, first], end + late)
    if late < 30:
        assert (voting.state, voting.ended, voting.stalls) == (State.PENDING, end, end + 30)
    else:
        assert (voting.state, voting.ended) == (State.UNRESOLVED, end + 30)


@given(st.integers(0, 200))
def test_stalls_follow_one_another_at_computed_times(late: int) -> None:
    voting = fold(FAILOVER, WITH_STANDBYS, 1020 + late)
    if late < 60:
        number = 2 if late < 30 else 3
        assert (voting.state, voting.next_attempt, voting.stalls) == (
            State.PENDING,
            number,
            990 + 30 * number,
        )
    else:
        assert (voting.state, voting.next_attempt, voting.ended) == (State.UNRESOLVED, None, 1080)


def test_the_first_attempt_has_the_active_workers() -> None:
    assert members_of_next(Voting(SEALED), active=0b0111, enrolled=0b1111) == (0b0111, 3)


def test_a_removal_never_lowers_the_bar() -> None:
    voting = fold(SEALED, BEGUN, 1031)
    assert members_of_next(voting, active=0b1101, enrolled=0b1101) == (0b101, 3)
    assert members_of_next(voting, active=0b1111, enrolled=0b1111) == (0b111, 3)


def test_the_third_attempt_has_the_members_and_standbys_of_the_first_who_are_still_enrolled() -> None:
    voting = fold(FAILOVER, WITH_STANDBYS, 1050)
    assert members_of_next(voting, active=0b111, enrolled=0b11111) == (0b11111, 5)
    assert members_of_next(voting, active=0b111111, enrolled=0b1111110) == (0b11110, 4)
    assert members_of_next(voting, active=0b1, enrolled=0b1) == (0b1, 3)


def test_standbys_are_no_members_of_the_second_attempt() -> None:
    assert members_of_next(fold(FAILOVER, WITH_STANDBYS, 1020), 0b111, 0b11111) == (0b111, 3)


def test_a_reopened_voting_has_the_active_workers_of_its_opening() -> None:
    voting = apply(fold(SEALED, BEGUN, 2000), Reopened(2000, 4, 2030))
    assert members_of_next(voting, active=0b1001, enrolled=0b1111) == (0b1001, 2)


def test_no_attempt_that_may_open_has_no_members() -> None:
    with pytest.raises(VotingError, match="votings: other attempt"):
        members_of_next(fold(SEALED, BEGUN), 0b111, 0b111)


def test_a_reopened_attempt_runs_by_the_policy_of_its_own_version() -> None:
    policies = {1: POLICY, 2: replace(OPENLY[1], cast_window=77)}
    facts = [*BEGUN, Reopened(2000, 4, 2030), Opened(2001, 4, 2, 0b11, 2, 2), Cast(2001, 4, 1, A)]
    voting = fold(policies, facts)
    assert voting.policy == policies[2]
    assert (voting.current.cast_end, voting.current.end) == (2078, 2078)


def test_an_attempt_is_found_by_its_number() -> None:
    voting = fold(FAILOVER, [*WITH_STANDBYS, Opened(1050, 3, 1, 0b11111, 5, 3), Cast(1050, 3, 4, A)])
    assert [attempt.number for attempt in voting.attempts] == [1, 3]
    assert voting.attempt(3) == voting.current
    assert voting.attempt(2) is None


def test_there_is_no_attempt_above_the_last_number() -> None:
    voting, time = fold(SEALED, BEGUN, 2000), 2000
    for number in range(4, MAX_ATTEMPT + 1):
        voting = apply(voting, Reopened(time, number, time + 30))
        voting = apply(voting, Opened(time, number, 1, 0b111, 3, 2))
        time += 30
    assert at(voting, time).state is State.UNRESOLVED
    with pytest.raises(VotingError, match="votings: too many attempts"):
        apply(voting, Reopened(time, MAX_ATTEMPT + 1, time + 30))


def test_a_workers_part_is_what_it_did_in_the_recorded_attempt() -> None:
    facts: list[Fact] = [
        Opened(1000, 1, 1, 0b11111, 5, 3),
        Cast(1000, 1, 0, B),
        Opened(1020, 2, 1, 0b01111, 5, 3),
        *(Cast(1020, 2, worker, pair) for worker, pair in enumerate([A, B, A])),
    ]
    undecided = fold(OPENLY, facts)
    assert [undecided.part_of(worker) for worker in range(5)] == [None] * 5
    late = fold(OPENLY, [OPENED, *(Cast(1000, 1, worker, A) for worker in (0, 1))])
    assert [late.part_of(worker) for worker in range(4)] == [Part.AGREED, Part.AGREED, Part.MISSING, None]
    decided = fold(OPENLY, [*facts, Cast(1021, 2, 3, A)])
    parts = [Part.AGREED, Part.OUTVOTED, Part.AGREED, Part.AGREED, None]
    assert [decided.part_of(worker) for worker in range(5)] == parts


def test_a_workers_part_in_a_report_is_what_the_report_and_the_chain_say() -> None:
    six = [Opened(1000, 1, 1, 0b111111, 6, 4), *(Sealed(1000, 1, worker, bytes(32)) for worker in range(6))]
    facts: list[Fact] = [*six, Reported(1001, 1, A, 0b11111, 0b01111, 0b01111)]
    agreed = [Part.AGREED] * 4
    voting = fold(SEALED, facts)
    assert [voting.part_of(worker) for worker in range(7)] == [*agreed, Part.OUTVOTED, Part.MISSING, None]
    later = apply(voting, Revealed(1002, 1, A, 0b100000))
    assert later.part_of(5) is Part.AGREED
    assert apply(voting, Revealed(1002, 1, B, 0b100000)).part_of(5) is Part.OUTVOTED


def test_who_is_accurate_are_the_records_voters_and_those_who_reveal_its_pair_later() -> None:
    facts: list[Fact] = [*ALL_SEALED, Revealed(1002, 1, A, 0b011)]
    assert fold(SEALED, ALL_SEALED).accurate == 0
    assert fold(SEALED, facts).accurate == 0b011
    assert fold(SEALED, [*facts, Revealed(1003, 1, A, 0b100)]).accurate == 0b111
    assert fold(SEALED, [*facts, Revealed(1003, 1, B, 0b100)]).accurate == 0b011


def test_a_report_on_what_is_open_leaves_more_than_a_record() -> None:
    report = Reported(1000, 1, A, 0b111, 0b111, 0b111)
    assert fold(SEALED, [OPENED, report]).is_record_only
    assert not fold(SEALED, [*BEGUN, report]).is_record_only
    reopened: list[Fact] = [Reopened(900, 4, 930), replace(OPENED, time=900, attempt=4)]
    assert not fold(SEALED, [*reopened, replace(report, time=900, attempt=4)]).is_record_only


@pytest.mark.parametrize(
    "change",
    [
        {"needed": 1},
        {"needed": 3},
        {"n": 9, "needed": 5},
        {"n": 2},
        {"members": 0b111 | 1 << 120, "n": 4},
        {"policy_version": 2},
    ],
)
def test_an_opening_that_no_contract_can_tell_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(FactError):
        fold(SEALED, [replace(OPENED, **change)])


@pytest.mark.parametrize(
    "change",
    [
        {"members": 0b1011},
        {"members": 0b011, "n": 2},
        {"n": 4},
        {"needed": 1},
        {"members": 0},
        {"members": 0b11111, "n": 5, "needed": 3},
    ],
)
def test_a_second_attempt_that_no_contract_can_tell_is_refused(change: dict[str, int]) -> None:
    first = fold(FAILOVER, WITH_STANDBYS)
    again = Opened(1031, 2, 1, 0b111, 3, 2)
    assert apply(first, again).current.needed == 2
    with pytest.raises(FactError):
        apply(first, replace(again, **change))


@pytest.mark.parametrize(
    "change", [{"members": 0b111111}, {"n": 3}, {"needed": 2}, {"members": 0b11, "n": 2, "needed": 2}]
)
def test_a_third_attempt_that_no_contract_can_tell_is_refused(change: dict[str, int]) -> None:
    first = fold(FAILOVER, WITH_STANDBYS)
    third = Opened(1050, 3, 1, 0b11111, 5, 3)
    assert apply(first, third).current.needed == 3
    with pytest.raises(FactError):
        apply(first, replace(third, **change))


@pytest.mark.parametrize("change", [{"attempt": 5}, {"attempt": 3}, {"until": 2031}, {"until": 2000}])
def test_a_reopening_that_no_contract_can_tell_is_refused(change: dict[str, int]) -> None:
    unresolved, reopened = fold(SEALED, BEGUN, 2000), Reopened(2000, 4, 2030)
    assert apply(unresolved, reopened).next_attempt == 4
    with pytest.raises(FactError):
        apply(unresolved, replace(reopened, **change))


def test_what_never_opened_is_reopened_by_the_times_of_any_version() -> None:
    policies = {1: POLICY, 2: replace(POLICY, stall=5, cast_window=9)}
    for wait in (30, 9):
        assert fold(policies, [Reopened(2000, 4, 2000 + wait)]).stalls == 2000 + wait
    with pytest.raises(FactError):
        fold(policies, [Reopened(2000, 4, 2005)])


def test_a_refused_fact_leaves_the_voting_as_it_was() -> None:
    voting = fold(SEALED, BEGUN)
    kept = at(voting, 1000)
    with pytest.raises(VotingError):
        apply(voting, Sealed(1001, 1, 0, bytes(32)))
    assert voting == kept


def test_every_rule_is_a_revert_reason_of_the_contract() -> None:
    rules = re.findall(r'VotingError\("(.*?)"\)', Path(voting_rules.__file__).read_text())
    sources = "".join(path.read_text() for path in (ROOT / "src/worknet/contracts").rglob("*.vy"))
    reasons = set(re.findall(r'"([a-z]+: [^"]*)"', sources))
    assert len(set(rules)) >= 20
    assert [rule for rule in rules if rule not in reasons] == []
    assert [reason for reason in reasons if len(reason.encode()) > 32] == []
