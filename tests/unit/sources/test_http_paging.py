"""Answers in pages and answers in CSV, from a real HTTP server that pages in every way, also wrongly."""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import (
    HttpSource,
    NonsenseError,
    Occasion,
    RefusedError,
    SchemaViolationError,
    SourceError,
    UnavailableError,
)

SCHEMA = Schema((Column("meter", "str"), Column("wh", "int")), ("meter",))
OCCASION = Occasion(Window(1767225600, 1767229200))
METERS = [f"m{number}" for number in range(5)]

Page = Callable[[BaseHTTPRequestHandler, dict[str, str]], None]


class Api:
    """A server that answers every request by `page`, which is given the parameters of the query."""

    def __init__(self) -> None:
        self.page: Page = send([])
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
                outer.page(self, {name: values[-1] for name, values in query.items()})

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def source(self, page: Page, **options: Any) -> HttpSource:
        self.page = page
        defaults = {"url": f"{self.url}/rows?from={{start}}", "timeout": 2, "retries": 1, "backoff": 0.01}
        return HttpSource("meters", SCHEMA, **{**defaults, **options})

    def read(self, page: Page, **options: Any) -> list[str]:
        return self.source(page, **options).read(OCCASION)["meter"].to_list()


@pytest.fixture
def api() -> Iterator[Api]:
    running = Api()
    yield running
    running.stop()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def send(value: Any, **headers: str) -> Page:
    return lambda handler, _: reply(handler, json.dumps(value).encode(), **headers)


def send_text(text: str, **headers: str) -> Page:
    return lambda handler, _: reply(handler, text.encode(), **headers)


def meters(names: list[str]) -> list[dict[str, Any]]:
    return [{"meter": name, "wh": 1} for name in names]


def pages_of_two(place: Callable[[int], tuple[Any, dict[str, str]]]) -> Page:
    """Two meters a page; `place` makes body and headers out of the number of the next page (0: none)."""

    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        number = int(query.get("page", "1"))
        after = number + 1 if number * 2 < len(METERS) else 0
        extra, headers = place(after)
        body = {"rows": meters(METERS[number * 2 - 2 : number * 2]), **extra}
        reply(handler, json.dumps(body).encode(), **headers)

    return page


BY_NEXT = pages_of_two(lambda n: ({"links": {"next": f"/rows?page={n}" if n else None}}, {}))
BY_LINK = pages_of_two(
    lambda n: ({}, {"Link": f'</x>; rel=last, </rows?page={n}>; title="a,b"; rel="Next up"'} if n else {})
)
BY_NUMBER = pages_of_two(lambda _: ({}, {}))
BY_CURSOR = pages_of_two(lambda n: ({"after": n or None}, {}))
NEXT = {"by": "next", "at": "/links/next"}
WAYS: dict[str, tuple[Page, dict[str, Any]]] = {
    "next": (BY_NEXT, NEXT),
    "link": (BY_LINK, {"by": "link"}),
    "page": (BY_NUMBER, {"by": "page", "parameter": "page"}),
    "cursor": (BY_CURSOR, {"by": "cursor", "at": "after", "parameter": "page"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_all_pages_are_one_table(api: Api, way: str) -> None:
    page, paging = WAYS[way]
    assert api.read(page, rows="rows", paging=paging) == METERS
    assert len(api.asked) == (4 if way == "page" else 3)


@pytest.mark.parametrize("way", WAYS)
def test_more_pages_than_stated_are_an_error_and_not_a_part(api: Api, way: str) -> None:
    page, paging = WAYS[way]
    assert api.read(page, rows="rows", paging=paging, max_pages=3) == METERS
    with pytest.raises(NonsenseError, match="more than 2 pages") as caught:
        api.read(page, rows="rows", paging=paging, max_pages=2)
    assert "max_pages" in caught.value.hint


def test_a_page_number_replaces_that_of_the_address_and_nothing_else(api: Api) -> None:
    url = f"{api.url}/rows?x=a%20b&page=9&flag"
    api.read(BY_NUMBER, url=url, rows="rows", paging={"by": "page", "parameter": "page", "first": 2})
    assert api.asked[0] == "/rows?x=a%20b&flag&page=2"


def test_a_cursor_is_brought_back_as_it_is(api: Api) -> None:
    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        more = {"rows": meters(["a"]), "next": "x/+&=ä%20"}
        last = {"rows": meters(["b"]), "next": ""}
        reply(handler, json.dumps(last if query.get("c") == "x/+&=ä%20" else more).encode())

    paging = {"by": "cursor", "at": "/next", "parameter": "c"}
    assert api.read(page, rows="rows", paging=paging) == ["a", "b"]


def test_a_page_that_fails_is_asked_for_again_alone(api: Api) -> None:
    failed: list[str] = []

    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        if query.get("page") == "2" and not failed:
            failed.append("once")
            reply(handler, b"", 503)
        else:
            BY_NEXT(handler, query)

    assert api.read(page, rows="rows", paging=NEXT) == METERS
    assert [path.partition("?")[2] for path in api.asked] == ["from=1767225600", "page=2", "page=2", "page=3"]


def test_the_fault_of_a_page_names_the_page(api: Api) -> None:
    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        row = {"meter": "x", "wh": 1.5} if "page" in query else {"meter": "y", "wh": 1}
        reply(handler, json.dumps({"rows": [row], "links": {"next": "/rows?page=2"}}).encode())

    with pytest.raises(SchemaViolationError, match="page 2: row 0, column wh: a floating point number"):
        api.read(page, rows="rows", paging=NEXT)


def test_rows_that_move_between_pages_are_a_repeated_key(api: Api) -> None:
    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        number = int(query["page"])
        body = [meters(["a", "b"]), meters(["b", "c"]), []][number - 1]
        reply(handler, json.dumps(body).encode())

    with pytest.raises(SchemaViolationError, match="column meter: the same key on two pages") as caught:
        api.read(page, paging={"by": "page", "parameter": "page"})
    assert "between two pages" in caught.value.hint
    rows = api.read(page, paging={"by": "page", "parameter": "page"}, repeated="least")
    assert rows == ["a", "b", "c"]


@pytest.mark.parametrize("link", ["/rows?page=1", "/rows?page=2"], ids=["two pages", "itself"])
def test_pages_in_a_circle_are_refused(api: Api, link: str) -> None:
    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        number = query.get("page", "0")
        body = {"rows": meters([number]), "links": {"next": "/rows?page=2" if number != "2" else link}}
        reply(handler, json.dumps(body).encode())

    with pytest.raises(NonsenseError, match=r"round in a circle|the same page again"):
        api.read(page, rows="rows", paging=NEXT)
    assert len(api.asked) <= 4


def test_an_api_that_does_not_know_the_page_s_parameter_is_noticed(api: Api) -> None:
    with pytest.raises(NonsenseError, match="page 2: the same page again") as caught:
        api.read(send(meters(["a"])), paging={"by": "page", "parameter": "pg"})
    assert "parameter" in caught.value.hint


@pytest.mark.parametrize(
    "link", ["http://127.0.0.2/x", "//localhost/x", "https://127.0.0.1/", "ftp://x/", "http://[/"]
)
@pytest.mark.parametrize("way", ["next", "link"])
def test_a_page_on_another_server_is_not_asked_for(api: Api, way: str, link: str) -> None:
    page = send({"rows": [], "links": {"next": link}}, Link=f'<{link}>; rel="next"')
    with pytest.raises(NonsenseError, match=r"leads to (another server|no address)"):
        api.read(page, rows="rows", paging=WAYS[way][1], token="s3cret")
    assert len(api.asked) == 1


def test_the_user_of_an_address_stays_with_all_its_pages(api: Api) -> None:
    sent: list[str | None] = []

    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        sent.append(handler.headers["Authorization"])
        last = "page" in query
        link = None if last else f"http://other:word@{api.url[7:]}/rows?page=2"
        reply(handler, json.dumps({"rows": meters(["b" if last else "a"]), "links": {"next": link}}).encode())

    url = api.url.replace("//", "//user:hunter2@") + "/"
    assert api.read(page, url=url, rows="rows", paging=NEXT) == ["a", "b"]
    assert sent[0] is not None
    assert sent[0] == sent[1]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rows": [], "links": {"next": True}}, "no mark of a next page"),
        ({"rows": [], "links": {"next": {"href": "/"}}}, "no mark of a next page"),
        ({"rows": [], "links": []}, "no object around 'next'"),
        ({"rows": []}, "the answer has no 'links'"),
    ],
)
def test_a_next_page_that_stands_elsewhere_is_not_taken_for_the_end(
    api: Api, body: Any, message: str
) -> None:
    with pytest.raises(NonsenseError, match=message):
        api.read(send(body), rows="rows", paging=NEXT)


@pytest.mark.parametrize("link", ["/x; rel=next", "<x", '<a>; rel="next", <b>; rel=next', '<a>; rel="next'])
def test_a_link_header_that_is_not_clear_is_refused(api: Api, link: str) -> None:
    with pytest.raises(NonsenseError, match="the header Link"):
        api.read(send([], Link=link), paging={"by": "link"})


@pytest.mark.parametrize("link", ["<a>; rel=prev", '<a>; rel="nextish"', '<a>; rel=next; anchor="#x"', ""])
def test_links_of_other_relations_lead_nowhere(api: Api, link: str) -> None:
    assert api.read(send([], Link=link), paging={"by": "link"}) == []


def test_all_pages_together_have_one_limit_of_size(api: Api) -> None:
    with pytest.raises(NonsenseError, match="page 3: the answer is larger than"):
        api.read(BY_NEXT, rows="rows", paging=NEXT, max_bytes=250)


def test_all_tries_and_pages_together_have_a_deadline(api: Api) -> None:
    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        time.sleep(0.15)
        BY_NEXT(handler, query)

    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"not read within 0.3 s"):
        api.read(page, rows="rows", paging=NEXT, deadline=0.3)
    assert time.monotonic() - started < 1


def test_a_name_server_that_does_not_answer_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any, **__: Any) -> list[Any]:
        time.sleep(2)
        return []

    monkeypatch.setattr("socket.getaddrinfo", silent)
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        api.read(send([]), url="http://data.example/rows", timeout=0.2, retries=0)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("paging", [{"by": "next"}, {"by": "cursor", "at": "x"}, {"by": "page"}])
def test_paging_that_is_half_told_is_refused_at_once(paging: dict[str, Any]) -> None:
    with pytest.raises(NonsenseError, match=r"paging by .* without"):
        HttpSource("meters", SCHEMA, url="http://x/", paging=paging)


TEXT = "meter,wh,unit\r\nb,2,Wh\r\na,1,Wh"


def test_an_answer_in_csv_is_read_as_a_file_is(api: Api) -> None:
    assert api.read(send_text(TEXT), format="csv") == ["a", "b"]
    assert api.read(send_text("Meter ID,wh\nx,1\n"), format="csv", columns={"meter": "Meter ID"}) == ["x"]


@pytest.mark.parametrize("way", ["link", "page"])
def test_pages_in_csv_each_have_their_header(api: Api, way: str) -> None:
    def page(handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        number = int(query.get("page", "1"))
        rows = "".join(f"{name},1\n" for name in METERS[number * 2 - 2 : number * 2])
        link = {"Link": f"</rows?page={number + 1}>; rel=next"} if number < 3 else {}
        reply(handler, f"meter,wh\n{rows}".encode(), **link)

    assert api.read(page, format="csv", paging=WAYS[way][1]) == METERS


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("meter,wh\na,1\nb,x\n", SchemaViolationError, "line 3, column wh: not an integer"),
        ("meter;wh\na;1\n", SchemaViolationError, "line 1, column meter: the file has no such column"),
        ("<!doctype html><p>Sign in</p>", NonsenseError, "no CSV"),
        ("", SchemaViolationError, "no such column"),
        ('{"rows": []}', SchemaViolationError, "no such column"),
    ],
)
def test_an_answer_that_is_no_such_csv_is_told_by_line(
    api: Api, text: str, error: type[SourceError], message: str
) -> None:
    with pytest.raises(error, match=message):
        api.read(send_text(text), format="csv")


def test_a_csv_text_whose_end_could_be_missing_is_refused(api: Api) -> None:
    def until_closed(handler: BaseHTTPRequestHandler, _: dict[str, str]) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"meter,wh\na,1\n")
        handler.close_connection = True

    with pytest.raises(NonsenseError, match="whose end could be missing") as caught:
        api.read(until_closed, format="csv")
    assert "Content-Length" in caught.value.hint


def test_a_csv_text_that_is_cut_is_asked_for_again(api: Api) -> None:
    def cut_once(handler: BaseHTTPRequestHandler, _: dict[str, str]) -> None:
        body = b"meter,wh\na,1\nb,2\n"
        reply(handler, body if len(api.asked) > 1 else body[:13], Content_Length=str(len(body)))
        handler.close_connection = True

    assert api.read(cut_once, format="csv") == ["a", "b"]
    assert len(api.asked) == 2


@pytest.mark.parametrize("options", [{"rows": "rows"}, {"paging": NEXT}])
def test_csv_has_no_place_for_what_stands_beside_the_rows(options: dict[str, Any]) -> None:
    with pytest.raises(NonsenseError, match="only rows in it"):
        HttpSource("meters", SCHEMA, url="http://x/", format="csv", **options)


def test_an_event_s_values_are_part_of_the_address_and_no_more(api: Api) -> None:
    source = api.source(send([]), url=f"{api.url}/assets/{{event.asset}}?n={{event.number}}")
    source.read(Occasion(event={"asset": "a/../b?x=1&y", "number": 7}))
    assert api.asked == ["/assets/a%2F..%2Fb%3Fx%3D1%26y?n=7"]
    with pytest.raises(RefusedError, match="the event's asset"):
        source.read(Occasion(event={"asset": "..", "number": 7}))
