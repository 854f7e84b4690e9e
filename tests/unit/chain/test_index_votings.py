"""The event index over votings that take every way there is: what it folds is what the contract shows."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.chain.votings import STANDBY, Votings

from worknet.chain.answers import Log
from worknet.chain.errors import IndexMismatchError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.protocol.ballots import Place
from worknet.protocol.voting import Opened, Reopened, Reported, Revealed, Sealed, Settled, State, Voting
from worknet.protocol.words import Fallback, How

ALL = 0b111
Make = Callable[..., tuple[Votings, NetworkIndex]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes the network with changes of its policy, and an index of it."""
    made: list[tuple[Votings, NetworkIndex]] = []

    def make(**changes: Any) -> tuple[Votings, NetworkIndex]:
        network = Votings(tmp_path / "chain", **changes)
        index = NetworkIndex(tmp_path / "index.sqlite", network.owner, network.deployment.block)
        made.append((network, index))
        return made[-1]

    yield make
    for network, index in made:
        index.close()
        network.store.close()


def same_as_the_contract(network: Votings, index: NetworkIndex, slot: int = 0) -> Voting:
    """The voting that the index folds, after it was held against the contract's own view and log."""
    index.sync()
    index.check_log()
    view = network.owner.voting(network.WORKFLOW, network.trigger(slot))
    voting = index.voting(network.voting_id(slot), now=network.now)
    assert voting is not None
    assert (voting.state, voting.closed) == (view.state, view.closed)
    if voting.attempts:
        current = voting.current
        seen = (current.number, current.policy_version, current.members, current.n, current.needed)
        assert seen == (view.attempt, view.policy_version, view.members, view.n, view.needed)
    return voting


def kinds(network: Votings, index: NetworkIndex, slot: int = 0) -> list[type]:
    return [type(fact) for fact in index.facts(network.voting_id(slot))]


# Reports


def test_a_report_alone_is_its_opening_and_its_pair_comes_from_the_record(make: Make) -> None:
    network, index = make()
    network.report(0, (0, 1), participants=ALL)
    index.sync()
    index.check_log()
    assert kinds(network, index) == [Opened, Reported]
    voting = index.voting(network.voting_id(0))
    assert voting is not None
    assert (voting.state, voting.closed, voting.accurate) == (State.CONSENSUS, True, 0b011)
    assert voting.recorded is not None
    assert voting.recorded.pair == network.PAIR
    found = index.record_of(network.voting_id(0))
    assert found is not None
    assert (found.record.how, found.record.voters) == (How.REPORT, 0b011)
    assert index.has_ended(network.voting_id(0))


def test_a_report_on_some_leaves_the_others_to_reveal(make: Make) -> None:
    network, index = make()
    network.seal(0, 2)
    network.pass_time(300)
    network.report(0, (0, 1), participants=0b011)
    voting = same_as_the_contract(network, index)
    assert (voting.closed, voting.current.unrevealed()) == (False, 0b100)
    network.reveal(0, 2)
    voting = same_as_the_contract(network, index)
    assert (voting.closed, voting.accurate) == (True, ALL)
    assert kinds(network, index) == [Opened, Sealed, Reported, Revealed]


def without_the_record(logs: list[Log]) -> list[Log]:
    """The logs without the last but one, which is the record of a report that closes."""
    return [*logs[:-2], logs[-1]]


def test_a_report_whose_record_is_left_out_makes_no_voting(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, index = make()
    network.report(0, (0, 1), participants=ALL)
    honest = network.rpc.logs
    monkeypatch.setattr(network.rpc, "logs", lambda *wanted: without_the_record(honest(*wanted)))
    index.sync()
    with pytest.raises(IndexMismatchError, match="without its record"):
        index.voting(network.voting_id(0))


# Brought seals


def test_brought_seals_are_one_fact_for_each_worker_in_their_order(make: Make) -> None:
    network, index = make()
    network.bring(0, 0, 2, place=Place(1, 1))
    voting = same_as_the_contract(network, index)
    assert kinds(network, index) == [Opened, Sealed, Sealed]
    assert sorted(voting.current.seals) == [0, 2]
    for worker, sealed in voting.current.seals.items():
        assert sealed.seal == network.owner.seal_of(network.voting_id(0), 1, worker)


def test_a_brought_seal_came_when_it_was_brought_and_a_reported_ballot_with_the_report(make: Make) -> None:
    network, index = make()
    network.bring(0, 0, 2, place=Place(1, 1))
    brought = network.rpc.block_number()
    network.pass_time(300)
    network.reveal(0, 0)
    network.report(0, (0, 1), participants=0b011)
    index.sync()
    moments = index.ballot_moments(network.voting_id(0), 1)
    assert [moments[worker][0] for worker in (0, 1, 2)] == [brought, network.rpc.block_number(), brought]


# Fallbacks


def test_a_plurality_is_settled_and_ends_the_voting(make: Make) -> None:
    network, index = make(fallback=Fallback.PLURALITY, threshold_num=1, threshold_den=1, stall=0)
    for worker in range(3):
        network.seal(0, worker, network.OTHER if worker == 2 else network.PAIR)
    network.reveal(0, 0, 1)
    network.reveal(0, 2, pair=network.OTHER)
    voting = same_as_the_contract(network, index)
    assert voting.state is State.SETTLING
    assert not index.has_ended(network.voting_id(0))
    network.owner.settle(network.WORKFLOW, network.trigger(0), network.PAIR)
    voting = same_as_the_contract(network, index)
    assert (voting.state, kinds(network, index)[-1]) == (State.SETTLED, Settled)
    found = index.record_of(network.voting_id(0))
    assert found is not None
    assert (found.record.how, found.record.voters, found.record.needed) == (How.PLURALITY, 0b011, 3)
    assert index.has_ended(network.voting_id(0))


def test_the_standbys_of_the_first_opening_are_members_of_the_failover(make: Make) -> None:
    network, index = make(fallback=Fallback.FAILOVER)
    network.fail(0, 1)
    network.fail(0, 2)
    network.bring(0, 0, 1, STANDBY, place=Place(3, 1))
    network.pass_time(300)
    network.open_seals(0, 0, 1, STANDBY, place=Place(3, 1))
    voting = same_as_the_contract(network, index)
    assert (voting.current.number, voting.current.members) == (3, 0b1111)
    assert voting.attempts[0].standbys == 0b1000
    assert (voting.state, voting.accurate) == (State.CONSENSUS, 0b1011)


def test_a_standby_that_came_after_the_first_opening_is_no_member_of_the_failover(make: Make) -> None:
    network, index = make(fallback=Fallback.FAILOVER)
    network.owner.remove(STANDBY)
    network.fail(0, 1)
    account = network.signers[3].address
    network.owner.enrol(account, network.voters[STANDBY].address, Role.STANDBY, b"\xe4" * 32)
    network.fail(0, 2)
    network.seal(0, 0, attempt=3)
    voting = same_as_the_contract(network, index)
    assert (voting.current.number, voting.current.members) == (3, ALL)


# Reopening


def test_an_unresolved_voting_has_ended_until_it_is_reopened(make: Make) -> None:
    network, index = make()
    network.unresolved(0)
    same_as_the_contract(network, index)
    block = index.block()
    assert index.has_ended(network.voting_id(0))
    assert index.reopened(network.WORKFLOW) == []
    network.owner.reopen(network.WORKFLOW, network.trigger(0))
    voting = same_as_the_contract(network, index)
    assert (voting.state, voting.next_attempt, kinds(network, index)[-1]) == (State.PENDING, 4, Reopened)
    assert not index.has_ended(network.voting_id(0))
    assert index.has_ended(network.voting_id(0), last=block)
    assert index.reopened(network.WORKFLOW) == [network.trigger(0)]
    assert index.reopened(bytes(32)) == []
    network.pass_time(600)
    assert same_as_the_contract(network, index).state is State.UNRESOLVED
    network.owner.advance(network.WORKFLOW, network.trigger(0))
    index.sync()
    assert index.has_ended(network.voting_id(0))
    assert index.reopened(network.WORKFLOW) == []


def test_a_slot_that_never_opened_is_listed_when_it_is_reopened(make: Make) -> None:
    network, index = make()
    network.owner.reopen(network.WORKFLOW, network.trigger(0))
    assert same_as_the_contract(network, index).attempts == ()
    (listed,) = index.votings(now=network.now, state=State.PENDING)
    assert (listed.voting_id, listed.trigger_id) == (network.voting_id(0), network.trigger(0))
    assert listed.first_block == network.rpc.block_number()


def test_a_reopened_attempt_is_recorded_under_the_policy_of_its_own_opening(make: Make) -> None:
    network, index = make()
    network.unresolved(0)
    newer = replace(network.policy(), data_key_epoch=2, start=network.now + 10)
    network.owner.announce(network.WORKFLOW, newer)
    network.pass_time(20)
    network.owner.reopen(network.WORKFLOW, network.trigger(0))
    network.bring(0, 0, 1, 2, place=Place(4, 2))
    network.open_seals(0, 0, 1, 2, place=Place(4, 2))
    voting = same_as_the_contract(network, index)
    assert (voting.state, voting.policy) == (State.CONSENSUS, newer)
    found = index.record_of(network.voting_id(0))
    assert found is not None
    assert (found.record.attempt, found.record.policy_hash) == (4, newer.hash())


def test_a_fork_that_undoes_a_second_end_leaves_the_first(make: Make) -> None:
    network, index = make()
    network.unresolved(0)
    first = network.rpc.block_number()
    network.owner.reopen(network.WORKFLOW, network.trigger(0))
    network.pass_time(600)
    network.owner.advance(network.WORKFLOW, network.trigger(0))
    index.sync()
    index._store.go_back(first)
    assert index.has_ended(network.voting_id(0))


def test_a_voting_is_the_same_block_by_block_whether_it_was_read_at_once_or_as_it_came(
    make: Make, tmp_path: Path
) -> None:
    network, index = make()
    index.sync()
    for worker in range(3):
        network.seal(0, worker)
        index.sync()
        index.voting(network.voting_id(0))
    network.reveal(0, 0, 1, 2)
    index.sync()
    fresh = NetworkIndex(tmp_path / "fresh.sqlite", network.owner, network.deployment.block)
    fresh.sync()
    newest = index.block()
    assert newest is not None
    for last in reversed(range(network.deployment.block, newest + 1)):
        assert index.voting(network.voting_id(0), last=last) == fresh.voting(network.voting_id(0), last=last)
    fresh.close()
