"""Which results an attempt consumes, by what the confirmed chain tells: each attempt has its own cut."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.conftest import a_policy

from worknet.node import parents
from worknet.node.errors import ParentMissing
from worknet.node.parents import Parents, parents_of
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.voting import Fact, Opened, Reopened

PARENT, CHILD = Slot(60, 10), Slot(60, 10)
DUE = 660
"""Both slots end then; the parent's are open until they are due for `stall`."""
STALL = 100
POLICIES = {
    workflow_id("hours"): a_policy(every=60, start=0, stall=STALL),
    workflow_id("report"): a_policy(
        every=60, start=0, stall=STALL, cast_window=20, reveal_window=20, delay=200
    ),
}
OPENABLE = DUE + 200
FAILED = OPENABLE + 10 + 20 + 20
"""When attempt 1 of the report, opened ten seconds after it could be, has failed: nobody sealed anything."""


@dataclass
class Chain:
    """What client and index tell; block n has the time n."""

    block: int
    recorded: int | None = None
    facts: Sequence[Fact] = ()
    asked: list[int] = field(default_factory=list)

    def results(self, attempt: int = 1, confirmations: int = 0, patience: float = 0.0) -> Any:
        client: Any = SimpleNamespace(
            voting_id=lambda name, trigger: name[:16] + trigger[16:],
            rpc=SimpleNamespace(header=lambda number: SimpleNamespace(time=number)),
        )
        index: Any = SimpleNamespace(
            block=lambda: self.block,
            policies=lambda name: [SimpleNamespace(version=1, policy=POLICIES[name])],
            facts=self._facts,
            record_of=self._record_of,
        )
        found = Parents(client, index, "report", ["hours"], confirmations, patience, self._sleep)
        return found.results(CHILD, attempt, 60)

    def consumed(self, attempt: int = 1, confirmations: int = 0) -> int:
        return len(parents_of(self.results(attempt, confirmations)))

    def _facts(self, voting_id: bytes, last: int) -> list[Fact]:
        facts = self.facts if voting_id.startswith(workflow_id("report")[:16]) else ()
        return [fact for fact in facts if fact.time <= last]

    def _record_of(self, voting_id: bytes) -> Any:
        if self.recorded is None or self.recorded > self.block:
            return None
        return SimpleNamespace(record=SimpleNamespace(time=self.recorded), block=self.recorded)

    def _sleep(self, seconds: float) -> None:
        self.asked.append(self.block)
        self.block += 1


def opened(attempt: int, time: int) -> Opened:
    return Opened(time, attempt, 1, 0b111, 3, 2)


@pytest.mark.parametrize(("recorded", "count"), [(OPENABLE - 1, 1), (OPENABLE, 1), (OPENABLE + 1, 0)])
def test_attempt_1_consumes_what_was_recorded_by_the_time_at_which_it_could_open(
    recorded: int, count: int
) -> None:
    assert Chain(OPENABLE + 500, recorded).consumed() == count


def test_it_is_the_same_however_late_it_is_looked_at() -> None:
    looks = [Chain(OPENABLE + after, OPENABLE + 3).consumed() for after in (1, 2, 3, 4, 1000)]
    assert looks == [0] * 5


@pytest.mark.parametrize(("recorded", "count"), [(FAILED, 1), (FAILED + 1, 0)])
def test_attempt_2_reads_again_what_was_recorded_until_attempt_1_had_failed(
    recorded: int, count: int
) -> None:
    facts = [opened(1, OPENABLE + 10)]
    assert Chain(FAILED + 500, recorded, facts).consumed(1) == 0
    assert Chain(FAILED + 500, recorded, [*facts, opened(2, FAILED + 30)]).consumed(2) == count


def test_a_reopened_attempt_reads_until_it_was_reopened() -> None:
    reopened = Reopened(OPENABLE + 400, 4, OPENABLE + 400 + STALL)
    assert Chain(OPENABLE + 450, OPENABLE + 399, [reopened]).consumed(4) == 1


def test_an_attempt_that_may_not_open_yet_consumes_nothing() -> None:
    with pytest.raises(ParentMissing, match="no confirmed block shows that attempt 2 may open"):
        Chain(FAILED - 1, None, [opened(1, OPENABLE + 10)]).consumed(2)


def test_only_what_is_confirmed_counts() -> None:
    with pytest.raises(ParentMissing, match="no later block is confirmed yet"):
        Chain(OPENABLE + 3, OPENABLE).consumed(confirmations=3)
    assert Chain(OPENABLE + 4, OPENABLE).consumed(confirmations=3) == 1


def test_it_waits_for_what_is_open_as_long_as_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parents, "PAUSE_SECONDS", 0.001)
    chain = Chain(OPENABLE - 3, OPENABLE - 9)
    assert len(parents_of(chain.results(patience=60))) == 1
    assert chain.asked == [OPENABLE - 3, OPENABLE - 2, OPENABLE - 1, OPENABLE]


def test_it_waits_no_longer_than_it_may() -> None:
    chain = Chain(0)
    with pytest.raises(ParentMissing):
        chain.results(patience=0.5)
    assert chain.asked == []
