"""Development chains on this machine: anvil where it is installed, else a built-in one in Python.

`start` runs either as a process of its own that ends with its parent. Both keep their blocks in a folder
and continue there. They listen on the loopback address, and anybody on the machine may use them: nothing of
value belongs on them.
"""

import contextlib
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from worknet.chain.development.anvil import STATE, find_anvil
from worknet.chain.development.store import DATABASE
from worknet.chain.errors import DevelopmentChainError, FolderInUseError, PortInUseError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID

Engine = Literal["anvil", "builtin"]

_START_SECONDS = 120.0
_ERRORS = {error.__name__: error for error in (DevelopmentChainError, FolderInUseError, PortInUseError)}


@dataclass
class DevelopmentChain:
    """A running development chain; use as a context manager, or call `stop`."""

    url: str
    chain_id: int
    engine: Engine
    folder: Path
    process: "subprocess.Popen[bytes]"

    def stop(self, timeout: float = 15.0) -> None:
        """End the process: ask first, kill after `timeout` seconds. Harmless when it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def choose_engine(folder: Path, wanted: Literal["auto", "anvil", "builtin"]) -> Engine:
    """Which engine runs the chain in `folder`: the one that began it, else the wanted one.

    `auto` is anvil where it is found and the built-in chain elsewhere. Raises
    DevelopmentChainError when the folder holds a chain of the other engine.
    """
    stored: Engine | None = None
    if (folder / DATABASE).exists():
        stored = "builtin"
    elif (folder / STATE).exists():
        stored = "anvil"
    if wanted == "auto":
        return stored or ("builtin" if find_anvil() is None else "anvil")
    if stored not in (None, wanted):
        raise DevelopmentChainError(
            f"{folder} holds a chain of the {stored} engine, not of {wanted}",
            hint="choose another folder, or leave the choice of the engine to us",
        )
    return wanted


def start(
    folder: Path,
    *,
    funds: Mapping[bytes, int],
    engine: Literal["auto", "anvil", "builtin"] = "auto",
    port: int = 0,
    host: str = "127.0.0.1",
    block_time: float = 1.0,
    chain_id: int = DEVELOPMENT_CHAIN_ID,
    genesis_time: int | None = None,
    timeout: float = _START_SECONDS,
) -> DevelopmentChain:
    """Start the chain in `folder` (or begin it there) and return once it answers.

    `funds`: wei per account, given at the beginning; the same must be said at every later start. `port` 0 is
    any free one. `block_time`: seconds between blocks, 0 for a block per transaction; chain time advances by
    at least a second per block. `genesis_time`: unix seconds at which the chain begins, if not now; its time
    then runs on from its last block, also after a pause. The chain ends when this process does. Raises
    PortInUseError, FolderInUseError, DevelopmentChainError.
    """
    chosen = choose_engine(folder, engine)
    command = [sys.executable, "-m", "worknet.chain.development", "--folder", str(folder), "--engine", chosen]
    command += ["--host", host, "--port", str(port), "--chain-id", str(chain_id)]
    command += ["--block-time", f"{block_time:g}", "--parent", str(os.getpid())]
    if genesis_time is not None:
        command += ["--genesis-time", str(genesis_time)]
    for address, wei in funds.items():
        command += ["--fund", f"0x{address.hex()}={wei}"]
    # A session of its own: Ctrl-C reaches the parent, which stops its workers before their chain.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answer = json.loads(_first_line(process, timeout) or b"{}")
    except ValueError:
        answer = {}
    except BaseException:
        _discard(process)
        raise
    if "url" not in answer:
        _discard(process)
        kind = _ERRORS.get(answer.get("error", ""), DevelopmentChainError)
        message = answer.get("message") or f"the development chain did not start within {timeout:.0f} seconds"
        raise kind(message, answer.get("hint", ""))
    return DevelopmentChain(answer["url"], chain_id, chosen, folder, process)


def _first_line(process: "subprocess.Popen[bytes]", timeout: float) -> bytes:
    """The line with which the process reports; empty when it ended or stayed silent too long."""
    if process.stdout is None:
        return b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(timeout) else b""


def _discard(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
