"""Facts to duties beyond the two ordinary attempts: failover, plurality, reopening, rotation, a pause."""

from dataclasses import replace

import pytest
from tests.unit.node.test_duties import DUE, MINE, OPENED, OTHER, PREPARED, SEALED, facts_of, sealed_by

from worknet.node.duties import TURN_SECONDS, Prepare, Send, duties, is_over
from worknet.node.facts import Action, Prepared, VotingFacts
from worknet.protocol.policy import Fallback
from worknet.protocol.voting import Fact, Opened, Reopened, Reported, Revealed, Sealed, Settled, Voting
from worknet.protocol.voting_rules import apply, fold

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


def standby(facts: VotingFacts) -> VotingFacts:
    """The same facts as the standby has them."""
    return replace(facts, me=STANDBY, is_active=False)


# Failover


def test_a_standby_votes_in_no_ordinary_attempt() -> None:
    voting = fold({1: FAILOVER}, failed_twice()[:2])
    for time in (DUE + 1, END + 1):
        assert duties(standby(facts_of(voting, time))) == []


def test_a_standby_prepares_for_the_failover_as_the_members_do() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE)
    assert duties(facts) == duties(standby(facts)) == [Prepare(3, 1)]


def test_a_standby_opens_the_failover_and_votes_in_one_that_is_open() -> None:
    prepared = {(3, 1): Prepared(3, 1, MINE)}
    pending = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE, prepared=prepared)
    opened = fold({1: FAILOVER}, failed_twice(replace(THIRD, time=FAILED_TWICE)))
    for facts in (pending, facts_of(opened, FAILED_TWICE, prepared=prepared)):
        assert duties(standby(facts)) == [Send(Action.SEAL, 3, 1, MINE)]


def test_a_standby_that_came_later_has_no_part_in_the_failover() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE)
    assert duties(replace(standby(facts), me=4)) == []


def test_a_removed_member_has_no_part_in_the_failover() -> None:
    facts = facts_of(fold({1: FAILOVER}, failed_twice()), FAILED_TWICE)
    assert duties(replace(facts, is_enrolled=False, is_active=False)) == []


# Plurality


def divided() -> Voting:
    """All have opened their seals, two for one pair and one for another, and all three had to agree."""
    opened = replace(OPENED, needed=3)
    reveals = [Revealed(DUE, 1, MINE, 0b011), Revealed(DUE, 1, OTHER, 0b100)]
    return fold({1: PLURALITY}, [opened, *sealed_by(0, 1, 2)[1:], *reveals])


def test_the_leading_pair_is_settled_by_the_worker_whose_turn_it_is() -> None:
    facts = facts_of(divided(), DUE)
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


# Reopening

NEWER = replace(SEALED, start=DUE - 1000, data_key_epoch=2)
UNRESOLVED = END + 300
REOPENED = Reopened(UNRESOLVED, 4, UNRESOLVED + 300)


def reopened(*more: Fact) -> Voting:
    return fold({1: SEALED, 2: NEWER}, [OPENED, REOPENED, *more])


def test_an_unresolved_voting_is_over_and_a_reopened_one_is_taken_up_again() -> None:
    unresolved = facts_of(fold({1: SEALED}, [OPENED]), UNRESOLVED, has_ended=True)
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
    facts = facts_of(voting, late + 300)
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
