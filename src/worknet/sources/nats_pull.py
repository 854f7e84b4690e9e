"""Messages of a JetStream consumer, pulled by the wire's own request and acknowledged one by one.

One request stands at a time, and the server beats while it has nothing to send. Messages come by a callback:
nats-py's `fetch` waits for each in a task of its own, which costs more than all the rest together.
https://docs.nats.io/reference/reference-protocols/nats_api_reference tells the request and acknowledgements.
"""

import asyncio
import contextlib
import json
import time
from collections import deque

from nats.aio.client import Client
from nats.aio.msg import Msg

from worknet.sources.feed_link import FaultError

_HEARTBEAT = 5.0  # seconds: how often the server speaks while it has no messages
_REQUEST = 30.0  # seconds that one request stands
_LULL = 0.02  # seconds in which a batch grows: a commit of the journal costs more than that
_LATER = b'-NAK {"delay": 200000000}'  # in ns: at once, the server may still give it to the ended request
_LEAVING = 2  # seconds for the last word to the server
_BYTES = 1 << 24  # of one request; a single message may be larger

_BEATING, _NOTHING, _EXPIRED, _NOBODY = "100", "404", "408", "503"
_SPENT = ("message size exceeds", "batch completed", "leadership change", "server shutdown")


class Pulled:
    """The messages that a connection has asked for: one request at a time, and what has arrived of it."""

    def __init__(self, client: Client, broken: asyncio.Future[str], stream: str, consumer: str) -> None:
        self._client, self._broken = client, broken
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._inbox = client.new_inbox()
        self._arrived: deque[Msg] = deque()
        self._delivered: list[Msg] = []
        self._something = asyncio.Event()
        self._owed = 0  # messages that the standing request may still bring
        self._heard = time.monotonic()

    async def subscribe(self) -> None:
        """Begin to listen for what is asked for."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._arrive)
        self._broken.add_done_callback(lambda _: self._something.set())

    async def next(self, most: int) -> list[Msg]:
        """The next messages, at least one and at most `most`; FaultError if the connection has ended."""
        while not self._arrived:
            if self._broken.done():
                raise FaultError(self._broken.result())
            if self._owed == 0:
                await self._ask(most)
            self._something.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT):
                    await self._something.wait()
            if time.monotonic() - self._heard > 2.5 * _HEARTBEAT:
                raise FaultError("the server has fallen silent")
        if self._owed > 0:
            await asyncio.sleep(_LULL)
        self._delivered = [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]
        return self._delivered

    async def acknowledge(self) -> None:
        """Tell the server that the messages given last are safe."""
        for message in self._delivered:
            await self._client.publish(message.reply, b"+ACK")
        self._delivered = []

    async def still_at_work(self) -> None:
        """Tell the server that the messages given last, and those that wait here, need more time."""
        for message in (*self._delivered, *self._arrived):
            await self._client.publish(message.reply, b"+WPI")

    async def give_back(self) -> None:
        """End, and have what is not acknowledged come again at once, not only when its time is over."""
        # What is under way arrives first, and is given back too.
        await self._subscription.drain()  # type: ignore[no-untyped-call]  # nats-py has no types there
        for message in (*self._delivered, *self._arrived):
            await self._client.publish(message.reply, _LATER)
        await self._client.flush(_LEAVING)

    async def _ask(self, most: int) -> None:
        request = {
            "batch": most,
            "max_bytes": max(_BYTES, 2 * self._client.max_payload),
            "expires": int(_REQUEST * 1e9),
            "idle_heartbeat": int(_HEARTBEAT * 1e9),
        }
        self._owed, self._heard = most, time.monotonic()
        await self._client.publish(self._subject, json.dumps(request).encode(), self._inbox)

    async def _arrive(self, message: Msg) -> None:
        self._heard = time.monotonic()
        if message.reply:  # where to acknowledge it: a message of the stream
            self._arrived.append(message)
            self._owed = max(0, self._owed - 1)
        else:
            headers = message.headers or {}
            self._end_request(headers.get("Status", ""), headers.get("Description", ""))
        self._something.set()

    def _end_request(self, status: str, description: str) -> None:
        """What the server says of the standing request: it has ended, unless this is a heartbeat."""
        if status == _BEATING:
            return
        self._owed = 0
        harmless = status in {_NOTHING, _EXPIRED} or description.lower().startswith(_SPENT)
        if not harmless and not self._broken.done():
            gone = status == _NOBODY
            self._broken.set_result("the consumer is gone" if gone else f"{status} {description}".strip())
