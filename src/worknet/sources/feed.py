"""What a feed is: a broker's messages, delivered in batches and acknowledged when they are safe.

A feed knows nothing of rows: it delivers bytes. What a message means, and whether it came before, is decided
by whom it is delivered to.
"""

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from worknet.sources.errors import NonsenseError, Origin, RefusedError

_FEEDS = {
    "nats": ("worknet.sources.nats", "NatsFeed"),
    "mqtt": ("worknet.sources.mqtt", "MqttFeed"),
    "rabbitmq": ("worknet.sources.rabbitmq", "RabbitmqFeed"),
    "kafka": ("worknet.sources.kafka", "KafkaFeed"),
    "redis": ("worknet.sources.redis", "RedisFeed"),
}


@dataclass(frozen=True)
class Message:
    """A message of a broker.

    `where` is the broker's own position of it (a sequence number, an offset, a topic): something to find it
    by, never its identity, for brokers deliver a message twice and count anew when they are set up again.
    """

    body: bytes = field(repr=False)
    where: str


Take = Callable[[Sequence[Message]], Awaitable[None]]
"""Makes a batch safe. When it has returned, the batch is acknowledged; if it raises, the feed ends."""


class Feed(Protocol):
    """A broker that delivers messages.

    A feed must survive, and tell as its `fault`: a server that is down at the start, goes down, is cut off
    in the middle of a batch or just falls silent; credentials that are refused; a stream, queue or topic that
    is not there, vanishes, or is set up in a way that would lose messages.

    Every message is delivered at least once. It comes again if the connection or the process ends before its
    acknowledgement has arrived, and may come out of order then.
    """

    @property
    def fault(self) -> str:
        """Empty while the feed is connected and reading, else why it is not. Holds no secret."""
        ...

    @property
    def up_since(self) -> float:
        """Since when, by `time.monotonic`, the connection is there; another one for each connection, so that
        no cut is too short to be seen. `inf` while there is none."""
        ...

    async def run(self, take: Take) -> None:
        """Deliver batches to `take`, one after the other, until cancelled.

        A batch is acknowledged only after `take` has returned. What `take` raises is passed on, with nothing
        of the batch acknowledged. Connects again by itself, with growing pauses, for ever.
        """
        ...


def feed_from(kind: str, name: str, **options: Any) -> Feed:
    """The feed of that kind: `nats`, `mqtt`, `rabbitmq`, `kafka` or `redis`.

    `name` is what the broker remembers this reader by, from one run of the worker to the next. No other
    reader may have it: two that share a name share the messages, and each misses what the other gets.
    `options` are what the feed's class takes. Raises `SourceError` for a kind that is not known, a library
    that is not installed, and options that make no sense.
    """
    origin = Origin(name, kind)
    if kind not in _FEEDS:
        raise NonsenseError(origin, f"{kind!r} is no kind of feed", f"known are {', '.join(sorted(_FEEDS))}")
    module, feed = _FEEDS[kind]
    try:
        found: Feed = getattr(importlib.import_module(module), feed)(name, **options)
    except ModuleNotFoundError as error:
        hint = f"pip install 'worknet[{kind}]'"
        library = (error.name or "").partition(".")[0]
        raise RefusedError(origin, f"the library {library} is not installed", hint) from None
    return found
