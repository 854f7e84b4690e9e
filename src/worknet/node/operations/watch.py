"""Watches a worker from a thread of its own, so that it is told also when the worker's loop hangs.

Tells when it becomes ready and when it no longer is, once more when that has lasted, and when its key runs
out of funds; tells systemd that it is up, that it lives, and that it stops.
"""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog

from worknet.config.operations import HealthSection
from worknet.node.operations.notify import notify, watchdog_seconds
from worknet.node.operations.status import Reason, Status, Unready, lives, readiness

TICK_SECONDS = 2.0
FIRST_TICK_SECONDS = 0.2
"""How often it looks until the worker is up, so that who waits for that need not wait longer."""

log = structlog.get_logger()


class Watch:
    """Looks at the worker's status every other second, from `start` until `close`."""

    def __init__(self, status: Callable[[], Status], limits: HealthSection) -> None:
        self._status = status
        self._limits = limits
        self._is_ready: bool | None = None
        self._reasons: list[str] = []
        self._since = 0.0
        self._has_told_lasting = False
        self._was_low = False
        self._is_up = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def close(self) -> None:
        """Ends the looking, and tells systemd that the worker stops."""
        notify("STOPPING=1")
        self._stop.set()
        self._thread.join(2 * TICK_SECONDS)

    def look(self, now: float) -> None:
        """Looks once; `now` is a monotonic time in seconds."""
        status = self._status()
        reasons = readiness(status, self._limits)
        self._tell_readiness(reasons, now)
        self._tell_balance(status)
        if status.has_looked and not self._is_up:
            # Up is not ready: a worker that waits to be enrolled, say, must not be restarted for it.
            self._is_up = True
            notify("READY=1")
        if watchdog_seconds() is not None and lives(status, self._limits):
            notify("WATCHDOG=1")

    def _run(self) -> None:
        while not self._stop.wait(TICK_SECONDS if self._is_up else FIRST_TICK_SECONDS):
            self.look(time.monotonic())

    def _tell_readiness(self, reasons: list[Reason], now: float) -> None:
        if [reason.kind for reason in reasons] == [Unready.STARTING] and self._is_ready is None:
            # Nothing to tell yet: it has just begun.
            return
        kinds = sorted({reason.kind.value for reason in reasons})
        if not reasons:
            if self._is_ready is not True:
                log.info("worker.ready")
            self._is_ready, self._reasons = True, []
            return
        if self._is_ready is not False:
            self._is_ready, self._since, self._has_told_lasting = False, now, False
        if kinds != self._reasons:
            # Only other reasons are told: their details change from second to second.
            self._reasons = kinds
            log.warning("worker.not_ready", reasons=[str(reason) for reason in reasons])
        lasting = now - self._since
        if lasting >= self._limits.not_ready_for and not self._has_told_lasting:
            self._has_told_lasting = True
            told = [str(reason) for reason in reasons]
            log.warning("worker.not_ready", reasons=told, lasting=round(lasting))

    def _tell_balance(self, status: Status) -> None:
        below = self._limits.balance_low
        if below is None or status.balance is None:
            return
        is_low = status.balance < below
        if is_low and not self._was_low:
            log.warning("worker.balance_low", balance=str(status.balance), below=str(below))
        self._was_low = is_low


def with_disk(status: Status, data_dir: Path, log_fault: str) -> Status:
    """The status with what the disk says: the room on it, and the size of the journal's files."""
    try:
        free = shutil.disk_usage(data_dir).free
        size = sum(file.stat().st_size for file in data_dir.glob("journal.sqlite*"))
    except OSError:
        free, size = None, 0
    return replace(status, disk_free=free, journal_bytes=size, log_fault=log_fault)
