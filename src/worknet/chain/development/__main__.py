"""A development chain as a process: `python -m worknet.chain.development --folder DIR --parent PID ...`.

Writes one line of JSON when it is ready, or when it cannot start, and nothing after that. It ends on
SIGTERM, on SIGINT, and with the process named by `--parent`.
"""

import argparse
import contextlib
import json
import os
import socket
import sys
from pathlib import Path

from worknet.chain.development.anvil import run_anvil
from worknet.chain.development.store import FolderLock
from worknet.chain.errors import ChainError, PortInUseError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID


def main(arguments: list[str] | None = None) -> int:
    """Run one development chain; the exit code is 0 after a clean end, 1 when it could not start or go on."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except ChainError as error:
        _say({"error": type(error).__name__, "message": str(error), "hint": error.hint})
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    listener = _bind(options.host, options.port)
    port = listener.getsockname()[1]
    lock = FolderLock(options.folder)

    def on_ready() -> None:
        _say({"url": f"http://{options.host}:{port}", "pid": os.getpid()})

    try:
        if options.engine == "anvil":
            listener.close()
            run_anvil(
                options.folder,
                options.host,
                port,
                chain_id=options.chain_id,
                funds=dict(options.fund),
                block_time=options.block_time,
                parent=options.parent,
                genesis_time=options.genesis_time,
                on_ready=on_ready,
            )
            return
        from worknet.chain.development.server import serve

        serve(
            options.folder,
            listener,
            chain_id=options.chain_id,
            funds=dict(options.fund),
            block_time=options.block_time,
            parent=options.parent,
            genesis_time=options.genesis_time,
            on_ready=on_ready,
        )
    finally:
        listener.close()
        lock.close()


def _bind(host: str, port: int) -> socket.socket:
    # asyncio sends small answers without delay only where the protocol is named: 40 ms less per request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # Listening at once settles who has the port, also between two chains that start together.
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortInUseError(
            f"{host}:{port} cannot be listened on: {error.strerror}",
            hint="choose another port, or 0 for any free one",
        ) from None
    return listener


def _fund(text: str) -> tuple[bytes, int]:
    address, _, wei = text.partition("=")
    account = bytes.fromhex(address.removeprefix("0x"))
    if len(account) != 20:
        raise ValueError(text)
    return account, int(wei)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worknet.chain.development", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where blocks are stored")
    parser.add_argument("--engine", choices=("builtin", "anvil"), default="builtin")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; this machine only unless set"
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--chain-id", type=int, default=DEVELOPMENT_CHAIN_ID)
    parser.add_argument("--block-time", type=float, default=1.0, help="seconds; 0: a block per transaction")
    parser.add_argument("--fund", type=_fund, action="append", default=[], metavar="ADDRESS=WEI")
    parser.add_argument(
        "--genesis-time", type=int, help="unix seconds at which the chain begins; default: now"
    )
    parser.add_argument("--parent", type=int, help="end when this process ends")
    return parser


def _say(line: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
