"""One answer of an HTTP server: bounded in time and size, from that server alone, again on passing faults."""

import asyncio
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from worknet.sources.errors import NonsenseError, Origin, RefusedError, UnavailableError
from worknet.sources.waiting import LONGEST_PAUSE, pause

_REDIRECTS = 3
_AUTHORITY = re.compile(r"https?://[^/?#{}]+(?:[/?#]|$)", re.IGNORECASE)


class _FaultError(Exception):
    """A request that failed in a way that may pass; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: int | None = None) -> None:
        super().__init__(message)
        self.message, self.wait = message, wait


@dataclass(frozen=True, repr=False)
class Answer:
    """What a server answered with status 200.

    `url` is where it came from after redirects. `delimited`: the server said where the answer ends, so that a
    connection that was cut would have been noticed.
    """

    url: httpx.URL
    headers: httpx.Headers
    body: bytes
    delimited: bool


@dataclass(frozen=True)
class Fetching:
    """How answers are got: `timeout` in seconds bounds one request from connecting to the last byte.

    After a transport fault, status 429 or 5xx it is repeated up to `retries` times, with pauses that double
    from `backoff` seconds on or last as long as `Retry-After` says, at most 30 s.
    """

    client: httpx.AsyncClient
    timeout: float
    retries: int
    backoff: float

    async def get(self, url: httpx.URL, max_bytes: int, origin: Origin) -> Answer:
        """The answer of at most `max_bytes`; `SourceError` names `origin`."""
        for attempt in range(self.retries + 1):
            try:
                return await self._attempt(url, max_bytes, origin)
            except _FaultError as fault:
                wait = max(pause(attempt, self.backoff), fault.wait or 0)
                if attempt == self.retries or wait > LONGEST_PAUSE:
                    tries = f" ({attempt + 1} tries)" if attempt else ""
                    hint = "is the server up, and the address right?"
                    raise UnavailableError(origin, fault.message + tries, hint, fault.wait) from None
                await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, url: httpx.URL, max_bytes: int, origin: Origin) -> Answer:
        """One request with its redirects; a passing fault of server or network becomes a `_FaultError`."""
        try:
            async with asyncio.timeout(self.timeout):
                for _ in range(_REDIRECTS + 1):
                    answer = await self._request(url, max_bytes, origin)
                    if isinstance(answer, Answer):
                        return answer
                    url = answer
        except (TimeoutError, httpx.TimeoutException):
            raise _FaultError(f"no whole answer within {self.timeout} s") from None
        except httpx.ConnectError as error:
            if untrusted(error):
                hint = "tls_ca names the authority's certificate, where it is the company's own"
                raise RefusedError(origin, "the server's certificate is not trusted", hint) from None
            raise _FaultError(f"no connection ({error})") from None
        except httpx.TransportError as error:
            # Their texts may repeat what the server sent.
            raise _FaultError(f"the connection failed ({type(error).__name__})") from None
        raise NonsenseError(origin, f"more than {_REDIRECTS} redirects")

    async def _request(self, url: httpx.URL, max_bytes: int, origin: Origin) -> Answer | httpx.URL:
        """The answer, or where it redirects to."""
        async with self.client.stream("GET", url) as response:
            if response.has_redirect_location:
                return same_server(url, response.headers["location"], "redirects", origin)
            _check_status(response, origin)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise NonsenseError(origin, "the answer is compressed, which was not asked for")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > max_bytes:
                    message = f"the answer is larger than {max_bytes} bytes"
                    raise NonsenseError(origin, message, "does the address ask for one window only?")
            delimited = not response.headers.keys().isdisjoint({"content-length", "transfer-encoding"})
            return Answer(url, response.headers, bytes(body), delimited)


def same_server(here: httpx.URL, link: str, how: str, origin: Origin) -> httpx.URL:
    """Where a link in an answer from `here` leads; `NonsenseError` for another server.

    A user in the address is kept, and none is taken from the link: what is secret stays with that server.
    """
    try:
        target = here.join(link)
        if (target.scheme, target.host, target.port) == (here.scheme, here.host, here.port):
            return target.copy_with(username=here.username, password=here.password)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise NonsenseError(origin, f"{how} to no address") from None
    message = f"{how} to another server ({target.scheme}://{target.host}), which is not followed"
    raise NonsenseError(origin, message, "set the address to the right server")


def server_of(dataset: str, url: str) -> str:
    """The server of an address, without what may be secret: user, path and query."""
    origin = Origin(dataset, "")
    if not _AUTHORITY.match(url):
        hint = "http://host/path; a placeholder may stand in path and query only"
        raise NonsenseError(origin, "no http:// or https:// address", hint)
    parts = address(url.partition("?")[0].partition("{")[0], origin)
    port_fits = parts.port is None or 0 < parts.port < 1 << 16
    if not parts.host or not port_fits:
        raise NonsenseError(origin, "no http:// or https:// address", "http://host/path")
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")


def authorities(file: Path | None, origin: Origin) -> ssl.SSLContext:
    """What a server's certificate is checked with: the public authorities, or those in a file of PEM form."""
    if file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(file))
    except OSError:
        raise RefusedError(origin, "tls_ca cannot be read", "a file of certificates in PEM form") from None


def untrusted(error: BaseException | None) -> bool:
    """Whether a certificate that is not trusted is behind the error."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def address(url: str, origin: Origin) -> httpx.URL:
    """The address in its parts; `NonsenseError` if it is none."""
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        raise NonsenseError(origin, "the address is none", "http://host/path") from None


def failed_with(status: int) -> str:
    """What is told of a server that cannot answer now."""
    return f"the server answered with status {status}"


def _check_status(response: httpx.Response, origin: Origin) -> None:
    status = response.status_code
    if status == 429 or status >= 500:
        raise _FaultError(failed_with(status), _retry_after(response))
    if status in {401, 403}:
        hint = "is the token right, and not expired?"
        raise RefusedError(origin, f"the server refused access (status {status})", hint)
    if 400 <= status < 500:
        message = f"the server refused the request (status {status})"
        raise RefusedError(origin, message, "check the address", status)
    if status != 200:
        raise NonsenseError(origin, f"status {status} where 200 is due")


def _retry_after(response: httpx.Response) -> int | None:
    """The seconds of a `Retry-After` header (RFC 9110 section 10.2.3); None if it has none."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0, int(seconds) + 1)
