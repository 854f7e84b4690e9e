"""An HTTP server for machines: small requests, no banner, and limits on everything that a client may hold up.

It takes its port when it is made, so that a port in use is told at the start. It runs in a thread of its own
(`start`), or in a loop that is there already (`run`).
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from worknet.node.errors import NodeError

LARGEST_HEAD = 16 * 1024
LARGEST_BODY = 1024 * 1024
REQUEST_SECONDS = 15.0
"""How long one request may take, from its head to the end of the answer."""
IDLE_SECONDS = 10.0
"""How long a connection may be open without a whole head of a request."""
CONNECTIONS = 100
CLOSE_SECONDS = 5.0


class ServerError(NodeError):
    """The server cannot listen where it should."""


class HttpServer:
    """Serves an application on one address; `close` ends it, however it runs."""

    def __init__(self, application: ASGIApp, host: str, port: int) -> None:
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            application,
            http=_PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=int(IDLE_SECONDS),
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    async def run(self) -> None:
        """Serves until `close`, which only says so: this may take a second longer."""
        self._loop = asyncio.get_running_loop()
        if self._is_closed:
            return
        # What `uvicorn.Server.serve` does, but for its signals, which are the worker's, and for its loop,
        # which would wake up ten times a second to look whether it is to end.
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=[self._socket])
        await self._end.wait()
        await self._server.shutdown(sockets=[self._socket])

    def start(self) -> None:
        """Serves in a thread of its own."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self.run()), name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the server, from any thread; answers under way have a second."""
        self._is_closed = True
        if self._loop is None:
            self._socket.close()
            return
        with contextlib.suppress(RuntimeError):  # its loop has ended, and so has the server
            self._loop.call_soon_threadsafe(self._end.set)
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)


def application(routes: Sequence[BaseRoute]) -> ASGIApp:
    """The routes behind the limits on body and time; every refusal is JSON, none tells of the inside."""
    app = Starlette(routes=list(routes), exception_handlers={HTTPException: _refusal, Exception: _fault})
    # Else a path with a slash too many leads to an address that the client itself has named.
    app.router.redirect_slashes = False
    return _Limited(app)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(CONNECTIONS)
    except OSError as error:
        bound.close()
        raise ServerError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="choose another address or port, or stop what listens there",
        ) from None
    return bound


async def _refusal(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)


async def _fault(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"error": "a fault of worknet itself"}, 500)


class _Limited:
    """Cuts off what is too large or too slow, and says so if nothing was answered yet."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0
        has_begun = False

        async def received() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LARGEST_BODY:
                raise HTTPException(413, f"more than {LARGEST_BODY} bytes")
            return message

        async def sent(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        refusal = None
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEAD:
                    # uvicorn's own limit lets a head pass that comes in one piece.
                    refusal = JSONResponse({"error": f"a head of more than {LARGEST_HEAD} bytes"}, 431)
                else:
                    await self._app(scope, received, sent)
        except TimeoutError:
            refusal = JSONResponse({"error": f"took more than {REQUEST_SECONDS:.0f} seconds"}, 408)
        except Exception:  # noqa: BLE001 - it was answered by `_fault`; uvicorn would log its traceback
            refusal = JSONResponse({"error": "a fault of worknet itself"}, 500)
        if refusal is not None and not has_begun:
            refusal.headers["connection"] = "close"
            await refusal(scope, receive, send)


class _PatientProtocol(H11Protocol):
    """Closes a connection that does not bring the whole head of a request in time: uvicorn would wait."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_idle() and self._deadline is None:
            self._arm()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # From here on uvicorn's own limit on idle connections counts, until a next head begins.
        self._disarm()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_if_idle(self) -> None:
        self._deadline = None
        if self._is_idle() and not self.transport.is_closing():
            self.transport.close()
