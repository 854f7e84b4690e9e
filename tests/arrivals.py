"""What tests of arrivals have in common: streams of NATS, and a worker's ways in without a worker."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import nats

from worknet.config import NodeConfig
from worknet.node.ingest.running import Ingest
from worknet.node.ingest.setup import Outside
from worknet.node.journal import Journal, SqliteFile
from worknet.sources import Source
from worknet.workflow import Declaration

NODE = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"
trigger_key = { file = "trigger-key" }

[chain]
rpc = "http://127.0.0.1:8545"

[key]
keystore = "worker.json"
password = { file = "password" }
"""


class Company:
    """A worker's journal and all that arrives in it, of one workflow; `number` tells companies apart."""

    def __init__(
        self,
        folder: Path,
        number: int,
        declaration: Declaration,
        section: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "trigger-key").write_text("0b" * 32)
        (folder / "trigger-key").chmod(0o600)
        (folder / "node.toml").write_text(NODE + section)
        self._config = NodeConfig.load(folder / "node.toml")
        self._declaration, self._clock = declaration, clock
        self._worker = bytes([number]) * 20
        self.journal = Journal(SqliteFile(folder / "journal.sqlite"), 1, b"\1" * 20, self._worker)
        self.sources: Mapping[str, Source] = {}

    def rows(self) -> int:
        """How many rows of datasets are in the journal; asking makes none of them late."""
        with self.journal.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM inbox_rows").scalar_one())

    @contextlib.contextmanager
    def ingesting(self) -> Iterator[Ingest]:
        """Everything arrives while this lasts."""
        outside = Outside(self._config, self.journal, self._worker, self._clock, self._clock)
        self.sources = outside.add(self._declaration.name, self._declaration)
        ingest = outside.ingest()
        ingest.start()
        try:
            yield ingest
        finally:
            ingest.stop()
            ingest.check()


@contextlib.contextmanager
def streams(url: str, *names: str) -> Iterator[None]:
    """Streams of those names on a NATS server, with one subject each of the same name."""

    async def add() -> None:
        client = await nats.connect(url)
        for name in names:
            await client.jetstream().add_stream(name=name, subjects=[name])
        await client.close()

    async def delete() -> None:
        client = await nats.connect(url)
        for name in names:
            await client.jetstream().delete_stream(name)
        await client.close()

    asyncio.run(add())
    try:
        yield
    finally:
        asyncio.run(delete())


def publish(url: str, name: str, bodies: Sequence[bytes]) -> None:
    """Publishes messages, in their order."""

    async def run() -> None:
        client = await nats.connect(url)
        jetstream = client.jetstream(publish_async_max_pending=2000)
        for body in bodies:
            await jetstream.publish_async(name, body, wait_stall=10)
        await jetstream.publish_async_completed()
        await client.close()

    asyncio.run(run())


def unacknowledged(url: str, name: str) -> int:
    """How many messages of the stream its one reader has not acknowledged, delivered to it or not."""

    async def run() -> int:
        client = await nats.connect(url)
        consumers = await client.jetstream().consumers_info(name)
        everything = (await client.jetstream().stream_info(name)).state.messages
        await client.close()
        if not consumers:
            return everything
        return int(consumers[0].num_pending or 0) + int(consumers[0].num_ack_pending or 0)

    return asyncio.run(run())


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Waits until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(0.02)
