"""How `prove` and `voting show` are told which voting: by its id, its slot, or its event's trigger id."""

from types import SimpleNamespace
from typing import Any

import pytest

from worknet.chain.client import NetworkClient
from worknet.cli.naming import voting_named
from worknet.node.errors import RequestError
from worknet.protocol.ids import voting_id, workflow_id

CONTRACT, CHAIN_ID = b"\xcc" * 20, 31337
TRIGGER = b"\x0e" * 32
VOTING = voting_id(CHAIN_ID, CONTRACT, workflow_id("billed"), TRIGGER)


@pytest.fixture
def access() -> Any:
    """What a command has of a node that votes on two workflows, in one of which the event's voting opened."""
    client = NetworkClient.__new__(NetworkClient)
    client.rpc, client.contract = SimpleNamespace(chain_id=CHAIN_ID), CONTRACT  # type: ignore[assignment]  # enough
    index = SimpleNamespace(voting=lambda each: "it" if each == VOTING else None)
    network = SimpleNamespace(workflows={"other": None, "billed": None})
    return SimpleNamespace(client=client, index=index, network=network)


def _voting_id(access: Any, text: str, is_known: bool = False) -> bytes:
    network, client, index = access.network, access.client, access.index
    return voting_named(network, client, index, text, lambda each: is_known and each == VOTING)[0]


def test_a_voting_is_named_by_its_id(access: Any) -> None:
    assert _voting_id(access, "0x" + VOTING.hex()) == VOTING


def test_an_events_voting_is_named_by_its_trigger_id(access: Any) -> None:
    assert _voting_id(access, "0x" + TRIGGER.hex()) == VOTING


def test_an_event_that_never_opened_a_voting_is_named_by_its_trigger_id(access: Any) -> None:
    access.index.voting = lambda _: None
    assert _voting_id(access, "0x" + TRIGGER.hex(), is_known=True) == VOTING


def test_what_is_no_id_is_refused(access: Any) -> None:
    with pytest.raises(RequestError, match="names no voting"):
        _voting_id(access, "0x12")
