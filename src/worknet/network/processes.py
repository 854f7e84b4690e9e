"""Child processes that never outlive this one, whatever ends it.

Each is told this process's id with `--parent`, and stops by itself when its parent is another one, so that
nothing stays behind even when this process is killed. Nothing here knows what the children do.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worknet.network.errors import ProcessEnded

GRACE = 10.0
"""Seconds that children get to stop by themselves before they are killed."""


@dataclass
class Process:
    """A running child, and where its output goes."""

    name: str
    log: Path
    child: "subprocess.Popen[bytes]"

    @property
    def has_ended(self) -> bool:
        """Whether the child is gone."""
        return self.child.poll() is not None


class Processes:
    """The children of this process, stopped in the reverse of the order in which they were started."""

    def __init__(self) -> None:
        self._running: list[Process] = []

    def start(self, name: str, arguments: Sequence[str], log: Path, cwd: Path | None = None) -> Process:
        """Starts `python ARGUMENTS... --parent PID` in a group of its own; its output is added to the log."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # A group of its own: Ctrl-C reaches this process only, which then stops the children in order.
            child = subprocess.Popen(
                [sys.executable, *arguments, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=cwd,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        process = Process(name, log, child)
        self._running.append(process)
        return process

    def ended(self) -> list[Process]:
        """The children that have ended by themselves, each told of once."""
        ended = [process for process in self._running if process.has_ended]
        self._running = [process for process in self._running if not process.has_ended]
        return ended

    def stop(self) -> None:
        """Asks all to stop, the last started first, and kills what has not stopped after the grace."""
        running, self._running = self._running[::-1], []
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for process in running:
            try:
                process.child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
                process.child.wait()


def end_of(process: Process) -> ProcessEnded:
    """The error that says how a child ended, with the last line of its log."""
    try:
        lines = process.log.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    last = f": {lines[-1]}" if lines else ""
    return ProcessEnded(
        f"{process.name} ended with code {process.child.returncode}{last}", hint=f"see {process.log}"
    )


def _signal(process: Process, number: int) -> None:
    try:
        os.killpg(process.child.pid, number)
    except ProcessLookupError:
        process.child.poll()
