"""How long a source waits: pauses between tries, and an end to what has no end of its own."""

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from worknet.sources.errors import IncompleteError, UnavailableError

T = TypeVar("T")

LONGEST_PAUSE = 30.0
_RANDOM = random.SystemRandom()


def pause(attempt: int, backoff: float) -> float:
    """The seconds to wait after a failed attempt (from 0 on): doubling, and varied lest all come at once."""
    longest = min(backoff * 2.0 ** min(attempt, 30), LONGEST_PAUSE)
    return _RANDOM.uniform(longest / 2, longest)


def repeated(read: Callable[[float], T], *, retries: int, backoff: float, deadline: float) -> T:
    """What `read` gives, tried again after a fault that may pass while there is time.

    `read` receives how many seconds are left; all tries and pauses take about `deadline` seconds at most.
    """
    end = time.monotonic() + deadline
    for attempt in range(retries + 1):
        try:
            return read(end - time.monotonic())
        except (UnavailableError, IncompleteError) as error:
            wait = pause(attempt, backoff)
            if attempt == retries or time.monotonic() + wait >= end:
                if attempt == 0 or isinstance(error, IncompleteError):
                    raise
                tries = f"{error.message} ({attempt + 1} tries)"
                raise UnavailableError(error.origin, tries, error.hint, error.retry_after) from None
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` gives, or raises; `TimeoutError` if that takes longer.

    For calls that cannot be told to end: `call` then goes on in a thread that nobody waits for.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
            errors.append(error)

    thread = threading.Thread(target=run, name="source call", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if thread.is_alive():
        raise TimeoutError
    if errors:
        raise errors[0]
    return results[0]


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that waits for no silent name server, neither at its own end nor at the process's."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """As `socket.getaddrinfo`, in a thread that can be left behind."""
        found: asyncio.Future[Any] = self.create_future()

        def look() -> None:
            try:
                answer, error = socket.getaddrinfo(host, port, **options), None
            except Exception as raised:  # noqa: BLE001 - it is raised again where the answer is awaited
                answer, error = [], raised
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self.call_soon_threadsafe(tell, answer, error)

        def tell(answer: Any, error: Exception | None) -> None:
            if found.done():
                return
            if error is None:
                found.set_result(answer)
            else:
                found.set_exception(error)

        threading.Thread(target=look, name="source name", daemon=True).start()
        return await found


def run(main: Coroutine[Any, Any, T]) -> T:
    """What `main` gives, in an event loop of its own."""
    loop = _Loop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
