"""Events by asking: each new key is one, a row that changed is a conflict, and what fails is asked again."""

import asyncio
import threading
from collections.abc import Iterator

import polars as pl
import pytest
from structlog.testing import capture_logs
from tests.unit.node.ingest.given import KEY, SCHEMA, book

from worknet.node.ingest.polls import PollInlet
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal
from worknet.node.reading import MOST_LEFT_BEHIND
from worknet.protocol.ids import event_trigger_id
from worknet.sources.errors import Origin, UnavailableError
from worknet.sources.occasion import Occasion
from worknet.tables import frame_of_rows, validate
from worknet.workflow.triggers import OnPoll

TRIGGER = OnPoll("asset", "batch", every=60)


class Listing:
    """A source that gives what a test says, once each; an error is raised."""

    def __init__(self, *answers: dict[str, int] | Exception) -> None:
        self.answers: Iterator[dict[str, int] | Exception] = iter(answers)
        self.exhausted = threading.Event()

    def read(self, occasion: Occasion) -> pl.DataFrame:
        assert occasion.window is None
        answer = next(self.answers, None)
        if answer is None:
            self.exhausted.set()
            threading.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        rows = [{"batch": batch, "wh": wh} for batch, wh in (answer or {}).items()]
        return validate("event", SCHEMA, frame_of_rows("event", SCHEMA, rows))


class Hanging:
    """A source that never answers, until a test ends."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.asked = 0

    def read(self, occasion: Occasion) -> pl.DataFrame:
        self.asked += 1
        self.goes_on.wait()
        raise UnavailableError(Origin("event", "a share"), "gone")


def poll(journal: Journal, *answers: dict[str, int] | Exception) -> PollInlet:
    source = Listing(*answers)
    inlet = PollInlet(source, book(journal, TRIGGER), "batch", 0.001, 60, Writing())

    async def run() -> None:
        running = asyncio.create_task(inlet.run())
        assert await asyncio.to_thread(source.exhausted.wait, 5)
        running.cancel()

    asyncio.run(run())
    return inlet


def events(journal: Journal) -> set[bytes]:
    return {opened.trigger_id for opened in journal.events.open("billing")}


def ids(*batches: str) -> set[bytes]:
    return {event_trigger_id(KEY, "billing", "asset", "poll", batch) for batch in batches}


def test_each_new_key_is_an_event_and_one_that_is_gone_stays(journal: Journal) -> None:
    poll(journal, {"a": 1}, {"a": 1, "b": 1}, {"c": 1})
    assert events(journal) == ids("a", "b", "c")


def test_a_row_that_changed_under_its_key_is_a_conflict_told_once(journal: Journal) -> None:
    with capture_logs() as logs:
        poll(journal, {"a": 1}, {"a": 2}, {"a": 2})
    assert [told["event"] for told in logs if told["log_level"] == "warning"] == ["event.conflict"]


def test_a_poll_that_fails_is_a_fault_until_one_succeeds(journal: Journal) -> None:
    down = UnavailableError(Origin("event", "http://127.0.0.1"), "no connection")
    assert poll(journal, down).fault == "the poll: dataset event from http://127.0.0.1: no connection"
    assert poll(journal, down, {"a": 1}).fault == ""
    assert events(journal) == ids("a")


@pytest.mark.parametrize("answers", [({"": 1},), ({},)])
def test_rows_without_a_key_and_no_rows_are_no_events(
    journal: Journal, answers: tuple[dict[str, int], ...]
) -> None:
    poll(journal, *answers)
    assert events(journal) == set()


def test_a_source_that_hangs_is_a_fault_and_asked_by_a_few_threads_at_most(journal: Journal) -> None:
    source = Hanging()
    inlet = PollInlet(source, book(journal, TRIGGER), "batch", 0.001, 0.001, Writing())

    async def run() -> None:
        running = asyncio.create_task(inlet.run())
        while "earlier readings have not come back" not in inlet.fault:  # noqa: ASYNC110 - a fault is no event
            await asyncio.sleep(0.001)
        running.cancel()

    asyncio.run(asyncio.wait_for(run(), 5))
    assert inlet.fault.startswith("the poll: dataset event: ")
    assert source.asked == MOST_LEFT_BEHIND
    source.goes_on.set()


def test_a_source_that_hangs_does_not_keep_the_worker(journal: Journal) -> None:
    # Its reading never ends, and the loop around it has.
    assert poll(journal).kind == "poll"
