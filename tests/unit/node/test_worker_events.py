"""The worker and external events, against the real contract: one voting per event, whoever saw it when."""

from dataclasses import replace
from pathlib import Path

from tests.unit.node.conftest import Company, MakeWorld, World, agreed, disagreed

from worknet.chain.index import NetworkIndex
from worknet.node.journal.events import Happening
from worknet.protocol.ids import workflow_id
from worknet.protocol.voting import State, Voting
from worknet.protocol.words import Ballots

EVENT = b"\x0e" * 32
OTHER = b"\x0f" * 32


def see(company: Company, trigger_id: bytes = EVENT) -> None:
    """The event arrives at a company."""
    happening = Happening(trigger_id, "message", b'"b7"', b'{"batch":"b7"}')
    company.journal.events.take(company.chain.workflow, [happening])


def announce_again(world: World) -> None:
    """The owner announces version 2, which is the newest at once, whenever its start is."""
    policy = replace(world.chain.policy, start=world.chain.now + 1000)
    world.chain.owner.announce(workflow_id(world.chain.workflow), policy)


def voting(world: World, trigger_id: bytes = EVENT) -> Voting | None:
    chain = world.chain
    index = NetworkIndex(Path(chain.store.path).with_name("observer.sqlite"), chain.owner)
    index.sync()
    found = index.voting(chain.owner.voting_id(workflow_id(chain.workflow), trigger_id), now=chain.now)
    index.close()
    return found


def state(world: World, trigger_id: bytes = EVENT) -> State:
    found = voting(world, trigger_id)
    return State.NONE if found is None else found.state


def test_companies_that_saw_the_same_event_agree_about_it(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    for company in world.companies:
        see(company)
    world.step(4)
    assert state(world) is State.CONSENSUS


def test_an_event_that_comes_later_to_one_is_the_same_voting(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    see(world.companies[0])
    world.step(2)
    for company in world.companies[1:]:
        see(company)
    world.step(4)
    found = voting(world)
    assert found is not None
    assert (found.state, len(found.current.ballots)) == (State.CONSENSUS, 3)


def test_a_worker_spends_nothing_on_an_event_that_it_has_not_seen(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    for company in world.companies[:2]:
        see(company)
    world.step(5)
    assert world.preparer(2).tasks == []
    assert world.chain.signers[2].address not in {
        sender for sender, _ in world.chain.sent("seal", failed=None)
    }


def test_two_events_are_two_votings(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    for company in world.companies:
        see(company, EVENT)
        see(company, OTHER)
    world.step(6)
    assert {state(world, EVENT), state(world, OTHER)} == {State.CONSENSUS}


def test_an_event_whose_voting_is_over_is_looked_at_no_more(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    for company in world.companies:
        see(company)
    world.step(6)
    assert [company.journal.events.open(world.chain.workflow) for company in world.companies] == [[], [], []]


def test_an_event_delivered_again_after_its_voting_starts_nothing(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    for company in world.companies:
        see(company)
    world.step(6)
    before = world.chain.rpc.block_number()
    for company in world.companies:
        see(company)
    world.step(3)
    assert world.chain.rpc.block_number() == before


def test_an_event_is_voted_on_after_a_crash(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    for company in world.companies:
        see(company)
        company.restart()
    world.step(4)
    assert state(world) is State.CONSENSUS


def test_an_event_voting_that_fails_is_repeated_under_the_version_that_it_opened_with(
    make_world: MakeWorld,
) -> None:
    world = make_world(lambda task, n: (disagreed if task.attempt == 1 else agreed)(task, n), every=0)
    for company in world.companies:
        see(company)
    world.step(4)
    assert state(world) is State.PENDING
    announce_again(world)
    world.step(5)
    found = voting(world)
    assert found is not None
    assert (found.state, [each.policy_version for each in found.attempts]) == (State.CONSENSUS, [1, 1])


def test_an_event_opens_under_the_newest_version(make_world: MakeWorld) -> None:
    world = make_world(every=0)
    announce_again(world)
    for company in world.companies:
        see(company)
    world.step(5)
    found = voting(world)
    assert found is not None
    assert (found.state, found.current.policy_version) == (State.CONSENSUS, 2)


def test_open_ballots_about_an_event_come_to_consensus(make_world: MakeWorld) -> None:
    world = make_world(every=0, ballots=Ballots.OPEN)
    for company in world.companies:
        see(company)
    world.step(4)
    assert state(world) is State.CONSENSUS


def test_an_event_that_the_owner_reopens_is_voted_on_by_those_that_hold_it(make_world: MakeWorld) -> None:
    world = make_world(disagreed, every=0)
    for company in world.companies[:2]:
        see(company)
    for _ in range(12):
        world.chain.pass_time(100)
        world.step(1)
    assert state(world) is State.UNRESOLVED
    for number in range(3):
        world.preparer(number).pair_of = agreed
    world.chain.owner.reopen(workflow_id(world.chain.workflow), EVENT)
    world.step(4)
    world.chain.pass_time(300)
    world.step(3)
    assert state(world) is State.CONSENSUS
    assert world.preparer(2).tasks == []
