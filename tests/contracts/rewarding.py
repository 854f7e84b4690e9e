"""What the tests of rewards do over and over: hold a sealed voting, let a period end, claim for a worker."""

from collections.abc import Iterable, Mapping
from typing import Any

from boa.contracts.base_evm_contract import BoaError
from tests.contracts.network import Network, Told, revert_reason

from worknet.protocol.records import Record


def vote(network: Network, votes: Mapping[int, str], *, apart: int = 0, attempt: int = 1) -> None:
    """Workers seal, in this order, a ballot for the pair of this name, some seconds apart; casting ends."""
    for place, (worker, name) in enumerate(votes.items()):
        network.wait(apart if place else 0)
        network.seal(worker, network.pair(name), attempt)
    voting = network.voting()
    if voting.state == 1:
        network.wait_until(voting.deadline)


def open_ballots(network: Network, votes: Mapping[int, str], *, attempt: int = 1) -> None:
    """All seals are opened, pair by pair, the one with the most ballots last: so that books the closing."""
    pairs = sorted(set(votes.values()), key=lambda name: (list(votes.values()).count(name), name))
    for name in pairs:
        network.reveal(network.pair(name), [worker for worker in votes if votes[worker] == name], attempt)


def hold(
    network: Network, votes: Mapping[int, str], slot: int = 2, *, trigger: bytes = b"", apart: int = 0
) -> Record:
    """A sealed voting from the first seal to its closing."""
    network.trigger = trigger or network.slot(slot).trigger_id
    vote(network, votes, apart=apart)
    open_ballots(network, votes)
    assert network.voting().booked
    return network.record()


def end_period(network: Network) -> int:
    """Lets the present period end; its number."""
    number = network.now // network.period_length
    network.wait_until((number + 1) * network.period_length)
    return number


def claimed(told: Told) -> dict[str, Any]:
    """What the one claim among these events tells."""
    [fields] = [fields for name, fields in told if name == "Claimed"]
    return fields


def earned(network: Network, worker: int, records: Iterable[Record] = (), periods: Iterable[int] = ()) -> int:
    """What a claim of these earns; 0 if it is refused since there is nothing."""
    try:
        told = network.claim(worker, records, periods)
    except BoaError as error:
        if revert_reason(error) != "rewards: nothing to claim":
            raise
        return 0
    return int(claimed(told)["earned"])
