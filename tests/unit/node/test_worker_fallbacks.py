"""The worker against the real contract where two attempts do not do: failover, plurality, reopening, keys."""

from tests.unit.node.conftest import EVERY, LAST, MakeWorld, Prepare, World, agreed, disagreed

from worknet.chain.events import Role
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.node.preparing import PreparationFailed, Task
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Fallback
from worknet.protocol.records import How
from worknet.protocol.voting import State

"""That of company 2."""


def agreed_since(attempt: int) -> Prepare:
    """Workers that agree from that attempt on, and not before."""

    def pair_of(task: Task, number: int) -> Pair:
        return (agreed if task.attempt >= attempt else disagreed)(task, number)

    return pair_of


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


# Plurality


def test_exactly_one_worker_settles_a_plurality(make_world: MakeWorld) -> None:
    world = make_world(
        lambda task, number: (disagreed if number == 2 else agreed)(task, number),
        fallback=Fallback.PLURALITY,
        threshold_num=1,
        stall=0,
    )
    for _ in range(10):
        world.step()
        world.chain.pass_time(5)
    voting = world.chain.voting()
    assert (voting.state, voting.accurate) == (State.SETTLED, 0b011)
    assert len(world.chain.sent("settle", failed=None)) == 1
    record = world.companies[0].index.record_of(world.chain.voting_id(LAST))
    assert record is not None
    assert record.record.how is How.PLURALITY


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
            raise PreparationFailed("source down")
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
