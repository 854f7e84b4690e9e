"""All inlets in one thread: one that breaks harms no other, and only the journal ends them."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from tests.unit.node.ingest.given import FORM, GivenFeed, book

from worknet.node.errors import JournalError, JournalUnavailable, NodeError
from worknet.node.ingest import running
from worknet.node.ingest.inlet import Inlet
from worknet.node.ingest.messages import MessageInlet
from worknet.node.ingest.running import Ingest
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal
from worknet.workflow.triggers import OnMessage


class Inside:
    """An inlet that does what a test says."""

    kind = "nats"

    def __init__(self, name: str = "event", raises: BaseException | None = None) -> None:
        self.workflow, self.name, self.fault, self.raises = "billing", name, "", raises
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1
        if self.raises is not None:
            raise self.raises
        await asyncio.Event().wait()


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_TICK_SECONDS", 0.01)
    monkeypatch.setattr(running, "_FIRST_PAUSE", 0.1)


def test_without_inlets_nothing_runs() -> None:
    ingest = Ingest([], Writing())
    before = threading.active_count()
    ingest.start()
    assert threading.active_count() == before
    assert ingest.state() == ()
    ingest.stop()


def test_an_inlet_that_breaks_is_told_with_the_place_and_harms_no_other() -> None:
    broken, sound = Inside("event", ValueError("a secret row")), Inside("prices")
    inlets: list[Inlet] = [broken, sound]
    ingest = Ingest(inlets, Writing())
    with capture_logs() as logs:
        ingest.start()
        wait_for(lambda: logs)
        states = ingest.state()
        ingest.stop()
    assert states[0].fault.startswith("a fault of worknet itself: ValueError in run, line")
    assert states[1].fault == ""
    assert logs[0]["event"] == "ingest.fault"
    assert "secret" not in str(logs)


def test_an_inlet_that_broke_is_run_again() -> None:
    broken = Inside(raises=ValueError())
    ingest = Ingest([broken], Writing())
    ingest.start()
    wait_for(lambda: broken.runs == 2)
    ingest.stop()


def test_a_journal_that_may_come_back_is_a_fault_and_ends_nothing() -> None:
    inlet = Inside(raises=JournalUnavailable("the disk is full"))
    ingest = Ingest([inlet], Writing())
    ingest.start()
    wait_for(lambda: ingest.state()[0].fault)
    ingest.check()
    ingest.stop()
    assert ingest.state()[0].fault == "the disk is full"


def test_a_journal_that_fails_ends_all_and_its_error_is_passed_on() -> None:
    ingest = Ingest([Inside(raises=JournalError("gone")), Inside("prices")], Writing())
    ingest.start()
    wait_for(lambda: ingest._error)
    with pytest.raises(JournalError, match="gone"):
        ingest.check()
    ingest.stop()


@pytest.mark.parametrize("error", [asyncio.CancelledError("row"), KeyboardInterrupt("row")])
def test_nothing_ends_all_inlets_without_a_word(error: BaseException) -> None:
    ingest = Ingest([Inside(raises=error), Inside("prices")], Writing())
    ingest.start()
    wait_for(lambda: ingest._error)
    with pytest.raises(NodeError, match=f"by a fault of worknet itself: {type(error).__name__}$"):
        ingest.check()
    ingest.stop()


def test_a_fault_is_told_once_and_its_end_too() -> None:
    inlet = Inside()
    inlet.fault = "not connected"
    ingest = Ingest([inlet], Writing())
    with capture_logs() as logs:
        ingest.start()
        wait_for(lambda: logs)
        time.sleep(0.05)
        assert ingest.state()[0].down_for > 0
        inlet.fault = ""
        wait_for(lambda: len(logs) > 1)
        ingest.stop()
    assert [told["event"] for told in logs] == ["ingest.fault", "ingest.recovered"]
    assert logs[0]["inlet"] == "billing.event"


def test_what_is_journalled_when_the_worker_stops_is_acknowledged(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = threading.Event()
    take = journal.events.take

    def slowly(*args: object, **kwargs: object) -> object:
        writing.set()
        time.sleep(0.2)
        return take(*args, **kwargs)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(journal.events, "take", slowly)
    trigger = OnMessage("ready", "batch")
    first, second = b'{"batch":"a","wh":1}', b'{"batch":"b","wh":1}'
    feed = GivenFeed([first], [second])
    gate = Writing()
    ingest = Ingest([MessageInlet("nats", feed, book(journal, trigger), FORM, "batch", gate)], gate)
    ingest.start()
    assert writing.wait(5)
    ingest.stop()
    assert feed.acknowledged == [[first]]
    assert len(journal.events.open("billing")) == 1
