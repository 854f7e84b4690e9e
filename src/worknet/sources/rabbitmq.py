"""A queue of RabbitMQ as a feed, through FastStream.

FastStream's own loop hands over message by message, in tasks that may overtake one another, and tells faults
to a log only. So its subscriber is iterated over instead: in order, what has arrived making a batch.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlsplit

import aio_pika.exceptions
from aio_pika.abc import AbstractRobustConnection
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.rabbit.message import RabbitMessage
from faststream.rabbit.subscriber import RabbitSubscriber
from faststream.security import BaseSecurity, SASLPlaintext

from worknet.sources.errors import Origin, RefusedError
from worknet.sources.feed import Message, Take
from worknet.sources.feed_link import FaultError, Link, tls_context

_CONNECTING = 10  # seconds for one attempt, and for each question to the broker
_LULL = 0.02  # seconds in which a batch grows: a commit of the journal costs more than that
_QUIET = 5.0  # seconds without messages after which the broker is asked whether the queue is still there
_CLOSING = 5

for _logger in ("aio_pika", "aiormq"):
    # What they log is told as `fault`, without addresses and messages.
    logging.getLogger(_logger).setLevel(logging.CRITICAL + 1)


class RabbitmqFeed:
    """Reads a queue of RabbitMQ; see `Feed`.

    `server` is an address of `amqp://` or `amqps://`, `vhost` the virtual host. The queue `queue` is there
    already, classic and durable or a quorum queue, and nobody else reads from it; nothing is declared. With
    `declare` it is made as a quorum queue without limit of deliveries, and bound by the routing key `binding`
    to `exchange`, which must be there, if that is not empty.

    At most `batch` messages are delivered at once, and at most twice as many are under way at any time.
    `name` is what the broker shows for the connection. `tls` are the files of `tls_context`; without them an
    address of `amqps://` is checked against what the system trusts.

    Raises `RefusedError` for files that cannot be used, and for a user without a password.
    """

    def __init__(
        self,
        name: str,
        *,
        server: str,
        queue: str,
        vhost: str = "/",
        declare: bool = False,
        exchange: str = "",
        binding: str = "",
        batch: int = 1000,
        user: str | None = None,
        password: str | None = None,
        tls: Mapping[str, Path | None] | None = None,
    ) -> None:
        parts = urlsplit(server)
        where = f"RabbitMQ at {parts.netloc}"
        origin = Origin(name, where)
        if user is not None and password is None:
            raise RefusedError(origin, "a user without a password", "name where the password is found")
        self._link = Link(where)
        self._name, self._vhost, self._batch = name, vhost, batch
        self._queue, self._declare, self._exchange, self._binding = queue, declare, exchange, binding
        secured = tls is not None or parts.scheme == "amqps"
        context = tls_context(origin, tls or {}) if secured else None
        port = parts.port or (5671 if secured else 5672)
        scheme = "amqps" if secured else "amqp"
        # The virtual host "/" has no path of its own in such an address.
        path = "" if vhost == "/" else quote(vhost, safe="")
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._url = f"{scheme}://{host}:{port}/{path}?name={quote(name, safe='')}"
        self._security = (
            BaseSecurity(ssl_context=context, use_ssl=secured)
            if user is None or password is None
            else SASLPlaintext(user, password, ssl_context=context, use_ssl=secured)
        )

    @property
    def fault(self) -> str:
        """Empty while connected and reading, else why not."""
        return self._link.fault

    @property
    def up_since(self) -> float:
        """Since when this connection is there; see `Feed`."""
        return self._link.up_since

    async def run(self, take: Take) -> None:
        """Deliver batches until cancelled; see `Feed`."""
        await self._link.keep(lambda: self._session(take))

    async def _session(self, take: Take) -> None:
        """One connection, from its making to its end: a FaultError."""
        lost = asyncio.Event()
        broker = RabbitBroker(
            self._url,
            security=self._security,
            timeout=_CONNECTING,
            default_channel=Channel(prefetch_count=2 * self._batch),
            # Connecting again is the session's matter: so that there is one place that tells the fault.
            on_close=[lambda *_: lost.set()],
            ack_policy=AckPolicy.MANUAL,
            logger=None,
        )
        subscriber = broker.subscriber(self._declared_queue(), self._declared_exchange())
        arrived = _Arrived(subscriber, lost)
        try:
            async with self._told():
                connection = cast(AbstractRobustConnection, await broker.connect())
                async with asyncio.timeout(_CONNECTING):
                    await subscriber.start()
            arrived.start()
            self._link.up()
            while True:
                batch = await self._next(arrived, connection)
                await take([self._message(message) for message in batch])
                async with self._told():
                    # One consumer on the channel, in order: up to the last are exactly those of the batch.
                    await batch[-1].ack(multiple=True)
        finally:
            await arrived.stop()
            with contextlib.suppress(Exception):  # whatever it is, the connection is given up
                async with asyncio.timeout(_CLOSING):
                    await broker.stop()

    def _declared_queue(self) -> RabbitQueue:
        if not self._declare:
            return RabbitQueue(self._queue, declare=False)
        return RabbitQueue(
            self._queue,
            queue_type=QueueType.QUORUM,
            # However often a worker is cut off from a message, it must not be thrown away.
            arguments={"x-delivery-limit": -1},
            routing_key=self._binding,
        )

    def _declared_exchange(self) -> RabbitExchange | None:
        if not self._declare or not self._exchange:
            return None
        return RabbitExchange(self._exchange, type=ExchangeType.TOPIC, declare=False)

    async def _next(self, arrived: "_Arrived", connection: AbstractRobustConnection) -> list[RabbitMessage]:
        """The next messages, at least one.

        Asks the broker from time to time whether there is anything to wait for: neither a queue that vanishes
        nor a broker that falls silent is told otherwise.
        """
        async with self._told():
            while not (batch := await arrived.next(self._batch, _QUIET)):
                async with asyncio.timeout(_CONNECTING):
                    channel = await connection.channel(publisher_confirms=False)
                try:
                    await channel.declare_queue(self._queue, passive=True, robust=False, timeout=_CONNECTING)
                finally:
                    async with asyncio.timeout(_CONNECTING):
                        await channel.close()
        return batch

    def _message(self, message: RabbitMessage) -> Message:
        return Message(message.body, f"{self._queue}:{message.raw_message.delivery_tag}")

    @contextlib.asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """Turn what FastStream and what is under it raise into a FaultError."""
        try:
            yield
        except FaultError:
            raise
        except TimeoutError:
            raise FaultError("the broker does not answer") from None
        except Exception as error:  # noqa: BLE001 - aiormq raises a bare Exception where it is cut off
            raise FaultError(self._why(error)) from None

    def _why(self, error: BaseException) -> str:
        match error:
            case (
                aio_pika.exceptions.AuthenticationError() | aio_pika.exceptions.ProbableAuthenticationError()
            ):
                return "the user or the password is refused"
            case aio_pika.exceptions.ChannelNotFoundEntity():
                exchange = f", or no exchange {self._exchange}" if self._exchange else ""
                return f"there is no queue {self._queue}{exchange}"
            case aio_pika.exceptions.ChannelPreconditionFailed():
                return f"the queue {self._queue} is there, but otherwise than it would be declared"
            case aio_pika.exceptions.ChannelClosed() if error.args and error.args[0] == 403:
                return f"the user may not read the queue {self._queue}"
            case aio_pika.exceptions.ProtocolSyntaxError():
                return f"the broker refuses the virtual host {self._vhost}"
            case OSError() if error.strerror:
                return error.strerror
            case _:
                return f"the connection has failed ({type(error).__name__})"


class _Arrived:
    """What a subscriber has received and nobody has taken yet; the broker's prefetch bounds it."""

    def __init__(self, subscriber: RabbitSubscriber, lost: asyncio.Event) -> None:
        self._subscriber, self._lost = subscriber, lost
        self._messages: asyncio.Queue[RabbitMessage] = asyncio.Queue()
        self._tasks: Sequence[asyncio.Task[object]] = ()

    def start(self) -> None:
        """Begin to receive."""
        self._tasks = (asyncio.create_task(self._receive()), asyncio.create_task(self._lost.wait()))

    async def next(self, most: int, patience: float) -> list[RabbitMessage]:
        """The next messages, at most `most`; none after `patience` seconds. FaultError if cut off.

        All of them came by one channel: a channel that the broker has closed and the library has opened anew
        takes no acknowledgement for what came before.
        """
        first = asyncio.create_task(self._messages.get())
        try:
            await asyncio.wait({first, *self._tasks}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            first.cancel()
        if any(task.done() for task in self._tasks):
            raise FaultError("the connection has ended")
        if not first.done() or first.cancelled():
            return []
        if self._messages.qsize() + 1 < most:
            await asyncio.sleep(_LULL)
        batch = [first.result()]
        while len(batch) < most and not self._messages.empty():
            batch.append(self._messages.get_nowait())
        if any(message.raw_message.channel is not batch[0].raw_message.channel for message in batch):
            raise FaultError("the broker has closed the channel")
        return batch

    async def stop(self) -> None:
        """Receive no more. What nobody has taken goes back to the queue with the connection's end."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING)

    async def _receive(self) -> None:
        async for message in self._subscriber:
            self._messages.put_nowait(message)
