"""Datasets behind an HTTP API that answers in JSON or CSV, in one answer or page by page."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx
import polars as pl

from worknet import __version__
from worknet.protocol.tables import Schema
from worknet.sources.errors import NonsenseError, Origin, RefusedError, UnavailableError
from worknet.sources.fetching import Answer, Fetching, address, authorities, server_of
from worknet.sources.forms import Forms, Numbers, Times
from worknet.sources.json_rows import decoded, json_rows
from worknet.sources.occasion import Occasion, check_template, fill
from worknet.sources.paging import Paging
from worknet.sources.source import violation
from worknet.sources.tabular import Layout, csv_rows
from worknet.sources.waiting import run
from worknet.tables.errors import DataError
from worknet.tables.repeated import Repeated, least_rows
from worknet.tables.validate import sort_by_key

_ACCEPTED = {"json": "application/json", "csv": "text/csv"}


class HttpSource:
    """Reads a dataset from an HTTP API.

    `url` may hold placeholders (see `occasion.fill`). `token` is sent as `Authorization: Bearer`, and only to
    the server that `url` names: neither a redirect nor a page on another one is followed.

    Each page is one request, bounded and repeated as `Fetching` says by `timeout`, `retries` and `backoff`;
    all of them together take at most `deadline` seconds and give at most `max_bytes`, or are refused.

    `format` is what the API answers in. `rows` is where in a JSON answer the rows stand (see `json_rows`),
    `columns` maps a column of the schema to the field in the answer. `paging` are the arguments of `Paging`,
    for an API that answers in pages; of more than `max_pages` pages none is taken. `numbers`, `times`,
    `nulls` and `repeated` are the arguments of `Forms`.

    The server's certificate is checked with the public authorities, or those in the file `tls_ca`. Proxies of
    the environment are not used: private data comes straight from where `url` says. Make a new source for a
    renewed token.
    """

    def __init__(
        self,
        dataset: str,
        schema: Schema,
        *,
        url: str,
        token: str | None = None,
        format: Literal["json", "csv"] = "json",
        timeout: float = 10,
        retries: int = 4,
        deadline: float = 300,
        rows: str = "",
        columns: Mapping[str, str] | None = None,
        paging: Mapping[str, Any] | None = None,
        max_pages: int = 100,
        tls_ca: Path | None = None,
        numbers: Numbers = "exact",
        times: Times = "exact",
        nulls: Collection[str] = (),
        repeated: Repeated = "refused",
        backoff: float = 0.5,
        max_bytes: int = 1 << 28,
    ) -> None:
        self._origin = Origin(dataset, server_of(dataset, url))
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            # An HTTP library that meets such a token would repeat it in its error.
            raise RefusedError(self._origin, "the token has characters that no token has", "check its file")
        check_template(url, self._origin)
        if token is not None and address(url.partition("{")[0], self._origin).userinfo:
            raise RefusedError(self._origin, "both a token and a user in the address", "use one of them")
        self._paging = None if paging is None else Paging(**paging)
        if self._paging is not None:
            self._paging.check(self._origin)
        if format == "csv" and (rows or (self._paging is not None and self._paging.by in {"next", "cursor"})):
            hint = "rows, and a next page named within the answer, are for JSON"
            raise NonsenseError(self._origin, "a CSV text has only rows in it", hint)
        self._url, self._token, self._format = url, token, format
        # Reading the certificates of the authorities takes a while, and is for nothing without TLS.
        is_tls = url.lower().startswith("https:")
        self._verify = authorities(tls_ca, self._origin) if is_tls else False
        self._timeout, self._retries, self._backoff = timeout, retries, backoff
        self._deadline, self._max_pages, self._max_bytes = deadline, max_pages, max_bytes
        self._rows, self._layout = (
            rows,
            Layout.of(schema, columns, None, self._origin, Forms.of(numbers, times, nulls, repeated)),
        )

    def __repr__(self) -> str:
        return f"HttpSource({self._origin})"

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The occasion's rows; see `Source`."""
        # Only an event loop can bound a request as a whole: name resolution, and a server that drips bytes.
        pages = run(self._pages(self._address(occasion)))
        if len(pages) == 1:
            return pages[0]
        schema, rows = self._layout.schema, pl.concat(pages)
        if self._layout.forms.repeated == "least":
            rows = least_rows(schema, rows)
        try:
            return sort_by_key(self._origin.dataset, schema, rows)
        except DataError as error:
            hint = f"did the data change between two pages? {error.hint}"
            fault = DataError("the same key on two pages", column=error.column, hint=hint)
            raise violation(self._origin, fault) from None

    def check(self, occasion: Occasion) -> None:
        """See `PulledSource`."""
        self._address(occasion)

    def _address(self, occasion: Occasion) -> httpx.URL:
        url = fill(self._url, occasion, self._origin, lambda text: quote(text, safe=":"))
        return address(url, self._origin)

    async def _pages(self, url: httpx.URL) -> list[pl.DataFrame]:
        """The rows of each page, of which there is at least one."""
        headers = {
            "Accept": _ACCEPTED[self._format],
            "Accept-Encoding": "identity",
            "User-Agent": f"worknet/{__version__}",
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            async with (
                asyncio.timeout(self._deadline),
                httpx.AsyncClient(
                    headers=headers, verify=self._verify, trust_env=False, timeout=self._timeout
                ) as client,
            ):
                fetching = Fetching(client, self._timeout, self._retries, self._backoff)
                return await self._all_pages(url, fetching)
        except TimeoutError:
            hint = "is it slow, or is the deadline too short for so many tries and pages?"
            raise UnavailableError(self._origin, f"not read within {self._deadline} s", hint) from None

    async def _all_pages(self, url: httpx.URL, fetching: Fetching) -> list[pl.DataFrame]:
        if self._paging is None:
            answer = await fetching.get(url, self._max_bytes, self._origin)
            return [self._frame(answer, self._document(answer, self._origin), self._origin)]
        pages: list[pl.DataFrame] = []
        left, seen, bodies = self._max_bytes, set[str](), set[bytes]()
        page: httpx.URL | None = self._paging.start(url)
        while page is not None:
            number = len(pages) + 1
            origin = Origin(self._origin.dataset, f"{self._origin.where}, page {number}")
            if str(page) in seen:
                raise NonsenseError(origin, "the pages go round in a circle")
            seen.add(str(page))
            answer = await fetching.get(page, left, origin)
            left -= len(answer.body)
            document = self._document(answer, origin)
            frame = self._frame(answer, document, origin)
            if frame.height:
                if number > self._max_pages:
                    raise self._too_many()
                digest = hashlib.sha256(answer.body).digest()
                if digest in bodies:
                    hint = "does the API know the parameter that the next page is asked for by?"
                    raise NonsenseError(origin, "the same page again", hint)
                bodies.add(digest)
            pages.append(frame)
            page = self._paging.following(url, answer, document, number, frame.height, origin)
            # Numbered pages end with one that holds no rows, and does not count.
            if page is not None and number >= self._max_pages and self._paging.by != "page":
                raise self._too_many()
        return pages

    def _too_many(self) -> NonsenseError:
        message = f"more than {self._max_pages} pages"
        return NonsenseError(self._origin, message, "raise max_pages, or ask for one window only")

    def _document(self, answer: Answer, origin: Origin) -> Any:
        if self._format != "json":
            return None
        return decoded(answer.body, origin, decimals=self._layout.forms.numbers != "exact")

    def _frame(self, answer: Answer, document: Any, origin: Origin) -> pl.DataFrame:
        if self._format == "json":
            return json_rows(document, self._rows, self._layout, origin)
        if answer.body.lstrip()[:1] == b"<":
            hint = "it looks like an HTML page: is the address that of the API?"
            raise NonsenseError(origin, "the answer is no CSV", hint)
        if not answer.delimited:
            hint = "the server must say how long the answer is (Content-Length), or send it in chunks"
            raise NonsenseError(origin, "a CSV text whose end could be missing", hint)
        ended = answer.body if answer.body.endswith((b"\n", b"\r")) else answer.body + b"\n"
        return csv_rows(ended, self._layout, None, origin)
