"""A topic of Kafka as a feed, through FastStream.

FastStream's own loop swallows what Kafka answers, tells it to a log only, and commits whatever it has handed
over. So only the broker and the subscriber are FastStream's; the consumer that they make is read here.
"""

import asyncio
import contextlib
import logging
import re
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import aiokafka  # type: ignore[import-untyped]  # it has no types
from aiokafka import errors
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from worknet.sources.errors import Origin, RefusedError
from worknet.sources.feed import Message, Take
from worknet.sources.feed_link import FaultError, Link, tls_context

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_MECHANISMS: Mapping[Mechanism, type[SASLPlaintext | SASLScram256 | SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}
_ANSWER = 10  # seconds for one answer of a broker
_JOINING = 60  # seconds for becoming a member of the group: brokers wait for members that have gone
_CLOSING = 5
_LULL = 0.02  # seconds in which a batch grows: a commit of the journal costs more than that

# What it logs is told as `fault`, without addresses.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL + 1)


class KafkaFeed:
    """Reads all partitions of a topic of Kafka; see `Feed`.

    `servers` are addresses `kafka://host:port` of one cluster. Offsets are committed for the group `name`, of
    which no other reader may be a member; a new group begins at the topic's oldest message. The topic is
    never made. At most `batch` messages are delivered at once.

    `user` and `password` are given by the SASL mechanism `mechanism`. `tls` are the files of `tls_context`;
    without them nothing is encrypted. `patience` is for how many seconds the brokers may be silent: they
    answer each request for messages within half a second, if only that there are none. `session` is after how
    many seconds without a sign of life the broker takes the worker for gone; it has bounds of its own, 6 s to
    30 min unless told otherwise.

    Raises `RefusedError` for files that cannot be used, and for a user without a password.
    """

    def __init__(
        self,
        name: str,
        *,
        servers: Sequence[str],
        topic: str,
        mechanism: Mechanism = "SCRAM-SHA-512",
        batch: int = 1000,
        user: str | None = None,
        password: str | None = None,
        tls: Mapping[str, Path | None] | None = None,
        patience: float = 10,
        session: float = 10,
    ) -> None:
        parts = [urlsplit(server) for server in servers]
        where = "Kafka at " + ", ".join(part.netloc for part in parts)
        origin = Origin(name, where)
        if user is not None and password is None:
            raise RefusedError(origin, "a user without a password", "name where the password is found")
        self._link = Link(where)
        self._servers = [part.netloc if part.port else f"{part.netloc}:9092" for part in parts]
        self._group, self._topic, self._batch = name, topic, batch
        self._patience, self._session_span = patience, session
        self._signs_in = user is not None
        context = tls_context(origin, tls) if tls is not None else None
        self._security = (
            BaseSecurity(ssl_context=context, use_ssl=context is not None)
            if user is None or password is None
            else _MECHANISMS[mechanism](user, password, ssl_context=context, use_ssl=context is not None)
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
        """One membership of the group, from joining to its end: a FaultError."""
        broker = KafkaBroker(
            self._servers,
            client_id="worknet",
            security=self._security,
            request_timeout_ms=_ANSWER * 1000,
            # Neither a producer nor an administrator: the user needs no right but to read.
            consumer_only=True,
            allow_auto_create_topics=False,
            logger=None,
        )
        subscriber = broker.subscriber(
            # A pattern: for a topic by its name aiokafka asks so that a broker may make it.
            pattern=f"^{re.escape(self._topic)}$",
            group_id=self._group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            # What a transaction has taken back is no message.
            isolation_level="read_committed",
            session_timeout_ms=int(self._session_span * 1000),
            heartbeat_interval_ms=int(self._session_span * 300),
        )
        try:
            async with self._told():
                await broker.connect()
                async with asyncio.timeout(_JOINING):
                    await subscriber.start()
                assert subscriber.consumer is not None
                await self._check_topic(subscriber.consumer)
            self._link.up()
            while True:
                await self._deliver(subscriber.consumer, take)
        finally:
            await _closed(subscriber.consumer)

    async def _deliver(self, consumer: aiokafka.AIOKafkaConsumer, take: Take) -> None:
        """Deliver a batch, if one comes in time, and commit its offsets."""
        answered = _answered(consumer)
        async with self._told():
            got = await consumer.getmany(timeout_ms=int(self._patience * 1000), max_records=self._batch)
        if not got:
            await self._check_alive(consumer, answered)
            return
        messages = [_message(record) for records in got.values() for record in records]
        await take(messages)
        try:
            async with self._told():
                offsets = {partition: records[-1].offset + 1 for partition, records in got.items()}
                # A commit that finds no broker tries again for ever.
                async with asyncio.timeout(self._patience):
                    await consumer.commit(offsets)
        except (errors.CommitFailedError, errors.IllegalStateError):
            pass  # the partitions have been shared out anew meanwhile: these messages come again
        if len(messages) < self._batch:
            await asyncio.sleep(_LULL)

    async def _check_alive(
        self, consumer: aiokafka.AIOKafkaConsumer, answered: Mapping[aiokafka.TopicPartition, int | None]
    ) -> None:
        """FaultError unless each partition has been answered for since."""
        now = _answered(consumer)
        if not now:
            async with self._told():
                await self._check_topic(consumer)
        if any(partition in answered and answered[partition] == stamp for partition, stamp in now.items()):
            raise FaultError("a broker has fallen silent")

    async def _check_topic(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        async with asyncio.timeout(_ANSWER):
            topics = await consumer.topics()
        if self._topic not in topics:
            raise FaultError(f"there is no topic {self._topic}, or the user may not see it")

    @contextlib.asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """Turn what aiokafka raises into a FaultError, but for a commit that came too late."""
        try:
            yield
        except (errors.CommitFailedError, errors.IllegalStateError):
            raise
        except errors.KafkaError as error:
            raise FaultError(_why(error)) from None
        except TimeoutError:
            raise FaultError("the broker does not answer") from None
        except OSError as error:
            raise FaultError(error.strerror or type(error).__name__) from None
        except (LookupError, ValueError, struct.error, AssertionError) as error:
            # aiokafka takes all answers for well-formed ones; that which refuses SCRAM lacks a signature.
            refused = "the user or the password is refused, or " if self._signs_in else ""
            raise FaultError(f"{refused}the answer makes no sense ({type(error).__name__})") from None


def _answered(consumer: aiokafka.AIOKafkaConsumer) -> dict[aiokafka.TopicPartition, int | None]:
    """When each partition was answered for last."""
    return {partition: consumer.last_poll_timestamp(partition) for partition in consumer.assignment()}


async def _closed(consumer: aiokafka.AIOKafkaConsumer | None) -> None:
    """Leave the group and close all connections, as far as they let themselves be closed."""
    if consumer is None:
        return
    # aiokafka raises the cancellation of its own tasks here, and has not closed its client then.
    for close in (consumer.stop, consumer._client.close):
        with contextlib.suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(_CLOSING):
                await close()


def _message(record: "aiokafka.ConsumerRecord[bytes, bytes]") -> Message:
    # A record without a value is a tombstone of a compacted topic: an empty body.
    return Message(record.value or b"", f"{record.topic}:{record.partition}:{record.offset}")


def _why(error: errors.KafkaError) -> str:
    match error:
        case errors.AuthenticationFailedError() | errors.SaslAuthenticationFailed():
            return "the user or the password is refused"
        case errors.UnsupportedSaslMechanismError() | errors.AuthenticationMethodNotSupported():
            return "the broker does not know this SASL mechanism"
        case errors.TopicAuthorizationFailedError():
            return "the user may not read the topic"
        case errors.GroupAuthorizationFailedError():
            return "the user may not use the consumer group"
        case errors.UnsupportedCodecError():
            return "the messages are compressed in a way that takes `pip install cramjam`"
        case errors.KafkaConnectionError():
            return "no broker can be reached, or it cuts the connection: does it ask for a user, or for TLS?"
        case _:
            return f"Kafka has failed ({type(error).__name__})"
