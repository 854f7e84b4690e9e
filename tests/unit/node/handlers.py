"""Fallback handlers without a chain: a journal on disk, a handler, and what goes out; it can die and restart.

What a worker's step does about handlers is done here in the same order, on facts that a test gives.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from tests.unit.node.conftest import Crash, Decide, OnePreparer, TinyPreparer, agreed
from tests.unit.node.test_duties import DUE, OPENED, SEALED, facts_of
from tests.unit.node.test_journal import opened

from worknet.node.deciding import Decisions
from worknet.node.duties import Handle, duties
from worknet.node.errands import Errands, Outlets
from worknet.node.errors import JournalUnavailable
from worknet.node.facts import VotingFacts
from worknet.node.journal.handlings import Handling
from worknet.node.journal.store import Step, Store
from worknet.protocol.voting_rules import fold

UNRESOLVED = facts_of(fold({1: SEALED}, [OPENED]), DUE + 120 + 300, has_ended=True)
"""A voting of three that came to nothing, as worker 0 sees it."""
NOW = UNRESOLVED.now
DESK = "desk"
"""The webhook that the operator has configured."""


class Immediately(Executor):
    """Runs what it is given at once. A `Crash` ends the caller too, as it would end the whole process."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **named))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Desk:
    """One worker's handling of one voting. `fault` is what channel and webhook answer; none: they take it."""

    path: Path
    handler: Decide | None = None
    facts: VotingFacts = UNRESOLVED
    outlets: Outlets | None = None
    fault: str = ""
    now: float = NOW
    sent: list[tuple[str, str, str]] = field(default_factory=list)
    called: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.outlets is None:
            self.outlets = Outlets(self._send, hooks={self.facts.workflow: {DESK: self._call}})
        self.preparer = TinyPreparer(0, agreed)
        self.start()

    @property
    def handlings(self) -> list[Handling]:
        """What the journal holds."""
        return self.journal.handlings.of(self.facts.voting_id)

    def start(self) -> None:
        """Starts on what the journal holds."""
        assert self.outlets is not None
        self.preparer.handler = self.handler
        self.journal = opened(self.path)
        preparers = {self.facts.workflow: OnePreparer(self.preparer)}
        self.decisions = Decisions(self.journal, preparers, self.outlets, Immediately(), clock=self._clock)
        self.errands = Errands(self.journal, self.outlets, Immediately(), self._clock)

    def restart(self) -> None:
        """What is not on disk is gone."""
        self.journal.close()
        self.start()

    def step(self, now: int = NOW) -> None:
        """What a worker's step does about handlers."""
        self.now = now
        self.errands.add(self.decisions.collect())
        handled = self.journal.handlings.decided(self.facts.voting_id)
        facts = replace(self.facts, handled=handled)
        self.decisions.begin([(facts, duty) for duty in duties(facts) if isinstance(duty, Handle)])
        self.errands.work()

    def run(self, seconds: int = 60, since: int = NOW) -> None:
        """A step in each second."""
        for now in range(since, since + seconds):
            self.step(now)

    def _clock(self) -> float:
        return self.now

    def _send(self, title: str, body: str, level: str) -> str:
        self.sent.append((title, body, level))
        return self.fault

    def _call(self, identity: str, body: bytes) -> str:
        self.called.append((identity, body))
        return self.fault


def dying(place: str, moment: str) -> AbstractContextManager[None]:
    """The machine stops the first time that a step of the journal is done: before, inside or after it."""
    return _breaking(place, moment, Crash())


def failing(place: str, moment: str = "before") -> AbstractContextManager[None]:
    """The journal is away for a moment the first time that this step is done."""
    return _breaking(place, moment, JournalUnavailable("the journal does not answer"))


@contextmanager
def _breaking(place: str, moment: str, error: BaseException) -> Iterator[None]:
    write, left = Store.write, [1]

    def spring(step: Step, now: str) -> None:
        if step.name == place and now == moment and left:
            left.pop()
            raise error

    @contextmanager
    def writing(self: Store, step: Step) -> Iterator[sql.Connection]:
        spring(step, "before")
        with write(self, step) as connection:
            yield connection
            spring(step, "inside")
        spring(step, "after")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write", writing)
        yield
