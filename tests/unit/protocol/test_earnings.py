"""What a voting and a period earn, against the table of section 8 read word by word."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.earnings import Amounts, ClosedVoting, Period, fastest, of_period, of_voting
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.voting import FactError
from worknet.protocol.words import Ballots, Fallback, How

SEALED = Policy(
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
    accuracy=100,
    speed=7,
)
OPENLY = replace(SEALED, ballots=Ballots.OPEN, accuracy=0, speed=0)
WORKERS = range(120)
BITMAPS = st.sets(st.sampled_from([0, 1, 2, 59, 118, 119]) | st.integers(0, 119)).map(
    lambda workers: sum(1 << worker for worker in workers)
)
# Few different ones, so that there are ties.
SECONDS = st.lists(st.sampled_from([0, 1, 255, 256, 65_535]), min_size=120, max_size=120)
VOTING_IDS = st.integers(0, 2**256 - 1).map(lambda number: number.to_bytes(32, "big"))


def is_in(bitmap: int, worker: int) -> bool:
    return bool(bitmap >> worker & 1)


def stored(seconds: int) -> bytes:
    return b"\7" * 30 + seconds.to_bytes(2, "big")


def record_of(voting_id: bytes, members: int, voters: int, how: How) -> Record:
    n = members.bit_count()
    roots = b"\3" * 32, b"\4" * 32
    place = 1, b"\5" * 20, b"\6" * 32, voting_id, b"\7" * 32
    return Record(*place, 1, bytes(32), *roots, members, n, n // 2 + 1, voters, how, 1000)


@st.composite
def closed_votings(draw: st.DrawFn) -> ClosedVoting:
    """Votings of any size, recorded in any way, some of whose members disagreed."""
    policy, how = draw(st.sampled_from([SEALED, SEALED, OPENLY])), draw(st.sampled_from(How))
    members, accurate, voters = draw(BITMAPS), draw(BITMAPS), draw(BITMAPS)
    record = record_of(draw(VOTING_IDS), members, members & accurate & voters, how)
    seals = dict(enumerate(map(stored, draw(SECONDS)))) if policy is SEALED else {}
    return ClosedVoting(record, policy, members & accurate, seals)


@given(VOTING_IDS, BITMAPS, SECONDS)
def test_the_fastest_is_found_walking_round_from_the_index_that_the_voting_id_names(
    voting_id: bytes, accurate: int, seconds: list[int]
) -> None:
    most = max((seconds[worker] for worker in WORKERS if is_in(accurate, worker)), default=None)
    first = int(voting_id.hex(), 16) % 120
    round_from_first = [*range(first, 120), *range(first)]
    earliest = [worker for worker in round_from_first if is_in(accurate, worker) and seconds[worker] == most]
    found = fastest(voting_id, accurate, dict(enumerate(map(stored, seconds))))
    assert found == (earliest[0] if earliest else None)


@given(BITMAPS.filter(bool))
def test_each_of_a_tie_is_the_fastest_of_some_voting(accurate: int) -> None:
    seals = dict.fromkeys(WORKERS, stored(9))
    winners = {fastest(first.to_bytes(32, "big"), accurate, seals) for first in WORKERS}
    assert winners == {worker for worker in WORKERS if is_in(accurate, worker)}


@given(closed_votings())
def test_accuracy_goes_to_the_accurate_of_a_quorum_or_report_and_to_nobody_else(voting: ClosedVoting) -> None:
    for worker in WORKERS:
        earned = of_voting(voting, worker)
        if is_in(voting.accurate, worker) and voting.record.how is not How.PLURALITY:
            assert earned in {voting.policy.accuracy, voting.policy.accuracy + voting.policy.speed}
        else:
            assert earned == 0


@given(closed_votings())
def test_speed_goes_to_exactly_one_of_the_accurate_of_a_quorum_of_sealed_ballots(
    voting: ClosedVoting,
) -> None:
    accuracy = 0 if voting.record.how is How.PLURALITY else voting.policy.accuracy
    total = sum(of_voting(voting, worker) for worker in WORKERS)
    by_quorum = voting.record.how is How.QUORUM and voting.policy.ballots is Ballots.SEALED
    speed = voting.policy.speed if by_quorum and voting.accurate else 0
    assert total == accuracy * voting.accurate.bit_count() + speed


@given(BITMAPS, BITMAPS, BITMAPS, BITMAPS)
def test_a_period_earns_base_for_being_seen_and_consistency_for_agreeing_throughout(
    eligible: int, checked_in: int, taken: int, missed: int
) -> None:
    period = Period(eligible, checked_in, taken, missed)
    for worker in WORKERS:
        seen = is_in(checked_in, worker) or is_in(taken, worker)
        base = 1000 if is_in(eligible, worker) and seen else 0
        consistency = 30 if is_in(taken, worker) and not is_in(missed, worker) else 0
        assert of_period(period, Amounts(base=1000, consistency=30), worker) == base + consistency


def test_a_voting_whose_accurate_are_no_members_is_refused() -> None:
    with pytest.raises(FactError):
        ClosedVoting(record_of(bytes(32), 0b011, 0b001, How.REPORT), SEALED, 0b101)


def test_a_voting_with_a_voter_that_is_not_accurate_is_refused() -> None:
    with pytest.raises(FactError):
        ClosedVoting(record_of(bytes(32), 0b011, 0b011, How.REPORT), SEALED, 0b001)


@pytest.mark.parametrize("seals", [{}, {0: stored(1)}, {0: stored(1), 1: stored(1)[1:]}])
def test_a_quorum_of_sealed_ballots_needs_the_stored_seal_of_each_of_the_accurate(
    seals: dict[int, bytes],
) -> None:
    with pytest.raises(FactError, match="worker"):
        ClosedVoting(record_of(bytes(32), 0b011, 0b011, How.QUORUM), SEALED, 0b011, seals)


@pytest.mark.parametrize(
    ("how", "policy"), [(How.REPORT, SEALED), (How.PLURALITY, SEALED), (How.QUORUM, OPENLY)]
)
def test_a_voting_that_rewards_no_speed_needs_no_seals(how: How, policy: Policy) -> None:
    assert not ClosedVoting(record_of(bytes(32), 0b011, 0b011, how), policy, 0b011).rewards_speed
