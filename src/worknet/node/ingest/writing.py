"""Blocking work beside an event loop: in threads that never keep the process; where it journals, finished.

Cancelling whoever waits for a journalling does not end it: a stopping worker lets what has begun come to its
end, and lets whoever brought it be told.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

SETTLE_SECONDS = 0.1
"""How long acknowledgements may take on their way out when the worker stops."""


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The function's result, from a thread of its own; it is a daemon, for what it waits for may hang."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def give(method: Callable[[Any], None], outcome: object) -> None:
        if not future.done():
            method(outcome)

    def run() -> None:
        outcome: object
        method: Callable[[Any], None] = future.set_result
        try:
            outcome = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            method, outcome = future.set_exception, error
        # A loop that has ended in the meantime waits for nothing.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(give, method, outcome)

    threading.Thread(target=run, name=f"ingest {function.__name__}", daemon=True).start()
    return await future


class Writing:
    """What is being journalled in one event loop. Once closed it begins nothing more."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    async def do(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result; it is carried to its end even if whoever waits for it is cancelled.

        After `close` nothing begins and this never returns: what was brought is not acknowledged then.
        """
        if self._is_closed:
            await asyncio.Event().wait()
        task = asyncio.ensure_future(in_thread(function, *args, **kwargs))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def close(self, seconds: float) -> None:
        """Begins nothing more, and waits for what is under way and for the word of it to leave."""
        self._is_closed = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        await asyncio.sleep(SETTLE_SECONDS)
