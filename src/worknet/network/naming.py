"""How people name a voting, WORKFLOW@START or its id in hex, and what the contracts call it."""

from dataclasses import dataclass

from worknet.chain import events
from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.config.network import NetworkConfig
from worknet.network.access import time_of
from worknet.network.errors import NetworkError
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import CanonicalError, from_hex, to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.times import TimeError, parse_time, time_text
from worknet.protocol.voting import State


@dataclass(frozen=True)
class VotingName:
    """A voting as the contracts name it, opened or not."""

    workflow_id: bytes
    trigger_id: bytes


def voting_named(network: NetworkConfig, index: NetworkIndex, text: str) -> VotingName:
    """The voting that `text` names; one that never opened only by WORKFLOW@START.

    Raises NetworkError, and ConfigError for a workflow that network.toml does not have.
    """
    if "@" not in text:
        return _by_id(index, text)
    name, slot = slot_named(network, index, text)
    return VotingName(workflow_id(name), slot.trigger_id)


def slot_named(network: NetworkConfig, index: NetworkIndex, text: str) -> tuple[str, Slot]:
    """The workflow and the slot that WORKFLOW@START names, which is to begin exactly then.

    Raises NetworkError, and ConfigError for a workflow that network.toml does not have.
    """
    name, _, start = text.partition("@")
    network.workflow(name)
    policies = index.policies(workflow_id(name))
    if not policies:
        raise NetworkError(f"no policy of {name} is announced yet", hint="`worknet network policy` does")
    every = policies[0].policy.every
    if not every:
        raise NetworkError(f"{text}: {name} votes on events", hint="name a voting of it by its id in hex")
    try:
        time = parse_time(start)
    except TimeError as error:
        raise NetworkError(f"{text}: {error}", hint="write it in UTC with Z at the end") from None
    slot = Slot.at(every, time)
    if slot.window.start != time:
        before, after = time_text(slot.window.start), time_text(slot.window.end)
        raise NetworkError(
            f"{text}: no slot of {name} (every {every} seconds) begins then",
            hint=f"the nearest are {before} and {after}",
        )
    return name, slot


def leading_pair(client: NetworkClient, index: NetworkIndex, name: VotingName) -> Pair:
    """The pair with which a voting is settled that is left to a plurality; NetworkError if there is none."""
    voting = index.voting(client.voting_id(name.workflow_id, name.trigger_id), now=time_of(client))
    pair = voting.current.leading() if voting is not None and voting.state is State.SETTLING else None
    if pair is None:
        state = State.NONE if voting is None else voting.state
        raise NetworkError(
            f"the voting is not left to a plurality, it is {state.name.lower()}",
            hint="only under the fallback `plurality`, when the attempts before have failed",
        )
    return pair


def _by_id(index: NetworkIndex, text: str) -> VotingName:
    try:
        voting_id = from_hex(text, 32)
    except CanonicalError:
        raise NetworkError(
            f"{text[:80]!r} names no voting",
            hint="WORKFLOW@START such as hourly@2026-01-31T09:00:00Z, or a voting id in hex",
        ) from None
    for stored in index.logs("Opened", "Reopened"):
        event = events.read(stored.log)
        if isinstance(event, events.Opened | events.Reopened) and event.voting_id == voting_id:
            return VotingName(event.workflow_id, event.trigger_id)
    raise NetworkError(
        f"voting {to_hex(voting_id)} never opened here", hint="name it by its slot, as WORKFLOW@START"
    )
