"""All that arrives from outside, kept running: every inlet in one event loop, in a thread of its own.

An inlet that fails is run again, after pauses that grow, and told of; only the journal ends them all.
"""

import asyncio
import contextlib
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any

import structlog

from worknet.node.errors import JournalError, JournalUnavailable, NodeError
from worknet.node.ingest.inlet import Inlet
from worknet.node.ingest.writing import Writing
from worknet.node.operations.status import FeedState
from worknet.sources import SourceError

log = structlog.get_logger()

STOP_SECONDS = 5.0
_CANCEL_SECONDS = 2.0
_TICK_SECONDS = 1.0
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


class Ingest:
    """Runs inlets from `start` to `stop`. `writing` is what they journal through."""

    def __init__(self, inlets: Sequence[Inlet], writing: Writing) -> None:
        self._inlets = tuple(inlets)
        self._writing = writing
        self._broken: dict[int, str] = {}
        self._down_since: dict[int, float] = {}
        self._told: dict[int, str] = {}
        self._error: NodeError | None = None
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; without inlets there is nothing to do."""
        if self._inlets:
            self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
            self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Takes nothing more, and returns once what was journalled is acknowledged, or the time is over."""
        if self._thread is None:
            self._loop.close()
        elif self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(seconds + _CANCEL_SECONDS + _TICK_SECONDS)

    def check(self) -> None:
        """Raises the `JournalError` that has ended all inlets, or a `NodeError` for whatever else did: the
        worker must not go on without them."""
        if self._error is not None:
            raise self._error

    def state(self) -> tuple[FeedState, ...]:
        """How each inlet does. May be asked from any thread."""
        now = time.monotonic()
        states = []
        for number, inlet in enumerate(self._inlets):
            fault = self._fault(number)
            down_for = now - self._down_since.get(number, now) if fault else 0.0
            states.append(FeedState(inlet.workflow, inlet.name, inlet.kind, fault, down_for))
        return tuple(states)

    def _fault(self, number: int) -> str:
        return self._broken.get(number) or self._inlets[number].fault

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as error:  # noqa: BLE001 - `check` raises it, without its text
            self._error = _fault(error)
        finally:
            self._loop.close()

    async def _main(self) -> None:
        stopping = asyncio.create_task(self._stopping.wait())
        tasks: list[asyncio.Task[Any]] = [stopping, asyncio.create_task(self._watch())]
        tasks += [asyncio.create_task(self._keep(number)) for number in range(len(self._inlets))]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            # No other task ends by itself, unless something raises that nobody foresaw.
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            self._error = error if isinstance(error, JournalError) else _fault(error)
        await self._writing.close(STOP_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)

    async def _keep(self, number: int) -> None:
        """Runs an inlet for ever, whatever it raises but a `JournalError` that will not pass."""
        pause = _FIRST_PAUSE
        while True:
            begun = time.monotonic()
            try:
                await self._inlets[number].run()
                self._broken[number] = "it has ended, which it never should"
            except (JournalUnavailable, SourceError) as error:
                self._broken[number] = str(error)
            except JournalError:
                raise
            except Exception as error:  # noqa: BLE001 - one inlet that breaks must not end the others
                self._broken[number] = f"a fault of worknet itself: {type(error).__name__} in {_place(error)}"
            if time.monotonic() - begun > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._broken.pop(number, None)

    async def _watch(self) -> None:
        """Tells of each fault once, and when it has passed."""
        while True:
            # First a pause: nothing is connected when it starts.
            await asyncio.sleep(_TICK_SECONDS)
            for number, inlet in enumerate(self._inlets):
                fault, told = self._fault(number), self._told.get(number, "")
                if fault:
                    self._down_since.setdefault(number, time.monotonic())
                else:
                    self._down_since.pop(number, None)
                if fault == told:
                    continue
                self._told[number] = fault
                name = f"{inlet.workflow}.{inlet.name}"
                if fault:
                    log.warning("ingest.fault", inlet=name, fault=fault)
                else:
                    log.info("ingest.recovered", inlet=name)


def _fault(error: BaseException | None) -> NodeError:
    """What has ended all inlets, without its text."""
    return NodeError(
        f"what arrives is read no more, by a fault of worknet itself: {type(error).__name__}",
        hint="start the worker again: it goes on with what was not acknowledged; please report it",
    )


def _place(error: BaseException) -> str:
    """Where an error was raised: its text may hold what arrived."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "an unknown place"
