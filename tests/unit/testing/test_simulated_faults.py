"""Every fault by its name: what a network of real workers makes of it."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from tests.search import EVENTS, LIGHT, desk

from worknet.protocol.ballots import without_time
from worknet.protocol.voting import Attempt, State
from worknet.protocol.words import Ballots, Fallback
from worknet.testing.faults import Faults, Role
from worknet.testing.history import History, WorkerHistory
from worknet.testing.promises import audit
from worknet.testing.reading import read
from worknet.testing.simulation import Setup, simulate

# Simulations of one mix are shared by the tests of this file.
pytestmark = pytest.mark.xdist_group("simulated_faults")


@cache
def simulated(faults: str, *, workers: int = 4, votings: int = 1, **settings: Any) -> History:
    bundle, data = desk(LIGHT)
    asked = {"workers": workers, "votings": votings, "seed": 3, "faults": Faults.parse(faults), **settings}
    with simulate(Setup(bundle=bundle, data=data.frames, **asked)) as run:
        return read(run)


def attempts(history: History, number: int = 1) -> Iterator[Attempt]:
    """That attempt of every voting."""
    for voting in history.votings:
        attempt = voting.voting.attempt(number)
        assert attempt is not None, "the voting has no such attempt"
        yield attempt


def the(role: Role, history: History) -> WorkerHistory:
    """The worker that has a role."""
    return next(worker for worker in history.workers if worker.role is role)


def states(history: History) -> set[State]:
    return {voting.voting.state for voting in history.votings}


def test_without_faults_all_ballots_count_in_attempt_1():
    history = simulated("")
    assert states(history) == {State.CONSENSUS}
    assert all(len(attempt.ballots) == 4 for attempt in attempts(history))


def test_a_late_worker_s_ballot_counts_while_it_is_inside_its_window():
    history = simulated("late:1")
    late = the(Role.LATE, history).index
    for attempt in attempts(history):
        after = attempt.seals[late].time - attempt.opened
        assert after > history.policy.cast_window / 2
        assert late in attempt.ballots
    assert audit(history) == []


def test_a_silent_worker_has_no_ballot_and_the_others_go_on():
    history = simulated("silent:1")
    silent = the(Role.SILENT, history).index
    assert all(silent not in attempt.seals for attempt in attempts(history))
    assert states(history) == {State.CONSENSUS}
    assert audit(history) == []


def test_wrong_ballots_of_a_minority_are_outvoted_and_earn_nothing():
    history = simulated("wrong:1")
    wrong = the(Role.WRONG, history)
    assert all(
        attempt.ballots[wrong.index] != attempt.ballots[_honest(history)] for attempt in attempts(history)
    )
    assert wrong.claim.earned == 0
    assert audit(history) == []


def test_all_wrong_workers_vote_for_the_same_result():
    history = simulated("wrong:3", workers=7)
    wrong = [worker.index for worker in history.workers if worker.role is Role.WRONG]
    for attempt in attempts(history):
        assert len({attempt.ballots[index] for index in wrong}) == 1


def test_a_malicious_majority_gets_its_result_recorded_and_the_audit_says_why():
    found = audit(simulated("wrong:4", workers=7))
    assert {violation.promise for violation in found} == {"honest result", "rewards by the rules"}
    assert "4 of 7 members lie alike" in found[0].because


def test_a_copied_seal_is_never_opened():
    history = simulated("copy:1")
    copier = the(Role.COPY, history).index
    for attempt in attempts(history):
        others = [without_time(sealed.seal) for index, sealed in attempt.seals.items() if index != copier]
        assert without_time(attempt.seals[copier].seal) in others
        assert copier not in attempt.ballots
    assert history.happened["copied seal tried"] == 1
    assert audit(history) == []


def test_a_copied_open_ballot_counts_and_is_why_open_ballots_pay_nothing():
    history = simulated("copy:1", ballots=Ballots.OPEN)
    copier = the(Role.COPY, history)
    assert all(copier.index in attempt.ballots for attempt in attempts(history))
    assert copier.claim.earned == 0
    assert audit(history) == []


@pytest.mark.parametrize("ballots", list(Ballots))
def test_a_second_ballot_is_refused_and_the_first_one_counts(ballots):
    history = simulated("equivocate:1", ballots=ballots)
    twice = the(Role.EQUIVOCATE, history).index
    assert history.happened["second ballot tried"] == 1
    assert all(attempt.ballots[twice] == attempt.ballots[_honest(history)] for attempt in attempts(history))
    assert audit(history) == []


def test_a_seal_opens_as_the_pair_that_was_sealed_and_as_no_other():
    history = simulated("equivocate:1")
    assert history.happened["other pair tried"] == 1
    assert all(len(set(attempt.ballots.values())) == 1 for attempt in attempts(history))


def test_who_withholds_its_reveal_stops_nobody_and_earns_nothing():
    history = simulated("withhold:1")
    withholder = the(Role.WITHHOLD, history)
    for attempt in attempts(history):
        assert withholder.index in attempt.seals
        assert withholder.index not in attempt.ballots
    assert withholder.claim.earned == 0
    assert states(history) == {State.CONSENSUS}


def test_so_many_withheld_reveals_that_too_few_are_left_repeat_the_voting():
    history = simulated("withhold:2")
    assert list(attempts(history, 2))
    assert states(history) == {State.UNRESOLVED}
    assert audit(history) == []


def test_clocks_that_are_off_by_seconds_lose_no_ballot():
    history = simulated("skew:5s")
    assert all(len(attempt.ballots) == 4 for attempt in attempts(history))
    assert audit(history) == []


@pytest.mark.parametrize(
    ("faults", "settings"),
    [
        ("skew:30m", {"workers": 3, "standbys": 2, "seed": 3}),
        ("skew:12m", {"workers": 3, "standbys": 2, "seed": 4}),
        pytest.param(
            "skew:50m,crash:p=0.2",
            {"workers": 3, "standbys": 2, "votings": 2, "seed": 8},
            marks=pytest.mark.long,
        ),
        pytest.param(
            "skew:1h,partition:3|2", {"workers": 5, "standbys": 2, "seed": 11}, marks=pytest.mark.long
        ),
    ],
)
def test_clocks_that_are_off_by_more_than_a_window_lose_votings_and_worknet_is_not_to_blame(faults, settings):
    history = simulated(faults, **settings)
    assert State.CONSENSUS not in states(history)
    assert audit(history) == []


def test_an_event_waits_for_workers_that_hear_of_it_after_the_windows_of_others():
    bundle, data = desk(EVENTS)
    setup = Setup(bundle, data.frames, workers=3, votings=1, seed=2, faults=Faults.parse("skew:30m"))
    with simulate(setup) as run:
        history = read(run)
    assert list(attempts(history))
    assert audit(history) == []


def test_a_group_that_is_cut_off_comes_back_and_the_larger_one_has_its_results():
    history = simulated("partition:1|3", votings=3)
    assert history.happened["cut off"] > 0
    assert states(history) == {State.CONSENSUS}
    assert audit(history) == []


def test_workers_that_die_at_any_step_go_on_with_what_is_on_their_disks():
    history = simulated("crash:p=0.05", votings=2)
    assert history.happened["crash"] > 0
    assert audit(history) == []


def test_a_failover_has_the_standbys_vote_where_too_few_active_workers_do():
    history = simulated("silent:2", standbys=2, fallback=Fallback.FAILOVER)
    attempt = next(attempts(history, 3))
    assert attempt.n == 6
    assert set(attempt.ballots) >= {4, 5}
    assert states(history) == {State.CONSENSUS}
    assert audit(history) == []


def test_a_plurality_is_settled_where_the_policy_leaves_it_to_one():
    history = simulated("wrong:1,silent:1", fallback=Fallback.PLURALITY, workers=4)
    assert states(history) == {State.SETTLED}
    assert audit(history) == []


@pytest.mark.long
def test_all_faults_at_once_break_no_promise():
    faults = "late:1,silent:1,wrong:1,copy:1,equivocate:1,withhold:1,skew:2s,partition:2|5,crash:p=0.01"
    assert audit(simulated(faults, workers=7, standbys=2, fallback=Fallback.FAILOVER_THEN_PLURALITY)) == []


def _honest(history: History) -> int:
    return the(Role.HONEST, history).index
