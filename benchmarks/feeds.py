"""How many messages per second come from NATS JetStream into a worker's journal, and that none is lost.

    .venv/bin/python -m benchmarks.feeds [messages]

Needs a NATS server with JetStream on its standard port. All messages are in the stream before the clock runs.
They are parsed, checked against a schema and journalled in SQLite (WAL, synchronous=FULL), a batch in one
commit, and acknowledged after it; the second time, half way, the connection is cut before a batch is
acknowledged. What is lost and what came twice is counted by key in the journal.

Last figures (2 cores, a load of 2.7 beside, Python 3.11, nats-server 2.9.10, 100,000 messages): undisturbed
13,781 per second, cut off once 12,518, 35 to 40 us of CPU a message, none lost; 8,200 at a load of 7.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import nats
import structlog
from tests.proxy import TcpProxy

from worknet.node.ingest.datasets import DatasetInlet, FedDataset
from worknet.node.ingest.rows import DatasetForm, RowForm
from worknet.node.ingest.writing import Writing
from worknet.node.journal import Journal, SqliteFile
from worknet.protocol.columns import Column
from worknet.protocol.tables import Schema
from worknet.sources.feed import Feed, Message, Take, feed_from

HOST, PORT = "127.0.0.1", 4222
CUT_SECONDS = 0.5
HOUR = 3600
BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z
SCHEMA = Schema((Column("meter", "str"), Column("wh", "int")), ("meter",))


class Watched:
    """A feed that is `done` when `count` messages were journalled, and cut off once after `cut_at`."""

    def __init__(self, feed: Feed, proxy: TcpProxy, count: int, cut_at: int | None) -> None:
        self._feed, self._proxy, self._count, self._cut_at = feed, proxy, count, cut_at
        self._seen: set[bytes] = set()
        self.done = asyncio.Event()
        self.delivered = self.batches = 0

    @property
    def fault(self) -> str:
        """That of the feed."""
        return self._feed.fault

    @property
    def up_since(self) -> float:
        """That of the feed."""
        return self._feed.up_since

    async def run(self, take: Take) -> None:
        """Run the feed."""

        async def watched(messages: Sequence[Message]) -> None:
            await take(messages)
            self._seen.update(message.body for message in messages)
            self.delivered += len(messages)
            self.batches += 1
            if len(self._seen) >= self._count:
                self.done.set()
            if self._cut_at is not None and self.delivered >= self._cut_at:
                self._cut_at = None
                self._proxy.cut()  # before this batch is acknowledged
                asyncio.get_running_loop().call_later(CUT_SECONDS, self._proxy.heal)

        await self._feed.run(watched)


async def publish(stream: str, count: int) -> None:
    """Fill a new stream: a row for each of many meters, spread over a day."""
    client = await nats.connect(f"nats://{HOST}:{PORT}")
    jetstream = client.jetstream(publish_async_max_pending=2000)
    await jetstream.add_stream(name=stream, subjects=[stream])
    for number in range(count):
        row = {"meter": f"meter-{number:08d}", "wh": number % 5000, "at": BEGIN + number % (24 * HOUR)}
        await jetstream.publish_async(stream, json.dumps(row).encode(), wait_stall=30)
    await jetstream.publish_async_completed()
    await client.close()


async def remove(stream: str) -> None:
    """Delete the stream."""
    client = await nats.connect(f"nats://{HOST}:{PORT}")
    await client.jetstream().delete_stream(stream)
    await client.close()


async def taken(
    stream: str, proxy: TcpProxy, journal: Journal, count: int, cut: bool
) -> tuple[float, Watched]:
    """Journal all messages; the seconds from the start of the feed until the last is there."""
    found = feed_from("nats", stream, servers=[f"nats://{HOST}:{proxy.port}"], stream=stream)
    feed = Watched(found, proxy, count, count // 2 if cut else None)
    form = DatasetForm(RowForm(SCHEMA), "at", HOUR)
    dataset = FedDataset(journal.inbox, "bench", "readings", form, 10**9, 0)
    start = time.perf_counter()
    running = asyncio.create_task(DatasetInlet("nats", feed, dataset, 1000, Writing()).run())
    waiting = asyncio.create_task(feed.done.wait())
    await asyncio.wait({running, waiting}, timeout=300, return_when=asyncio.FIRST_COMPLETED)
    seconds = time.perf_counter() - start
    for task in (running, waiting):
        task.cancel()
    await asyncio.wait({running, waiting})
    return seconds, feed


def main() -> None:
    """Prints the figures."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for cut in (False, True):
        stream = f"bench{uuid.uuid4().hex[:8]}"
        asyncio.run(publish(stream, count))
        with tempfile.TemporaryDirectory() as folder, TcpProxy(HOST, PORT) as proxy:
            journal = Journal(SqliteFile(Path(folder) / "journal.sqlite"), 1, bytes(20), bytes(20))
            cpu = time.process_time()
            seconds, feed = asyncio.run(taken(stream, proxy, journal, count, cut))
            cpu = time.process_time() - cpu
            windows = range(BEGIN, BEGIN + 24 * HOUR, HOUR)
            kept = sum(len(journal.inbox.read("bench", "readings", start, 1)) for start in windows)
            journal.close()
        asyncio.run(remove(stream))
        print(
            f"{'cut off once' if cut else 'undisturbed':<13} {count} messages in {seconds:.1f} s:"
            f" {count / seconds:,.0f} per second, {cpu:.1f} s of CPU, {feed.batches} commits,"
            f" {feed.delivered - kept} twice, {count - kept} lost"
        )


if __name__ == "__main__":
    main()
