"""One HTTP POST, bounded in time as a whole and in size; no redirects, no proxies, nothing kept open.

With the standard library alone: a request's deadline has to cover a server that sends byte by byte, too.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

_CHUNK_BYTES = 1 << 16


class PostError(Exception):
    """There is no whole answer; the message says why, and holds nothing of what was sent or received."""


class Post:
    """One address to which bodies are posted; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        timeout: float,
        most_bytes: int,
        ca: Path | None = None,
        certificate: Path | None = None,
    ) -> None:
        """`timeout` is in seconds, for one request as a whole; `ca` and `certificate` are PEM files.

        PostError where these files cannot be used.
        """
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        self._timeout, self._most_bytes = timeout, most_bytes
        self._tls = _tls(ca, certificate) if parts.scheme == "https" else None

    def send(self, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer; PostError if there is no whole one within the bounds."""
        late = threading.Event()
        try:
            with self._connection(late) as connection:
                connection.request("POST", self._target, body, self._headers)
                response = connection.getresponse()
                answer = self._whole(response)
        except (OSError, HTTPException, ValueError) as error:
            if not late.is_set() and not isinstance(error, TimeoutError):
                reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "")
                raise PostError(f"the connection failed ({reason or type(error).__name__})") from None
            late.set()
        # What was cut off at the deadline may look whole.
        if late.is_set():
            raise PostError(f"no whole answer within {self._timeout:g} s")
        return response.status, answer

    def _whole(self, response: HTTPResponse) -> bytes:
        answer = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            answer += chunk
            if len(answer) > self._most_bytes:
                raise PostError(f"the answer is larger than {self._most_bytes} bytes")
        if response.length:
            raise IncompleteRead(bytes(answer), response.length)
        return bytes(answer)

    @contextmanager
    def _connection(self, late: threading.Event) -> Iterator[HTTPConnection]:
        """An open connection that is cut when the time is up."""
        if self._tls is not None:
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._tls
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self._timeout)

        def cut() -> None:
            late.set()
            # Shutting down wakes up who reads; closing alone would not. It may be closed by now.
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)

        watch = threading.Timer(self._timeout, cut)
        watch.daemon = True
        watch.start()
        try:
            connection.connect()
            yield connection
        finally:
            watch.cancel()
            connection.close()


def _tls(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    for file in (ca, certificate):
        if file is not None and not file.is_file():
            raise PostError(f"there is no file {file}")
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            # An empty password: a key that needs one is refused, instead of asked for on the terminal.
            context.load_cert_chain(certificate, password="")
    except (OSError, ValueError):
        raise PostError(f"{certificate or ca} holds no certificate in PEM form, or not its key") from None
    return context
