"""Workers that disagree name rows and columns to each other, and neither a value nor anything too early."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import LAST, Crash
from tests.unit.node.handlers import dying
from tests.unit.node.sharing_world import (
    SECRETS,
    SharingWorld,
    alone,
    meters,
    sharing_world,
)

from worknet.node.errors import JournalUnavailable
from worknet.node.journal.store import STEPS
from worknet.node.sharing import MOST_TRIES, Sharing
from worknet.protocol.words import Fallback
from worknet.sources import UnavailableError
from worknet.sources.errors import Origin

Make = Callable[..., SharingWorld]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[SharingWorld] = []

    def world(**options: Any) -> SharingWorld:
        made.append(sharing_world(tmp_path, **options))
        return made[-1]

    yield world
    for each in made:
        each.close()


def failed(world: SharingWorld) -> SharingWorld:
    """The world after its first attempt has failed, and everybody has shared what is to be shared."""
    world.step(3)
    world.chain.mine()
    world.step(1)
    world.pause()
    world.pause()
    return world


@dataclass
class Told:
    """A world whose first attempt has failed, and what its workers told meanwhile."""

    world: SharingWorld
    logs: list[Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    world = sharing_world(tmp_path_factory.mktemp("told"))
    with capture_logs() as logs:
        failed(world)
    yield Told(world, logs)
    world.close()


def test_rows_and_columns_that_differ_are_named(told: Told) -> None:
    gathered = told.world.company(0).gather()
    assert [each.worker for each in gathered.differences] == [1, 2]
    for each in gathered.differences:
        assert not each.same_inputs
        assert not each.same_result
        assert [(table.kind, table.name) for table in each.tables] == [
            ("dataset", "meters"),
            ("table", "bills"),
        ]
        for table in each.tables:
            [row] = table.rows
            assert (row.key, row.columns) == ((("meter", "secretmeter"),), ("wh",))
            assert (table.only_mine, table.only_theirs) == (0, 0)
    assert (gathered.refused, gathered.absent) == ((), ())


def test_no_value_of_a_row_stands_on_a_channel_or_in_a_log(told: Told) -> None:
    files = told.world.files()
    assert len(files) == 3
    written = b"".join(file.read_bytes() for file in files)
    shown = repr(told.logs) + repr(told.world.company(0).gather())
    for secret in SECRETS:
        assert secret.encode() not in written
        assert secret not in shown


def test_what_was_gathered_is_known_without_asking_again(told: Told) -> None:
    assert len(told.world.company(0).gather(ask=False).differences) == 2


def test_sharing_is_told(told: Told) -> None:
    events = Counter(each["event"] for each in told.logs if each["event"].startswith("statement."))
    assert events == {"statement.shared": 3, "statement.taken": 6}


def test_nothing_is_shared_before_the_reveal_phase_is_over(make: Make) -> None:
    world = make()
    world.step(2)
    assert world.files() == []
    # One has revealed, the others may yet.
    world.step(1, 0)
    world.chain.mine()
    world.step(1, 0)
    world.pause()
    assert world.files() == []


def test_nothing_is_shared_before_the_end_is_confirmed(make: Make) -> None:
    world = make(confirmations=2)
    world.step(2)
    world.chain.mine(3)
    world.step(1)
    voting = world.chain.voting()
    assert not voting.attempts[0].missing()
    world.step(1)
    world.pause()
    assert world.files() == []
    world.chain.mine(3)
    world.step(1)
    world.pause()
    assert len(world.files()) == 3


@pytest.mark.long
def test_who_agrees_with_all_shares_nothing(make: Make) -> None:
    world = failed(make(read=lambda *_: meters()))
    assert world.files() == []


def test_one_who_was_outvoted_is_told_by_what(make: Make) -> None:
    world = failed(make(read=lambda number, _: meters(8 if number == 2 else 7)))
    first, second = world.company(2).gather().differences
    assert first.tables[0].columns == second.tables[0].columns == {"wh": 1}
    [agreed, _] = world.company(0).gather().differences
    assert agreed.tables == ()


@pytest.mark.long
def test_each_attempt_is_stated_once(make: Make) -> None:
    world = failed(make())
    world.step(4)
    world.chain.mine()
    world.step(2)
    world.pause()
    attempts = [file.name.split("-")[1] for file in world.files()]
    assert attempts == ["1"] * 3 + ["2"] * 3
    assert world.company(1).gather(2).differences[0].tables[0].columns == {"wh": 1}


def test_a_worker_that_shares_nothing_still_reads_what_others_share(make: Make) -> None:
    world = failed(make(levels=["rows", "roots", None]))
    assert len(world.files()) == 2
    first, second = world.company(2).gather().differences
    assert first.tables[0].columns == {"wh": 1}
    assert not second.tables[0].known
    assert world.company(0).gather().absent == (2,)


def test_a_statement_that_does_not_hold_is_told_and_hides_no_other(make: Make) -> None:
    world = make()
    world.step(3)
    world.chain.mine()
    world.step(1, 1, 2)
    bad = next(file for file in world.files() if file.name.endswith("-1.statement"))
    bad.write_bytes(bad.read_bytes()[:-1] + b"\0")
    with capture_logs() as logs:
        world.step(1, 0)
        world.pause()
    [told] = [each for each in logs if each["event"] == "statement.refused" and each["where"] == str(bad)][:1]
    assert "cannot be opened" in told["reason"]
    gathered = world.company(0).gather()
    assert [each.worker for each in gathered.differences] == [2]
    assert gathered.absent == (1,)


def test_the_same_refusal_is_told_once(make: Make) -> None:
    world = make()
    world.step(3)
    world.chain.mine()
    world.step(1, 1)
    [theirs] = world.files()
    theirs.write_bytes(b"nonsense")
    with capture_logs() as logs:
        world.step(1, 0)
        for _ in range(4):
            world.pause(1000)
    where = [each["where"] for each in logs if each["event"] == "statement.refused"]
    assert where == [str(theirs)]


class Failing:
    """A channel that cannot be written to, until it can."""

    def __init__(self, channel: Any) -> None:
        self.channel, self.is_down, self.tries = channel, True, 0

    def put(self, *given: Any) -> None:
        self.tries += 1
        if self.is_down:
            raise UnavailableError(Origin("statements", "there"), "is down")
        self.channel.put(*given)

    def get(self, *given: Any) -> Any:
        return self.channel.get(*given)


def with_failing(world: SharingWorld) -> Failing:
    company = world.company(0)
    failing = Failing(company.channels[0])
    company.channels = [failing]
    company.restart()
    return failing


def test_a_statement_is_journalled_before_it_leaves(make: Make) -> None:
    world = make()
    with_failing(world)
    failed(world)
    journal = world.company(0).journal
    voting_id = world.chain.voting_id(LAST)
    assert journal.statements.held(voting_id, 1)[0] is False
    assert journal.statements.get(voting_id, 1, 0) is not None


def test_a_channel_that_is_down_is_tried_again_and_gets_the_same_statement(make: Make) -> None:
    world = make()
    failing = with_failing(world)
    with capture_logs() as logs:
        failed(world)
    assert [each["error"] for each in logs if each["event"] == "statement.fault"] == ["is down"]
    voting_id = world.chain.voting_id(LAST)
    kept = world.company(0).journal.statements.get(voting_id, 1, 0)
    failing.is_down = False
    world.pause(1000)
    mine = next(file for file in world.files() if file.name.endswith("-0.statement"))
    assert mine.read_bytes() == kept
    assert world.company(0).journal.statements.held(voting_id, 1)[0] is True


@pytest.mark.long
def test_a_worker_that_died_meanwhile_goes_on_with_the_statement_that_it_made(make: Make) -> None:
    world = make()
    failing = with_failing(world)
    failed(world)
    voting_id = world.chain.voting_id(LAST)
    kept = world.company(0).journal.statements.get(voting_id, 1, 0)
    failing.is_down = False
    world.company(0).restart()
    world.pause()
    assert world.company(0).journal.statements.get(voting_id, 1, 0) == kept
    mine = next(file for file in world.files() if file.name.endswith("-0.statement"))
    assert mine.read_bytes() == kept


@pytest.mark.long
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("step", ["statements.add", "statements.deliver"])
def test_a_worker_that_dies_at_a_step_shares_one_statement_and_loses_none(
    make: Make, step: str, moment: str
) -> None:
    world = make()
    world.step(3)
    world.chain.mine()
    with dying(step, moment), pytest.raises(Crash):
        world.step(1, 0)
    left = [file.read_bytes() for file in world.files()]
    world.company(0).restart()
    world.step(2, 0)
    [mine] = world.files()
    assert mine.read_bytes() == world.company(0).journal.statements.get(world.chain.voting_id(LAST), 1, 0)
    assert left in ([], [mine.read_bytes()])
    assert world.company(0).journal.statements.held(world.chain.voting_id(LAST), 1) == {0: True}


def test_every_step_of_statements_is_crashed_here_but_the_last() -> None:
    """`statements.forget` loses nothing whenever it happens: what is old is deleted the next time."""
    steps = {name for name in STEPS if name.startswith("statements.")}
    assert steps == {"statements.add", "statements.deliver", "statements.forget"}


def test_statements_are_forgotten_with_time(told: Told) -> None:
    journal, voting_id = told.world.company(2).journal, told.world.chain.voting_id(LAST)
    now = journal.store.now()
    journal.statements.add(voting_id, 9, 0, b"old", delivered=True)
    journal.statements.forget(now - 10, 20)
    assert journal.statements.held(voting_id, 9) == {0: True}
    journal.statements.forget(now + 10, 1)
    journal.statements.forget(now + 10, 20)
    assert journal.statements.held(voting_id, 9) == {}


@pytest.mark.long
def test_a_channel_that_stays_down_is_left_in_the_end(make: Make) -> None:
    world = make()
    failing = with_failing(world)
    failed(world)
    for _ in range(2 * MOST_TRIES):
        world.pause(1000)
    assert failing.tries <= MOST_TRIES


def test_a_fault_within_is_told_and_stops_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make()
    monkeypatch.setattr("worknet.node.sharing.seal", lambda *_: 1 / 0)
    with capture_logs() as logs:
        failed(world)
    faults = {each["error"] for each in logs if each["event"] == "statement.fault"}
    assert faults == {"a fault of worknet itself: ZeroDivisionError"}


@pytest.mark.long
def test_a_journal_that_cannot_be_written_keeps_the_statement_here(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make()

    def fail(*_: Any, **__: Any) -> None:
        raise JournalUnavailable("the disk is full")

    world.step(3)
    world.chain.mine()
    company = world.company(0)
    monkeypatch.setattr(company.journal.statements, "add", fail)
    sharing = company.worker._sharing
    assert isinstance(sharing, Sharing)
    with pytest.raises(JournalUnavailable):
        company.step(3)
    assert not [file for file in world.files() if file.name.endswith("-0.statement")]


@pytest.mark.long
def test_what_is_history_is_not_shared(make: Make) -> None:
    world = make(read=alone, fallback=Fallback.ALERT)
    world.step(3)
    world.chain.pass_time(3 * 86_400)
    world.step(2)
    world.pause()
    assert world.files() == []


@pytest.mark.long
def test_a_hanging_channel_delays_no_step(make: Make) -> None:
    world = make()
    go = threading.Event()

    class Hanging(Failing):
        def put(self, *given: Any) -> None:
            go.wait(10)

    company = world.company(0)
    company.channels = [Hanging(company.channels[0])]
    company.restart()
    company.worker._sharing = Sharing(company.reader(), "rows", clock=company.own_clock)
    world.step(3)
    world.chain.mine()
    world.step(2)
    company.worker.try_step()
    assert world.chain.voting().attempts[0].missing() == 0
    go.set()
    company.worker._sharing.close(5)
