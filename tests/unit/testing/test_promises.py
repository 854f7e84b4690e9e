"""Each promise can fail: a violation is planted into a history that keeps all of them, and it is found."""

from dataclasses import replace

import pytest
from tests.unit.testing.histories import (
    END,
    FALSE,
    HONEST,
    OPENED,
    VOTING,
    a_history,
    a_seal,
    a_voting,
    attempt,
    earned,
    recorded,
    seen,
    with_voting,
    with_worker,
)

from worknet.protocol.voting import Sealed, Voting
from worknet.protocol.voting_rules import fold
from worknet.protocol.words import Fallback
from worknet.testing.faults import Role
from worknet.testing.history import History, Kept
from worknet.testing.promises import PROMISES, audit
from worknet.workflow.evidence import When

ALL = {0: HONEST, 1: HONEST, 2: HONEST}


def broken(history: History) -> list[tuple[str, int | None]]:
    """Which promises are broken, and the workers concerned."""
    return [(violation.promise, violation.worker) for violation in audit(history)]


def away(history: History, *workers: int) -> History:
    for worker in workers:
        history = with_worker(history, worker, away=((OPENED - 10, END),))
    return history


def unresolved() -> History:
    """Two attempts fail, since two workers are never there."""
    history = away(a_history({0: HONEST}, {0: HONEST}), 1, 2)
    return with_worker(history, 0, handled={VOTING: ((When.UNRESOLVED, 2),)})


def test_a_history_in_which_all_goes_well_breaks_no_promise():
    assert broken(a_history(ALL)) == []


def test_a_history_in_which_too_few_were_there_breaks_no_promise():
    assert broken(unresolved()) == []


def test_every_promise_has_a_name_of_its_own_and_is_one_sentence():
    assert len({promise.name for promise in PROMISES}) == len(PROMISES)
    assert all(promise.sentence.endswith(".") for promise in PROMISES)


def test_a_record_of_what_no_honest_worker_computed_is_found():
    history = a_history({0: FALSE, 1: FALSE, 2: HONEST}, roles=(Role.WRONG, Role.WRONG, Role.HONEST))
    assert broken(history) == [("honest result", None)]


def test_a_wrong_record_of_a_malicious_majority_is_put_down_to_its_number():
    history = a_history({0: FALSE, 1: FALSE, 2: HONEST}, roles=(Role.WRONG, Role.WRONG, Role.HONEST))
    assert "2 of 3 members lie alike" in audit(history)[0].because


def test_a_wrong_record_of_a_malicious_minority_is_put_down_to_worknet():
    history = a_history({0: FALSE, 1: FALSE, 2: HONEST}, roles=(Role.WRONG, Role.HONEST, Role.HONEST))
    found = [violation for violation in audit(history) if violation.promise == "honest result"]
    assert [violation.because for violation in found] == [""]


def test_a_second_record_of_a_voting_is_found():
    history = a_history(ALL)
    told = history.votings[0].events
    assert broken(with_voting(history, events=(*told, told[-1]))) == [("one record", None)]


def test_a_record_that_the_contract_does_not_hold_is_found():
    assert broken(with_voting(a_history(ALL), leaf=None)) == [("one record", None)]


@pytest.mark.parametrize("place", [1, 4], ids=["seal", "opening"])
def test_a_second_ballot_of_a_worker_is_found(place):
    history = a_history(ALL)
    told = history.votings[0].events
    assert broken(with_voting(history, events=(*told, told[place]))) == [("one ballot", 0)]


def test_a_ballot_of_an_honest_worker_that_was_not_counted_is_found():
    assert broken(a_history({0: HONEST, 1: HONEST})) == [("no ballot lost", 2)]


def test_a_ballot_that_is_not_the_journals_is_found():
    kept = {(VOTING, 1): Kept(FALSE, a_seal(1), FALSE.input_root)}
    assert ("no ballot lost", 1) in broken(with_worker(a_history(ALL), 1, kept=kept))


def test_a_seal_whose_salt_is_not_in_the_journal_is_found():
    kept = {(VOTING, 1): Kept(HONEST, a_seal(9), HONEST.input_root)}
    assert broken(with_worker(a_history(ALL), 1, kept=kept)) == [("salt on disk", 1)]


def test_a_copied_seal_that_was_opened_is_found():
    history = a_history(ALL, roles=(Role.HONEST, Role.HONEST, Role.COPY))
    facts = [
        replace(fact, seal=a_seal(0)) if isinstance(fact, Sealed) and fact.worker == 2 else fact
        for fact in attempt(history.policy, 1, OPENED, ALL)
    ]
    voting = fold({1: history.policy}, facts, END)
    assert ("copies stay shut", 2) in broken(with_voting(history, voting=voting))


def test_an_attempt_without_consensus_though_enough_were_there_is_found():
    assert ("consensus in time", None) in broken(a_history({0: HONEST}, {0: HONEST}))


@pytest.mark.parametrize("skew", [75, 76])
def test_who_sees_the_time_too_wrongly_is_promised_no_consensus(skew):
    history = replace(a_history({0: HONEST}, {0: HONEST}), skew=skew)
    assert (("consensus in time", None) in broken(history)) is (skew == 75)


def test_an_attempt_that_never_opened_though_an_honest_worker_was_there_is_found():
    history = with_worker(away(a_history({0: HONEST}), 1, 2), 0, handled={VOTING: ((When.UNRESOLVED, 1),)})
    assert broken(history) == [("no result without reason", None)]


@pytest.mark.parametrize("behind", [585, 586])
def test_who_sees_the_chain_too_late_for_a_window_is_promised_no_opening_in_it(behind):
    history = with_worker(away(a_history({0: HONEST}), 1, 2), 0, behind=behind)
    assert (("no result without reason", None) in broken(history)) is (behind == 585)


def test_who_has_only_part_of_a_window_left_when_blocks_are_confirmed_is_promised_less():
    history = with_worker(away(a_history({0: HONEST}), 1, 2), 0, behind=400)
    names = [[name for name, _ in broken(replace(history, confirming=each))] for each in (185, 186)]
    assert ["no result without reason" in each for each in names] == [True, False]


@pytest.mark.parametrize("confirming", [300, 301])
def test_blocks_that_are_confirmed_later_than_a_window_ends_leave_no_time_to_reveal(confirming):
    history = replace(a_history({0: HONEST}, {0: HONEST}), confirming=confirming)
    assert (("consensus in time", None) in broken(history)) is (confirming == 300)


def test_a_failover_that_never_opened_though_a_standby_was_there_is_found():
    history = unresolved()
    history = replace(history, policy=replace(history.policy, fallback=Fallback.FAILOVER))
    voting = replace(history.votings[0].voting, policies={1: history.policy})
    assert ("no result without reason", None) in broken(with_voting(history, voting=voting))


def test_a_failover_is_left_to_the_workflow_that_has_a_handler_for_it():
    history = unresolved()
    policy = replace(history.policy, fallback=Fallback.FAILOVER)
    history = replace(history, policy=policy, handlers=frozenset({When.FAILOVER}))
    assert broken(with_voting(history, voting=history.votings[0].voting)) == []


def test_a_slot_that_nobody_opened_though_an_honest_worker_was_there_is_found():
    history = a_history(ALL)
    never = replace(history, votings=(a_voting(Voting({1: history.policy})),))
    assert broken(never) == [("no result without reason", None)]


def test_a_slot_that_nobody_could_open_breaks_no_promise():
    history = away(a_history(ALL), 0, 1, 2)
    assert broken(replace(history, votings=(a_voting(Voting({1: history.policy})),))) == []


def test_a_voting_that_came_to_no_end_is_found():
    history = unresolved()
    assert broken(replace(history, unfinished=(VOTING,))) == [("no result without reason", None)]


def test_a_journal_without_the_rows_of_a_failed_attempt_is_found():
    history = unresolved()
    kept = dict(history.workers[0].kept)
    kept[VOTING, 1] = replace(kept[VOTING, 1], input_root=None)
    assert broken(with_worker(history, 0, kept=kept)) == [("evidence kept", 0)]


def test_rows_that_do_not_make_the_root_that_was_voted_for_are_found():
    kept = {(VOTING, 1): Kept(HONEST, a_seal(1), b"\x77" * 32)}
    assert broken(with_worker(a_history(ALL), 1, kept=kept)) == [("evidence kept", 1)]


def test_a_moment_that_was_handled_twice_is_found():
    handled = {VOTING: ((When.UNRESOLVED, 1), (When.UNRESOLVED, 2))}
    assert broken(with_worker(unresolved(), 0, handled=handled)) == [("handled once", 0)]


def test_an_unresolved_voting_that_was_not_handled_is_found():
    assert broken(with_worker(unresolved(), 0, handled={})) == [("handled once", 0)]


@pytest.mark.parametrize(("by_rules", "counted", "paid"), [(5, 6, 6), (5, 4, 4), (5, 5, 6)])
def test_rewards_that_are_not_those_of_the_rules_are_found(by_rules, counted, paid):
    history = replace(earned(a_history(ALL), 1, by_rules, counted, paid), funded=100)
    assert broken(history) == [("rewards by the rules", 1)]


def test_more_paid_than_was_in_the_pool_is_found():
    history = replace(earned(a_history(ALL), 1, 5, 5, 5), funded=4)
    assert broken(history) == [("rewards by the rules", None)]


@pytest.mark.parametrize("role", [Role.SILENT, Role.WRONG, Role.COPY, Role.WITHHOLD])
def test_a_reward_of_a_worker_that_gave_no_honest_ballot_is_found(role):
    history = a_history({0: HONEST, 1: HONEST}, roles=(Role.HONEST, Role.HONEST, role))
    assert broken(replace(earned(history, 2, 5, 5, 5), funded=9)) == [("rewards by the rules", 2)]


def test_a_reward_for_a_wrong_record_is_found_and_put_down_to_the_record():
    history = a_history({0: FALSE, 1: FALSE, 2: HONEST}, roles=(Role.WRONG, Role.WRONG, Role.HONEST))
    found = audit(replace(earned(history, 1, 5, 5, 5), funded=9))
    assert [(each.promise, each.worker) for each in found] == [
        ("honest result", None),
        ("rewards by the rules", 1),
    ]
    assert "a wrong result is" in found[1].because


def test_a_log_that_does_not_verify_is_found():
    history = replace(a_history(ALL), log_faults=("the root is another one",))
    assert broken(history) == [("provable log", None)]


def test_an_index_that_tells_otherwise_than_the_chain_is_found():
    history = with_worker(a_history(ALL), 1, strays="block 7 has an event more")
    assert broken(history) == [("one chain for all", 1)]


def test_the_index_of_a_malicious_worker_is_its_own_affair():
    history = a_history({0: HONEST, 1: HONEST}, roles=(Role.HONEST, Role.HONEST, Role.WITHHOLD))
    assert broken(with_worker(history, 2, strays="anything")) == []


def test_made_up_events_are_those_of_the_facts():
    # What the other tests rest on: the history's events and its voting tell the same.
    history = a_history(ALL)
    record = history.votings[0].voting.recorded
    assert record is not None
    facts = attempt(history.policy, 1, OPENED, ALL)
    assert history.votings[0].events == (*map(seen, facts), recorded(record))
