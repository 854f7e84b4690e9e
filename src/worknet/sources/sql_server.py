"""Where a database server is, and a connection to it that ends in time whatever the server does."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from worknet.sources.errors import NonsenseError, Origin, RefusedError, UnavailableError
from worknet.sources.waiting import within

Tls = Literal["verify", "unverified", "off"]

_HINT = "postgresql://user:password@host:port/database, or mariadb://..."
_PORTS = {"postgresql": 5432, "mariadb": 3306}
_SCHEMES = {"postgres": "postgresql", "postgresql": "postgresql", "mariadb": "mariadb", "mysql": "mariadb"}


@dataclass(frozen=True, repr=False)
class ServerAddress:
    """A database on a server of a kind, `postgresql` or `mariadb`.

    `socket_path` is a Unix socket in place of host and port.
    """

    kind: str
    host: str
    port: int
    user: str
    password: str | None
    database: str
    socket_path: str | None = None

    def __str__(self) -> str:
        if self.socket_path is not None:
            return f"{self.kind} at {self.socket_path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"

    @classmethod
    def parse(cls, url: str, origin: Origin) -> "ServerAddress":
        """The parts of a URL in SQLAlchemy's form; `NonsenseError`, which shows nothing of it, if it is none.

        A Unix socket is given as `?socket=/path`; there are no other parameters.
        """
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            parts = make_url(url)
            backend = parts.get_backend_name()
            query = dict(parts.query)
            port = parts.port
        except (ArgumentError, ValueError):
            raise NonsenseError(origin, "the url is no address of a database", _HINT) from None
        if port is not None and not 0 < port < 1 << 16:
            raise NonsenseError(origin, "the url has no port from 1 to 65535", _HINT)
        kind = _SCHEMES.get(backend)
        if kind is None or parts.drivername.partition("+")[2] not in {"", "pg8000", "pymysql"}:
            hint = f"{_HINT}; for SQLite say path"
            raise NonsenseError(origin, "the url is of no database that is known here", hint)
        path = query.pop("socket", None)
        if query or not (path is None or isinstance(path, str)):
            hint = "there is only ?socket=/path; TLS and timeouts have keys of their own"
            raise NonsenseError(origin, "the url has a parameter that is not known here", hint)
        if not parts.username or not parts.database or not (parts.host or path):
            raise NonsenseError(origin, "the url lacks user, host or database", _HINT)
        password = None if parts.password is None else str(parts.password)
        return cls(
            kind,
            parts.host or "localhost",
            port or _PORTS[kind],
            parts.username,
            password,
            parts.database,
            path,
        )

    @property
    def is_local(self) -> bool:
        """Whether what is sent there stays on this machine."""
        if self.socket_path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def tls_context(
    server: ServerAddress, tls: Tls | None, ca: Path | None, origin: Origin
) -> ssl.SSLContext | None:
    """What the connection is encrypted with; None for not at all.

    Without a word about it, the certificate is checked unless the server is on this machine.
    """
    chosen = tls or ("off" if server.is_local and ca is None else "verify")
    if chosen == "off":
        return None
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except (OSError, ssl.SSLError):
        raise RefusedError(origin, "tls_ca cannot be read", "a file of certificates in PEM form") from None
    if chosen == "unverified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Watch:
    """Ends a connection when its time is up, in the middle of whatever it does."""

    def __init__(self, seconds: float, origin: Origin) -> None:
        self._end, self._origin = time.monotonic() + seconds, origin
        self._held: socket.socket | None = None
        self.expired = False

    @property
    def left(self) -> float:
        """How many seconds are left; at least a little."""
        return max(0.05, self._end - time.monotonic())

    def connected(self, server: ServerAddress) -> socket.socket:
        """A socket that is connected to the server, and is cut when the time is up."""
        try:
            connection = within(self.left, lambda: _connection(server, self.left))
        except TimeoutError:
            self.expired = True
            hint = "is the server up, and the address right?"
            raise UnavailableError(self._origin, "no connection in time", hint) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            hint = "is the server up, and the address right?"
            raise UnavailableError(self._origin, f"no connection ({reason})", hint) from None
        # A socket of its own for the cut: TLS takes the other one over.
        self._held = connection.dup()
        if self.expired:  # just now, when there was nothing to cut
            self._cut()
        return connection

    @contextmanager
    def running(self) -> Iterator[None]:
        """While this runs, the time can run out."""
        timer = threading.Timer(self.left, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            if self._held is not None:
                self._held.close()

    def _cut(self) -> None:
        self.expired = True
        if self._held is not None:
            with suppress(OSError):  # it may have ended by itself
                self._held.shutdown(socket.SHUT_RDWR)


def _connection(server: ServerAddress, seconds: float) -> socket.socket:
    if server.socket_path is None:
        connection = socket.create_connection((server.host, server.port), seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        connection.connect(server.socket_path)
    connection.settimeout(None)  # the watch ends it
    return connection
