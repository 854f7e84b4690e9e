"""What tests of arrivals share: the members' trigger key, an event's schema, a feed that a test commands."""

import asyncio
import time
from collections.abc import Sequence
from math import inf

from worknet.node.ingest.events import EventBook
from worknet.node.ingest.inlet import Inlet
from worknet.node.ingest.rows import RowForm
from worknet.node.journal import Journal
from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.sources.feed import Message, Take
from worknet.workflow.triggers import OnEvent

KEY = b"\x0b" * 32
SCHEMA = Schema((Column("batch", "str"), Column("wh", "int")), ("batch",))
FORM = RowForm(SCHEMA)


class GivenFeed:
    """Delivers the batches that it is given, and remembers which were acknowledged. It connects when it is
    run, or has been connected since `connected_at`."""

    def __init__(self, *batches: Sequence[bytes]) -> None:
        self.fault, self.up_since = "", -inf
        self.connected_at: float | None = None
        self.batches = list(batches)
        self.acknowledged: list[Sequence[bytes]] = []
        self.done = asyncio.Event()

    async def run(self, take: Take) -> None:
        self.up_since = time.monotonic() if self.connected_at is None else self.connected_at
        for batch in self.batches:
            await take([Message(body, f"at {number}") for number, body in enumerate(batch)])
            self.acknowledged.append(batch)
        self.done.set()
        await asyncio.Event().wait()


def deliver(inlet: Inlet, feed: GivenFeed, *batches: Sequence[bytes]) -> None:
    """Runs the inlet until the feed has delivered the batches, all of which must be acknowledged."""
    feed.batches, feed.acknowledged, feed.done = list(batches), [], asyncio.Event()

    async def run() -> None:
        running = asyncio.create_task(inlet.run())
        done = asyncio.create_task(feed.done.wait())
        await asyncio.wait([running, done], return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        done.cancel()
        await asyncio.gather(running, done, return_exceptions=True)

    asyncio.run(run())
    assert feed.acknowledged == list(batches)


def book(journal: Journal, trigger: OnEvent, workflow: str = "billing") -> EventBook:
    return EventBook(journal.events, journal.inbox, workflow, trigger, KEY)
