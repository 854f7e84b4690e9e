"""The life of a network, lived once, and its facts, read once: all tests of the audit share them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.unit.audit.life import BEGIN, PERIOD, Network, key, live

from worknet.audit.course import beginning
from worknet.audit.facts import Happening, Place, Question
from worknet.audit.reading import Reading
from worknet.audit.resume import AuditState
from worknet.chain.answers import Header
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.testing.chain import ETHER, LocalChain, scratch_folder


@dataclass(frozen=True)
class Recording:
    """The facts of the life: where it began, its events, its last block, what contracts answer there."""

    beginning: AuditState
    happenings: tuple[Happening, ...]
    header: Header
    reading: Reading
    balance: int
    answers: dict[Question, Any] = field(default_factory=dict)

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """What the contracts answer; each question is asked of them once."""
        new = [each for each in dict.fromkeys(questions) if each not in self.answers]
        self.answers.update(zip(new, self.reading.ask(new), strict=True))
        return [self.answers[each] for each in questions]


@cache
def _folder() -> "TemporaryDirectory[str]":
    """Where the chain is stored until the tests end."""
    return scratch_folder()


@cache
def lived() -> Network:
    """The network at the end of its life; made once, and kept in memory."""
    funds = [key(number).address for number in (*range(1, 6), 12, 13, *range(21, 26), 11, 31, 32, 33)]
    chain = LocalChain(Path(_folder().name), dict.fromkeys(funds, 100 * ETHER), BEGIN)
    network = Network(chain)
    live(network)
    return network


@cache
def recording() -> Recording:
    """The facts of the life; made once."""
    network = lived()
    place = Place(DEVELOPMENT_CHAIN_ID, network.contract, network.pool.contract)
    reading = Reading(network.chain.rpc, place, network.chain.height)
    state = beginning(place, network.start, PERIOD, network.pool.created_at())
    happenings = tuple(reading.happenings(network.start, None))
    header, balance = reading.header(network.chain.height), reading.balance(network.pool.contract)
    return Recording(state, happenings, header, reading, balance)
