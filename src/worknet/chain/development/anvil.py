"""anvil as a development chain: finding it, its command line, and running it until told to stop.

The process that runs here stands between the user's process and anvil, because anvil neither notices that
its parent has died nor funds accounts that are not its own.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from worknet.chain.errors import DevelopmentChainError

STATE = "anvil.json"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.1
_DUMP_INTERVAL_SECONDS = 2
_PR_SET_PDEATHSIG = 1


def find_anvil() -> Path | None:
    """The anvil program: on PATH, or in `node_modules/.bin` of the working directory; None without one."""
    found = shutil.which("anvil") or shutil.which("anvil", path=str(Path.cwd() / "node_modules" / ".bin"))
    if found is None:
        return None
    program = Path(found).resolve()
    if program.suffix == ".mjs":
        # npm's wrapper ends before the anvil that it started, so the real program beside it is run instead.
        return next(iter(sorted(program.parent.parent.glob("anvil-*/bin/anvil"))), program)
    return program


def run_anvil(
    folder: Path,
    host: str,
    port: int,
    *,
    chain_id: int,
    funds: dict[bytes, int],
    block_time: float,
    parent: int | None,
    genesis_time: int | None,
    on_ready: Callable[[], None],
) -> None:
    """Run anvil on the state in `folder` until SIGTERM, SIGINT, or the end of process `parent`.

    Raises DevelopmentChainError when anvil is missing, does not start, or ends by itself.
    """
    program = find_anvil()
    if program is None:
        raise DevelopmentChainError(
            "anvil was not found", hint="npm install @foundry-rs/anvil, or use the built-in development chain"
        )
    known = (folder / STATE).exists()
    stopping = False

    def stop(_signal: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    command = _command(program, folder, host, port, chain_id, block_time)
    if genesis_time is not None and not known:
        command += ["--timestamp", str(genesis_time)]
    with (folder / "anvil.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - safe: this process has a single thread
        )
    try:
        url = f"http://{host}:{port}"
        _wait_until_ready(url, process)
        if not known:
            for address, wei in funds.items():
                _rpc(url, "anvil_setBalance", [f"0x{address.hex()}", hex(wei)])
        elif genesis_time is not None:
            head = _rpc(url, "eth_getBlockByNumber", ["latest", False])
            _rpc(url, "evm_setTime", [int(head["timestamp"], 16) + 1])
        on_ready()
        while not stopping and (parent is None or os.getppid() == parent):
            if process.poll() is not None:
                raise DevelopmentChainError(f"anvil ended by itself with exit code {process.returncode}")
            time.sleep(_POLL_SECONDS)
    finally:
        _end(process)


def _command(
    program: Path, folder: Path, host: str, port: int, chain_id: int, block_time: float
) -> list[str]:
    command = [str(program), "--host", host, "--port", str(port), "--chain-id", str(chain_id)]
    command += ["--hardfork", "london", "--gas-limit", "30000000", "--order", "fifo", "--accounts", "1"]
    command += ["--state", str(folder / STATE), "--state-interval", str(_DUMP_INTERVAL_SECONDS)]
    command += ["--preserve-historical-states", "--silent"]
    return command + (["--block-time", f"{block_time:g}"] if block_time else [])


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DevelopmentChainError(
                f"anvil did not start (exit code {process.returncode})",
                hint="see anvil.log in the chain's folder",
            )
        with contextlib.suppress(OSError, ValueError):
            _rpc(url, "eth_chainId", [])
            return
        time.sleep(_POLL_SECONDS)
    raise DevelopmentChainError(f"anvil did not answer within {_START_SECONDS:.0f} seconds")


def _rpc(url: str, method: str, params: list[Any]) -> Any:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http, our own
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - http, our own
        answer = json.load(response)
    if "error" in answer:
        raise DevelopmentChainError(f"anvil refused {method}: {answer['error'].get('message')}")
    return answer["result"]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask anvil to store its state and end; insist after a while."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> None:
    """On Linux, have the system end anvil even when this process is killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
