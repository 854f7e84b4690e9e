"""The worker against the real contract where two attempts do not do: failover, plurality, reopening, keys.

With fallback handlers and without; what those do by themselves is in `test_deciding` and `test_errands`.
"""

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import EVERY, LAST, Crash, Decide, MakeWorld, Prepare, World, agreed, disagreed
from tests.unit.node.handlers import dying

from worknet.chain.events import Role
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.node.causes import Cause
from worknet.node.errands import Outlets, Send
from worknet.node.journal.handlings import By
from worknet.node.preparing import PreparationFailed, Task
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, Fallback, How
from worknet.workflow import Action as HandlerAction
from worknet.workflow import Alert, CallWebhook, Evidence, When

"""That of company 2."""


def agreed_since(attempt: int) -> Prepare:
    """Workers that agree from that attempt on, and not before."""

    def pair_of(task: Task, number: int) -> Pair:
        return (agreed if task.attempt >= attempt else disagreed)(task, number)

    return pair_of


def decides(*actions: HandlerAction) -> Decide:
    """A handler that decides on these, whatever it is shown."""
    return lambda evidence, number: actions


def fails(evidence: Evidence, number: int) -> tuple[HandlerAction, ...]:
    raise PreparationFailed(Cause.WORKFLOW_FAILED, "workflow failed", "row 7")


def decided(world: World, number: int) -> list[tuple[When, int, By, list[str]]]:
    """What a company's journal says was decided, moment by moment."""
    handlings = world.companies[number].journal.handlings.of(world.chain.voting_id(LAST))
    return [(each.when, each.attempt, each.by, [e.action.kind for e in each.errands]) for each in handlings]


def told_to(world: World) -> dict[int, list[str]]:
    """Has all companies' channels note the titles of their alerts, by number, from a restart on."""
    titles: dict[int, list[str]] = {}

    def channel(number: int) -> Send:
        return lambda title, body, level: titles.setdefault(number, []).append(title) or ""

    for company in world.companies:
        company.outlets = Outlets(channel(company.number))
        company.restart()
    return titles


def divided_by_one(task: Task, number: int) -> Pair:
    """Companies 0 and 1 agree, and all three would have to."""
    return (disagreed if number == 2 else agreed)(task, number)


OPEN = {"ballots": Ballots.OPEN}
"""Half the transactions, where it is not about seals."""
PLURALITY = {**OPEN, "fallback": Fallback.PLURALITY, "threshold_num": 1, "stall": 0}


def pass_by(world: World, steps: int = 10) -> None:
    """Steps with time between them, so that everyone has its turn."""
    for _ in range(steps):
        world.step()
        world.chain.pass_time(5)


def reopen(world: World, slot: int = LAST) -> None:
    world.chain.owner.reopen(workflow_id(world.chain.workflow), Slot(EVERY, slot).trigger_id)


# Failover


def test_a_standby_takes_part_in_the_failover_and_in_nothing_before(make_world: MakeWorld) -> None:
    world = make_world(agreed_since(3), fallback=Fallback.FAILOVER)
    world.chain.owner.remove(2)
    key = world.companies[2].signer.address
    world.chain.owner.enrol(world.chain.operators[2].address, key, Role.STANDBY, b"\x55" * 32)
    world.step(14)
    voting = world.chain.voting()
    assert (voting.state, voting.current.number, voting.accurate) == (State.CONSENSUS, 3, 0b111)
    assert [task.attempt for task in world.preparer(2).tasks] == [3]


def test_without_handlers_every_worker_starts_the_failover(make_world: MakeWorld) -> None:
    world = make_world(agreed_since(3), fallback=Fallback.FAILOVER, **OPEN)
    world.step(8)
    voting = world.chain.voting()
    assert (voting.state, voting.current.number, voting.accurate) == (State.CONSENSUS, 3, 0b111)
    for number in range(3):
        assert decided(world, number) == [(When.FAILOVER, 2, By.DEFAULT, ["start_failover"])]


def test_a_worker_whose_handler_starts_no_failover_has_no_ballot_in_it_and_says_why(
    make_world: MakeWorld,
) -> None:
    world = make_world(agreed_since(3), fallback=Fallback.FAILOVER, **OPEN)
    world.preparer(2).handler = decides(Alert("not with us"))
    with capture_logs() as logs:
        world.step(8)
        world.chain.pass_time(300)
        world.step()
    voting = world.chain.voting()
    assert (voting.state, voting.accurate) == (State.CONSENSUS, 0b011)
    assert [task.attempt for task in world.preparer(2).tasks] == [1, 2]
    missed = [each for each in logs if each["event"] == "ballot.outcome" and each["outcome"] == "not cast"]
    assert [(each["attempt"], each["cause"]) for each in missed] == [(3, Cause.NO_FAILOVER)]


@pytest.mark.long
def test_a_failover_that_no_handler_starts_ends_unresolved(make_world: MakeWorld) -> None:
    world = make_world(disagreed, fallback=Fallback.FAILOVER, **OPEN)
    for number in range(3):
        world.preparer(number).handler = decides()
    world.step(6)
    world.chain.pass_time(700)
    world.step(2)
    voting = world.chain.voting()
    assert (voting.state, voting.current.number) == (State.UNRESOLVED, 2)
    assert [each[0] for each in decided(world, 0)] == [When.FAILOVER, When.UNRESOLVED]


@pytest.mark.long
def test_handlers_that_fail_keep_no_failover_from_starting(make_world: MakeWorld) -> None:
    world = make_world(agreed_since(3), fallback=Fallback.FAILOVER, **OPEN)
    for number in range(3):
        world.preparer(number).handler = fails
        world.companies[number].clock = lambda: world.chain.now
        world.companies[number].restart()
    world.step(5)
    for _ in range(9):
        world.chain.pass_time(10)
        world.step()
    voting = world.chain.voting()
    assert (voting.current.number, voting.accurate) == (3, 0b111)
    assert [each[2] for each in decided(world, 0)] == [By.DEFAULT]


def test_a_failover_that_fails_is_left_to_a_plurality_where_the_policy_says_so(
    make_world: MakeWorld,
) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        return divided_by_one(task, number) if task.attempt == 3 else disagreed(task, number)

    world = make_world(pair_of, fallback=Fallback.FAILOVER_THEN_PLURALITY, threshold_num=1, **OPEN)
    world.step(8)
    pass_by(world, 6)
    voting = world.chain.voting()
    assert (voting.state, voting.current.number, voting.accurate) == (State.SETTLED, 3, 0b011)
    assert decided(world, 1) == [
        (When.FAILOVER, 2, By.DEFAULT, ["start_failover"]),
        (When.PLURALITY, 3, By.DEFAULT, ["settle_plurality"]),
    ]


# Plurality


def test_exactly_one_worker_settles_a_plurality(make_world: MakeWorld) -> None:
    world = make_world(divided_by_one, **PLURALITY)
    pass_by(world)
    voting = world.chain.voting()
    assert (voting.state, voting.accurate) == (State.SETTLED, 0b011)
    assert len(world.chain.sent("settle", failed=None)) == 1
    record = world.companies[0].index.record_of(world.chain.voting_id(LAST))
    assert record is not None
    assert record.record.how is How.PLURALITY


@pytest.mark.long
def test_a_plurality_that_no_handler_settles_stays_as_it_is(make_world: MakeWorld) -> None:
    world = make_world(divided_by_one, **PLURALITY)
    for number in range(3):
        world.preparer(number).handler = decides(Alert("look at it"))
    pass_by(world, 12)
    assert world.chain.voting().state is State.SETTLING
    assert world.chain.sent("settle", failed=None) == []


def test_a_plurality_is_settled_by_a_worker_whose_handler_wants_it(make_world: MakeWorld) -> None:
    world = make_world(divided_by_one, **PLURALITY)
    for number in (0, 1):
        world.preparer(number).handler = decides()
    pass_by(world, 12)
    assert world.chain.voting().state is State.SETTLED
    assert [sender for sender, _ in world.chain.sent("settle")] == [world.companies[2].signer.address]


@pytest.mark.long
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
def test_a_worker_that_dies_around_its_decision_settles_once_it_is_back(
    make_world: MakeWorld, moment: str
) -> None:
    world = make_world(divided_by_one, **PLURALITY)
    for number in (0, 1):
        world.preparer(number).handler = decides()
    survivor = world.companies[2]
    world.step(2)
    with dying("handlings.decide", moment), pytest.raises(Crash):
        survivor.step(5)
    survivor.restart()
    pass_by(world, 6)
    assert world.chain.voting().state is State.SETTLED
    assert len(decided(world, 2)) == 1


# What came to nothing


def test_an_unresolved_voting_alerts_each_operator_once(make_world: MakeWorld) -> None:
    world = make_world(disagreed, **OPEN)
    titles = told_to(world)
    world.step(8)
    for company in world.companies:
        company.restart()
    world.step(3)
    assert world.chain.voting().state is State.UNRESOLVED
    assert sorted(titles) == [0, 1, 2]
    assert [len(told) for told in titles.values()] == [1, 1, 1]


def test_a_worker_that_was_away_when_a_voting_came_to_nothing_still_alerts_its_operator(
    make_world: MakeWorld,
) -> None:
    world = make_world(disagreed)
    titles = told_to(world)
    world.step(5)  # attempt 2 is sealed by all
    world.step(8, 0, 1)
    world.chain.pass_time(400)
    world.step(3, 0, 1)
    assert sorted(titles) == [0, 1]
    world.companies[2].restart()
    world.step(3, 2)
    assert len(titles[2]) == 1


def test_a_worker_that_is_enrolled_later_alerts_nobody_about_what_failed_before(
    make_world: MakeWorld,
) -> None:
    world = make_world(disagreed, fallback=Fallback.ALERT, **OPEN)
    world.chain.owner.remove(2)
    titles = told_to(world)
    world.step(8, 0, 1)
    world.chain.pass_time(60)
    key = world.companies[2].signer.address
    world.chain.owner.enrol(world.chain.operators[2].address, key, Role.STANDBY, b"\x55" * 32)
    world.step(3)
    assert world.chain.voting().state is State.UNRESOLVED
    assert sorted(titles) == [0, 1]
    assert decided(world, 2) == []


def test_every_worker_calls_the_webhook_under_the_same_id(make_world: MakeWorld) -> None:
    world = make_world(disagreed, **OPEN)
    called: list[str] = []

    def hook(identity: str, body: bytes) -> str:
        called.append(identity)
        return ""

    for company in world.companies:
        company.outlets = Outlets(hooks={world.chain.workflow: {"desk": hook}})
        company.restart()
        world.preparer(company.number).handler = decides(CallWebhook("desk", {}))
    world.step(8)
    assert len(called) == 3
    assert len(set(called)) == 1


def test_attempt_2_computes_everything_again_and_the_journal_keeps_both_attempts(
    make_world: MakeWorld,
) -> None:
    world = make_world(agreed_since(2))
    world.step(8)
    voting = world.chain.voting()
    assert (voting.state, voting.current.number) == (State.CONSENSUS, 2)
    for number in range(3):
        assert [task.attempt for task in world.preparer(number).tasks] == [1, 2]
        journal = world.companies[number].journal
        for attempt in voting.attempts:
            ballot = journal.ballots.get(world.chain.voting_id(LAST), attempt.number, 1)
            assert ballot.pair == attempt.ballots[number]
            assert ballot.salt != bytes(32)


# Reopening


def test_a_voting_that_the_owner_reopens_is_taken_up_again(make_world: MakeWorld) -> None:
    world = make_world(agreed_since(4))
    world.step(12)
    assert world.chain.voting().state is State.UNRESOLVED
    reopen(world)
    world.step(5)
    voting = world.chain.voting()
    assert (voting.state, voting.current.number, voting.closed) == (State.CONSENSUS, 4, True)


def test_a_slot_that_nobody_opened_in_time_is_voted_on_when_it_is_reopened(make_world: MakeWorld) -> None:
    world = make_world(slots=2, max_age=1000)
    world.step()  # what has ended before the first look is told by nobody
    world.chain.pass_time(2000)
    world.step(2)
    assert not world.chain.is_open(LAST - 1)
    reopen(world, LAST - 1)
    world.step(5)
    assert world.chain.voting(LAST - 1).state is State.CONSENSUS


def test_a_reopened_voting_that_stalls_is_advanced_by_exactly_one_worker(make_world: MakeWorld) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        if task.attempt > 3:
            raise PreparationFailed(Cause.SOURCE_UNAVAILABLE, "source down")
        return disagreed(task, number)

    world = make_world(pair_of)
    world.step(12)
    reopen(world)
    world.step()
    for _ in range(10):
        world.chain.pass_time(100)
        world.step()
    assert world.chain.voting().state is State.UNRESOLVED
    assert world.companies[0].index.has_ended(world.chain.voting_id(LAST))
    assert len(world.chain.sent("advance", failed=None)) == 1


# The owner's pause


def test_nothing_is_prepared_or_opened_while_the_owner_pauses(make_world: MakeWorld) -> None:
    world = make_world()
    world.chain.owner.pause_opening(True)
    world.step(3)
    assert world.preparer(0).tasks == []
    world.chain.owner.pause_opening(False)
    world.step(4)
    assert world.chain.voting().state is State.CONSENSUS


# Keys


def test_a_worker_whose_key_was_replaced_still_opens_what_it_sealed(make_world: MakeWorld) -> None:
    world = make_world(slots=2, votings_at_once=1)
    world.step(2)
    world.chain.rotate(2, signer_from_key(b"\x77" * 32, DEVELOPMENT_CHAIN_ID).address)
    before = len(world.preparer(2).tasks)
    world.step(3, 2)
    assert world.chain.voting(LAST - 1).current.ballots.keys() == {2}
    assert len(world.preparer(2).tasks) == before
