"""Reorganisations: what a fork took back is handed over again as it was signed, and the voting ends as if
nothing had been."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.node.conftest import LAST, Company, MakeWorld, World

from worknet.chain import transactions
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.voting import State

CONFIRMATIONS = 3


@pytest.fixture(autouse=True)
def _tend_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "HAND_OVER_AGAIN_SECONDS", 0.0)


def go_back(world: World, block: int) -> None:
    """The chain's node comes back with the chain as it was at that block, and makes others from then on.

    It remembers no transaction of the blocks that are gone.
    """
    chain = world.chain
    folder = Path(chain.store.path).parent
    chain.store.close()
    with closing(sqlite3.connect(folder / "chain.sqlite")) as database, database:
        database.execute("DELETE FROM transactions WHERE block > ?", (block,))
        database.execute("DELETE FROM blocks WHERE number > ?", (block,))
    chain.open()
    for rpc in [chain.rpc, *(company.rpc for company in world.companies)]:
        rpc.methods = chain.methods
    # Another time than before: another block of the same number.
    chain.pass_time(7)


def signed(company: Company) -> int:
    """How many transactions the company ever signed, counting no versions of one twice."""
    with closing(sqlite3.connect(company.folder / "journal.sqlite")) as journal:
        return int(journal.execute("SELECT count(*) FROM transactions").fetchone()[0])


def until(world: World, done: Callable[[], bool], steps: int = 40) -> None:
    """Steps with a block in between until something is so."""
    for _ in range(steps):
        world.step()
        world.chain.mine()
        if done():
            return
    raise AssertionError(f"not within {steps} steps")


def is_over(world: World) -> bool:
    view = world.chain.owner.voting(workflow_id(world.chain.workflow), Slot(3600, LAST).trigger_id)
    return view.state is State.CONSENSUS and view.closed


@pytest.mark.parametrize("depth", [1, CONFIRMATIONS])
def test_a_seal_that_a_fork_took_back_is_handed_over_again_and_never_signed_twice(
    make_world: MakeWorld, depth: int
) -> None:
    world = make_world(confirmations=CONFIRMATIONS)
    company = world.companies[0]
    company.seal()
    block = world.chain.rpc.block_number()
    world.chain.mine(depth - 1)
    company.step()
    go_back(world, block - 1)
    assert not world.chain.is_open()
    company.step(2)
    assert world.chain.is_open()
    assert signed(company) == 1


def test_a_fork_while_the_worker_is_down_is_made_up_for_after_its_start(make_world: MakeWorld) -> None:
    world = make_world(confirmations=CONFIRMATIONS)
    company = world.companies[0]
    before = world.chain.rpc.block_number()
    company.seal()
    company.close()
    go_back(world, before)
    company.start()
    company.step(2)
    assert world.chain.is_open()
    assert signed(company) == 1


@pytest.mark.parametrize("phase", ["casting", "revealing"])
def test_a_voting_that_a_fork_took_back_ends_in_consensus_with_every_ballot_once(
    make_world: MakeWorld, phase: str
) -> None:
    world = make_world(confirmations=CONFIRMATIONS)
    before = world.chain.rpc.block_number()
    world.step(2)
    if phase == "revealing":
        world.chain.mine(CONFIRMATIONS)
        before = world.chain.rpc.block_number()
        world.step(1)
        assert len(world.chain.sent("reveal")) == 3
    go_back(world, before)
    until(world, lambda: is_over(world))
    for name in ("seal", "reveal"):
        assert sorted(sender for sender, _ in world.chain.sent(name)) == sorted(
            company.signer.address for company in world.companies
        )


def test_no_salt_leaves_before_the_seals_are_as_deep_as_the_confirmations(make_world: MakeWorld) -> None:
    world = make_world(confirmations=CONFIRMATIONS)
    before = world.chain.rpc.block_number()
    world.step(3)
    assert world.chain.sent("reveal", failed=None) == []
    go_back(world, before)
    assert all(len(company.journal.transactions.waiting()) == 1 for company in world.companies)
    until(world, lambda: is_over(world))


def test_beyond_the_confirmations_a_worker_votes_again_with_the_ballot_that_it_had(
    make_world: MakeWorld,
) -> None:
    world = make_world(confirmations=CONFIRMATIONS)
    before = world.chain.rpc.block_number()
    company = world.companies[0]
    company.seal()
    world.chain.mine(CONFIRMATIONS + 1)
    company.step()
    sealed = [call[3][:30] for _, call in world.chain.sent("seal")]
    go_back(world, before)
    company.step(3)
    assert [call[3][:30] for _, call in world.chain.sent("seal")] == sealed
