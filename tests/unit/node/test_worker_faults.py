"""What one voting, an absent company or a bad answer of the chain may not do to a worker's other votings."""

import contextlib
import threading
import time
from typing import Any

import pytest
from tests.unit.node.conftest import EVERY, LAST, Company, FaultyRpc, MakeWorld, agreed, slot_of

from worknet.chain.errors import (
    ChainError,
    IndexFileError,
    IndexMismatchError,
    RpcRefusedError,
    SignerUnavailableError,
)
from worknet.chain.index import NetworkIndex
from worknet.chain.interface import call_data
from worknet.chain.signers import Signer
from worknet.node.causes import Cause
from worknet.node.preparing import PreparationFailed, Task
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot
from worknet.protocol.voting import State, Voting


def refusing_calls_about(company: Company, slot: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets the RPC refuse, with an error of its own, every call about that slot while the list is empty."""
    trigger = Slot(EVERY, slot).trigger_id.hex()
    healed: list[str] = []
    ask = FaultyRpc.request

    def request(self: FaultyRpc, method: str, *params: Any) -> Any:
        about = method == "eth_call" and "from" in params[0] and trigger in str(params[0])
        if self is company.rpc and about and not healed:
            raise RpcRefusedError(method, -32000, "missing trie node")
        return ask(self, method, *params)

    monkeypatch.setattr(FaultyRpc, "request", request)
    return healed


def test_a_call_that_the_rpc_refuses_holds_up_its_own_voting_only(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(slots=3)
    refusing_calls_about(world.companies[0], LAST - 1, monkeypatch)
    world.step(3, 0)
    assert [world.chain.is_open(slot) for slot in (LAST - 2, LAST - 1, LAST)] == [True, False, True]


def test_a_call_that_was_refused_is_made_again_within_its_window(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    healed = refusing_calls_about(world.companies[0], LAST, monkeypatch)
    world.step(3)
    healed.append("yes")
    world.chain.pass_time(6)
    world.step(3)
    assert world.chain.voting().state is State.CONSENSUS
    assert world.chain.voting().current.missing() == 0


def test_an_index_that_cannot_be_written_is_a_fault_of_the_disk_and_not_of_the_chain(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = make_world().companies[0].worker

    def sync(*_: object) -> None:
        raise IndexFileError("the index failed: database or disk is full")

    monkeypatch.setattr(NetworkIndex, "sync", sync)
    worker.try_step()
    status = worker.status()
    assert (status.journal_fault, status.chain_fault) == ("the index failed: database or disk is full", "")


def test_events_that_make_no_sense_hold_up_their_own_voting_only(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(slots=2)
    nonsense = world.chain.voting_id(LAST - 1)
    look = NetworkIndex.voting

    def voting(self: NetworkIndex, voting_id: bytes, **at: Any) -> Voting | None:
        if voting_id == nonsense:
            raise IndexMismatchError("the events of this voting break the rules")
        return look(self, voting_id, **at)

    with monkeypatch.context() as patched:
        patched.setattr(NetworkIndex, "voting", voting)
        world.step(3, 0)
    assert [world.chain.is_open(slot) for slot in (LAST - 1, LAST)] == [False, True]


def test_votings_whose_preparation_hangs_hold_up_no_other(make_world: MakeWorld) -> None:
    gate, begun = threading.Event(), set[int]()

    def pair_of(task: Task, number: int) -> Pair:
        begun.add(slot_of(task))
        if slot_of(task) != LAST:
            gate.wait(30)
        return agreed(task, number)

    # More of them than runs may go on at once.
    world = make_world(pair_of, slots=5)
    worker, until = world.companies[0].worker, time.monotonic() + 20
    while not world.chain.is_open(LAST) and time.monotonic() < until:
        worker.step()
    opened = world.chain.is_open(LAST)
    gate.set()
    assert opened
    assert len(begun) == 5
    worker._preparations.close(20)


def test_ballots_are_prepared_while_the_signer_is_away(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(slots=3, votings_at_once=1)
    company, asked = world.companies[0], []

    def away(self: Signer, transaction: object) -> None:
        asked.append(transaction)
        raise SignerUnavailableError("the signer is away")

    monkeypatch.setattr(Signer, "sign", away)
    for _ in range(8):
        with contextlib.suppress(SignerUnavailableError):
            company.step()
    assert [slot_of(task) for task in world.preparer(0).tasks] == [LAST - 2, LAST - 1, LAST]
    asked.clear()
    with pytest.raises(SignerUnavailableError):
        company.worker.step()
    assert len(asked) == 1


def test_votings_that_wait_for_an_absent_company_do_not_hold_up_the_next(make_world: MakeWorld) -> None:
    world = make_world(slots=12, votings_at_once=2)
    world.step(14, 0, 1)
    assert all(world.chain.is_open(slot) for slot in range(LAST - 11, LAST + 1))


def test_many_slots_that_fail_for_good_do_not_hold_up_newer_ones(make_world: MakeWorld) -> None:
    def pair_of(task: Any, number: int) -> Any:
        if slot_of(task) < LAST - 1:
            raise PreparationFailed(Cause.SOURCE_UNAVAILABLE, "no data for this hour")
        return agreed(task, number)

    world = make_world(pair_of, slots=20, votings_at_once=1)
    for _ in range(30):
        world.chain.mine()
        world.step(1, 0)
    assert [world.chain.is_open(slot) for slot in (LAST - 1, LAST)] == [True, True]


def test_nothing_is_taken_as_confirmed_while_the_settled_block_is_unknown(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(confirmations=3)
    company = world.companies[0]
    world.chain.mine(5)
    settled = world.chain.rpc.block_number() - 3
    look = FaultyRpc.header

    def header(self: FaultyRpc, block: Any = "latest") -> Any:
        return None if self is company.rpc and block == settled else look(self, block)

    company.step()
    monkeypatch.setattr(FaultyRpc, "header", header)
    with pytest.raises(ChainError, match=f"block {settled}"):
        company.step()


def test_the_calls_of_these_tests_name_their_slot() -> None:
    trigger = Slot(EVERY, LAST).trigger_id
    assert trigger in call_data("seal", bytes(32), trigger, 1, bytes(32))
