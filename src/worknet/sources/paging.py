"""How an HTTP API says that an answer goes on: where the next page is, and that there is none."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, unquote_plus

import httpx

from worknet.sources.errors import NonsenseError, Origin
from worknet.sources.fetching import Answer, same_server
from worknet.sources.json_rows import member

_LINK = re.compile(
    r'\s*<([^>]*)>((?:\s*;\s*[^\s=;,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(?:,|$)'
)
_PARAMETER = re.compile(r'([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))')


@dataclass(frozen=True)
class Paging:
    """How the pages of one API hang together.

    - `next`: `at` is where in the answer the next page's address stands (a key or JSON pointer);
    - `link`: the address stands in the header `Link: <...>; rel="next"` (RFC 8288);
    - `page`: pages are numbered from `first` on by a parameter of the query, and one without rows is the end;
    - `cursor`: `at` is where a mark stands that the parameter brings back.

    An address or mark that is missing, null or empty means that there is no further page.
    """

    by: Literal["next", "link", "page", "cursor"]
    at: str = ""
    parameter: str = ""
    first: int = 1

    def check(self, origin: Origin) -> None:
        """Raises `NonsenseError` where a part is missing that this way of paging needs."""
        for name, needed in (("at", {"next", "cursor"}), ("parameter", {"page", "cursor"})):
            if self.by in needed and not getattr(self, name):
                raise NonsenseError(origin, f'paging by "{self.by}" without `{name}`', f"say {name}")

    def start(self, url: httpx.URL) -> httpx.URL:
        """The first page's address."""
        return _with_parameter(url, self.parameter, str(self.first)) if self.by == "page" else url

    def following(
        self, url: httpx.URL, answer: Answer, document: Any, number: int, rows: int, origin: Origin
    ) -> httpx.URL | None:
        """The address of the page after page `number` (from 1), which had `rows` rows; None: it was the last.

        `url` is the address of the first page, `document` the answer if it is JSON. Raises `NonsenseError`
        for an address that is none or on another server.
        """
        if self.by == "page":
            return _with_parameter(url, self.parameter, str(self.first + number)) if rows else None
        if self.by == "link":
            link = _next_link(answer.headers.get_list("link"), origin)
            return None if link is None else same_server(answer.url, link, "the next page leads", origin)
        mark = member(document, self.at, origin)
        if mark is None or mark == "":
            return None
        if isinstance(mark, bool) or not isinstance(mark, str | int) or (self.by == "next" and mark == 0):
            raise NonsenseError(origin, f"{self.at} in the answer is no mark of a next page")
        if self.by == "next":
            return same_server(answer.url, str(mark), "the next page leads", origin)
        return _with_parameter(url, self.parameter, str(mark))


def _with_parameter(url: httpx.URL, name: str, value: str) -> httpx.URL:
    """The address with one parameter of its query set, and the others as they were."""
    given = [part for part in url.query.decode("ascii").split("&") if part]
    kept = [part for part in given if unquote_plus(part.partition("=")[0]) != name]
    query = "&".join([*kept, f"{quote(name, safe='')}={quote(value, safe='')}"])
    return url.copy_with(query=query.encode())


def _next_link(headers: list[str], origin: Origin) -> str | None:
    """The target of the link whose relation is `next`; links about something else (`anchor`) do not count."""
    found = set()
    for header in headers:
        at = 0
        while at < len(header):
            link = _LINK.match(header, at)
            if link is None or link.end() == at:
                raise NonsenseError(origin, "the header Link cannot be read")
            at = link.end()
            parameters: dict[str, str] = {}
            for name, quoted, plain in _PARAMETER.findall(link[2]):
                parameters.setdefault(name.lower(), quoted or plain)
            if "next" in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
                found.add(link[1])
    if len(found) > 1:
        raise NonsenseError(origin, "the header Link names several next pages")
    return found.pop() if found else None
