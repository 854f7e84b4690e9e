"""Processes started ahead for a runner, each good for one run."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from worknet.workflow.errors import RunnerError
from worknet.workflow.folder import Bundle
from worknet.workflow.process import Limits, Process
from worknet.workflow.scratch import sweep
from worknet.workflow.surroundings import UNCHANGED, Surroundings


class _Order(Enum):
    """What the pool's thread is told to do."""

    START = auto()
    END = auto()
    """End one that was ordered before, or order one less."""
    CLOSE = auto()


class Pool:
    """Hands out processes of one bundle, and keeps `waiting` of them ready while fewer than that are at work.

    At no time are there more processes than `waiting` or the runs under way, whichever is more: a waiting one
    holds some 60 MiB. All are started by one thread that lives as long as the pool, since the kernel is told
    to kill a child when the thread that started it ends.
    """

    def __init__(
        self,
        bundle: Bundle,
        limits: Limits,
        waiting: int,
        surroundings: Surroundings = UNCHANGED,
    ) -> None:
        self._bundle, self._limits, self._waiting = bundle, limits, waiting
        self._surroundings = surroundings
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._started: queue.SimpleQueue[Process | RunnerError] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._untaken = 0  # ordered, and promised to nobody
        self._at_work: set[Process] = set()
        self._taken = 0
        self._closed = False
        self._starter = threading.Thread(target=self._start_ordered, name="runner", daemon=True)
        self._starter.start()
        with self._lock:
            self._top_up()

    @contextmanager
    def process(self) -> Iterator[Process]:
        """A process for one job; it has ended afterwards, however the job went."""
        process = self._take()
        try:
            yield process
        finally:
            process.end()
            with self._lock:
                self._at_work.discard(process)
                self._taken -= 1
                self._top_up()

    def keep(self, waiting: int) -> None:
        """From now on as many processes wait; those that are too many end by and by. Waits for none."""
        with self._lock:
            self._waiting = waiting
            self._top_up()
            surplus = max(0, min(self._untaken, self._untaken + self._taken - waiting))
            if not self._closed:
                self._untaken -= surplus
                for _ in range(surplus):
                    self._orders.put(_Order.END)

    def close(self) -> None:
        """Ends all processes, also those at work: their jobs fail."""
        with self._lock:
            self._closed = True
            at_work = list(self._at_work)
            self._orders.put(_Order.CLOSE)
        for process in at_work:
            process.kill()
        self._starter.join()
        with self._lock:
            left, self._untaken = self._untaken, 0
        for _ in range(left):
            self._end_one()

    def _take(self) -> Process:
        while True:
            with self._lock:
                if self._closed:
                    raise RunnerError("the runner is closed")
                if not self._untaken:
                    self._order()
                self._untaken -= 1
                self._taken += 1
            found = self._started.get()
            with self._lock:
                if isinstance(found, Process) and found.alive:
                    self._at_work.add(found)
                    return found
                self._taken -= 1
            if isinstance(found, RunnerError):
                raise found
            found.end()  # it died while it waited: something outside killed it

    def _top_up(self) -> None:
        while self._untaken + self._taken < self._waiting and not self._closed:
            self._order()

    def _order(self) -> None:
        self._untaken += 1
        self._orders.put(_Order.START)

    def _start_ordered(self) -> None:
        sweep()
        needless = 0
        while (order := self._orders.get()) is not _Order.CLOSE:
            if order is _Order.END:
                try:
                    self._end_one()
                except queue.Empty:
                    # Whoever took it meanwhile has ordered another one, which nobody waits for now.
                    needless += 1
                continue
            if needless:
                needless -= 1
                continue
            # An order is always answered, so that nobody waits for ever.
            if self._closed:
                self._started.put(RunnerError("the runner is closed"))
                continue
            try:
                self._started.put(Process(self._bundle, self._limits, self._surroundings))
            except RunnerError as error:
                self._started.put(error)

    def _end_one(self) -> None:
        """Ends a process that waits; `queue.Empty` if none does."""
        found = self._started.get_nowait()
        if isinstance(found, Process):
            found.end()
