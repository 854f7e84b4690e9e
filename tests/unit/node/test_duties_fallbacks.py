"""Facts to duties beyond the two ordinary attempts: failover, plurality, reopening, rotation, a pause."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.node.test_duties import DUE, MINE, OPENED, OTHER, PREPARED, SEALED, facts_of, sealed_by

from worknet.node.duties import TURN_SECONDS, Duty, Handle, Prepare, Send, duties, is_over
from worknet.node.facts import Action, Errand, ErrandState, Moment, Prepared, VotingFacts
from worknet.node.moments import HANDLE_WITHIN, errand_of
from worknet.protocol.voting import Fact, Opened, Reopened, Reported, Revealed, Sealed, Settled, Voting
from worknet.protocol.voting_rules import apply, fold
from worknet.protocol.voting_time import at
from worknet.protocol.words import Fallback
from worknet.workflow import Action as Decided
from worknet.workflow import Alert, SettlePlurality, StartFailover, When

STANDBY = 3
END = DUE + 120
"""When the first attempt of `divided` is over."""
FAILOVER = replace(SEALED, fallback=Fallback.FAILOVER)
PLURALITY = replace(SEALED, fallback=Fallback.PLURALITY, threshold_num=1, stall=0)
THIRD = replace(OPENED, attempt=3, members=0b1111, n=4, needed=3)


def failed_twice(*more: Fact) -> list[Fact]:
    """Two attempts in which all but worker 0 were missing; worker 3 is a standby of the first opening."""
    second = END + 10
    return [
        replace(OPENED, standbys=0b1000),
        Sealed(DUE, 1, 0, b"\1" * 32),
        replace(OPENED, time=second, attempt=2),
        Sealed(second, 2, 0, b"\1" * 32),
        *more,
    ]


FAILED_TWICE = END + 10 + 120


FAILS = (When.FAILOVER, 2)
SETTLES = (When.PLURALITY, 1)


def handled(moment: Moment, *actions: Decided) -> dict[Moment, tuple[Errand, ...]]:
    """What the journal holds when a handler has decided on these actions."""
    return {moment: tuple(errand_of(number, each, moment) for number, each in enumerate(actions))}


STARTED = handled(FAILS, StartFailover())
SETTLED = handled(SETTLES, SettlePlurality())


def standby(facts: VotingFacts) -> VotingFacts:
    """The same facts as the standby has them."""
    return replace(facts, me=STANDBY, is_active=False)


# Failover


def test_a_standby_votes_in_no_ordinary_attempt() -> None:
    voting = fold({1: FAILOVER}, failed_twice()[:2])
    for time in (DUE + 1, END + 1):
        assert duties(standby(facts_of(voting, time))) == []


def test_the_failover_is_handled_before_anyone_prepares_for_it() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE)
    assert duties(facts) == duties(standby(facts)) == [Handle(*FAILS, 1)]


def test_a_standby_prepares_for_the_failover_as_the_members_do() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE, handled=STARTED)
    assert duties(facts) == duties(standby(facts)) == [Prepare(3, 1)]


def test_a_standby_opens_the_failover_and_votes_in_one_that_is_open() -> None:
    known: dict[str, object] = {"prepared": {(3, 1): Prepared(3, 1, MINE)}, "handled": STARTED}
    pending = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE, **known)
    opened = fold({1: FAILOVER}, failed_twice(replace(THIRD, time=FAILED_TWICE)))
    for facts in (pending, facts_of(opened, FAILED_TWICE, **known)):
        assert duties(standby(facts)) == [Send(Action.SEAL, 3, 1, MINE)]


def test_a_worker_whose_handler_does_not_start_the_failover_has_no_part_in_it() -> None:
    handled_otherwise = handled(FAILS, Alert("no more"), SettlePlurality())
    opened = fold({1: FAILOVER}, failed_twice(replace(THIRD, time=FAILED_TWICE)))
    for voting in (fold({1: FAILOVER}, failed_twice()), opened):
        facts = facts_of(voting, FAILED_TWICE, handled=handled_otherwise)
        assert duties(facts) == duties(standby(facts)) == []


def test_a_failover_that_others_opened_is_handled_with_the_attempts_before_it() -> None:
    opened = fold({1: FAILOVER}, failed_twice(replace(THIRD, time=FAILED_TWICE)))
    assert duties(facts_of(opened, FAILED_TWICE)) == [Handle(*FAILS, 1)]


def test_a_failover_after_an_attempt_2_that_never_opened_is_handled_with_attempt_1() -> None:
    stalled = fold({1: FAILOVER}, failed_twice()[:2])
    (duty,) = duties(facts_of(stalled, END + 300))
    assert duty == Handle(When.FAILOVER, 1, 1)


def test_a_moment_that_no_confirmed_block_shows_is_not_handled() -> None:
    voting = fold({1: FAILOVER}, failed_twice())
    facts = facts_of(voting, FAILED_TWICE)
    assert duties(replace(facts, confirmed=at(voting, FAILED_TWICE - 1))) == []


def test_a_moment_that_the_head_has_left_is_handled_no_more() -> None:
    voting = fold({1: FAILOVER}, failed_twice())
    facts = facts_of(voting, FAILED_TWICE)
    later = replace(facts, now=FAILED_TWICE + 300)
    assert not [duty for duty in duties(later) if isinstance(duty, Handle)]


def test_a_standby_that_came_later_has_no_part_in_the_failover() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE, handled=STARTED)
    assert duties(replace(standby(facts), me=4)) == []


def test_a_removed_member_has_no_part_in_the_failover() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE, handled=STARTED)
    assert duties(replace(facts, is_enrolled=False, is_active=False)) == []


# Plurality


def divided() -> Voting:
    """All have opened their seals, two for one pair and one for another, and all three had to agree."""
    opened = replace(OPENED, needed=3)
    reveals = [Revealed(DUE, 1, MINE, 0b011), Revealed(DUE, 1, OTHER, 0b100)]
    return fold({1: PLURALITY}, [opened, *sealed_by(0, 1, 2)[1:], *reveals])


def test_a_plurality_is_handled_before_anyone_settles_it() -> None:
    facts = facts_of(divided(), DUE)
    assert duties(facts) == duties(replace(facts, me=1)) == [Handle(*SETTLES, 1)]


def test_a_worker_whose_handler_does_not_settle_the_plurality_never_does() -> None:
    facts = facts_of(divided(), DUE, handled=handled(SETTLES, Alert("look at it"), StartFailover()))
    assert duties(replace(facts, now=DUE + 10**6)) == []


def test_a_plurality_waits_for_its_handler_however_old_it_is() -> None:
    assert duties(facts_of(divided(), DUE + 2 * HANDLE_WITHIN)) == [Handle(*SETTLES, 1)]


def test_what_was_decided_about_another_attempt_settles_nothing() -> None:
    others = handled((When.PLURALITY, 3), SettlePlurality()) | handled((When.UNRESOLVED, 1))
    assert duties(facts_of(divided(), DUE, handled=others)) == [Handle(*SETTLES, 1)]


def test_the_leading_pair_is_settled_by_the_worker_whose_turn_it_is() -> None:
    facts = facts_of(divided(), DUE, handled=SETTLED)
    settle = [Send(Action.SETTLE, 1, 1, MINE)]
    assert duties(facts) == settle
    assert duties(replace(facts, me=1)) == []
    assert duties(replace(facts, me=1, now=DUE + TURN_SECONDS)) == settle


def test_a_voting_that_waits_to_be_settled_is_not_over() -> None:
    assert not is_over(facts_of(divided(), DUE + 10**6))


def test_a_settled_voting_is_over() -> None:
    facts = facts_of(apply(divided(), Settled(DUE + 5, MINE)), DUE + 5, has_ended=True)
    assert duties(facts) == []
    assert is_over(facts)


# Reports


def test_a_seal_of_which_a_report_tells_is_not_opened() -> None:
    report = Reported(DUE + 60, 1, MINE, 0b011, 0b011, 0b011)
    voting = fold({1: SEALED}, [*sealed_by(0, 2), report])
    facts = facts_of(voting, DUE + 60, prepared=PREPARED)
    assert duties(facts) == []
    assert duties(replace(facts, me=2)) == [Send(Action.REVEAL, 1, 1, MINE)]


# What came to nothing


def unresolved(**changes: object) -> VotingFacts:
    """A voting of which the contract has told that it ended unresolved."""
    facts = facts_of(fold({1: SEALED}, [OPENED]), UNRESOLVED, has_ended=True)
    return replace(facts, **changes)  # type: ignore[arg-type]


NOTHING = (When.UNRESOLVED, 1)


def test_an_unresolved_voting_is_over_once_it_is_handled() -> None:
    facts = unresolved()
    assert duties(facts) == [Handle(*NOTHING, 1)]
    assert not is_over(facts)
    done = replace(facts, handled=handled(NOTHING))
    assert duties(done) == []
    assert is_over(done)


def test_it_is_handled_beside_the_transaction_that_ends_it() -> None:
    late = UNRESOLVED + 100
    assert duties(unresolved(has_ended=False, now=late)) == [
        Handle(*NOTHING, 1),
        Send(Action.ADVANCE, 1, 1, None),
    ]


def test_a_worker_that_was_away_for_long_tells_nobody_of_the_past() -> None:
    facts = unresolved()
    ended = facts.confirmed.ended
    last = replace(facts, now=ended + HANDLE_WITHIN)
    assert duties(last) == [Handle(*NOTHING, 1)]
    assert not is_over(last)
    too_late = replace(facts, now=ended + HANDLE_WITHIN + 1)
    assert duties(too_late) == []
    assert is_over(too_late)


@pytest.mark.parametrize("later", [0, 1])
def test_a_failure_is_the_affair_of_who_was_enrolled_by_then_and_of_nobody_who_joined_later(
    later: int,
) -> None:
    facts = unresolved()
    newcomer = replace(standby(facts), enrolled_since=facts.confirmed.ended + later)
    assert duties(newcomer) == ([] if later else [Handle(*NOTHING, 1)])
    assert is_over(newcomer) is bool(later)


def test_a_member_that_was_enrolled_again_since_still_handles_what_it_voted_on() -> None:
    assert duties(unresolved(enrolled_since=UNRESOLVED + 1)) == [Handle(*NOTHING, 1)]


def test_who_joins_while_a_plurality_waits_helps_to_settle_it() -> None:
    facts = replace(standby(facts_of(divided(), DUE + 50)), enrolled_since=DUE + 40)
    assert duties(facts) == [Handle(*SETTLES, 1)]


@pytest.mark.parametrize(
    "stranger",
    [
        {"me": None},
        {"me": 4, "is_enrolled": False, "is_active": False},
        {"holds_key": False, "is_enrolled": False, "is_active": False},
    ],
)
def test_who_takes_no_part_handles_nothing(stranger: dict[str, object]) -> None:
    facts = unresolved(**stranger)
    assert duties(facts) == []
    assert is_over(facts)


def test_a_removed_member_of_the_last_attempt_still_handles_it() -> None:
    assert duties(unresolved(is_enrolled=False, is_active=False)) == [Handle(*NOTHING, 1)]


# Reopening

TOLD = handled((When.UNRESOLVED, 1), Alert("it came to nothing"))
NEWER = replace(SEALED, start=DUE - 1000, data_key_epoch=2)
UNRESOLVED = END + 300
REOPENED = Reopened(UNRESOLVED, 4, UNRESOLVED + 300)


def reopened(*more: Fact) -> Voting:
    return fold({1: SEALED, 2: NEWER}, [OPENED, REOPENED, *more])


def test_an_unresolved_voting_is_over_and_a_reopened_one_is_taken_up_again() -> None:
    unresolved = facts_of(fold({1: SEALED}, [OPENED]), UNRESOLVED, has_ended=True, handled=TOLD)
    assert is_over(unresolved)
    facts = facts_of(reopened(), UNRESOLVED, version_in_force=2)
    assert not is_over(facts)
    assert duties(facts) == [Prepare(4, 2)]


def test_a_reopened_attempt_is_voted_in_under_the_policy_in_force() -> None:
    prepared = {(4, 1): Prepared(4, 1, OTHER), (4, 2): Prepared(4, 2, MINE)}
    facts = facts_of(reopened(), UNRESOLVED, version_in_force=2, prepared=prepared)
    assert duties(facts) == [Send(Action.SEAL, 4, 2, MINE)]


def test_an_open_attempt_keeps_the_policy_of_its_opening() -> None:
    opened = Opened(UNRESOLVED, 4, 1, 0b111, 3, 2)
    facts = facts_of(reopened(opened), UNRESOLVED, version_in_force=2)
    assert duties(facts) == [Prepare(4, 1)]


@pytest.mark.parametrize("changes", [{"is_active": False}, {"version_in_force": None}])
def test_only_active_workers_open_what_was_reopened_and_only_under_a_policy(
    changes: dict[str, object],
) -> None:
    facts = facts_of(reopened(), UNRESOLVED, **{"version_in_force": 2, **changes})
    assert duties(facts) == []


def test_a_slot_that_never_opened_is_voted_on_when_it_is_reopened() -> None:
    late = DUE + 10_000
    never = Voting({1: SEALED})
    assert is_over(facts_of(never, late))
    facts = facts_of(apply(never, Reopened(late, 4, late + 300)), late)
    assert not is_over(facts)
    assert duties(facts) == [Prepare(4, 1)]


def test_a_slot_that_was_reopened_in_vain_is_advanced_in_the_order_of_the_workers() -> None:
    late = DUE + 10_000
    voting = fold({1: SEALED}, [Reopened(late, 4, late + 300)])
    facts = facts_of(voting, late + 300, handled=handled((When.UNRESOLVED, 0)))
    assert duties(facts) == [Send(Action.ADVANCE, 0, 1, None)]
    assert duties(replace(facts, me=1)) == []
    assert is_over(replace(facts, has_ended=True))


# The pause, and keys


def test_nothing_new_is_opened_while_the_owner_pauses() -> None:
    assert duties(facts_of(Voting({1: SEALED}), is_paused=True)) == []


def test_a_pause_does_not_hold_up_what_is_open_or_pending() -> None:
    pending = facts_of(fold({1: SEALED}, [OPENED]), END, is_paused=True)
    assert duties(pending) == [Prepare(2, 1)]
    assert duties(facts_of(fold({1: SEALED}, [OPENED]), is_paused=True)) == [Prepare(1, 1)]
    assert duties(facts_of(reopened(), UNRESOLVED, is_paused=True)) == [Prepare(4, 1)]


def test_a_key_that_was_rotated_out_opens_its_seal_and_does_nothing_else() -> None:
    gone = {"is_enrolled": False, "is_active": False, "holds_key": False}
    sealed = fold({1: SEALED}, sealed_by(0, 1, 2))
    assert duties(facts_of(sealed, prepared=PREPARED, **gone)) == [Send(Action.REVEAL, 1, 1, MINE)]
    assert duties(facts_of(fold({1: SEALED}, [OPENED]), prepared=PREPARED, **gone)) == []
    assert duties(facts_of(divided(), DUE + 1000, **gone)) == []
    assert duties(facts_of(fold({1: SEALED}, [OPENED]), UNRESOLVED + 1000, **gone)) == []


# Laws

MOMENTS = [(when, attempt) for when in When for attempt in range(4)]
DECISIONS = st.dictionaries(
    st.sampled_from(MOMENTS),
    st.lists(st.sampled_from([Alert("a"), SettlePlurality(), StartFailover()]), max_size=3),
)
VOTINGS = st.sampled_from(
    [
        divided(),
        fold({1: FAILOVER}, failed_twice()),
        fold({1: FAILOVER}, failed_twice()[:2]),
        fold({1: FAILOVER}, failed_twice(replace(THIRD, time=FAILED_TWICE))),
        fold({1: SEALED}, [OPENED]),
        fold({1: replace(FAILOVER, fallback=Fallback.FAILOVER_THEN_PLURALITY)}, failed_twice()),
    ]
)


@given(VOTINGS, DECISIONS, st.integers(DUE, FAILED_TWICE + 1000), st.sampled_from([0, 1, 2, STANDBY]))
def test_nothing_is_handled_twice_nor_done_without_a_decision(
    voting: Voting, decisions: dict[Moment, list[Decided]], now: int, me: int
) -> None:
    known: dict[Moment, tuple[Errand, ...]] = {}
    for moment, actions in decisions.items():
        known |= handled(moment, *actions)
    prepared = {(attempt, 1): Prepared(attempt, 1, MINE) for attempt in (1, 2, 3)}
    facts = facts_of(voting, now, handled=known, prepared=prepared, me=me, is_active=me != STANDBY)
    wanted = duties(facts)
    assert not [each for each in wanted if isinstance(each, Handle) and (each.when, each.attempt) in known]
    assert len({type(each) for each in wanted}) == len(wanted) <= 2
    for each in wanted:
        assert _is_founded(each, known)


def _is_founded(duty: Duty, known: dict[Moment, tuple[Errand, ...]]) -> bool:
    """Whether a duty that a handler decides about follows from what one decided, and was allowed to."""
    if isinstance(duty, Send) and duty.action is Action.SETTLE:
        wanted: tuple[Moment, ...] = ((When.PLURALITY, duty.attempt),)
        action: type[Decided] = SettlePlurality
    elif isinstance(duty, Send | Prepare) and duty.attempt == 3 and not _is_reveal(duty):
        wanted, action = ((When.FAILOVER, 1), (When.FAILOVER, 2)), StartFailover
    else:
        return True
    decided = [each for moment in wanted for each in known.get(moment, ())]
    return any(isinstance(each.action, action) and each.state is ErrandState.DONE for each in decided)


def _is_reveal(duty: Duty) -> bool:
    return isinstance(duty, Send) and duty.action in {Action.REVEAL, Action.ADVANCE}
