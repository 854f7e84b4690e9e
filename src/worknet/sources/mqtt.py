"""Topics of an MQTT broker as a feed: QoS 1, in a session that the broker keeps while the worker is away.

aiomqtt acknowledges a message (PUBACK) as soon as it has put it into a queue in memory. Its paho client can
leave that to whoever asks for it (`manual_ack`), which aiomqtt before version 3 has no option for: so that
switch, and the acknowledgement, are reached through aiomqtt's private attribute, here and nowhere else.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from worknet.sources.errors import Origin, RefusedError
from worknet.sources.feed import Message, Take
from worknet.sources.feed_link import FaultError, Link, tls_context

_TIMEOUT = 5.0  # seconds for the broker to answer
_KEEPALIVE = 15  # seconds without a word after which the broker is asked; as long again and it is left
_LULL = 0.005  # seconds in which a batch grows; a broker that allows few messages at once waits meanwhile
_FOR_EVER = 0xFFFFFFFF
_MOST = 0xFFFF  # messages without acknowledgement, as the protocol can say it
_WRONG_CREDENTIALS = {4, 5, 134, 135}
_WORDS = {
    "Operation timed out": "no answer in time",
    "Disconnected during message iteration": "the connection was cut off",
}
_CUT_OFF = {7, 128, 142}  # connection lost, unspecified, session taken over


class MqttFeed:
    """Reads topics of an MQTT broker; see `Feed`.

    `server` is an address of `mqtt://` or, with TLS, `mqtts://`. The client identifier is `consumer`, or
    `name` if that is left out; the broker keeps what is published for it while it is away, as far as the
    broker's own limits let it. `topics` may hold the wildcards + and #. `version` is that of the protocol.

    At most `batch` messages are delivered at once, and with version 5 no more than that are sent by the
    broker before they are acknowledged; with 3.1.1 the broker's own limit holds. `tls` are the files of
    `tls_context`.

    Raises `RefusedError` for certificates that cannot be used.
    """

    def __init__(
        self,
        name: str,
        *,
        server: str,
        topics: Sequence[str],
        version: Literal["3.1.1", "5"] = "5",
        consumer: str | None = None,
        batch: int = 1000,
        user: str | None = None,
        password: str | None = None,
        tls: Mapping[str, Path | None] | None = None,
    ) -> None:
        address = urlsplit(server)
        secured = tls is not None or address.scheme == "mqtts"
        self._host, self._port = address.hostname or "", address.port or (8883 if secured else 1883)
        where = f"MQTT at {self._host}:{self._port}"
        origin = Origin(name, where)
        if password is not None and user is None:
            raise RefusedError(origin, "a password without a user", "add `user`")
        for topic in topics:
            try:
                aiomqtt.Wildcard(topic)
            except ValueError:
                hint = "+ and # stand alone between slashes, and # at the end"
                raise RefusedError(origin, f"{topic!r} is no topic", hint) from None
        self._link = Link(where)
        self._identifier, self._topics, self._batch = consumer or name, list(topics), batch
        self._user, self._password = user, password
        self._tls = tls_context(origin, tls or {}) if secured else None
        self._is_5 = version == "5"

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
        async with self._connected() as client:
            with _faults():
                await self._subscribe(client)
            self._link.up()
            while True:
                with _faults():
                    batch = await self._next(client)
                await take([Message(_body(message), str(message.topic)) for message in batch])
                for message in batch:
                    if client._client.is_connected():
                        client._client.ack(message.mid, message.qos)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        client = aiomqtt.Client(
            self._host,
            self._port,
            identifier=self._identifier,
            username=self._user,
            password=self._password,
            tls_context=self._tls,
            timeout=_TIMEOUT,
            keepalive=_KEEPALIVE,
            protocol=aiomqtt.ProtocolVersion.V5 if self._is_5 else aiomqtt.ProtocolVersion.V311,
            properties=self._properties() if self._is_5 else None,
            # The session goes on from where the last connection left it, in the words of either version.
            clean_start=False if self._is_5 else MQTT_CLEAN_START_FIRST_ONLY,
            clean_session=None if self._is_5 else False,
        )
        client._client.manual_ack_set(True)
        with _faults():
            await client.__aenter__()
        try:
            yield client
        finally:
            # However the connection has ended was told already, and must not hide what `take` has raised.
            with contextlib.suppress(Exception):
                await client.__aexit__(None, None, None)

    def _properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types there
        properties.SessionExpiryInterval = _FOR_EVER
        properties.ReceiveMaximum = min(self._batch, _MOST)
        return properties

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        granted = await client.subscribe([(topic, 1) for topic in self._topics])
        for topic, code in zip(self._topics, granted, strict=True):
            value = _number(code)
            if value is None or value >= 128:
                raise FaultError(f"the broker refuses topic {topic}")
            if value == 0:
                raise FaultError(
                    f"the broker grants topic {topic} with QoS 0 only, which would lose messages"
                )

    async def _next(self, client: aiomqtt.Client) -> list[aiomqtt.Message]:
        """The next messages: at least one."""
        messages = client.messages
        batch = [await anext(messages)]
        await asyncio.sleep(_LULL)
        while len(messages) and len(batch) < self._batch:
            batch.append(await anext(messages))
        return batch


def _body(message: aiomqtt.Message) -> bytes:
    assert isinstance(message.payload, bytes | bytearray)  # paho's payloads that have come from a broker
    return bytes(message.payload)


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """What the library and the network raise in it, as a FaultError."""
    try:
        yield
    except aiomqtt.MqttError as error:
        raise FaultError(_why(error)) from None


def _why(error: aiomqtt.MqttError) -> str:
    """An error in a few words that hold no secret."""
    cause = error.__cause__
    told = cause if isinstance(cause, aiomqtt.MqttCodeError) else error
    if not isinstance(told, aiomqtt.MqttCodeError):
        text = str(error)
        return _WORDS.get(text) or text.partition("] ")[2] or text
    number = _number(told.rc)
    if isinstance(told, aiomqtt.exceptions.MqttConnectError) and number in _WRONG_CREDENTIALS:
        return "the broker refuses the credentials"
    if number in _CUT_OFF:
        # Not every broker tells the one from the other.
        return "the connection was cut off; if that goes on, another client has the same identifier"
    return f"the broker has ended the connection: {told}"


def _number(code: object) -> int | None:
    """The number of a reason, whether paho gives it bare or as an object."""
    number = code.value if isinstance(code, ReasonCode) else code
    return number if isinstance(number, int) else None
