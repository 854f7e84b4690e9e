"""A TCP proxy that a test puts before a server, to cut off or stall whoever talks through it.

It runs in a thread of its own, so it serves tests with and without an event loop alike.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

_PIECE = 1 << 16


class TcpProxy:
    """Listens on `port` of loopback and passes everything on to the target, both ways."""

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = target_host, target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._socket = _bound(0)
        self.port = int(self._socket.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._thread.start()
        self._flowing: asyncio.Event = asyncio.Event()
        self._flowing.set()
        self.heal()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cut(self) -> None:
        """Drop all connections in the middle of what they carry, and refuse new ones."""
        self._do(self._cut())

    def stall(self) -> None:
        """Pass nothing on any more, keep all connections, and accept new ones."""
        self._do(self._stall())

    def heal(self) -> None:
        """End a cut or a stall. What a stall has held back goes on its way."""
        self._do(self._heal())

    def close(self) -> None:
        """Drop everything and end the thread. Does nothing the second time."""
        if not self._loop.is_closed():
            self._do(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._socket.close()

    def _do(self, action: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(action, self._loop).result(10)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            # Bound and not listening: it refuses, and nobody else is given the port.
            self._socket = _bound(self.port)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _stall(self) -> None:
        self._flowing.clear()

    async def _heal(self) -> None:
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, sock=self._socket)

    async def _close(self) -> None:
        await self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            self._writers.add(there_writer)
            try:
                await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
            finally:
                self._writers.discard(there_writer)
                there_writer.close()
        except (OSError, asyncio.CancelledError):
            pass  # either side has gone, or the proxy ends
        finally:
            self._writers.discard(writer)
            writer.close()
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE):
            await self._flowing.wait()
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound
