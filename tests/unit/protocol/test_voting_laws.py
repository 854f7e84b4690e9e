"""The state machine of a voting by its laws, over random histories of what might come on chain.

A fact that the rules refuse changes nothing, as a reverted transaction does.
"""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.voting_histories import (
    FOREVER,
    PAIRS,
    History,
    bitmap,
    histories,
    moments,
    reopening,
)

from worknet.protocol.voting import (
    Attempt,
    Fact,
    Opened,
    Reopened,
    Reported,
    Revealed,
    Settled,
    State,
    Voting,
)
from worknet.protocol.voting_rules import apply, fold
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, Fallback, How

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
@settings(max_examples=150)
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
@settings(max_examples=150)
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
@settings(max_examples=300)
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
