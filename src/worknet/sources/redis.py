"""A stream of Redis as a feed: a consumer group, read through redis.asyncio.

FastStream, which brings redis.asyncio, is not used: its subscriber never reads again what was delivered and
not acknowledged, ends for good when the group vanishes, and tells faults to a log only.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from worknet.sources.errors import Origin, RefusedError
from worknet.sources.feed import Message, Take
from worknet.sources.feed_link import FaultError, Link, tls_context

_ANSWER = 10  # seconds for connecting, and for one answer
_WAIT = 2.0  # seconds that the server waits for entries before it answers that there are none
_LOOK = 5.0  # seconds between looks at what was trimmed
_LULL = 0.02  # seconds in which a batch grows: a commit of the journal costs more than that
_CLOSING = 5

_Entry = tuple[bytes, Mapping[bytes, bytes]]


class RedisFeed:
    """Reads a stream of Redis 7 or later; see `Feed`.

    `server` is an address of `redis://` or `rediss://`, `database` the database's number. `name` is both the
    consumer group and the consumer; the group is made if it is not there, to read from the stream's oldest
    entry, and made again if it vanishes: better twice than never. `declare` allows making the stream, too.

    A message is an entry's field `field`. An entry without it becomes a JSON object of its fields, all of
    them texts. At most `batch` entries are delivered at once. `tls` are the files of `tls_context`; without
    them an address of `rediss://` is checked against what the system trusts.

    Raises `RefusedError` for files that cannot be used.
    """

    def __init__(
        self,
        name: str,
        *,
        server: str,
        stream: str,
        field: str = "data",
        database: int = 0,
        declare: bool = False,
        batch: int = 1000,
        user: str | None = None,
        password: str | None = None,
        tls: Mapping[str, Path | None] | None = None,
    ) -> None:
        parts = urlsplit(server)
        where = f"Redis at {parts.netloc}"
        origin = Origin(name, where)
        if user is not None and password is None:
            raise RefusedError(origin, "a user without a password", "name where the password is found")
        self._link = Link(where)
        self._group, self._stream, self._field = name, stream, field.encode()
        self._declare, self._batch = declare, batch
        secured = tls is not None or parts.scheme == "rediss"
        files = dict(tls or {})
        if secured:
            tls_context(origin, files)  # for its errors: the library makes its own of the same files
        self._connection: dict[str, Any] = {
            "host": parts.hostname,
            "port": parts.port or 6379,
            "db": database,
            "username": user,
            "password": password,
            "ssl": secured,
            "ssl_ca_certs": files.get("ca"),
            "ssl_certfile": files.get("certificate"),
            "ssl_keyfile": files.get("key"),
            "ssl_password": "",
            "socket_connect_timeout": _ANSWER,
            "socket_timeout": _ANSWER,
            # Connecting again is the session's matter: so that there is one place that tells the fault.
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        self._missed = 0

    @property
    def fault(self) -> str:
        """Empty while connected and reading, else why not."""
        return self._link.fault

    @property
    def up_since(self) -> float:
        """Since when this connection is there; see `Feed`."""
        return self._link.up_since

    @property
    def missed(self) -> int:
        """How many entries were trimmed from the stream before they were delivered and taken, as far as
        Redis lets one know, since the feed was made.
        """
        return self._missed

    async def run(self, take: Take) -> None:
        """Deliver batches until cancelled; see `Feed`."""
        await self._link.keep(lambda: self._session(take))

    async def _session(self, take: Take) -> None:
        """One connection, from its making to its end: a FaultError."""
        client = redis.asyncio.Redis(**self._connection)
        try:
            async with self._told():
                await self._prepare(client)
            last = "0"
            # First what was delivered to this consumer before and never acknowledged.
            while entries := await self._read(client, last):
                self._link.up()
                await self._deliver(client, entries, take)
                last = entries[-1][0].decode()
            self._link.up()
            await self._follow(client, take)
        finally:
            with contextlib.suppress(redis.exceptions.RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await client.aclose()

    async def _prepare(self, client: redis.asyncio.Redis) -> None:
        """The consumer group, made if it is not there."""
        trimmed = 0
        with contextlib.suppress(redis.exceptions.ResponseError):  # no stream yet, or no right to ask
            trimmed = _trimmed(await client.xinfo_stream(self._stream))
        try:
            await client.xgroup_create(
                self._stream, self._group, id="0", mkstream=self._declare, entries_read=trimmed
            )
        except redis.exceptions.NoPermissionError:
            pass  # somebody else has made it, or reading tells that there is none
        except redis.exceptions.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _follow(self, client: redis.asyncio.Redis, take: Take) -> None:
        """Deliver what is new, for as long as the connection lasts."""
        looked = -_LOOK
        while True:
            if time.monotonic() - looked >= _LOOK:
                async with self._told():
                    await self._look_for_trimmed(client)
                looked = time.monotonic()
            if entries := await self._read(client, ">"):
                await self._deliver(client, entries, take)
                if len(entries) < self._batch:
                    await asyncio.sleep(_LULL)

    async def _read(self, client: redis.asyncio.Redis, after: str) -> list[_Entry]:
        """Entries delivered to this consumer: new ones (`>`), or those after an id not yet acknowledged."""
        async with self._told():
            # [[stream, [(id, fields), ...]]]: the stubs tell what all versions of the protocol may bring.
            answer: Any = await client.xreadgroup(
                self._group, self._group, {self._stream: after}, count=self._batch, block=int(_WAIT * 1000)
            )
        return cast(list[_Entry], answer[0][1]) if answer else []

    async def _deliver(self, client: redis.asyncio.Redis, entries: Sequence[_Entry], take: Take) -> None:
        # An entry that was delivered before and has been trimmed from the stream since comes without fields.
        messages = [self._message(identity, fields) for identity, fields in entries if fields]
        if messages:
            await take(messages)
        async with self._told():
            await client.xack(self._stream, self._group, *(identity for identity, _ in entries))
        self._missed += len(entries) - len(messages)

    def _message(self, identity: bytes, fields: Mapping[bytes, bytes]) -> Message:
        body = fields.get(self._field)
        if body is None:
            texts = {_text(name): _text(value) for name, value in fields.items()}
            body = json.dumps(texts, ensure_ascii=False).encode()
        return Message(body, f"{self._stream}:{identity.decode()}")

    async def _look_for_trimmed(self, client: redis.asyncio.Redis) -> None:
        """Count the entries that were trimmed from the stream before the group has read them."""
        try:
            groups = await client.xinfo_groups(self._stream)
            stream = await client.xinfo_stream(self._stream)
        except redis.exceptions.ResponseError:
            return  # no right to ask, or no stream any more: reading tells that
        group = next((group for group in groups if group["name"] == self._group.encode()), None)
        if group is None or group["entries-read"] is None:
            return
        last, first = group["last-delivered-id"], stream["first-entry"]
        missed = _trimmed(stream) - group["entries-read"]
        if missed > 0 and (first is None or _order(first[0]) > _order(last)):
            self._missed += missed
            with contextlib.suppress(redis.exceptions.NoPermissionError):
                # So that they are not counted again: Redis 7.0 leaves a gap out of its own counting.
                await client.xgroup_setid(self._stream, self._group, last, entries_read=_trimmed(stream))

    @contextlib.asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """Turn what redis.asyncio raises into a FaultError."""
        try:
            yield
        except (redis.exceptions.RedisError, OSError, TimeoutError) as error:
            raise FaultError(self._why(error)) from None

    def _why(self, error: Exception) -> str:
        text = str(error)
        match error:
            case redis.exceptions.AuthenticationError():
                return "the user or the password is refused"
            case redis.exceptions.NoPermissionError():
                return (
                    "the user may not read the stream: it needs XREADGROUP and XACK, better XGROUP and XINFO"
                )
            case redis.exceptions.ReadOnlyError():
                return "this is a replica, and reading by a group needs the master"
            case redis.exceptions.BusyLoadingError():
                return "the server is loading its data"
            case redis.exceptions.TimeoutError() | TimeoutError():
                return "the server does not answer"
            case redis.exceptions.ConnectionError() | OSError():
                return "the server cannot be reached, or has cut the connection"
            case _ if "NOGROUP" in text:
                return (
                    f"the stream {self._stream} or its group {self._group} is gone; the group is made again"
                )
            case _ if "requires the key to exist" in text:
                return f"there is no stream {self._stream}"
            case _ if "WRONGTYPE" in text:
                return f"{self._stream} is no stream"
            case _:
                return f"Redis has refused the request ({type(error).__name__})"


def _trimmed(stream: Mapping[str, Any]) -> int:
    """How many entries a stream had once and has no more."""
    return int(stream["entries-added"]) - int(stream["length"])


def _order(identity: bytes) -> tuple[int, int]:
    """An entry's id as what ids are ordered by."""
    milliseconds, _, number = identity.partition(b"-")
    return int(milliseconds), int(number)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
