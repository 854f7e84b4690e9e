"""Which results a voting consumes: the cut is the same whenever, and by whomever, it is looked at."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.protocol.voting_histories import FOREVER, POLICY, History, histories

from worknet.protocol.ids import Slot, Window
from worknet.protocol.parents import closed_since, openable_since, slots_within
from worknet.protocol.voting import Fact, Opened, Reopened, State, Voting
from worknet.protocol.voting_rules import fold

SLOT = Slot(500, 1)
"""It is due when the histories begin; their policies know no age, so unopened it is open for `stall`."""
DUE = SLOT.window.end
TIMES = st.integers(0, 400).map(lambda after: DUE - 20 + after)


def lawful(history: History, until: int = FOREVER) -> list[Fact]:
    return [fact for fact, _ in history.steps if fact.time <= until]


def is_open(voting: Voting, time: int) -> bool:
    """The rule, said once more of one moment."""
    if voting.recorded is not None or voting.state is State.UNRESOLVED:
        return False
    if voting.state is State.SETTLING:
        return time < voting.ended + voting.policy.stall
    if voting.state is State.NONE:
        return time < DUE + voting.policies[2].stall
    return True


# When a voting is closed


@given(histories(), TIMES, TIMES)
def test_what_is_closed_by_a_time_stays_so_whatever_comes_later(
    history: History, since: int, now: int
) -> None:
    assume(since <= now)
    known = closed_since(history.policies, lawful(history, now), SLOT, since, now)
    ever = closed_since(history.policies, lawful(history), SLOT, since, FOREVER)
    assert ever is not None
    assert known == (ever if ever <= now else None)


@given(histories(), TIMES)
def test_it_is_closed_at_the_first_moment_at_which_it_is_not_open(history: History, since: int) -> None:
    closed = closed_since(history.policies, lawful(history), SLOT, since, FOREVER)
    assert closed is not None
    seconds = range(since, min(closed, since + 400))
    assert all(is_open(standing(history, second), second) for second in seconds)
    assert not is_open(standing(history, closed), closed)


def standing(history: History, second: int) -> Voting:
    """The voting as everything makes it that befell it until the end of that second."""
    return fold(history.policies, lawful(history, second), second)


def test_a_slot_that_never_opened_is_open_until_it_is_too_old() -> None:
    policy = replace(POLICY, max_age=100, delay=7)
    assert closed_since({1: policy}, [], SLOT, 0, FOREVER) == DUE + 7 + 100 + 1


def test_without_an_age_it_is_open_until_it_is_due_for_stall() -> None:
    assert closed_since({1: POLICY}, [], SLOT, 0, FOREVER) == DUE + POLICY.stall


def test_the_policy_that_governs_the_slot_says_until_when() -> None:
    policies = {1: replace(POLICY, stall=5), 2: replace(POLICY, start=SLOT.window.start + 1, stall=50)}
    assert closed_since(policies, [], SLOT, 0, FOREVER) == DUE + 5


def test_a_slot_of_before_the_first_policy_never_was_open() -> None:
    assert closed_since({1: replace(POLICY, start=501)}, [], SLOT, 0, FOREVER) == 0


# Since when an attempt may open


@given(histories())
def test_an_attempt_could_open_since_the_same_moment_before_and_after_it_did(history: History) -> None:
    for place, (fact, _) in enumerate(history.steps):
        if isinstance(fact, Opened):
            before = [each for each, _ in history.steps[:place]]
            known = openable_since(history.policies, before, fact.attempt, DUE, fact.time)
            assert known is not None
            assert known <= fact.time
            assert openable_since(history.policies, lawful(history), fact.attempt, DUE, FOREVER) == known


def test_attempt_1_may_open_once_its_slot_is_due() -> None:
    assert openable_since({1: POLICY}, [], 1, DUE, DUE - 1) is None
    assert openable_since({1: POLICY}, [], 1, DUE, DUE) == DUE


def test_a_reopened_attempt_may_open_since_the_owner_said_so() -> None:
    facts = [Reopened(2000, 4, 2030)]
    assert openable_since({1: POLICY}, facts, 4, DUE, 2010) == 2000


def test_an_attempt_that_is_not_next_may_not_open() -> None:
    assert openable_since({1: POLICY}, [], 2, DUE, FOREVER) is None


# Slots


@given(st.integers(1, 50), st.integers(0, 500), st.integers(1, 500))
def test_the_slots_of_a_window_are_those_that_lie_whole_in_it(every: int, start: int, length: int) -> None:
    window = Window(start, start + length)
    within = [Slot(every, number) for number in range(1100 // every + 1)]
    expected = [
        slot for slot in within if window.start <= slot.window.start and slot.window.end <= window.end
    ]
    assert list(slots_within(window, every)) == expected
