"""One single-use process of a runner, as its parent sees it: started, spoken to once, ended.

Its environment is made anew (nothing of the parent's, so no secrets), its folder is its own and removed with
it, it has no file descriptors but its pipes, and it dies with its parent.
"""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from worknet.protocol.tables import Schema
from worknet.workflow import wire
from worknet.workflow.child import BUNDLE_FOLDER
from worknet.workflow.errors import FailedError, MemoryExceededError, RunnerError, TimedOutError
from worknet.workflow.folder import Bundle
from worknet.workflow.scratch import Scratch
from worknet.workflow.surroundings import UNCHANGED, Surroundings

if TYPE_CHECKING:
    import polars as pl

_START_SECONDS = 60
_STDERR_BYTES = 64 << 10
_STDERR_CHUNK = 4 << 10
_SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}


@dataclass(frozen=True)
class Limits:
    """What one run may use: seconds by the clock, seconds of processor time, bytes of address space.

    Polars alone takes some 450 MiB of address space (for 50 MiB of memory): less than 640 MiB is of no use.
    """

    wall_seconds: float = 60
    cpu_seconds: int = 60
    memory_bytes: int = 1 << 30


class Process:
    """A child that waits for its job. Not shared between threads; its starter's thread must outlive it."""

    def __init__(
        self,
        bundle: Bundle,
        limits: Limits,
        surroundings: Surroundings = UNCHANGED,
    ) -> None:
        self._limits, self._surroundings = limits, surroundings
        self._timed_out = 0.0
        try:
            self._scratch = Scratch()
        except OSError as error:
            raise RunnerError(f"no folder for a run can be made: {error.strerror or error}") from None
        try:
            _write_bundle(self._scratch.path / BUNDLE_FOLDER, bundle)
            self._child = _start(self._scratch.path, limits.memory_bytes, surroundings.environment)
        except OSError as error:
            self._scratch.remove()
            raise RunnerError(f"no process could be started: {error.strerror or error}") from None
        self._stderr: deque[bytes] = deque(maxlen=_STDERR_BYTES // _STDERR_CHUNK)
        self._drain = threading.Thread(target=self._keep_stderr, daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        """The child's process id, which is its process group's too."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether the child has not ended yet."""
        return self._child.poll() is None

    def until_ready(self) -> str:
        """Waits until the child has its imports done; returns why it is not isolated, or ""."""
        with self._deadline(_START_SECONDS):
            answer, _ = self._receive({})
        return answer.network

    def do(
        self,
        head: Mapping[str, Any],
        frames: Mapping[str, "pl.DataFrame"],
        schemas: Mapping[str, Schema],
        within: float | None = None,
    ) -> tuple[wire.Answer, dict[str, "pl.DataFrame"]]:
        """Hands over the one job and waits for the answer, with no tables but these.

        At most for `within` seconds, where the limit is longer. Raises a `RunnerError` if there is no answer.
        """
        limit = self._limits.wall_seconds
        with self._deadline(limit if within is None else min(limit, within)):
            # A child that has died already says more by how it died than by a broken pipe.
            with suppress(BrokenPipeError):
                told = {**head, **self._surroundings.head(), "cpu_seconds": self._limits.cpu_seconds}
                wire.send(_pipe(self._child.stdin), told, frames)
            return self._receive(schemas)

    def kill(self) -> None:
        """Kills the child and its descendants; may be called from another thread."""
        # The zombie keeps the group's number from being given anew until it is waited for.
        if self._child.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def end(self) -> str:
        """Kills what is left of the child, removes its folder, returns the end of its stderr.

        Paths in it are as from that folder, whose name is another in every run.
        """
        self.kill()
        self._child.wait()
        self._drain.join(timeout=1)
        for pipe in (self._child.stdin, self._child.stdout):
            with suppress(OSError):
                _pipe(pipe).close()
        self._scratch.remove()
        return b"".join(self._stderr).decode(errors="replace").replace(f"{self._scratch.path}/", "")

    def _receive(self, schemas: Mapping[str, Schema]) -> tuple[wire.Answer, dict[str, "pl.DataFrame"]]:
        # Half the run's memory holds all that an honest run can have left for its tables.
        most = self._limits.memory_bytes // 2
        try:
            return wire.receive_answer(_pipe(self._child.stdout), schemas, most)
        except wire.WireError as error:
            raise self._death(error) from None

    def _death(self, error: wire.WireError) -> RunnerError:
        """Why the child gave no answer."""
        try:
            code = self._child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return FailedError(f"the run gave no answer: {error}", stderr=self.end())
        stderr = self.end()
        if self._timed_out:
            return TimedOutError(f"the run exceeded its limit of {self._timed_out:g} seconds", stderr=stderr)
        if code == -signal.SIGXCPU:
            message = f"the run exceeded its limit of {self._limits.cpu_seconds} seconds of processor time"
            return TimedOutError(message, stderr=stderr)
        if code < 0:
            limit = f"{self._limits.memory_bytes >> 20} MiB"
            name = _SIGNAL_NAMES.get(-code, f"signal {-code}")
            return MemoryExceededError(
                f"the run exceeded its memory limit of {limit} (ended by {name})", stderr=stderr
            )
        return FailedError(f"the run ended without an answer (exit code {code}): {error}", stderr=stderr)

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        def kill() -> None:
            self._timed_out = seconds
            self.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _keep_stderr(self) -> None:
        pipe = _pipe(self._child.stderr)
        with pipe:
            while chunk := os.read(pipe.fileno(), _STDERR_CHUNK):
                self._stderr.append(chunk)


def _start(home: Path, memory: int, changed: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-s",
        "-P",
        "-B",
        "-m",
        "worknet.workflow.child",
        str(memory),
        str(os.getpid()),
    ]
    environment = {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": os.defpath,
        "POLARS_MAX_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "TMPDIR": str(home),
        "TZ": "UTC",
        **changed,
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=home, env=environment, start_new_session=True
    )


def _write_bundle(folder: Path, bundle: Bundle) -> None:
    for path, content in bundle.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o400)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None, "all three are pipes"
    return pipe
