"""The built-in development chain as a JSON-RPC server over HTTP, and the timer that mines its blocks.

Everything runs in one thread: a request is answered between blocks, never in the middle of one. Only
built-in chains are served here; anvil serves itself.
"""

import asyncio
import contextlib
import json
import math
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from worknet import __version__
from worknet.chain.development.ledger import Ledger
from worknet.chain.development.methods import Methods
from worknet.chain.development.store import BlockStore, StoredGenesis
from worknet.chain.development.wire import RpcFaultError

BATCH_LIMIT = 1000
_INVALID_REQUEST = -32600
_PARSE_ERROR = -32700
_PARENT_CHECK_SECONDS = 0.25


def serve(
    folder: Path,
    listener: socket.socket,
    *,
    chain_id: int,
    funds: dict[bytes, int],
    block_time: float,
    parent: int | None,
    genesis_time: int | None,
    on_ready: Callable[[], None],
) -> None:
    """Serve the chain in `folder` on a bound socket until SIGTERM, SIGINT, or the end of process `parent`.

    `block_time`: seconds between blocks; 0 mines a block for every transaction. `genesis_time`: when the
    chain begins, if not now; its time then runs on from its last block, whatever the clock says. `on_ready`
    is called once requests are answered. The caller holds the folder's lock. Raises DevelopmentChainError.
    """
    store = BlockStore(folder)
    try:
        own_time = genesis_time is not None
        genesis = StoredGenesis(chain_id, int(time.time()) if genesis_time is None else genesis_time, funds)
        ledger = Ledger(store, genesis, lambda: int(time.time()), own_time=own_time)
        asyncio.run(_serve(ledger, listener, block_time, parent, on_ready))
    finally:
        store.close()


def application(methods: Methods) -> Starlette:
    """The HTTP side: JSON-RPC 2.0, single and batch, by POST on `/`."""

    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
        except ValueError:
            return JSONResponse(_error(None, _PARSE_ERROR, "parse error"))
        if not isinstance(body, list):
            return JSONResponse(_answer(methods, body))
        if not body or len(body) > BATCH_LIMIT:
            return JSONResponse(_error(None, _INVALID_REQUEST, f"a batch has 1 to {BATCH_LIMIT} requests"))
        return JSONResponse([_answer(methods, item) for item in body])

    return Starlette(routes=[Route("/", endpoint, methods=["POST"])])


async def _serve(
    ledger: Ledger,
    listener: socket.socket,
    block_time: float,
    parent: int | None,
    on_ready: Callable[[], None],
) -> None:
    def on_submit() -> None:
        if not block_time:
            ledger.mine()

    methods = Methods(ledger, f"worknet/{__version__}/builtin", on_submit)
    config = uvicorn.Config(
        application(methods), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn takes these over while it serves and raises the signal again afterwards: still a clean end.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    async def mine() -> None:
        async for _ in _ticks(block_time):
            ledger.mine()

    async def watch_parent() -> None:
        async for _ in _ticks(_PARENT_CHECK_SECONDS):
            if os.getppid() != parent:
                return

    # The socket listens already: whoever connects from now on is answered as soon as the server accepts.
    on_ready()
    tasks: list[asyncio.Task[None]] = []
    if block_time:
        tasks.append(asyncio.create_task(mine()))
    if parent is not None:
        tasks.append(asyncio.create_task(watch_parent()))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await asyncio.wait([serving, *tasks], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _ticks(period: float) -> AsyncIterator[None]:
    """One item per `period`, on a grid: a late one is not made up for by a burst."""
    start = time.monotonic()
    while True:
        elapsed = time.monotonic() - start
        await asyncio.sleep((math.floor(elapsed / period) + 1) * period - elapsed)
        yield


def _answer(methods: Methods, request: Any) -> dict[str, Any]:
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        return _error(None, _INVALID_REQUEST, "invalid request")
    identifier = request.get("id")
    params = request.get("params") or []
    if not isinstance(params, list):
        return _error(identifier, _INVALID_REQUEST, "parameters must be a list")
    try:
        result = methods.answer(request["method"], params)
    except RpcFaultError as fault:
        return _error(identifier, fault.code, fault.message, fault.data)
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def _error(identifier: Any, code: int, message: str, data: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": identifier, "error": error}
