"""A worker that is told to stop, or to drain: nothing new is begun, and what is cast is finished."""

import threading

import pytest
from tests.unit.node.conftest import LAST, MakeWorld, World, agreed

from worknet.chain.errors import RpcUnavailableError
from worknet.node.causes import Cause
from worknet.node.errors import JournalUnavailable
from worknet.node.journal.ballots import Ballots
from worknet.node.preparing import PreparationFailed, Task
from worknet.protocol.ballots import Pair
from worknet.protocol.voting import State


def revealed(world: World) -> int:
    return len(world.chain.voting().current.ballots)


def run_to_its_end(world: World, number: int) -> None:
    """What `worknet node run` does when it was told to stop at once after its start."""
    stop, at_once = threading.Event(), threading.Event()
    stop.set()
    world.companies[number].worker.run(stop, at_once)


def test_a_worker_that_stops_reveals_what_it_sealed(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2)
    world.companies[0].worker._stop_within = 20
    run_to_its_end(world, 0)
    assert revealed(world) == 1


def test_a_worker_that_stops_waits_for_its_seal_though_its_journal_fails_for_a_while(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    world.step(2)
    company, prepared, failing = world.companies[0], Ballots.prepared, [1, 1]

    def fails(self: Ballots, voting_id: bytes) -> object:
        if self is company.journal.ballots and failing:
            failing.pop()
            raise JournalUnavailable("the journal is busy")
        return prepared(self, voting_id)

    monkeypatch.setattr(Ballots, "prepared", fails)
    company.worker._stop_within = 20
    run_to_its_end(world, 0)
    assert (failing, revealed(world)) == ([], 1)


def test_what_is_over_leaves_nothing_behind_of_failed_preparations(make_world: MakeWorld) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        if number == 0:
            raise PreparationFailed(Cause.SOURCE_UNAVAILABLE, "source down")
        return agreed(task, number)

    world = make_world(pair_of)
    world.step(3)
    preparations = world.companies[0].worker._preparations
    failed = preparations.failures(world.chain.voting_id(LAST), 1)
    for _ in range(3):
        world.chain.pass_time(400)
        world.step(3)
    assert (failed > 0, preparations._failures) == (True, {})


def test_a_worker_that_stops_begins_nothing(make_world: MakeWorld) -> None:
    world = make_world()
    run_to_its_end(world, 0)
    assert world.preparer(0).tasks == []
    assert not world.chain.is_open(LAST)


def test_a_worker_stops_in_time_though_a_seal_waits_to_be_opened(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2, 0)  # the others never seal
    world.companies[0].worker._stop_within = 0.1
    run_to_its_end(world, 0)
    assert world.chain.voting().state is State.CASTING


def test_a_worker_ends_at_once_when_it_is_told_so(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2, 0)
    worker, stop, at_once = world.companies[0].worker, threading.Event(), threading.Event()
    worker._stop_within = 600
    stop.set()
    running = threading.Thread(target=worker.run, args=(stop, at_once))
    running.start()
    at_once.set()
    running.join(20)
    assert not running.is_alive()


def test_a_worker_that_drains_casts_nothing_new_and_reveals(make_world: MakeWorld) -> None:
    world = make_world(slots=2, votings_at_once=1)
    world.step(2)
    drained = world.companies[0]
    drained.worker.drain()
    world.step(6)
    sealed = [call for sender, call in world.chain.sent("seal") if sender == drained.signer.address]
    assert len(sealed) == 1
    assert world.chain.sent("reveal")[0] is not None
    assert drained.worker.status().draining


def test_a_worker_that_is_resumed_casts_again(make_world: MakeWorld) -> None:
    world = make_world()
    world.companies[0].worker.drain()
    world.step(2, 0)
    assert not world.chain.is_open(LAST)
    world.companies[0].worker.resume()
    world.step(4)
    assert world.chain.voting().state is State.CONSENSUS


def methods_asked(world: World, number: int, rounds: int) -> set[str]:
    """What a worker asks the chain for in so many turns of its loop."""
    company, asked = world.companies[number], set()
    real = company.rpc.request

    def request(method: str, *params: object) -> object:
        asked.add(method)
        return real(method, *params)

    company.rpc.request = request  # type: ignore[method-assign]  # watched for a moment
    for _ in range(rounds):
        company.worker.try_step()
    company.rpc.request = real  # type: ignore[method-assign]  # as above
    return asked


def test_an_idle_worker_asks_for_the_newest_block_alone(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(5)
    methods_asked(world, 0, 2)
    assert methods_asked(world, 0, 3) == {"eth_getBlockByNumber"}


def test_an_idle_worker_looks_again_at_a_new_block(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(5)
    methods_asked(world, 0, 2)
    world.chain.mine()
    assert "eth_getLogs" in methods_asked(world, 0, 1)


def test_a_chain_that_answers_again_is_no_fault_any_more_though_it_stands_still(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    world.step(5)
    methods_asked(world, 0, 2)
    company, is_down = world.companies[0], [True]
    ask = company.rpc.request

    def request(method: str, *params: object) -> object:
        if is_down:
            raise RpcUnavailableError("nobody answers")
        return ask(method, *params)

    monkeypatch.setattr(company.rpc, "request", request)
    company.worker.try_step()
    told = company.worker.status().chain_fault
    is_down.clear()
    company.worker.try_step()
    assert (told, company.worker.status().chain_fault) == ("nobody answers", "")
