"""NATS JetStream as a feed: a durable pull consumer whose messages are acknowledged one by one."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import nats.errors
import nats.js.errors
import nkeys  # type: ignore[import-untyped]  # has no types
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from worknet.sources.errors import Origin, RefusedError
from worknet.sources.feed import Message, Take
from worknet.sources.feed_link import FaultError, Link, tls_context
from worknet.sources.nats_faults import faults, why
from worknet.sources.nats_pull import Pulled

_CONNECTING = 5  # seconds for one attempt
_LEAVING = 3  # seconds for the last words to the server
_PING = 10  # seconds between pings; the second that is not answered ends the connection
_ACK_WAIT = 30.0  # seconds after which a message without acknowledgement comes again
_PERMISSIONS = "permissions violation"
_NO_CONSUMER = 10014

_Answer = TypeVar("_Answer")


class NatsFeed:
    """Reads a stream of NATS JetStream; see `Feed`.

    `servers` are addresses of one cluster. The durable consumer is called `consumer`, or `name` if that is
    left out, with _ in place of what such names may not hold; if it is not there yet it is made, to read
    `subject` (all of the stream's if left out) from the stream's oldest message (`deliver` is "all") or with
    new ones. One that is there is used as it is, unless it could lose messages. One that vanishes while the
    feed runs is made again from the oldest message: better twice than never.

    At most `batch` messages are delivered at once. Credentials, at most one kind of them: `user` and
    `password`, `token`, the seed of an `nkey`, or the text of a .creds file. `tls` are the files of
    `tls_context`; without them an address of `tls://` is checked against what the system trusts.

    Raises `RefusedError` for credentials and files that cannot be used.
    """

    def __init__(
        self,
        name: str,
        *,
        servers: Sequence[str],
        stream: str,
        subject: str | None = None,
        consumer: str | None = None,
        deliver: Literal["all", "new"] = "all",
        batch: int = 1000,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        nkey: str | None = None,
        credentials: str | None = None,
        tls: Mapping[str, Path | None] | None = None,
    ) -> None:
        where = "NATS at " + ", ".join(urlsplit(server).netloc for server in servers)
        origin = Origin(name, where)
        self._link = Link(where)
        self._servers, self._stream, self._subject = list(servers), stream, subject
        self._consumer = "".join("_" if sign in ".*>/\\ \t\r\n" else sign for sign in consumer or name)
        self._deliver, self._batch = deliver, batch
        self._access = _access(origin, user, password, token, nkey, credentials)
        secured = tls is not None or any(server.startswith("tls://") for server in servers)
        self._tls = tls_context(origin, tls or {}) if secured else None
        self._seen = False

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
        broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        client = await self._connected(broken)
        try:
            with faults():
                pause = await self._prepared(client, broken) / 3
                pulled = Pulled(client, broken, self._stream, self._consumer)
                await pulled.subscribe()
            try:
                self._link.up()
                await self._deliver_all(take, pulled, pause)
            finally:
                if not broken.done():
                    with contextlib.suppress(nats.errors.Error, OSError):
                        async with asyncio.timeout(_LEAVING):
                            await pulled.give_back()
        finally:
            broken.cancel()
            await _close(client)

    async def _deliver_all(self, take: Take, pulled: Pulled, pause: float) -> None:
        while True:
            with faults():
                batch = await pulled.next(self._batch)
            await self._taken(take, batch, pulled, pause)
            with faults():
                await pulled.acknowledge()

    async def _connected(self, broken: asyncio.Future[str]) -> Client:
        """A connection. `broken` gets the reason when it ends, or when the server forbids something."""
        client, last = Client(), ""

        async def failed(error: Exception) -> None:
            nonlocal last
            last = why(error)
            if _PERMISSIONS in last.lower() and not broken.done():
                broken.set_result(last)

        async def closed() -> None:
            if not broken.done():
                broken.set_result(why(client.last_error) if client.last_error else "the connection has ended")

        connecting = client.connect(
            self._servers,
            error_cb=failed,
            closed_cb=closed,
            name=f"worknet {self._consumer}",
            # Connecting again is the session's matter: so that there is one place that tells the fault.
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=_CONNECTING,
            ping_interval=_PING,
            tls=self._tls,
            **self._access,
        )
        try:
            async with asyncio.timeout(4 * _CONNECTING * len(self._servers)):
                await connecting
        except Exception as error:  # noqa: BLE001 - whatever it trips over where no NATS server answers
            await _close(client)
            nowhere = isinstance(error, nats.errors.NoServersError) and last
            raise FaultError(nowhere or why(error)) from None
        return client

    async def _prepared(self, client: Client, broken: asyncio.Future[str]) -> float:
        """Have the durable consumer, and make it if it is not there: how long it waits for acknowledgements.

        FaultError if it cannot be used.
        """
        api = client.jetstream(timeout=_CONNECTING)
        try:
            found = await _unless(broken, api.consumer_info(self._stream, self._consumer))
        except nats.js.errors.NotFoundError as error:
            if error.err_code != _NO_CONSUMER:
                raise FaultError(f"there is no stream {self._stream}") from None
            try:
                # The server tells what it forbids beside the request, which then stays without an answer.
                found = await _unless(broken, api.add_consumer(self._stream, self._config()))
            except (FaultError, nats.errors.Error) as refused:
                here = f"stream {self._stream} has no consumer {self._consumer}, and it cannot be made"
                raise FaultError(f"{here}: {why(refused)}") from None
        assert found.config is not None
        self._check(found.config)
        self._seen = True
        return found.config.ack_wait or _ACK_WAIT

    def _config(self) -> ConsumerConfig:
        new = self._deliver == "new" and not self._seen
        return ConsumerConfig(
            name=self._consumer,
            durable_name=self._consumer,
            description="worknet",
            deliver_policy=DeliverPolicy.NEW if new else DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_ACK_WAIT,
            max_deliver=-1,
            filter_subject=self._subject,
            max_ack_pending=2 * self._batch,
        )

    def _check(self, config: ConsumerConfig) -> None:
        """Refuse a consumer that could lose messages, or that is not what is asked for."""
        subject = config.filter_subject or ">"
        unfit = {
            "pushes its messages; a pull consumer is needed": bool(config.deliver_subject),
            "does not want each message acknowledged (ack_policy is not explicit)": (
                config.ack_policy != AckPolicy.EXPLICIT
            ),
            "gives up on messages (max_deliver is not -1)": (config.max_deliver or -1) > 0,
            "is forgotten while nobody reads (inactive_threshold is set)": bool(config.inactive_threshold),
            "delivers headers only (headers_only is set)": bool(config.headers_only),
            f"reads {subject}": self._subject is not None and subject != self._subject,
        }
        for fault, found in unfit.items():
            if found:
                hint = "delete it, and the worker makes one that fits; or name another as `consumer`"
                raise FaultError(f"the consumer {self._consumer} {fault}: {hint}")

    async def _taken(self, take: Take, batch: Sequence[Msg], pulled: Pulled, pause: float) -> None:
        """Have the batch taken; meanwhile tell the server every `pause` seconds that it is worked on."""
        taking = asyncio.ensure_future(take([self._message(message) for message in batch]))
        try:
            while not (await asyncio.wait({taking}, timeout=pause))[0]:
                # If it was cut off meanwhile, that is found out afterwards.
                with contextlib.suppress(nats.errors.Error):
                    await pulled.still_at_work()
            taking.result()
        finally:
            taking.cancel()

    def _message(self, message: Msg) -> Message:
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>..., newer servers put two tokens before that.
        tokens = message.reply.split(".")
        return Message(message.data, f"{self._stream}:{tokens[5] if len(tokens) == 9 else tokens[7]}")


def _access(
    origin: Origin,
    user: str | None,
    password: str | None,
    token: str | None,
    nkey: str | None,
    credentials: str | None,
) -> dict[str, Any]:
    """The arguments of nats-py for the one kind of credentials given; RefusedError if they are no good."""
    if sum(given is not None for given in (user or password, token, nkey, credentials)) > 1:
        hint = "use one of user and password, token, nkey, credentials"
        raise RefusedError(origin, "several kinds of credentials", hint)
    if credentials is not None:
        lines = credentials.splitlines()
        # nats-py looks for these lines without end if they are not there.
        seeds = [after for line, after in pairwise(lines) if "BEGIN USER NKEY SEED" in line]
        if not seeds or not any("BEGIN NATS USER JWT" in line for line in lines):
            raise RefusedError(
                origin, "these are no credentials of NATS", "a .creds file, as `nsc` writes it"
            )
        _check_seed(origin, seeds[0])
        return {"user_credentials": RawCredentials(credentials)}
    if nkey is not None:
        _check_seed(origin, nkey)
        return {"nkeys_seed_str": nkey.strip()}
    given = {"user": user, "password": password, "token": token}
    return {name: value for name, value in given.items() if value is not None}


def _check_seed(origin: Origin, seed: str) -> None:
    try:
        nkeys.from_seed(bytearray(seed.strip().encode()))
    except (nkeys.NkeysError, ValueError):
        raise RefusedError(origin, "the nkey is no seed", "the user's seed; it begins with SU") from None


async def _close(client: Client) -> None:
    # Bounded: nats-py waits without end for a connection whose TLS has failed.
    with contextlib.suppress(nats.errors.Error, OSError):
        async with asyncio.timeout(_LEAVING):
            await client.close()


async def _unless(broken: asyncio.Future[str], action: Coroutine[Any, Any, _Answer]) -> _Answer:
    """What the action answers; FaultError if the connection ends before."""
    task = asyncio.ensure_future(action)
    both: set[asyncio.Future[Any]] = {task, broken}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise FaultError(broken.result())
        return task.result()
    finally:
        task.cancel()
