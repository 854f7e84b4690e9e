"""The state machine of a voting by its laws, over random histories of what might come on chain.

A fact that the rules refuse changes nothing, as a reverted transaction does.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol import voting as machine
from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Ballots, Fallback, Policy
from worknet.protocol.records import How
from worknet.protocol.voting import (
    Cast,
    Fact,
    FactError,
    Opened,
    Part,
    Revealed,
    Sealed,
    State,
    Voting,
    VotingError,
)

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
PAIRS = [Pair(bytes([number]) * 32, b"\x99" * 32) for number in (1, 2, 3)]
PAIR = st.sampled_from([PAIRS[0], PAIRS[0], PAIRS[1], PAIRS[1], PAIRS[2]])
TERMINAL = {State.UNRESOLVED, State.CONSENSUS}
ORDER = {
    State.NONE: 0,
    State.CASTING: 1,
    State.REVEALING: 2,
    State.PENDING: 3,
    State.CONSENSUS: 8,
    State.UNRESOLVED: 8,
}


def lawful_kind(voting: Voting) -> type[Fact]:
    """What may come next, if its details fit."""
    if voting.state in {State.NONE, State.PENDING, State.UNRESOLVED}:
        return Opened
    if voting.policy.ballots is Ballots.OPEN:
        return Cast
    return Sealed if voting.state is State.CASTING else Revealed


@st.composite
def histories(draw: st.DrawFn) -> tuple[Policy, list[Fact]]:
    """A policy and a sequence of facts at times that never go back: most of them lawful, some not."""
    voting = Voting(replace(POLICY, ballots=draw(st.sampled_from(Ballots))))
    members = draw(st.sampled_from([0b11, 0b111, 0b1101, 0b11111]))
    n, time = members.bit_count(), 1000
    # Rather short steps, so that windows end now and then and not always.
    steps = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 9, 20])
    facts: list[Fact] = []
    for _ in range(draw(st.integers(0, 24))):
        time += draw(steps)
        voting = machine.at(voting, time)
        attempt, worker, pair = len(voting.attempts), draw(st.integers(0, 5)), draw(PAIR)
        kind = lawful_kind(voting)
        if draw(st.integers(0, 7)) == 0:
            kind = draw(st.sampled_from([Opened, Cast, Sealed, Revealed]))
            attempt = draw(st.integers(1, 3))
        elif kind is not Opened:
            done = voting.current.seals if kind is Sealed else voting.current.ballots
            waiting = voting.current.seals.keys() if kind is Revealed else set(range(6))
            worker = draw(st.sampled_from(sorted(waiting - done.keys()) or [0]))
        fact = fact_of(kind, time, attempt, worker, pair)
        if isinstance(fact, Opened):
            fact = replace(fact, attempt=attempt + 1, members=members, n=n, needed=voting.policy.needed(n))
        facts.append(fact)
        voting = ([voting] + [after for _, after in steps_of(voting.policy, facts)])[-1]
    return voting.policy, facts


def fact_of(kind: type[Fact], time: int, attempt: int, worker: int, pair: Pair) -> Fact:
    """A fact of this kind; whoever opens has to say with whom."""
    if kind is Opened:
        return Opened(time, attempt, 1, 0, 0, 0)
    if kind is Cast:
        return Cast(time, attempt, worker, pair)
    if kind is Sealed:
        return Sealed(time, attempt, worker, b"\7" * 30 + b"\0\0")
    return Revealed(time, attempt, pair, 1 << worker)


def steps_of(policy: Policy, facts: Sequence[Fact]) -> list[tuple[Fact, Voting]]:
    """The facts that are lawful, each with the voting after it."""
    steps, voting = [], Voting(policy)
    for fact in facts:
        try:
            voting = machine.apply(voting, fact)
        except VotingError:
            continue
        steps.append((fact, voting))
    return steps


@given(histories())
def test_the_fold_is_the_same_as_one_fact_after_the_other(history: tuple[Policy, list[Fact]]) -> None:
    policy, facts = history
    steps = steps_of(policy, facts)
    lawful = [fact for fact, _ in steps]
    for count, (_, voting) in enumerate(steps, start=1):
        assert machine.fold(policy, lawful[:count]) == voting


@given(histories(), st.lists(st.integers(0, 120), max_size=6))
def test_time_in_steps_is_the_same_as_time_at_once(
    history: tuple[Policy, list[Fact]], waits: list[int]
) -> None:
    policy, facts = history
    for fact, voting in steps_of(policy, facts):
        stepwise, now = voting, fact.time
        for wait in waits:
            now += wait
            stepwise = machine.at(stepwise, now)
        assert stepwise == machine.at(voting, now)


@given(histories(), st.integers(0, 200))
def test_applying_time_again_changes_nothing(history: tuple[Policy, list[Fact]], wait: int) -> None:
    policy, facts = history
    for fact, voting in steps_of(policy, facts):
        once = machine.at(voting, fact.time + wait)
        assert machine.at(once, fact.time + wait) == once
        assert machine.at(once, fact.time) == once


@given(histories(), st.integers(0, 200))
def test_time_between_two_facts_may_be_applied_or_not(history: tuple[Policy, list[Fact]], wait: int) -> None:
    policy, facts = history
    lawful = [fact for fact, _ in steps_of(policy, facts)]
    lazy = eager = Voting(policy)
    for number, fact in enumerate(lawful):
        lazy, eager = machine.apply(lazy, fact), machine.apply(eager, fact)
        following = lawful[number + 1].time if number + 1 < len(lawful) else fact.time + wait
        for now in range(fact.time, min(following, fact.time + 70) + 1):
            eager = machine.at(eager, now)
    end = (lawful[-1].time if lawful else 0) + wait
    assert machine.at(lazy, end) == machine.at(eager, end)


@given(histories())
def test_ballots_and_seals_are_never_lost_or_changed(history: tuple[Policy, list[Fact]]) -> None:
    policy, facts = history
    before = Voting(policy)
    for _, voting in steps_of(policy, facts):
        assert len(voting.attempts) >= len(before.attempts)
        for old, new in zip(before.attempts, voting.attempts, strict=False):
            assert old.ballots.items() <= new.ballots.items()
            assert old.seals.items() <= new.seals.items()
            assert (old.members, old.n, old.needed) == (new.members, new.n, new.needed)
        before = voting


@given(histories(), st.integers(0, 200))
def test_states_go_forward_within_an_attempt_and_the_end_is_the_end(
    history: tuple[Policy, list[Fact]], wait: int
) -> None:
    policy, facts = history
    before = Voting(policy)
    for fact, voting in steps_of(policy, facts):
        later = machine.at(voting, fact.time + wait)
        for old, new in ((before, voting), (voting, later)):
            if len(old.attempts) == len(new.attempts):
                assert ORDER[new.state] >= ORDER[old.state]
            if old.state in TERMINAL:
                assert new.state is old.state
            assert new.closed >= old.closed
        before = voting


@given(histories())
@settings(max_examples=300)
def test_consensus_comes_with_needed_equal_ballots_of_one_attempt_and_never_changes(
    history: tuple[Policy, list[Fact]],
) -> None:
    policy, facts = history
    recorded = None
    for fact, voting in steps_of(policy, facts):
        enough = [
            (attempt, pair, voters)
            for attempt in voting.attempts
            for pair, voters in attempt.tally().items()
            if voters.bit_count() >= attempt.needed
        ]
        assert len(enough) == (voting.state is State.CONSENSUS)
        assert (voting.recorded is not None) == (voting.state is State.CONSENSUS)
        if voting.recorded is None:
            continue
        ((attempt, pair, voters),) = enough
        if recorded is None:
            recorded = voting.recorded
            assert (recorded.attempt, recorded.pair) == (attempt.number, pair)
            assert (recorded.voters, recorded.time, recorded.how) == (voters, fact.time, How.QUORUM)
        assert voting.recorded == recorded
        assert recorded.voters & ~voters == 0


@given(histories())
def test_only_members_are_counted_and_each_once(history: tuple[Policy, list[Fact]]) -> None:
    policy, facts = history
    for _, voting in steps_of(policy, facts):
        for attempt in voting.attempts:
            counted = 0
            for voters in attempt.tally().values():
                assert counted & voters == 0
                counted |= voters
            assert counted & ~attempt.members == 0
            assert counted | attempt.missing() == attempt.members


@given(histories())
def test_a_sealed_voting_never_counts_what_was_not_revealed(history: tuple[Policy, list[Fact]]) -> None:
    policy, facts = history
    revealed: dict[int, int] = {}
    for fact, voting in steps_of(replace(policy, ballots=Ballots.SEALED), facts):
        if isinstance(fact, Revealed):
            revealed[fact.attempt] = revealed.get(fact.attempt, 0) | fact.workers
        for attempt in voting.attempts:
            assert sum(1 << worker for worker in attempt.ballots) == revealed.get(attempt.number, 0)
            assert attempt.ballots.keys() <= attempt.seals.keys()


@given(st.integers(0, 5000), st.booleans())
def test_phases_end_at_computed_times_however_late_they_are_applied(late: int, is_sealed: bool) -> None:
    policy = replace(POLICY, ballots=Ballots.SEALED if is_sealed else Ballots.OPEN)
    first = Sealed(1000, 1, 0, bytes(32)) if is_sealed else Cast(1000, 1, 0, PAIRS[0])
    facts: list[Fact] = [Opened(1000, 1, 1, 0b111, 3, 2), first]
    end = 1000 + 20 + (10 if is_sealed else 0)
    voting = machine.fold(policy, facts, end + late)
    if late < 30:
        assert (voting.state, voting.ended, voting.stalls) == (State.PENDING, end, end + 30)
    else:
        assert (voting.state, voting.ended) == (State.UNRESOLVED, end + 30)


def test_a_removal_never_lowers_the_bar() -> None:
    assert machine.members_of_next(Voting(POLICY), active=0b0111, enrolled=0b1111) == (0b0111, 3)
    voting = machine.fold(POLICY, [Opened(1000, 1, 1, 0b111, 3, 2), Sealed(1000, 1, 0, bytes(32))], 1031)
    assert machine.members_of_next(voting, active=0b1101, enrolled=0b1101) == (0b101, 3)
    assert machine.members_of_next(voting, active=0b1111, enrolled=0b1111) == (0b111, 3)


def test_a_workers_part_is_what_it_did_in_the_recorded_attempt() -> None:
    policy = replace(POLICY, ballots=Ballots.OPEN)
    facts: list[Fact] = [
        Opened(1000, 1, 1, 0b11111, 5, 3),
        Cast(1000, 1, 0, PAIRS[1]),
        Opened(1020, 2, 1, 0b01111, 5, 3),
        *(Cast(1020, 2, worker, pair) for worker, pair in enumerate([PAIRS[0], PAIRS[1], PAIRS[0]])),
    ]
    undecided = machine.fold(policy, facts)
    assert [undecided.part_of(worker) for worker in range(5)] == [None] * 5
    late = machine.fold(
        policy, [Opened(1000, 1, 1, 0b111, 3, 2), *(Cast(1000, 1, n, PAIRS[0]) for n in (0, 1))]
    )
    assert [late.part_of(worker) for worker in range(4)] == [Part.AGREED, Part.AGREED, Part.MISSING, None]
    decided = machine.fold(policy, [*facts, Cast(1021, 2, 3, PAIRS[0])])
    parts = [Part.AGREED, Part.OUTVOTED, Part.AGREED, Part.AGREED, None]
    assert [decided.part_of(worker) for worker in range(5)] == parts


@pytest.mark.parametrize(
    "change",
    [{"needed": 1}, {"needed": 3}, {"n": 9, "needed": 5}, {"n": 2}, {"members": 0b111 | 1 << 120, "n": 4}],
)
def test_an_opening_that_no_contract_can_tell_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(FactError):
        machine.fold(POLICY, [replace(Opened(1000, 1, 1, 0b111, 3, 2), **change)])


@pytest.mark.parametrize("change", [{"members": 0b1011}, {"members": 0b011, "n": 2}, {"n": 4}, {"needed": 1}])
def test_a_second_attempt_that_no_contract_can_tell_is_refused(change: dict[str, int]) -> None:
    first = machine.fold(POLICY, [Opened(1000, 1, 1, 0b111, 3, 2), Sealed(1000, 1, 0, bytes(32))])
    again = Opened(1031, 2, 1, 0b111, 3, 2)
    assert machine.opened(first, again).current.needed == 2
    with pytest.raises(FactError):
        machine.opened(first, replace(again, **change))


def test_a_refused_fact_leaves_the_voting_as_it_was() -> None:
    voting = machine.fold(POLICY, [Opened(1000, 1, 1, 0b111, 3, 2), Sealed(1000, 1, 0, bytes(32))])
    kept = machine.at(voting, 1000)
    with pytest.raises(VotingError):
        machine.sealed(voting, Sealed(1001, 1, 0, bytes(32)))
    assert voting == kept


def test_every_rule_is_a_revert_reason_of_the_contract() -> None:
    rules = re.findall(r'VotingError\("(.*?)"\)', Path(machine.__file__).read_text())
    sources = "".join(path.read_text() for path in (ROOT / "src/worknet/contracts").rglob("*.vy"))
    reasons = set(re.findall(r'"([a-z]+: [^"]*)"', sources))
    assert len(set(rules)) >= 10
    assert [rule for rule in rules if rule not in reasons] == []
    assert [reason for reason in reasons if len(reason.encode()) > 32] == []
