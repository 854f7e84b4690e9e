"""Facts to duties: what a worker does about one voting, for every state that the voting can be in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.node.duties import TURN_SECONDS, Handle, Prepare, Send, duties, is_over
from worknet.node.facts import Action, Prepared, VotingFacts
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Cast, Opened, Revealed, Sealed, Voting
from worknet.protocol.voting_rules import fold
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, Fallback
from worknet.workflow import When

SLOT = Slot(3600, 10)
DUE = SLOT.due(0)
MINE = Pair(b"\1" * 32, b"\2" * 32)
OTHER = Pair(b"\3" * 32, b"\4" * 32)
SEALED = Policy(
    bundle_digest=b"\5" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\6" * 32,
    every=3600,
    delay=0,
    start=0,
    max_age=7200,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=60,
    reveal_window=60,
    stall=300,
    fallback=Fallback.ALERT,
)
OPEN = replace(SEALED, ballots=Ballots.OPEN)
OPENED = Opened(DUE, 1, 1, 0b111, 3, 2)


def facts_of(voting: Voting, now: int = DUE, **changes: object) -> VotingFacts:
    """The facts of worker 0 when the head and the confirmed block are the same."""
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


def sealed_by(*workers: int, time: int = DUE) -> list[Opened | Sealed]:
    return [OPENED, *(Sealed(time, 1, worker, bytes([worker + 1]) * 32) for worker in workers)]


PREPARED = {(1, 1): Prepared(1, 1, MINE)}


def test_a_slot_that_is_not_due_is_left_alone() -> None:
    assert duties(facts_of(Voting({1: SEALED}), DUE - 1)) == []


def test_a_due_slot_is_prepared() -> None:
    assert duties(facts_of(Voting({1: SEALED}))) == [Prepare(1, 1)]


def test_a_prepared_ballot_is_sealed_where_ballots_are_sealed() -> None:
    assert duties(facts_of(Voting({1: SEALED}), prepared=PREPARED)) == [Send(Action.SEAL, 1, 1, MINE)]


def test_a_prepared_ballot_is_cast_where_ballots_are_open() -> None:
    assert duties(facts_of(Voting({1: OPEN}), prepared=PREPARED)) == [Send(Action.CAST, 1, 1, MINE)]


def test_a_slot_that_is_too_old_is_not_opened_and_is_over() -> None:
    late = facts_of(Voting({1: SEALED}), DUE + 7201)
    assert duties(late) == []
    assert is_over(late)


def test_a_standby_opens_nothing() -> None:
    assert duties(facts_of(Voting({1: SEALED}), is_active=False)) == []


def test_a_worker_that_is_not_enrolled_does_nothing() -> None:
    assert duties(facts_of(Voting({1: SEALED}), me=None)) == []


def test_what_was_sent_is_not_sent_again_while_its_fate_is_unknown() -> None:
    waiting = frozenset({(Action.SEAL, 1)})
    assert duties(facts_of(Voting({1: SEALED}), prepared=PREPARED, waiting=waiting)) == []


def test_a_worker_that_is_no_member_of_the_attempt_does_not_vote_in_it() -> None:
    voting = fold({1: SEALED}, [replace(OPENED, members=0b110, n=2)])
    assert duties(facts_of(voting, prepared=PREPARED)) == []


def test_a_worker_that_has_sealed_waits_for_the_others() -> None:
    assert duties(facts_of(fold({1: SEALED}, sealed_by(0)), prepared=PREPARED)) == []


def test_a_seal_is_opened_when_all_have_sealed() -> None:
    voting = fold({1: SEALED}, sealed_by(0, 1, 2))
    assert duties(facts_of(voting, prepared=PREPARED)) == [Send(Action.REVEAL, 1, 1, MINE)]


def test_a_seal_is_opened_when_the_cast_window_is_over() -> None:
    voting = fold({1: SEALED}, sealed_by(0, 1))
    assert duties(facts_of(voting, DUE + 59, prepared=PREPARED)) == []
    assert duties(facts_of(voting, DUE + 60, prepared=PREPARED)) == [Send(Action.REVEAL, 1, 1, MINE)]


def test_no_seal_is_opened_before_the_reveal_phase_stands_in_a_confirmed_block() -> None:
    voting = fold({1: SEALED}, sealed_by(0, 1, 2))
    unconfirmed = fold({1: SEALED}, sealed_by(0, 1))
    assert duties(facts_of(voting, prepared=PREPARED, confirmed=unconfirmed)) == []


def test_a_seal_without_its_ballot_in_the_journal_cannot_be_opened() -> None:
    assert duties(facts_of(fold({1: SEALED}, sealed_by(0, 1, 2)))) == []


def test_a_ballot_that_others_have_decided_without_is_still_revealed() -> None:
    facts = [*sealed_by(0, 1, 2), Revealed(DUE, 1, MINE, 0b110)]
    assert duties(facts_of(fold({1: SEALED}, facts), prepared=PREPARED)) == [Send(Action.REVEAL, 1, 1, MINE)]


def test_an_open_ballot_is_cast_after_consensus_while_the_window_lasts() -> None:
    facts = [OPENED, Cast(DUE, 1, 1, MINE), Cast(DUE, 1, 2, MINE)]
    voting = fold({1: OPEN}, facts)
    assert duties(facts_of(voting, prepared=PREPARED)) == [Send(Action.CAST, 1, 1, MINE)]


def test_the_second_attempt_is_prepared_anew() -> None:
    facts = [*sealed_by(0, 1), Revealed(DUE + 60, 1, MINE, 0b1), Revealed(DUE + 61, 1, OTHER, 0b10)]
    voting = fold({1: SEALED}, facts)
    assert duties(facts_of(voting, DUE + 61, prepared=PREPARED)) == [Prepare(2, 1)]


def test_a_window_that_ended_is_applied_by_the_worker_whose_turn_it_is() -> None:
    facts = [*sealed_by(0, 1, 2), Revealed(DUE, 1, MINE, 0b11)]
    voting = fold({1: SEALED}, facts)
    end = DUE + 60
    mine = facts_of(voting, end, prepared=PREPARED)
    assert duties(mine) == [Send(Action.ADVANCE, 1, 1, MINE)]
    assert duties(replace(mine, me=1)) == []
    assert duties(replace(mine, me=1, now=end + TURN_SECONDS)) == [Send(Action.ADVANCE, 1, 1, MINE)]


def test_a_voting_that_stalls_is_advanced_to_unresolved_and_is_then_over() -> None:
    voting = fold({1: SEALED}, [OPENED], now=DUE + 120)
    handled = {(When.UNRESOLVED, 1): ()}
    stalled = facts_of(voting, DUE + 120 + 300, handled=handled)
    assert duties(stalled) == [Send(Action.ADVANCE, 1, 1, None)]
    assert not is_over(stalled)
    assert is_over(replace(stalled, has_ended=True))


def test_nothing_is_left_to_do_when_the_contract_has_closed_the_voting() -> None:
    facts = [*sealed_by(0, 1, 2), Revealed(DUE, 1, MINE, 0b111)]
    done = facts_of(fold({1: SEALED}, facts), prepared=PREPARED, has_ended=True)
    assert duties(done) == []
    assert is_over(done)


@given(
    seals=st.sets(st.integers(0, 2)),
    reveals=st.sets(st.integers(0, 2)),
    wait=st.integers(0, 1000),
    prepared=st.booleans(),
)
def test_the_same_facts_give_the_same_duties_and_at_most_one_beside_the_handler(
    seals: set[int], reveals: set[int], wait: int, prepared: bool
) -> None:
    facts: list[Opened | Sealed | Revealed] = [*sealed_by(*sorted(seals))]
    opened = sum(1 << worker for worker in reveals & seals)
    if opened:
        facts.append(Revealed(DUE + (0 if len(seals) == 3 else 60), 1, MINE, opened))
    seen = facts_of(fold({1: SEALED}, facts), DUE + 60 + wait, prepared=PREPARED if prepared else {})
    assert duties(seen) == duties(seen)
    assert len([duty for duty in duties(seen) if not isinstance(duty, Handle)]) <= 1


@pytest.mark.parametrize("policy", [OPEN, SEALED])
def test_a_worker_never_votes_twice_in_one_attempt(policy: Policy) -> None:
    fact = Cast(DUE, 1, 0, OTHER) if policy is OPEN else Sealed(DUE, 1, 0, b"\1" * 32)
    voting = fold({1: policy}, [OPENED, fact])
    for wait in range(60):
        assert duties(facts_of(voting, DUE + wait, prepared=PREPARED)) == []
