"""What comes to the network from outside: rows for a dataset, and events, through a stream of NATS.

A publisher sends everything once, in the network's time; some of it twice, and now and then what is no row.
"""

import asyncio
import json
import secrets
import threading
from collections.abc import Awaitable, Callable

import nats
import tomlkit
from nats.js import JetStreamContext
from tests.chaos.network import EVERY, ChaosNetwork

from worknet.chain.keyfiles import write_secret
from worknet.workflow import runtime

FED, TOLD = "fed", "told"
ROWS = 3
"""Rows of each window."""
AHEAD = 20
"""Windows that are published ahead of their time at the end."""
EVENT_EVERY = 6
"""Chain seconds between two events."""

_CODE = {
    FED: f"""
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow
COLUMNS = [Column("id", "str"), Column("wh", "int")]
@workflow(name="{FED}", trigger=Every({EVERY}), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("same", COLUMNS, ["id"])], public_summary=True)
def run(context: Context, meters) -> Result:
    return Result(tables={{"same": meters}}, summary={{"rows": len(meters)}})
""",
    TOLD: f"""
from worknet.workflow import Column, Context, Dataset, OnMessage, Result, Table, workflow
COLUMNS = [Column("batch", "str"), Column("wh", "int")]
@workflow(name="{TOLD}", trigger=OnMessage("batch_ready", key="batch"),
          datasets=[Dataset("event", COLUMNS, ["batch"])],
          tables=[Table("same", COLUMNS, ["batch"])], public_summary=True)
def run(context: Context, event) -> Result:
    return Result(tables={{"same": event}}, summary={{"wh": event["wh"][0]}})
""",
}


class Outside:
    """A stream with a publisher, and the workflows of a network that live on it."""

    def __init__(self, url: str, name: str, workers_url: str | None = None, keep: int = 10) -> None:
        """`workers_url`: the server's address for the workers, if theirs leads through a proxy.

        `keep`: for how many windows rows are kept, and taken: more than what a cut connection holds back.
        """
        self._url, self._name, self._keep = url, name, keep
        self._workers_url = workers_url or url
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def add_to(self, network: ChaosNetwork) -> None:
        """Writes the two workflows into the network's files; before it is established."""
        network.slot_workflows += 1
        trigger_key = secrets.token_bytes(32).hex()
        shared = tomlkit.parse(network.folder.network_file.read_text())
        (policy,) = [dict(section["policy"]) for section in shared["workflows"].values()]
        for name, code in _CODE.items():
            bundle = network.path / name
            bundle.mkdir()
            (bundle / "workflow.py").write_text(code)
            (bundle / "runtime.json").write_bytes(runtime.lock())
            shared["workflows"][name] = {"folder": str(bundle), "policy": policy}
        network.folder.network_file.write_text(tomlkit.dumps(shared))
        feed = {"source": "nats", "servers": [self._workers_url], "stream": self._name}
        for member in network.folder.members:
            file = network.folder.node_file(member)
            write_secret(file.with_name("trigger-key"), trigger_key)
            node = tomlkit.parse(file.read_text())
            node["node"]["trigger_key"] = {"file": "trigger-key"}
            fed = {**feed, "subject": f"{self._name}.rows", "time_column": "at", "complete": "marker"}
            node["workflows"][FED] = {"datasets": {"meters": {**fed, "keep": f"{self._keep * EVERY}s"}}}
            node["workflows"][TOLD] = {"trigger": {**feed, "subject": f"{self._name}.events"}}
            file.write_text(tomlkit.dumps(node))

    def start(self, network: ChaosNetwork) -> None:
        """Begins to publish."""
        self._thread = threading.Thread(target=self._run, args=(network,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Publishes no more; raises what has gone wrong."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stops, and removes the stream from the server."""
        self._stop.set()

        async def delete(jetstream: JetStreamContext) -> None:
            await jetstream.delete_stream(self._name)

        asyncio.run(self._with_stream(delete))

    def _run(self, network: ChaosNetwork) -> None:
        try:
            asyncio.run(self._with_stream(lambda jetstream: self._publish(network, jetstream)))
        except BaseException as error:  # raised where the publisher is stopped
            self._error = error

    async def _with_stream(self, do: Callable[[JetStreamContext], Awaitable[None]]) -> None:
        client = await nats.connect(self._url)
        try:
            jetstream = client.jetstream()
            await jetstream.add_stream(name=self._name, subjects=[f"{self._name}.>"])
            await do(jetstream)
        finally:
            await client.close()

    async def _publish(self, network: ChaosNetwork, jetstream: JetStreamContext) -> None:
        start, event_at = network.begin, network.begin
        while not self._stop.is_set():
            head = await asyncio.to_thread(network.client.rpc.header)
            assert head is not None
            # A window's rows come while it is open, and the word that it is complete after it has ended.
            while start + EVERY <= head.time:
                await self._window(jetstream, start)
                start += EVERY
            while event_at <= head.time:
                event = {"batch": f"b{network.events}", "wh": network.events}
                for _ in range(1 + network.events % 2):
                    await self._send(jetstream, "events", event)
                await jetstream.publish(f"{self._name}.events", b"no event at all")
                network.events += 1
                event_at += EVENT_EVERY
            await asyncio.sleep(0.1)
        # Whoever asks next which slots are due finds what they need, however slow the machine is.
        for ahead in range(AHEAD):
            await self._window(jetstream, start + ahead * EVERY)

    async def _window(self, jetstream: JetStreamContext, start: int) -> None:
        for number in range(ROWS):
            row = {"id": f"m{number}", "wh": start % 1000 + number, "at": start + number}
            for _ in range(1 + number % 2):
                await self._send(jetstream, "rows", row)
        await self._send(jetstream, "rows", {"end_of": start + EVERY})
        await jetstream.publish(f"{self._name}.rows", b"no row at all")

    async def _send(self, jetstream: JetStreamContext, subject: str, content: object) -> None:
        await jetstream.publish(f"{self._name}.{subject}", json.dumps(content).encode())
