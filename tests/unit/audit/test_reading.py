"""Reading the facts of an audit from an RPC: what no chain can hold is no finding, but refused."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.audit.lived import lived

from worknet.audit.facts import Happening, Place
from worknet.audit.reading import Reading
from worknet.chain.errors import ChainError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.testing.chain import LocalRpc

LAST = 20
Lie = Callable[[Any], Any]


class Lying(LocalRpc):
    """An RPC that answers one method otherwise than it is."""

    def __init__(self, method: str, lie: Lie) -> None:
        super().__init__(lived().chain.methods)
        self._method, self._lie = method, lie

    def request(self, method: str, *params: Any) -> Any:
        answer = super().request(method, *params)
        return self._lie(answer) if method == self._method else answer


def read(method: str, lie: Lie) -> list[Happening]:
    """The first events of the life, as told by an RPC that lies about the answers to a method."""
    place = Place(DEVELOPMENT_CHAIN_ID, lived().contract, lived().pool.contract)
    return [*Reading(Lying(method, lie), place, LAST).happenings(0, None)]


def changed(number: int, **words: str) -> Lie:
    """Of a list of objects one says something else."""
    return lambda told: [each | (words if place == number else {}) for place, each in enumerate(told)]


def test_events_are_read_as_the_chain_has_them() -> None:
    assert len(read("eth_getLogs", lambda told: told)) > 10


@pytest.mark.parametrize(
    ("lie", "what"),
    [
        (changed(1, address="0x" + "99" * 20), "of other contracts or blocks"),
        (changed(1, blockNumber=hex(LAST + 1)), "of other contracts or blocks"),
        (changed(1, blockNumber=hex(2**200)), "of other contracts or blocks"),
        (lambda told: told + [each | {"data": "0x"} for each in told[:1]], "two events one place"),
    ],
)
def test_events_that_were_not_asked_for_are_refused(lie: Lie, what: str) -> None:
    with pytest.raises(ChainError, match=what):
        read("eth_getLogs", lie)


@pytest.mark.parametrize("time", ["-0x1", hex(10**12), hex(2**256)])
def test_blocks_of_impossible_times_are_refused(time: str) -> None:
    with pytest.raises(ChainError, match="where block"):
        read("eth_getBlockByNumber", lambda told: told | {"timestamp": time})


def test_another_block_than_the_one_that_was_asked_for_is_refused() -> None:
    with pytest.raises(ChainError, match="answers with block 1 of the time"):
        read("eth_getBlockByNumber", lambda told: told | {"number": "0x1"})


def test_time_that_goes_back_is_refused() -> None:
    def back(told: dict[str, Any]) -> dict[str, Any]:
        return told | {"timestamp": hex(10**9 - int(told["number"], 16))}

    with pytest.raises(ChainError, match="of the time"):
        read("eth_getBlockByNumber", back)
