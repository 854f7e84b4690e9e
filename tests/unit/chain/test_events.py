"""Events as values: what the contracts tell, read from the logs of their own transactions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from eth_abi.abi import encode
from tests.unit.chain.conftest import ETHER
from tests.unit.chain.votings import STANDBY, Votings

from worknet.chain import events
from worknet.chain.answers import Log
from worknet.chain.errors import ChainError
from worknet.chain.interface import events as event_types
from worknet.protocol.ballots import Place

KEY = b"\x44" * 20


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Votings]:
    network = Votings(tmp_path / "chain")
    yield network
    network.store.close()


def newest(network: Votings, contract: bytes | None = None) -> list[Log]:
    """The logs of the newest block."""
    block = network.rpc.block_number()
    return network.rpc.logs(contract or network.deployment.contract, block, block)


def told(network: Votings) -> list[events.Event | None]:
    return [events.read(log) for log in newest(network)]


def test_every_event_of_the_contracts_is_known() -> None:
    for contract, known in (("WorkerNetwork", events.Event), ("Rewards", events.PoolEvent)):
        names = {kind.name for kind in event_types(contract).values()}
        assert {kind.__name__ for kind in get_args(known)} == names


def test_the_owners_acts_are_told(network: Votings) -> None:
    owner = network.signers[3].address
    network.owner.transfer_ownership(KEY)
    assert told(network) == [events.OwnershipOffered(owner, KEY)]
    network.owner.pause_opening(True)
    assert told(network) == [events.OpeningPaused(True)]
    network.owner.reopen(network.WORKFLOW, network.trigger(0))
    until = network.now + 600
    voting_id, trigger = network.voting_id(0), network.trigger(0)
    assert told(network) == [events.Reopened(voting_id, network.WORKFLOW, trigger, 4, until)]


def test_a_workers_acts_are_told(network: Votings) -> None:
    network.owner.rotate(STANDBY, KEY, b"\x55" * 32)
    assert told(network) == [events.Rotated(STANDBY, network.signers[3].address, KEY, b"\x55" * 32)]
    network.workers[1].check_in(1)
    assert told(network) == [events.CheckedIn(1, network.now // network.PERIOD)]


def test_brought_seals_are_told_by_worker(network: Votings) -> None:
    network.bring(0, 0, 2, place=Place(1, 1))
    brought = told(network)[-1]
    assert isinstance(brought, events.SealsBrought)
    assert (brought.place, brought.workers) == (Place(1, 1), 0b101)
    stored = {worker: network.owner.seal_of(network.voting_id(0), 1, worker) for worker in (0, 2)}
    assert brought.by_worker == stored


def test_a_report_is_told_before_its_record_and_the_closing(network: Votings) -> None:
    network.report(0, (0, 1), participants=0b111)
    opened, reported, recorded, closed = told(network)
    assert reported == events.Reported(network.voting_id(0), Place(1, 1), 0b111, 0b011, 0b011)
    assert isinstance(opened, events.Opened)
    assert isinstance(recorded, events.Recorded)
    assert closed == events.Closed(network.voting_id(0))


def test_the_pool_tells_what_goes_in_and_out(network: Votings) -> None:
    pool = network.new_pool()

    def said() -> list[events.PoolEvent | None]:
        return [events.read_of_pool(log) for log in newest(network, pool.contract)]

    owner = network.signers[3].address
    pool.fund(ETHER)
    assert said() == [events.Funded(owner, ETHER)]
    pool.set_rewards(7, 5)
    assert said() == [events.RewardsSet(7, 5, network.now // network.PERIOD + 1)]


def test_events_of_another_contract_are_unknown(network: Votings) -> None:
    pool = network.new_pool()
    pool.fund(ETHER)
    (funded,) = newest(network, pool.contract)
    assert events.read(funded) is None
    network.owner.pause_opening(True)
    (paused,) = newest(network)
    assert events.read_of_pool(paused) is None
    assert events.read(replace(paused, topics=())) is None


def test_a_seal_for_nobody_is_an_impossible_event(network: Votings) -> None:
    network.bring(0, 0, 2, place=Place(1, 1))
    brought = newest(network)[-1]
    words = (Place(1, 1).word(), 0b111, [b"\x01" * 32])
    data = encode(("uint256", "uint256", "bytes32[]"), words)
    with pytest.raises(ChainError, match="impossible event SealsBrought"):
        events.read(replace(brought, data=data))
