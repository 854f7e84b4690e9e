"""What every feed's connection needs: the word on its state, the pauses between attempts, and TLS."""

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from math import inf
from pathlib import Path
from typing import Any

from worknet.sources.errors import Origin, RefusedError

_RANDOM = random.SystemRandom()
_INSISTING = 15  # seconds in which a cancelled session must end, or is left behind
_STEADY = 5.0  # seconds of connection after which the pauses begin anew


class FaultError(Exception):
    """A feed's connection cannot be had, or has ended. Its text becomes the feed's fault: no secrets."""


class Link:
    """Whether a feed is connected (`fault` is empty) or why not, and how long it waits to try again.

    The pauses double from `first` to `longest` seconds and vary, so that the workers of a network do not all
    come back at once to a broker that restarts.

    `up_since` is the time, by `time.monotonic`, since which the feed is connected: each connection has one of
    its own, so that whoever remembers it sees that there was a cut, however short. `inf` while there is none.
    """

    def __init__(self, where: str, first: float = 0.2, longest: float = 30.0) -> None:
        self._where, self._first, self._longest = where, first, longest
        self._pause, self.up_since = first, inf
        self.fault = self._unconnected = f"{where}: not connected yet"

    async def keep(self, session: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Has one session after the other, each of which ends with a FaultError, until cancelled.

        What else a session raises is passed on. Either way nothing is connected afterwards, nor said to be.
        """
        try:
            while True:
                try:
                    await _until_ended(session())
                except FaultError as error:
                    await self.down(str(error))
        finally:
            self.fault, self.up_since = self.fault or self._unconnected, inf

    def up(self) -> None:
        """The feed is connected and reading; may be said more than once of one connection."""
        if self.fault:
            # In this order: another thread must not see a feed without a fault and without its time.
            self.up_since = time.monotonic()
            self.fault = ""

    async def down(self, why: str) -> None:
        """The feed is not connected: remember why, and wait until the next attempt is due."""
        self.fault = f"{self._where}: {why}"
        # A broker that lets the feed in and drops it at once is not asked again at once.
        if time.monotonic() - self.up_since > _STEADY:
            self._pause = self._first
        self.up_since = inf
        pause, self._pause = self._pause, min(2 * self._pause, self._longest)
        await asyncio.sleep(pause * _RANDOM.uniform(0.75, 1.25))


def tls_context(origin: Origin, files: Mapping[str, Path | None]) -> ssl.SSLContext:
    """TLS that checks the server: against the certificates in `ca`, or those that the system trusts.

    `files` may have `ca`, and `certificate` and `key`: the worker's own, for servers that ask for them.
    Raises `RefusedError` for files that cannot be read or hold something else.
    """
    certificate, key = files.get("certificate"), files.get("key")
    if certificate is None and key is not None:
        raise RefusedError(origin, "tls has a key without a certificate", "add `certificate`")
    try:
        context = ssl.create_default_context(cafile=files.get("ca"))
        if certificate is not None:
            # Asked for nothing in a terminal: a key with a password is refused.
            context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        hint = "check the files of tls: PEM, readable by the worker, the key without a password"
        raise RefusedError(origin, "the certificates or the key for TLS cannot be read", hint) from None
    return context


async def _until_ended(session: Coroutine[Any, Any, None]) -> None:
    """Run a session in a task of its own until it raises; when cancelled, cancel it as often as it takes.

    The brokers' libraries swallow a cancellation now and then (in Python 3.11 asyncio's own `wait_for` does,
    if its result comes at the same moment), and now and then raise one that nobody asked for: a FaultError.
    """
    task = asyncio.create_task(session)
    try:
        await asyncio.wait({task})
    finally:
        for _ in range(_INSISTING):
            if task.done():
                break
            task.cancel()
            await asyncio.wait({task}, timeout=1)
        if task.done() and not task.cancelled():
            task.exception()  # so that it counts as seen where this ends by a cancellation
    if task.cancelled():
        raise FaultError("the connection has been given up")
    task.result()
