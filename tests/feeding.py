"""What tests of feeds have in common: whom a feed delivers to, a feed that runs, and one that dies."""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from paho.mqtt.client import CallbackAPIVersion, Client
from tests.services import host_and_port

from worknet.sources.feed import Feed, Message


class Taken:
    """Whom a feed delivers to: remembers the number in each message, in the order of their coming."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.batches: list[list[Message]] = []

    async def __call__(self, batch: Sequence[Message]) -> None:
        """Take a batch, as slowly as a journal would."""
        await asyncio.sleep(0.002)
        self.batches.append(list(batch))
        self.numbers += [json.loads(message.body)["n"] for message in batch]

    def has_all(self, count: int) -> bool:
        """Whether the numbers below `count` are all there."""
        return set(self.numbers) >= set(range(count))


def body(number: int) -> bytes:
    """A message that holds a number."""
    return json.dumps({"n": number, "text": "secret-row-value"}).encode()


def forget(url: str, name: str) -> None:
    """Have an MQTT broker forget the reader of that name, and what waits for it."""
    connected = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
    client.on_connect = lambda *_: connected.set()
    client.connect(*host_and_port(url))
    client.loop_start()
    assert connected.wait(5)
    client.disconnect()
    client.loop_stop()


@contextlib.asynccontextmanager
async def running(feed: Feed, take: Callable[[Sequence[Message]], Any]) -> AsyncIterator[None]:
    """The feed runs while the block does; what ends it early fails the block."""
    task, block = asyncio.create_task(feed.run(take)), asyncio.current_task()
    assert block is not None
    task.add_done_callback(lambda ended: ended.cancelled() or block.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if task.done():
            task.result()
        raise
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        await asyncio.sleep(0.01)


def die_after_take(kind: str, name: str, options: dict[str, object]) -> list[int]:
    """Run a feed in a process that is killed after its first take; return the numbers of that batch."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.feeding", json.dumps([kind, name, options])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    numbers: list[int] = json.loads(done.stdout)
    return numbers


if __name__ == "__main__":
    import os
    import signal

    from worknet.sources.feed import feed_from

    async def _take(batch: Sequence[Message]) -> None:
        print(json.dumps([json.loads(message.body)["n"] for message in batch]), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    _kind, _name, _options = json.loads(sys.argv[1])
    asyncio.run(feed_from(_kind, _name, **_options).run(_take))
