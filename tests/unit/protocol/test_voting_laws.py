"""The state machine of a voting by its laws, over random histories of what might come on chain.

A fact that the rules refuse changes nothing, as a reverted transaction does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Ballots, Fallback, Policy
from worknet.protocol.records import How
from worknet.protocol.voting import (
    Attempt,
    Cast,
    Fact,
    Opened,
    Reopened,
    Reported,
    Revealed,
    Sealed,
    Settled,
    State,
    Voting,
    VotingError,
)
from worknet.protocol.voting_rules import apply, fold, members_of_next
from worknet.protocol.voting_time import at

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
RECORDED = {State.CONSENSUS, State.SETTLED}
ORDER = {
    State.CASTING: 1,
    State.REVEALING: 2,
    State.PENDING: 3,
    State.SETTLING: 4,
    State.UNRESOLVED: 4,
    State.CONSENSUS: 5,
    State.SETTLED: 5,
}
FOREVER = 10**6
KINDS: dict[State, list[type[Fact]]] = {
    State.NONE: [Opened] * 7 + [Reopened],
    State.CASTING: [Sealed] * 11 + [Reported],
    State.REVEALING: [Revealed] * 3 + [Reported],
    State.PENDING: [Opened],
    State.SETTLING: [Settled],
    State.UNRESOLVED: [Reopened],
    State.CONSENSUS: [Revealed],
    State.SETTLED: [Settled],
}
EVERY_KIND: list[type[Fact]] = [Opened, Cast, Sealed, Revealed, Reported, Settled, Reopened]
# Rather short steps, so that windows end now and then and not always.
WAITS = [0, 0, 0, 0, 0, 0, 1, 1, 2, 9, 20]
T = TypeVar("T")


class Dice:
    """Choices read off one number, so that Hypothesis draws little; 0 is always the first choice."""

    def __init__(self, number: int) -> None:
        self._left = number

    def of(self, choices: Sequence[T]) -> T:
        self._left, chosen = divmod(self._left, len(choices))
        return choices[chosen]

    def some(self, workers: int) -> int:
        """All of these workers, or all but one, or some of them."""
        return workers & ~self.of([0, 0, 0, 1, 2, 4, 8, 16, 0b1010101, 0b0111100])


DICE = st.binary(min_size=10, max_size=10).map(lambda drawn: Dice(int.from_bytes(drawn, "little")))


@dataclass(frozen=True)
class History:
    """Policies, facts at times that never go back, most lawful, and the voting after each that is."""

    policies: dict[int, Policy]
    facts: list[Fact]
    steps: list[tuple[Fact, Voting]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A history over two policy versions and up to seven workers."""
    dice = draw(DICE)
    policies = {1: policy(dice), 2: policy(dice)}
    voting, time = Voting(policies), 1000
    facts: list[Fact] = []
    steps: list[tuple[Fact, Voting]] = []
    for dice in [draw(DICE) for _ in range(draw(st.integers(0, 40)))]:
        time += dice.of(WAITS)
        voting = at(voting, time)
        if voting.state is State.PENDING and dice.of([False, True]):
            time = voting.stalls
            voting = at(voting, time)
        fact = fact_after(voting, time, dice)
        facts.append(fact)
        try:
            voting = apply(voting, fact)
        except VotingError:
            continue
        steps.append((fact, voting))
    return History(policies, facts, steps)


def policy(dice: Dice) -> Policy:
    """A version of the workflow's policy."""
    num, den = dice.of([(0, 1), (0, 1), (2, 3)])
    return replace(
        POLICY,
        ballots=dice.of(list(Ballots)),
        fallback=dice.of(list(Fallback)),
        stall=dice.of([30, 30, 30, 0]),
        threshold_num=num,
        threshold_den=den,
    )


def fact_after(voting: Voting, time: int, dice: Dice) -> Fact:
    """A fact of the kind that may come next, with details that mostly fit; now and then any other."""
    kind = dice.of(KINDS[voting.state])
    number = voting.current.number if voting.attempts else 1
    if dice.of(range(12)) == 11:
        kind, number = dice.of(EVERY_KIND), dice.of(range(1, 6))
    elif voting.attempts and voting.policy.ballots is Ballots.OPEN and kind in {Sealed, Revealed}:
        kind = Cast
    pair = dice.of(PAIRS)
    if kind is Opened:
        return opening(voting, time, dice)
    if kind is Reopened:
        return reopening(voting, time)
    if kind is Settled:
        return Settled(time, (voting.current.leading() if voting.attempts else None) or pair)
    if kind is Reported:
        participants = dice.some(voting.current.members if voting.attempts else 0b111) | dice.of(
            [0] * 20 + [128]
        )
        voters = dice.some(participants)
        return Reported(time, number, pair, participants, voters, dice.some(voters))
    left = 0
    if voting.attempts:
        attempt = voting.current
        left = attempt.unrevealed() if kind is Revealed else attempt.missing() & ~bitmap(attempt.seals)
    if kind is Revealed and dice.of([True, False]):
        return Revealed(time, number, pair, dice.some(left))
    worker = dice.of(indices(left) or range(7))
    if kind is Revealed:
        return Revealed(time, number, pair, 1 << worker)
    return Cast(time, number, worker, pair) if kind is Cast else Sealed(time, number, worker, bytes(32))


def opening(voting: Voting, time: int, dice: Dice) -> Opened:
    """The opening of the next attempt, with some workers enrolled and some removed by then."""
    active = dice.of([0b11111, 0b111, 0b11, 0b1101, 0b11111])
    standbys = dice.of([0, 0b0100000, 0b1100000])
    version, number = 1, voting.next_attempt
    if number is None:
        return Opened(time, dice.of(range(1, 6)), version, active, active.bit_count(), 2)
    if number > 3:
        version = dice.of([1, 2])
    members, n = members_of_next(voting, active, dice.some(0b1111111) or 0b1111111)
    return Opened(time, number, version, members, n, voting.policies[version].needed(n), standbys)


def reopening(voting: Voting, time: int) -> Reopened:
    """The owner's permission for the attempt after the last, or for attempt 4."""
    rules = voting.policy if voting.attempts else voting.policies[1]
    last = voting.current.number if voting.attempts else 0
    return Reopened(time, max(last, 3) + 1, time + max(rules.stall, rules.cast_window))


def bitmap(workers: Iterable[int]) -> int:
    return sum(1 << worker for worker in workers)


def indices(workers: int) -> list[int]:
    return [worker for worker in range(workers.bit_length()) if workers >> worker & 1]


def moments(history: History) -> list[tuple[int, Voting]]:
    """The voting after each lawful fact, and at all its turns until the next one, with their times."""
    found: list[tuple[int, Voting]] = [(0, Voting(history.policies))]
    for (fact, voting), following in zip_longest(history.steps, history.steps[1:]):
        now, until = fact.time, following[0].time if following else FOREVER
        found.append((now, voting))
        while now < until:
            turns = [
                found[-1][1].stalls,
                *(time for one in voting.attempts for time in (one.cast_end, one.end)),
            ]
            now = min([time for time in turns if time > now] + [until])
            found.append((now, at(voting, now)))
    return found


@given(histories())
def test_the_fold_is_the_same_as_one_fact_after_the_other(history: History) -> None:
    lawful = [fact for fact, _ in history.steps]
    for count, (_, voting) in enumerate(history.steps, start=1):
        assert fold(history.policies, lawful[:count]) == voting


@given(histories(), st.lists(st.integers(0, 120), max_size=6))
def test_time_in_steps_is_the_same_as_time_at_once(history: History, waits: list[int]) -> None:
    for fact, voting in history.steps:
        stepwise, now = voting, fact.time
        for wait in waits:
            now += wait
            stepwise = at(stepwise, now)
        assert stepwise == at(voting, now)


@given(histories(), st.integers(0, 200))
def test_applying_time_again_changes_nothing_and_it_never_goes_back(history: History, wait: int) -> None:
    for fact, voting in history.steps:
        once = at(voting, fact.time + wait)
        assert at(once, fact.time + wait) == once
        assert at(once, fact.time) == once


@given(histories(), st.integers(0, 200))
def test_time_between_two_facts_may_be_applied_or_not(history: History, wait: int) -> None:
    lazy = eager = Voting(history.policies)
    lawful = [fact for fact, _ in history.steps]
    for number, fact in enumerate(lawful):
        lazy, eager = apply(lazy, fact), apply(eager, fact)
        following = lawful[number + 1].time if number + 1 < len(lawful) else fact.time + wait
        for now in range(fact.time, min(following, fact.time + 100) + 1):
            eager = at(eager, now)
    end = (lawful[-1].time if lawful else 0) + wait
    assert at(lazy, end) == at(eager, end)


@given(histories())
def test_what_is_frozen_or_counted_in_an_attempt_stays_so(history: History) -> None:
    before = Voting(history.policies)
    for _, voting in history.steps:
        assert len(voting.attempts) >= len(before.attempts)
        for old, new in zip(before.attempts, voting.attempts, strict=False):
            assert old.ballots.items() <= new.ballots.items()
            assert old.seals.items() <= new.seals.items()
            assert old.report in (None, new.report)
            assert frozen(old) == frozen(new)
        before = voting


def frozen(attempt: Attempt) -> tuple[int, ...]:
    """What of an attempt its opening decides."""
    return (
        attempt.number,
        attempt.opened,
        attempt.policy_version,
        attempt.members,
        attempt.n,
        attempt.needed,
    )


@given(histories())
def test_only_the_current_attempt_changes(history: History) -> None:
    for (_, before), (_, after) in pairwise(history.steps):
        past = len(after.attempts) - 1
        assert before.attempts[:past] == after.attempts[:past]


@given(histories())
def test_attempts_are_numbered_upwards_and_later_ones_are_the_owners(history: History) -> None:
    allowed = {1}
    for fact, voting in history.steps:
        if isinstance(fact, Reopened):
            allowed.add(fact.attempt)
        numbers = [attempt.number for attempt in voting.attempts]
        assert numbers == sorted(set(numbers))
        assert all(number in allowed for number in numbers if number > 3)
        if 3 in numbers:
            first = voting.policies[voting.attempts[0].policy_version]
            assert first.fallback in {Fallback.FAILOVER, Fallback.FAILOVER_THEN_PLURALITY}


@given(histories())
def test_members_and_bar_of_an_attempt_are_those_of_the_rules(history: History) -> None:
    for _, voting in history.steps:
        first = voting.attempts[0] if voting.attempts else None
        for attempt in voting.attempts:
            assert attempt.needed == voting.policies[attempt.policy_version].needed(attempt.n)
            assert 2 * attempt.needed > attempt.n >= attempt.members.bit_count() > 0
            if first is None or attempt.number not in {2, 3}:
                assert attempt.n == attempt.members.bit_count() >= 2
                continue
            standbys = first.standbys if attempt.number == 3 else 0
            assert attempt.members & ~(first.members | standbys) == 0
            assert (attempt.n >= first.n, attempt.policy_version) == (True, first.policy_version)


@given(histories())
def test_states_go_forward_within_an_attempt(history: History) -> None:
    now_open = [(time, voting) for time, voting in moments(history) if voting.attempts]
    for (_, before), (_, after) in pairwise(now_open):
        is_reopened = before.state is State.UNRESOLVED and after.state is State.PENDING
        if len(before.attempts) == len(after.attempts) and not is_reopened:
            assert ORDER[after.state] >= ORDER[before.state]
        assert after.closed >= before.closed


@given(histories())
def test_only_the_owner_moves_on_what_is_unresolved(history: History) -> None:
    before = Voting(history.policies)
    for fact, after in history.steps:
        if at(before, fact.time).state is State.UNRESOLVED:
            assert isinstance(fact, Reopened)
            assert after.state is State.PENDING
        before = after


@given(histories())
def test_computed_times_lie_within_the_windows_and_never_move_away(history: History) -> None:
    ends: dict[int, tuple[int, int]] = {}
    for now, voting in moments(history):
        assert voting.ended <= now
        assert (voting.state is State.PENDING) == (voting.stalls > voting.ended)
        for attempt in voting.attempts:
            policy = voting.policies[attempt.policy_version]
            assert attempt.opened <= attempt.cast_end <= attempt.opened + policy.cast_window
            window = policy.reveal_window if policy.ballots is Ballots.SEALED else 0
            assert attempt.cast_end <= attempt.end <= attempt.cast_end + window
            last = ends.setdefault(attempt.number, (attempt.cast_end, attempt.end))
            assert attempt.cast_end <= last[0]
            assert attempt.end <= last[1]
            ends[attempt.number] = (attempt.cast_end, attempt.end)


@given(histories())
def test_next_attempt_is_told_exactly_while_one_may_open(history: History) -> None:
    for _, voting in moments(history):
        assert (voting.next_attempt is None) == (voting.state not in {State.NONE, State.PENDING})


@given(histories())
@settings(max_examples=300)
def test_a_quorum_is_recorded_as_soon_as_needed_ballots_are_equal(history: History) -> None:
    for _, voting in history.steps:
        enough = [
            (attempt.number, pair)
            for attempt in voting.attempts
            for pair, voters in attempt.tally().items()
            if voters.bit_count() >= attempt.needed
        ]
        recorded = voting.recorded
        if recorded is not None and recorded.how is How.QUORUM:
            assert enough == [(recorded.attempt, recorded.pair)]
            assert recorded.voters.bit_count() >= voting.current.needed
        elif recorded is None or recorded.how is How.PLURALITY:
            assert enough == []
        else:
            assert enough in ([], [(recorded.attempt, recorded.pair)])


@given(histories())
@settings(max_examples=300)
def test_a_report_is_recorded_only_with_needed_signers_who_voted_for_it(history: History) -> None:
    for _, voting in history.steps:
        for attempt in voting.attempts:
            report = attempt.report
            if report is None:
                continue
            recorded = voting.recorded
            assert recorded is not None
            assert (recorded.how, recorded.attempt) == (How.REPORT, attempt.number)
            assert (recorded.pair, recorded.time) == (report.pair, report.time)
            assert report.signers.bit_count() >= attempt.needed
            assert report.signers & ~report.voters == report.voters & ~report.participants == 0
            assert report.participants & ~attempt.members == report.voters & ~recorded.voters == 0
            others = bitmap(w for w, pair in attempt.ballots.items() if pair != report.pair)
            assert recorded.voters & others == 0


@given(histories())
@settings(max_examples=600)
def test_a_plurality_is_recorded_only_as_the_policy_and_the_ballots_say(history: History) -> None:
    for _, voting in history.steps:
        recorded, attempt = voting.recorded, voting.attempts[-1:]
        if recorded is None or recorded.how is not How.PLURALITY:
            assert voting.state is not State.SETTLED
            continue
        counts = sorted((voters.bit_count() for voters in attempt[0].tally().values()), reverse=True)
        votes = attempt[0].voters(recorded.pair)
        assert voting.state is State.SETTLED
        assert voting.policy.fallback in {Fallback.PLURALITY, Fallback.FAILOVER_THEN_PLURALITY}
        assert (recorded.attempt, attempt[0].number <= 3) == (attempt[0].number, True)
        assert recorded.voters == votes
        assert votes.bit_count() == counts[0] > max([1, *counts[1:]])
        assert 3 * counts[0] > attempt[0].n
        assert attempt[0].needed <= sum(counts)
        assert counts[0] < attempt[0].needed


@given(histories())
def test_a_record_is_made_once_at_its_facts_time_and_never_changes(history: History) -> None:
    recorded = None
    for fact, voting in history.steps:
        assert (voting.recorded is not None) == (voting.state in RECORDED)
        if recorded is None and voting.recorded is not None:
            recorded = voting.recorded
            assert recorded.time == fact.time
            assert recorded.attempt == voting.current.number
        assert voting.recorded == recorded


@given(histories())
def test_only_members_are_counted_and_each_once(history: History) -> None:
    for _, voting in history.steps:
        for attempt in voting.attempts:
            counted = 0
            for voters in attempt.tally().values():
                assert counted & voters == 0
                counted |= voters
            assert counted & ~attempt.members == 0
            assert counted | attempt.participants | attempt.missing() == attempt.members


@given(histories())
def test_a_sealed_voting_never_counts_what_was_not_revealed(history: History) -> None:
    revealed: dict[int, int] = {}
    for fact, voting in history.steps:
        if isinstance(fact, Revealed):
            revealed[fact.attempt] = revealed.get(fact.attempt, 0) | fact.workers
        for attempt in voting.attempts:
            if voting.policies[attempt.policy_version].ballots is Ballots.SEALED:
                assert bitmap(attempt.ballots) == revealed.get(attempt.number, 0)
                assert attempt.ballots.keys() <= attempt.seals.keys()


@given(histories())
def test_after_a_report_only_those_outside_it_are_counted(history: History) -> None:
    for (_, before), (_, after) in pairwise(history.steps):
        if before.recorded is not None and before.recorded.how is How.REPORT:
            new = after.current.ballots.keys() - before.current.ballots.keys()
            assert bitmap(new) & after.current.participants == 0


@given(histories())
def test_who_is_accurate_is_final_when_the_voting_is_closed(history: History) -> None:
    for (_, before), (_, after) in pairwise(moments(history)):
        assert before.accurate & ~after.accurate == 0
        assert after.accurate & ~(after.current.members if after.attempts else 0) == 0
        if before.closed:
            assert after == before


@given(histories())
def test_no_state_is_one_that_nobody_can_move_on(history: History) -> None:
    for now, voting in moments(history):
        match voting.state:
            case State.NONE:
                assert apply(voting, Opened(now, 1, 1, 0b11, 2, 2)).state is State.CASTING
            case State.CASTING | State.REVEALING | State.PENDING:
                assert at(voting, now + FOREVER).state in {State.SETTLING, State.UNRESOLVED}
            case State.SETTLING:
                leading = voting.current.leading()
                assert leading is not None
                assert apply(voting, Settled(now, leading)).state is State.SETTLED
            case State.UNRESOLVED:
                assert is_recorded_after_reopening(voting, now)
            case State.CONSENSUS | State.SETTLED:
                assert at(voting, now + FOREVER).closed


def is_recorded_after_reopening(voting: Voting, now: int) -> bool:
    """Whether the owner and two workers can still bring the voting to a record."""
    reopened = reopening(voting, now)
    facts: list[Fact] = [
        reopened,
        Opened(now, reopened.attempt, 2, 0b11, 2, 2),
        Reported(now, reopened.attempt, PAIRS[0], 0b11, 0b11, 0b11),
    ]
    for fact in facts:
        voting = apply(voting, fact)
    return voting.closed and voting.recorded is not None
