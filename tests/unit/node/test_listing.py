"""Votings as a worker sees them: how each stands, the worker's own part, and what it knows of the result."""

from tests.unit.node.bills import NAME, Bills
from tests.unit.node.conftest import EVERY, LAST, MakeWorld, agreed, disagreed, report

from worknet.node.causes import Cause
from worknet.node.listing import VotingLine, list_votings
from worknet.node.preparing import PreparationFailed
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots


def listed(
    bills: Bills, number: int, me: int | None, names: dict[bytes, str] | None = None
) -> list[VotingLine]:
    company = bills.companies[number]
    known = {workflow_id(NAME): NAME} if names is None else names
    return list(list_votings(company.index, company.journal, known, me, bills.chain.now))


def test_votings_are_listed_in_the_order_of_opening_with_their_windows(bills: Bills) -> None:
    assert [line.trigger for line in listed(bills, 0, 0)] == [Slot(EVERY, LAST - 1), Slot(EVERY, LAST)]


def test_a_recorded_voting_has_its_ballots_and_its_position(bills: Bills) -> None:
    line = listed(bills, 0, 0)[1]
    assert (line.state, line.attempt, line.ballots, line.n, line.needed, line.position) == (
        State.CONSENSUS,
        1,
        3,
        3,
        2,
        1,
    )


def test_a_worker_sees_whether_it_agreed_or_was_outvoted(bills: Bills) -> None:
    assert [line.part for line in listed(bills, 0, 0)] == ["agreed", "agreed"]
    assert [line.part for line in listed(bills, 2, 2)] == ["agreed", "outvoted"]


def test_a_stranger_has_no_part(bills: Bills) -> None:
    assert [line.part for line in listed(bills, 0, None)] == [None, None]


def test_the_summary_is_told_by_those_who_computed_the_recorded_result_only(bills: Bills) -> None:
    assert [line.summary for line in listed(bills, 0, 0)] == [{"total": 100}, {"total": 100}]
    assert [line.summary for line in listed(bills, 2, 2)] == [{"total": 100}, None]


def test_votings_of_other_workflows_are_left_out(bills: Bills) -> None:
    assert listed(bills, 0, 0, {}) == []


def test_a_worker_that_did_not_vote_is_missing_and_says_why(make_world: MakeWorld) -> None:
    def pair_of(task, number):  # type: ignore[no-untyped-def]  # as `Prepare`
        if number == 2:
            raise PreparationFailed(Cause.SOURCE_UNAVAILABLE, "source down")
        return agreed(task, number)

    world = make_world(pair_of, ballots=Ballots.OPEN)
    world.step(3)
    world.chain.pass_time(301)
    world.step()
    company = world.companies[2]
    names = {workflow_id(world.chain.workflow): world.chain.workflow}
    (line,) = list_votings(company.index, company.journal, names, 2, world.chain.now)
    assert (line.part, set(line.causes), line.summary) == (
        "missing",
        {"source unavailable: source down"},
        None,
    )


def test_a_voting_without_consensus_has_neither_part_nor_position(make_world: MakeWorld) -> None:
    world = make_world(disagreed)
    world.step(10)
    company = world.companies[0]
    names = {workflow_id(world.chain.workflow): world.chain.workflow}
    (line,) = list_votings(company.index, company.journal, names, 0, world.chain.now)
    assert (line.state, line.attempt, line.part, line.position) == (State.UNRESOLVED, 2, None, None)


def test_a_slot_that_was_reopened_and_never_opened_has_no_attempt_yet(make_world: MakeWorld) -> None:
    world = make_world()
    world.chain.pass_time(EVERY)
    world.chain.owner.reopen(workflow_id(world.chain.workflow), Slot(EVERY, LAST).trigger_id)
    company = world.companies[0]
    company.index.sync()
    names = {workflow_id(world.chain.workflow): world.chain.workflow}
    (line,) = list_votings(company.index, company.journal, names, 0, world.chain.now)
    assert (line.state, line.attempt, line.ballots, line.n) == (State.PENDING, 0, 0, 0)


def test_ballots_of_which_a_report_tells_are_counted(make_world: MakeWorld) -> None:
    world = make_world()
    report(world.chain, Pair(b"\1" * 32, b"\2" * 32), voters=(0, 1), participants=0b111)
    company = world.companies[0]
    company.index.sync()
    names = {workflow_id(world.chain.workflow): world.chain.workflow}
    (line,) = list_votings(company.index, company.journal, names, 2, world.chain.now)
    assert (line.state, line.ballots, line.part) == (State.CONSENSUS, 3, "outvoted")
