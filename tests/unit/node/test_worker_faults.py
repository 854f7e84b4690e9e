"""What one voting, an absent company or a bad answer of the chain may not do to a worker's other votings."""

from typing import Any

import pytest
from tests.unit.node.conftest import EVERY, LAST, Company, FaultyRpc, MakeWorld, agreed

from worknet.chain.errors import ChainError, IndexMismatchError, RpcRefusedError
from worknet.chain.index import NetworkIndex
from worknet.chain.interface import call_data
from worknet.node.preparing import PreparationFailed
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


def test_votings_that_wait_for_an_absent_company_do_not_hold_up_the_next(make_world: MakeWorld) -> None:
    world = make_world(slots=12, votings_at_once=2)
    world.step(14, 0, 1)
    assert all(world.chain.is_open(slot) for slot in range(LAST - 11, LAST + 1))


def test_many_slots_that_fail_for_good_do_not_hold_up_newer_ones(make_world: MakeWorld) -> None:
    def pair_of(task: Any, number: int) -> Any:
        if task.slot.number < LAST - 1:
            raise PreparationFailed("no data for this hour")
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
