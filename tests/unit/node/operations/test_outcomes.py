"""What became of a ballot: each outcome of an attempt is told once, when it is so."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from tests.unit.node.test_duties import DUE, MINE, OPEN, OPENED, OTHER, SEALED, SLOT

from worknet.node.causes import Cause
from worknet.node.facts import Prepared, VotingFacts
from worknet.node.operations.outcomes import REMEMBERED, Outcomes
from worknet.protocol.voting import Cast, Revealed, Sealed, Voting
from worknet.protocol.voting_rules import fold
from worknet.protocol.voting_time import at

SEALS = [OPENED, *(Sealed(DUE, 1, worker, bytes([worker + 1]) * 32) for worker in range(3))]


def facts_of(voting: Voting, now: int = DUE, **changes: object) -> VotingFacts:
    facts = VotingFacts(
        voting_id=bytes(32),
        workflow="hourly",
        trigger=SLOT,
        since=DUE,
        policy_version=1,
        version_in_force=1,
        voting=voting,
        now=now,
        confirmed=at(voting, now),
        me=0,
        is_enrolled=True,
        is_active=True,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def outcomes(cause: Cause | None = None, sent: bool = False) -> Outcomes:
    return Outcomes(lambda _, __: cause, lambda _, __: sent)


def told(tellers: Outcomes, *all_facts: VotingFacts) -> list[str]:
    """The outcomes that are told, with the cause where there is one."""
    with capture_logs() as lines:
        for facts in all_facts:
            tellers.tell(facts)
    assert {line["event"] for line in lines} <= {"ballot.outcome"}
    return [": ".join(filter(None, (line["outcome"], line.get("cause")))) for line in lines]


def test_an_open_ballot_is_cast_when_the_chain_holds_it() -> None:
    cast = fold({1: OPEN}, [OPENED, Cast(DUE, 1, 0, MINE)])
    assert told(outcomes(), facts_of(fold({1: OPEN}, [OPENED])), facts_of(cast)) == ["cast"]


def test_a_seal_on_chain_is_a_ballot_that_is_cast() -> None:
    assert told(outcomes(), facts_of(fold({1: SEALED}, SEALS))) == ["cast"]


def test_an_opened_seal_is_revealed() -> None:
    voting = fold({1: SEALED}, [*SEALS, Revealed(DUE, 1, MINE, 0b001)])
    assert told(outcomes(), facts_of(voting)) == ["cast", "revealed"]


def test_an_open_ballot_is_never_revealed() -> None:
    assert "revealed" not in told(outcomes(), facts_of(fold({1: OPEN}, [OPENED, Cast(DUE, 1, 0, MINE)])))


@pytest.mark.parametrize("cause", [Cause.SOURCE_TIMEOUT, Cause.BUNDLE_MISSING])
def test_a_ballot_that_was_never_sent_is_not_cast_for_the_cause_of_the_last_failure(cause: Cause) -> None:
    missing = facts_of(fold({1: OPEN}, [OPENED]), DUE + 60)
    assert told(outcomes(cause), missing) == [f"not cast: {cause}"]


def test_a_ballot_is_not_given_up_while_its_window_lasts() -> None:
    assert told(outcomes(Cause.SOURCE_TIMEOUT), facts_of(fold({1: OPEN}, [OPENED]), DUE + 59)) == []


def test_a_prepared_ballot_that_was_never_sent_did_not_come_in_time() -> None:
    prepared = {(1, 1): Prepared(1, 1, MINE)}
    late = facts_of(fold({1: OPEN}, [OPENED]), DUE + 60, prepared=prepared)
    assert told(outcomes(), late) == ["not cast: not in time"]


def test_without_failure_and_ballot_the_worker_was_not_running() -> None:
    assert told(outcomes(), facts_of(fold({1: OPEN}, [OPENED]), DUE + 60)) == ["not cast: not running"]


def test_a_ballot_that_was_sent_and_is_not_on_chain_is_lost() -> None:
    assert told(outcomes(sent=True), facts_of(fold({1: OPEN}, [OPENED]), DUE + 60)) == ["lost"]


def test_a_seal_that_was_not_opened_in_time_is_lost() -> None:
    voting = fold({1: SEALED}, SEALS)
    assert told(outcomes(), facts_of(voting, DUE + 59), facts_of(voting, DUE + 61)) == ["cast", "lost"]


def test_a_ballot_for_the_recorded_pair_is_in_consensus_once_the_voting_is_closed() -> None:
    ballots = [OPENED, Cast(DUE, 1, 0, MINE), Cast(DUE, 1, 1, MINE)]
    voting = fold({1: OPEN}, ballots)
    assert told(outcomes(), facts_of(voting), facts_of(voting, DUE + 61)) == ["cast", "in consensus"]


def test_a_ballot_for_another_pair_is_outvoted() -> None:
    ballots = [OPENED, Cast(DUE, 1, 0, OTHER), Cast(DUE, 1, 1, MINE), Cast(DUE, 1, 2, MINE)]
    assert told(outcomes(), facts_of(fold({1: OPEN}, ballots), DUE + 61)) == ["cast", "outvoted"]


def test_each_outcome_is_told_once_however_often_the_voting_is_looked_at() -> None:
    ballots = [OPENED, Cast(DUE, 1, 0, MINE), Cast(DUE, 1, 1, MINE)]
    facts = facts_of(fold({1: OPEN}, ballots), DUE + 61)
    assert told(outcomes(), facts, facts, facts) == ["cast", "in consensus"]


def test_what_was_so_at_the_start_is_not_told() -> None:
    facts = facts_of(fold({1: OPEN}, [OPENED, Cast(DUE, 1, 0, MINE)]))
    tellers = outcomes()
    with capture_logs() as lines:
        tellers.tell(facts, quiet=True)
    assert lines == []
    assert told(tellers, facts) == []


def test_a_slot_that_nobody_opened_was_not_cast_by_this_worker_either() -> None:
    too_old = facts_of(Voting({1: OPEN}), DUE + 7201)
    assert told(outcomes(Cause.SOURCE_UNAVAILABLE), too_old, too_old) == ["not cast: source unavailable"]


def test_nothing_is_told_of_a_worker_that_is_no_member() -> None:
    voting = fold({1: OPEN}, [replace(OPENED, members=0b110, n=2)])
    assert told(outcomes(), facts_of(voting, DUE + 60), facts_of(voting, DUE + 60, me=None)) == []


def test_memory_is_bounded() -> None:
    tellers = outcomes()
    voting = fold({1: OPEN}, [OPENED])
    for number in range(REMEMBERED + 10):
        tellers.tell(facts_of(voting, voting_id=number.to_bytes(32, "big")))
    assert len(tellers._told) == REMEMBERED
