"""Channels by which members hand each other statements: a shared folder, an object store, their own servers.

What goes over them is encrypted and checked by whoever reads it, so a channel needs no trust: it may lose,
alter or make up what it likes. Each way is bounded in time and size, and a fault of one hides no other.
"""

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from worknet import __version__
from worknet.sources.errors import NonsenseError, Origin, RefusedError, SourceError, UnavailableError
from worknet.sources.fetching import Fetching, address, authorities, server_of
from worknet.sources.objects import driver_fault, file_system
from worknet.sources.shared_files import content_of, write_whole
from worknet.sources.waiting import run, within

_ABOUT = "statements"
AT_ONCE = 8
"""How many peers are asked at the same time."""

T = TypeVar("T")


@dataclass(frozen=True)
class Found:
    """What a channel had: the content, or the fault that kept it from being read. `where` holds no secret."""

    where: str
    content: bytes = field(default=b"", repr=False)
    fault: str = ""


class Channel(Protocol):
    """A way to bring one's own statements to other members, and to get theirs.

    It must survive: files that are half written, huge, pipes or folders; servers that hang, drip or answer
    nonsense; statements under the name of another. `put` raises `SourceError`, `get` never does.

    One statement may be large, so `get` reads them as they are taken from it.
    """

    def put(self, voting_id: bytes, attempt: int, worker: int, content: bytes) -> None:
        """Brings this worker's statement, whole or not at all; another one in its place is replaced."""

    def get(self, voting_id: bytes, attempt: int, workers: Collection[int]) -> Iterator[Found]:
        """What there is of these workers; nothing is said of those of whom nothing is there."""


def channels_from(
    *,
    folder: Path | None,
    url: str | None,
    driver: Mapping[str, Any],
    peers: Sequence[str],
    tls_ca: Path | None,
    timeout: float,
    max_bytes: int,
) -> list[Channel]:
    """The channels of `[sharing]`; `SourceError` for an address that is none or a driver that is missing.

    `timeout` bounds one `put` or `get` of one of them, in seconds, `max_bytes` one statement.
    """
    channels: list[Channel] = []
    if folder is not None:
        channels.append(FolderChannel(folder, timeout, max_bytes))
    if url is not None:
        channels.append(ObjectChannel(url, driver, timeout, max_bytes))
    if peers:
        channels.append(PeerChannel(peers, tls_ca, timeout, max_bytes))
    return channels


def statement_name(voting_id: bytes, attempt: int, worker: int) -> str:
    """What a statement's file is called."""
    return f"0x{voting_id.hex()}-{attempt}-{worker}.statement"


class _Calls:
    """Calls that promise no end: each runs in a thread that is left behind when its time is up, and while it
    hangs there is no other."""

    def __init__(self, origin: Origin, timeout: float) -> None:
        self._origin, self._timeout = origin, timeout
        self._free = threading.Lock()

    def do(self, what: Callable[[], T]) -> T:
        """What it gives, or raises; `UnavailableError` if it takes too long."""
        if not self._free.acquire(blocking=False):
            raise UnavailableError(self._origin, "an earlier call still hangs")

        def do() -> T:
            try:
                return what()
            finally:
                self._free.release()

        try:
            return within(self._timeout, do)
        except TimeoutError:
            raise UnavailableError(self._origin, f"not done within {self._timeout:.3g} s") from None


class FolderChannel:
    """A folder on a disk that the members share, which may be one of the network and hang."""

    def __init__(self, folder: Path, timeout: float, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._origin = Origin(_ABOUT, str(folder))
        self._calls = _Calls(self._origin, timeout)

    def put(self, voting_id: bytes, attempt: int, worker: int, content: bytes) -> None:
        """See `Channel`."""
        path = self._folder / statement_name(voting_id, attempt, worker)
        try:
            self._calls.do(lambda: write_whole(path, content, f".{path.name}.part"))
        except OSError as error:
            hint = "a folder that this user may write into"
            raise UnavailableError(self._origin, f"cannot be written: {error.strerror}", hint) from None

    def get(self, voting_id: bytes, attempt: int, workers: Collection[int]) -> Iterator[Found]:
        """See `Channel`."""
        for worker in sorted(workers):
            path = self._folder / statement_name(voting_id, attempt, worker)
            try:
                content = self._calls.do(partial(content_of, path, self._max_bytes))
            except SourceError as error:
                yield Found(str(self._folder), fault=error.message)
                return
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                yield Found(str(path), fault=f"cannot be read: {error.strerror}")
                continue
            if content is None:
                yield Found(str(path), fault=f"no file of at most {self._max_bytes} bytes")
            else:
                yield Found(str(path), content)


class ObjectChannel:
    """A folder in an object store or on a remote file system, through fsspec, which is told `driver`."""

    def __init__(self, url: str, driver: Mapping[str, Any], timeout: float, max_bytes: int) -> None:
        protocol, _, rest = url.partition("://")
        user, _, place = rest.partition("/")[0].rpartition("@")
        self._origin = Origin(_ABOUT, f"{protocol}://{place}")
        if ":" in user:
            raise NonsenseError(self._origin, "a password in the url", "put it into driver, as a reference")
        self._system = file_system(protocol, self._origin)
        self._url, self._driver = url.rstrip("/"), dict(driver)
        self._calls, self._max_bytes = _Calls(self._origin, timeout), max_bytes

    def put(self, voting_id: bytes, attempt: int, worker: int, content: bytes) -> None:
        """See `Channel`."""
        name = statement_name(voting_id, attempt, worker)

        def write(system: Any) -> None:
            path = system._strip_protocol(f"{self._url}/{name}")
            try:
                system.pipe_file(path, content)
            except FileNotFoundError:
                system.makedirs(system._parent(path), exist_ok=True)
                system.pipe_file(path, content)

        self._call(write)

    def get(self, voting_id: bytes, attempt: int, workers: Collection[int]) -> Iterator[Found]:
        """See `Channel`."""
        for worker in sorted(workers):
            name = statement_name(voting_id, attempt, worker)
            try:
                content = self._content(f"{self._url}/{name}")
            except SourceError as error:
                yield Found(self._origin.where, fault=error.message)
                return
            if content is None:
                continue
            where = f"{self._origin.where}/.../{name}"
            if len(content) > self._max_bytes:
                yield Found(where, fault=f"larger than {self._max_bytes} bytes")
            else:
                yield Found(where, content)

    def _content(self, url: str) -> bytes | None:
        """The object, or as much of it as shows that it is too large; None if there is none."""

        def read(system: Any) -> bytes | None:
            try:
                with system.open(system._strip_protocol(url), "rb") as stream:
                    return bytes(stream.read(self._max_bytes + 1))
            except FileNotFoundError:
                return None

        return self._call(read)

    def _call(self, what: Callable[[Any], T]) -> T:
        """Does something with a file system of its own; `SourceError` if that fails or takes too long."""

        def do() -> T:
            return what(self._system(skip_instance_cache=True, use_listings_cache=False, **self._driver))

        try:
            return self._calls.do(do)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - each driver has errors of its own
            raise driver_fault(error, self._origin) from None


class PeerChannel:
    """The other workers' own HTTP servers, which are asked; nothing is brought to them.

    Each answers `GET /statements/VOTING/ATTEMPT` with its own worker's statement.
    """

    def __init__(self, peers: Sequence[str], tls_ca: Path | None, timeout: float, max_bytes: int) -> None:
        self._peers = [(address(peer, Origin(_ABOUT, "")), server_of(_ABOUT, peer)) for peer in peers]
        has_tls = any(url.scheme == "https" for url, _ in self._peers)
        self._verify = authorities(tls_ca, Origin(_ABOUT, "")) if has_tls else False
        self._timeout, self._max_bytes = timeout, max_bytes

    def put(self, voting_id: bytes, attempt: int, worker: int, content: bytes) -> None:
        """Nothing: peers come and ask."""

    def get(self, voting_id: bytes, attempt: int, workers: Collection[int]) -> Iterator[Found]:
        """See `Channel`; whose statement an answer is only the answer tells."""
        path = f"statements/0x{voting_id.hex()}/{attempt}"
        for first in range(0, len(self._peers), AT_ONCE):
            answers = run(self._ask_some(self._peers[first : first + AT_ONCE], path))
            yield from (answer for answer in answers if answer is not None)

    async def _ask_some(self, peers: Sequence[tuple[httpx.URL, str]], path: str) -> list[Found | None]:
        headers = {"Accept-Encoding": "identity", "User-Agent": f"worknet/{__version__}"}
        async with httpx.AsyncClient(
            headers=headers, verify=self._verify, trust_env=False, timeout=self._timeout
        ) as client:
            fetching = Fetching(client, self._timeout, 0, 0.0)
            return await asyncio.gather(*(self._ask(fetching, url, server, path) for url, server in peers))

    async def _ask(self, fetching: Fetching, url: httpx.URL, server: str, path: str) -> Found | None:
        whole = url.copy_with(path=f"{url.path.rstrip('/')}/{path}")
        try:
            answer = await fetching.get(whole, self._max_bytes, Origin(_ABOUT, server))
        except SourceError as error:
            if isinstance(error, RefusedError) and error.status == 404:
                return None
            return Found(server, fault=error.message)
        return Found(server, answer.body)
