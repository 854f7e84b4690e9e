"""How commands about votings are told which one: by its id, its trigger's id, or WORKFLOW@START."""

from collections.abc import Callable
from typing import Annotated

import typer

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.config.network import NetworkConfig
from worknet.network.naming import slot_named
from worknet.node.errors import RequestError
from worknet.node.knowing import Subject
from worknet.protocol.canonical import CanonicalError, from_hex
from worknet.protocol.ids import workflow_id

AnyVoting = Annotated[
    str,
    typer.Argument(metavar="VOTING", help="A voting or trigger id, or WORKFLOW@START of its window."),
]


def voting_named(
    network: NetworkConfig,
    client: NetworkClient,
    index: NetworkIndex,
    text: str,
    is_known: Callable[[bytes], bool] = lambda _: False,
) -> tuple[bytes, Subject | None]:
    """The id of the voting that `text` names, and what it is about as far as the text tells it.

    A trigger id names the voting that the index has, or else one that `is_known`. Raises `RequestError`,
    `NetworkError` and, for a workflow that network.toml does not have, `ConfigError`.
    """
    if "@" not in text:
        return _by_id(network, client, index, text, is_known), None
    name, slot = slot_named(network, index, text)
    return client.voting_id(workflow_id(name), slot.trigger_id), Subject(name, slot)


def _by_id(
    network: NetworkConfig,
    client: NetworkClient,
    index: NetworkIndex,
    text: str,
    is_known: Callable[[bytes], bool],
) -> bytes:
    try:
        given = from_hex(text, 32)
    except CanonicalError:
        hint = "give a voting or trigger id in hex, or WORKFLOW@START such as hourly@2026-01-31T09:00:00Z"
        raise RequestError(f"{text!r} names no voting", hint) from None
    # A webhook's answer, and the log, name events by their trigger ids.
    votings = [client.voting_id(workflow_id(name), given) for name in network.workflows]
    found = (each for each in votings if index.voting(each) is not None or is_known(each))
    return next(found, given)
