"""Datasets behind an HTTP API that answers in JSON: one request per window, repeated on passing faults."""

import asyncio
import random
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx
import polars as pl

from worknet import __version__
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources.errors import NonsenseError, Origin, RefusedError, UnavailableError
from worknet.sources.json_rows import json_rows
from worknet.sources.source import source_names
from worknet.sources.window import fill

_LONGEST_PAUSE = 30.0
_REDIRECTS = 3
_RANDOM = random.SystemRandom()


class _FaultError(Exception):
    """A request that failed in a way that may pass; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: int | None = None) -> None:
        super().__init__(message)
        self.message, self.wait = message, wait


class HttpSource:
    """Reads a dataset from an HTTP API.

    `url` may hold placeholders of the window (see `window.fill`). `token` is sent as `Authorization: Bearer`,
    and only to the server that `url` names: a redirect to another one is not followed.

    `timeout` in seconds bounds one request from connecting to the last byte. After a transport fault, status
    429 or 5xx it is repeated up to `retries` times, with pauses that double from `backoff` seconds on (and
    vary, so that workers do not come all at once) or last as long as `Retry-After` says, at most 30 s.

    `rows` is where in the answer the rows stand (see `json_rows`), `columns` maps a column of the schema to
    the field in the answer. An answer of more than `max_bytes` is refused. Proxies of the environment are not
    used: private data comes straight from where `url` says. Make a new source for a renewed token.
    """

    def __init__(
        self,
        dataset: str,
        schema: Schema,
        *,
        url: str,
        token: str | None = None,
        timeout: float = 10,
        retries: int = 4,
        rows: str = "",
        columns: Mapping[str, str] | None = None,
        backoff: float = 0.5,
        max_bytes: int = 1 << 28,
    ) -> None:
        self._origin = Origin(dataset, _server(dataset, url))
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            # An HTTP library that meets such a token would repeat it in its error.
            raise RefusedError(self._origin, "the token has characters that no token has", "check its file")
        filled = _checked(fill(url, Window(0, 1), self._origin), self._origin)
        if token is not None and filled.userinfo:
            raise RefusedError(self._origin, "both a token and a user in the address", "use one of them")
        self._schema, self._url, self._token = schema, url, token
        self._timeout, self._retries, self._rows = timeout, retries, rows
        self._names = source_names(schema, columns or {}, self._origin)
        self._backoff, self._max_bytes = backoff, max_bytes

    def __repr__(self) -> str:
        return f"HttpSource({self._origin})"

    def read(self, window: Window) -> pl.DataFrame:
        """The window's rows; see `Source`."""
        url = fill(self._url, window, self._origin, lambda text: quote(text, safe=":"))
        # Only an event loop can bound a request as a whole: name resolution, and a server that drips bytes.
        body = asyncio.run(self._body(url))
        return json_rows(body, self._rows, self._names, self._schema, self._origin)

    async def _body(self, url: str) -> bytes:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"worknet/{__version__}",
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        # Reading the certificates of the authorities takes a while, and is for nothing without TLS.
        verify: ssl.SSLContext | bool = url.lower().startswith("https:") and httpx.create_ssl_context()
        async with httpx.AsyncClient(
            headers=headers, verify=verify, trust_env=False, timeout=self._timeout
        ) as client:
            for attempt in range(self._retries + 1):
                try:
                    return await self._attempt(client, _checked(url, self._origin))
                except _FaultError as fault:
                    pause = max(self._pause(attempt), fault.wait or 0)
                    if attempt == self._retries or pause > _LONGEST_PAUSE:
                        tries = f" ({attempt + 1} tries)" if attempt else ""
                        hint = "is the server up, and the address right?"
                        raise UnavailableError(
                            self._origin, fault.message + tries, hint, fault.wait
                        ) from None
                    await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _pause(self, attempt: int) -> float:
        longest = min(self._backoff * 2.0 ** min(attempt, 30), _LONGEST_PAUSE)
        return _RANDOM.uniform(longest / 2, longest)

    async def _attempt(self, client: httpx.AsyncClient, url: httpx.URL) -> bytes:
        """One request with its redirects; a passing fault of server or network becomes a `_FaultError`."""
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(_REDIRECTS + 1):
                    answer = await self._request(client, url)
                    if isinstance(answer, bytes):
                        return answer
                    url = answer
        except (TimeoutError, httpx.TimeoutException):
            raise _FaultError(f"no whole answer within {self._timeout} s") from None
        except httpx.ConnectError as error:
            raise _FaultError(f"no connection ({error})") from None
        except httpx.TransportError as error:
            # Their texts may repeat what the server sent.
            raise _FaultError(f"the connection failed ({type(error).__name__})") from None
        raise NonsenseError(self._origin, f"more than {_REDIRECTS} redirects")

    async def _request(self, client: httpx.AsyncClient, url: httpx.URL) -> bytes | httpx.URL:
        """The body of the answer, or where it redirects to."""
        async with client.stream("GET", url) as response:
            if response.has_redirect_location:
                return self._redirect(response)
            self._check_status(response)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise NonsenseError(self._origin, "the answer is compressed, which was not asked for")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > self._max_bytes:
                    message = f"the answer is larger than {self._max_bytes} bytes"
                    raise NonsenseError(self._origin, message, "does the address ask for one window only?")
            return bytes(body)

    def _redirect(self, response: httpx.Response) -> httpx.URL:
        try:
            target = response.request.url.join(response.headers["location"])
        except httpx.InvalidURL:
            raise NonsenseError(self._origin, "a redirect to no address") from None
        here = response.request.url
        if (target.scheme, target.host, target.port) != (here.scheme, here.host, here.port):
            message = f"redirects to another server ({target.scheme}://{target.host}), which is not followed"
            raise NonsenseError(self._origin, message, "set the address to the right server")
        return target

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 429 or status >= 500:
            raise _FaultError(f"the server answered with status {status}", _retry_after(response))
        if status in {401, 403}:
            hint = "is the token right, and not expired?"
            raise RefusedError(self._origin, f"the server refused access (status {status})", hint)
        if 400 <= status < 500:
            raise RefusedError(
                self._origin, f"the server refused the request (status {status})", "check the address"
            )
        if status != 200:
            raise NonsenseError(self._origin, f"status {status} where 200 is due")


def _server(dataset: str, url: str) -> str:
    """The server of an address, without what may be secret: user, path and query."""
    parts = _checked(url.partition("?")[0].partition("{")[0], Origin(dataset, ""))
    port_fits = parts.port is None or 0 < parts.port < 1 << 16
    if parts.scheme not in {"http", "https"} or not parts.host or not port_fits:
        raise NonsenseError(Origin(dataset, ""), "no http:// or https:// address", "http://host/path")
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")


def _checked(url: str, origin: Origin) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        raise NonsenseError(origin, "the address is none", "http://host/path") from None


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
