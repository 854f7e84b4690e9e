"""A worker whose journal fails: nothing leaves it that is not in the journal, and nothing is forgotten."""

import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager

import pytest
import sqlalchemy as sql
from structlog.testing import capture_logs
from tests.unit.node.conftest import LAST, MakeWorld, World

from worknet.node import worker as worker_module
from worknet.node.errors import JournalError, JournalUnavailable
from worknet.node.facts import Errand
from worknet.node.journal.handlings import By, ErrandPlace
from worknet.node.journal.store import Database
from worknet.protocol.voting import State
from worknet.workflow import Alert, When


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def sent(world: World, number: int) -> int:
    """How many transactions a company has sent."""
    return world.chain.rpc.nonce(world.companies[number].signer.address)


class Full:
    """A journal's database that can be read, and takes nothing more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.name, self.reading = database.name, database.reading

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        raise JournalUnavailable("the journal is full", "make room")
        yield  # a context all the same

    def hold(self) -> None:
        self._database.hold()

    def close(self) -> None:
        self._database.close()


def fill(world: World, number: int) -> None:
    """Nothing more goes into a company's journal."""
    store = world.companies[number].journal.store
    store._database = Full(store._database)


def make_room(world: World, number: int) -> None:
    """The journal takes what comes again."""
    journal = world.companies[number].journal
    journal.store._database = journal._database


def test_a_worker_with_a_full_journal_sends_nothing(world: World) -> None:
    fill(world, 0)
    for _ in range(3):
        with pytest.raises(JournalUnavailable):
            world.companies[0].step()
    assert sent(world, 0) == 0


def test_it_goes_on_when_there_is_room(world: World) -> None:
    fill(world, 0)
    with pytest.raises(JournalUnavailable):
        world.companies[0].step()
    make_room(world, 0)
    world.step(6)
    assert world.chain.voting(LAST).state is State.CONSENSUS
    assert len(world.chain.voting(LAST).current.ballots) == 3


def test_a_journal_that_fills_after_the_seal_keeps_its_salt_for_the_reveal(world: World) -> None:
    world.step(2)
    fill(world, 0)
    before = sent(world, 0)
    with pytest.raises(JournalUnavailable):
        world.companies[0].step()
    assert sent(world, 0) == before
    make_room(world, 0)
    world.step(4)
    assert len(world.chain.voting(LAST).current.ballots) == 3


def test_a_fault_that_may_pass_is_told_once_and_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.01)
    fill(world, 0)
    stop = threading.Event()
    with capture_logs() as logs:
        running = threading.Thread(target=world.companies[0].worker.run, args=(stop, threading.Event()))
        running.start()
        stop.wait(0.5)
        assert running.is_alive()
        stop.set()
        running.join()
    assert [entry["event"] for entry in logs].count("journal.fault") == 1


def test_a_fault_that_outlasts_the_patience_stops_the_worker(world: World) -> None:
    fill(world, 0)
    company = world.companies[0]
    company.journal.store._patience = 0.0
    with pytest.raises(JournalError) as caught:
        company.worker.run(threading.Event(), threading.Event())
    assert not isinstance(caught.value, JournalUnavailable)


def test_what_was_decided_when_the_journal_failed_is_done_once_it_is_back(world: World) -> None:
    company, voting_id, moment = world.companies[0], world.chain.voting_id(LAST), (When.UNRESOLVED, 2)
    handlings = company.journal.handlings
    handlings.begin(voting_id, world.chain.workflow, moment)
    handlings.decide(voting_id, moment, By.HANDLER, [Errand(0, Alert("nobody was told of this"))])
    fill(world, 0)
    company.worker.try_step()
    make_room(world, 0)
    company.worker.try_step()
    wait([future for future, _ in company.worker._errands._under_way])
    (handling,) = handlings.of(voting_id)
    assert handling.errands[0].error.startswith("no channel is configured")


def test_an_order_of_the_operator_outlasts_a_fault_of_the_journal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, tried = world.companies[0], []

    def revive(voting_id: bytes) -> list[ErrandPlace]:
        tried.append(voting_id)
        if len(tried) == 1:
            raise JournalUnavailable("the journal is full")
        return []

    company.step(2)
    monkeypatch.setattr(company.journal.handlings, "revive", revive)
    company.worker.retry(world.chain.voting_id(LAST))
    with pytest.raises(JournalUnavailable):
        company.step()
    company.step(2)
    assert tried == [world.chain.voting_id(LAST)] * 2
