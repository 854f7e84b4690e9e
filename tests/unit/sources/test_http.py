"""The HTTP source against a real server that misbehaves in every way a server can."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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

SCHEMA = Schema(
    (Column("consumer", "str"), Column("wh", "int"), Column("site", "str", nullable=True)), ("consumer",)
)
OCCASION = Occasion(Window(1767225600, 1767229200))
ROWS = [{"consumer": "b", "wh": 2, "site": None}, {"consumer": "a", "wh": 1, "site": "s"}]
TOKEN = "s3cret-token"

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server that gives the next of its answers to each request, and the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(
                    (self.path, {key.lower(): value for key, value in self.headers.items()})
                )
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def source(self, *answers: Answer, **options: Any) -> HttpSource:
        self.answers = list(answers)
        defaults = {"url": f"{self.url}/rows?from={{start}}", "timeout": 2, "retries": 2, "backoff": 0.01}
        return HttpSource("consumption", SCHEMA, **{**defaults, **options})


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


def answer(body: bytes, status: int = 200, **headers: str) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def rows(value: Any = ROWS) -> Answer:
    return answer(json.dumps(value).encode())


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'[{"consumer": "a", "wh"')
    handler.close_connection = True


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"private-row\r\n\r\n")
    handler.close_connection = True


def sleepy(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Sends a byte of its header now and then, so that no single read ever times out."""
    try:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.02)
    except OSError:
        handler.close_connection = True


def test_rows_are_asked_for_the_window_and_come_in_the_order_of_the_key(server: Server) -> None:
    frame = server.source(rows()).read(OCCASION)
    assert frame.to_dicts() == [
        {"consumer": "a", "wh": 1, "site": "s"},
        {"consumer": "b", "wh": 2, "site": None},
    ]
    assert [path for path, _ in server.requests] == ["/rows?from=1767225600"]


def test_a_time_in_the_address_can_be_written_in_any_form(server: Server) -> None:
    server.source(rows(), url=f"{server.url}/{{start:%Y/%m/%d}}?to={{end:%Y-%m-%dT%H:%M:%SZ}}").read(OCCASION)
    assert server.requests[0][0] == "/2026%2F01%2F01?to=2026-01-01T01:00:00Z"


def test_the_token_goes_into_the_header_alone(server: Server) -> None:
    source = server.source(rows(), token=TOKEN)
    source.read(OCCASION)
    path, headers = server.requests[0]
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["accept-encoding"] == "identity"
    assert TOKEN not in path + repr(source)


def test_without_a_token_none_is_sent(server: Server) -> None:
    server.source(rows()).read(OCCASION)
    assert "authorization" not in server.requests[0][1]


@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("rows", {"rows": ROWS, "took": 1.5}),
        ("/data/0/a~1b~0c", {"data": [{"a/b~c": ROWS}]}),
        ("", ROWS),
        ("/", {"": ROWS}),
    ],
)
def test_the_rows_are_found_where_they_stand_in_the_answer(server: Server, where: str, body: Any) -> None:
    assert server.source(rows(body), rows=where).read(OCCASION).height == 2


def test_fields_are_renamed_and_those_beyond_the_schema_left_out(server: Server) -> None:
    given = [{"Meter ID": "a", "wh": 1, "site": None, "consumer": 7, "price": 0.25}]
    frame = server.source(rows(given), columns={"consumer": "Meter ID"}).read(OCCASION)
    assert frame.to_dicts() == [{"consumer": "a", "wh": 1, "site": None}]


def test_no_rows_are_a_table_without_rows(server: Server) -> None:
    frame = server.source(rows([])).read(OCCASION)
    assert (frame.height, frame.columns) == (0, ["consumer", "wh", "site"])


@pytest.mark.parametrize(
    "fault",
    [
        hang_up,
        cut_off,
        garbage,
        answer(b"", 500),
        answer(b"", 503),
        answer(b"", 429),
        answer(b"", 429, Retry_After="0"),
    ],
    ids=["hang up", "cut off", "garbage", "500", "503", "429", "429 with Retry-After"],
)
def test_a_fault_that_passes_is_survived(server: Server, fault: Answer) -> None:
    assert server.source(fault, fault, rows()).read(OCCASION).height == 2
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (hang_up, "RemoteProtocolError"),
        (cut_off, "RemoteProtocolError"),
        (garbage, "RemoteProtocolError"),
        (answer(b"", 500), "status 500"),
        (answer(b"", 429), "status 429"),
    ],
    ids=["hang up", "cut off", "garbage", "500", "429"],
)
def test_a_fault_that_stays_is_unavailable_after_all_tries(
    server: Server, fault: Answer, message: str
) -> None:
    with pytest.raises(UnavailableError, match=message) as caught:
        server.source(fault).read(OCCASION)
    assert caught.value.transient
    assert "3 tries" in str(caught.value)
    assert len(server.requests) == 3
    assert "private-row" not in str(caught.value)


@pytest.mark.parametrize("fault", [sleepy, dripping])
def test_a_slow_server_is_cut_off_in_time(server: Server, fault: Answer) -> None:
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"no whole answer within 0.3 s"):
        server.source(fault, timeout=0.3, retries=0).read(OCCASION)
    assert time.monotonic() - started < 0.9


def test_a_slow_answer_is_followed_by_another_try(server: Server) -> None:
    assert server.source(sleepy, rows(), timeout=0.3).read(OCCASION).height == 2


def test_a_server_that_is_not_there_is_unavailable(server: Server) -> None:
    source = server.source(rows())
    server.server.server_close()
    with pytest.raises(UnavailableError, match="no connection"):
        source.read(OCCASION)


def test_the_pause_is_at_least_what_the_server_asks_for(server: Server) -> None:
    started = time.monotonic()
    server.source(answer(b"", 429, Retry_After="1"), rows()).read(OCCASION)
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("form", ["3600", "date"])
def test_a_server_that_asks_for_a_long_pause_is_not_waited_for(server: Server, form: str) -> None:
    text = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True) if form == "date" else form
    with pytest.raises(UnavailableError) as caught:
        server.source(answer(b"", 503, Retry_After=text)).read(OCCASION)
    assert caught.value.retry_after is not None
    assert 3590 < caught.value.retry_after <= 3601
    assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["soon", "", "-1", "Mon, 99 Foo 2026"])
def test_a_pause_that_cannot_be_read_is_as_if_not_asked_for(server: Server, text: str) -> None:
    assert server.source(answer(b"", 503, Retry_After=text), rows()).read(OCCASION).height == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_not_tried_again(server: Server, status: int) -> None:
    with pytest.raises(RefusedError, match=f"status {status}") as caught:
        server.source(answer(b"private-row", status), token=TOKEN).read(OCCASION)
    assert not caught.value.transient
    assert len(server.requests) == 1
    assert "private-row" not in str(caught.value)
    assert TOKEN not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize("status", [201, 204, 206, 304])
def test_a_success_that_is_none_is_refused(server: Server, status: int) -> None:
    with pytest.raises(NonsenseError, match=f"status {status} where 200 is due"):
        server.source(answer(b"", status)).read(OCCASION)


def test_a_redirect_on_the_same_server_is_followed_with_the_token(server: Server) -> None:
    assert server.source(answer(b"", 307, Location="/there"), rows(), token=TOKEN).read(OCCASION).height == 2
    assert server.requests[1][0] == "/there"
    assert server.requests[1][1]["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("target", ["http://127.0.0.2:1/", "https://127.0.0.1/", "//localhost/", "ftp://x/"])
def test_a_redirect_to_another_server_is_not_followed(server: Server, target: str) -> None:
    with pytest.raises(NonsenseError, match="redirects to another server"):
        server.source(answer(b"", 302, Location=target), token=TOKEN).read(OCCASION)
    assert len(server.requests) == 1


def test_the_token_does_not_reach_another_port_of_the_same_host(server: Server) -> None:
    other = Server()
    try:
        other.answers = [rows()]
        with pytest.raises(NonsenseError, match="redirects to another server"):
            server.source(answer(b"", 302, Location=other.url), token=TOKEN).read(OCCASION)
        assert other.requests == []
    finally:
        other.stop()


def test_a_redirect_in_a_circle_ends(server: Server) -> None:
    with pytest.raises(NonsenseError, match="more than 3 redirects"):
        server.source(answer(b"", 302, Location="/again")).read(OCCASION)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no JSON"),
        (b"<!doctype html><p>private-row</p>", "no JSON"),
        (b'[{"consumer": "private-row", "wh"', "no JSON"),
        (b"[] []", "no JSON"),
        (b"\xef\xbb\xbf[]", "no JSON"),
        (b'["\xff"]', "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "thousands of digits"),
        (b"{}", "where the rows are due"),
        (b'{"rows": [], "page": 1}', "an object with 2 keys"),
        (b"3", "where the rows are due"),
        (b"null", "where the rows are due"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_table_is_nonsense(server: Server, body: bytes, message: str) -> None:
    with pytest.raises(NonsenseError, match=message) as caught:
        server.source(answer(body)).read(OCCASION)
    assert "private-row" not in str(caught.value) + caught.value.hint
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "where"),
    [({"data": []}, "rows"), ([], "rows"), ({"a": [1]}, "/a/1"), ({"a": [1]}, "/a/01"), ({"a": 1}, "/a/b")],
)
def test_rows_that_are_elsewhere_are_told(server: Server, body: Any, where: str) -> None:
    with pytest.raises(NonsenseError, match="the answer has no"):
        server.source(rows(body), rows=where).read(OCCASION)


def test_an_object_with_the_rows_twice_is_refused(server: Server) -> None:
    with pytest.raises(NonsenseError, match="has a key twice"):
        server.source(answer(b'{"rows": [], "rows": [1]}'), rows="rows").read(OCCASION)


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ('{"consumer": "x", "wh": 1.0, "site": null}', "wh", "floating point"),
        ('{"consumer": "x", "wh": 1e3, "site": null}', "wh", "floating point"),
        ('{"consumer": "x", "wh": NaN, "site": null}', "wh", "floating point"),
        ('{"consumer": "x", "wh": Infinity, "site": null}', "wh", "floating point"),
        ('{"consumer": "x", "wh": "1", "site": null}', "wh", "str"),
        ('{"consumer": "x", "wh": true, "site": null}', "wh", "bool"),
        ('{"consumer": "x", "wh": null, "site": null}', "wh", "null"),
        ('{"consumer": "x", "wh": 9007199254740992, "site": null}', "wh", "2^53"),
        ('{"consumer": "x", "wh": 99999999999999999999, "site": null}', "wh", "2^53"),
        ('{"consumer": "x", "wh": {"a": 1.5}, "site": null}', "wh", "floating point"),
        ('{"consumer": "x", "wh": [1], "site": null}', "wh", "list"),
        ('{"consumer": "x", "wh": 1}', "site", "missing"),
        ('{"consumer": "\\ud800", "wh": 1, "site": null}', "consumer", "surrogate"),
        ('{"consumer": "b", "wh": 1, "site": null}', "consumer", "occurs again"),
        ('{"consumer": "x", "wh": 1, "site": null, "wh": 2}', "", "a key stands twice"),
        ('["x", 1, null]', "", "not an object"),
        ("null", "", "not an object"),
    ],
)  # fmt: skip
def test_a_row_that_breaks_the_schema_is_told_by_row_and_column_but_not_by_value(
    server: Server, row: str, column: str, message: str
) -> None:
    body = json.dumps(ROWS)[:-1] + ", " + row + "]"
    with pytest.raises(SchemaViolationError) as caught:
        server.source(answer(body.encode())).read(OCCASION)
    assert (caught.value.row, caught.value.column) == (2, column)
    assert message in str(caught.value)
    assert "dataset consumption" in str(caught.value)
    assert '"x"' not in str(caught.value)


@pytest.mark.parametrize("with_length", [True, False])
def test_a_gigantic_answer_is_given_up_in_the_middle(server: Server, with_length: bool) -> None:
    sent = []

    def gigantic(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if with_length:
            handler.send_header("Content-Length", str(1 << 40))
        handler.end_headers()
        handler.close_connection = True
        try:
            while True:
                sent.append(handler.wfile.write(b" " * 65536))
        except OSError:
            return

    with pytest.raises(NonsenseError, match="larger than 1000000 bytes"):
        server.source(gigantic, max_bytes=1_000_000).read(OCCASION)
    assert sum(sent) < 50_000_000


def test_a_compressed_answer_that_was_not_asked_for_is_refused(server: Server) -> None:
    with pytest.raises(NonsenseError, match="compressed"):
        server.source(answer(b"\x1f\x8b", Content_Encoding="gzip")).read(OCCASION)


@pytest.mark.parametrize("token", ["a\nX-Evil: 1", "a b", "tökn", ""])
def test_a_token_that_cannot_be_one_is_refused_and_not_shown(server: Server, token: str) -> None:
    with pytest.raises(RefusedError, match="the token has characters") as caught:
        server.source(rows(), token=token)
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "x", "http://x/{begin}", "http://x/{start", "http://x:99999999/"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(SourceError):
        HttpSource("consumption", SCHEMA, url=url)


def test_no_error_shows_more_of_an_address_than_the_server(server: Server) -> None:
    url = server.url.replace("//", "//user:hunter2@") + "/hunter2?key=hunter2"
    with pytest.raises(UnavailableError) as caught:
        server.source(answer(b"", 500), url=url).read(OCCASION)
    assert server.url in str(caught.value)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(RefusedError, match="both a token and a user"):
        server.source(rows(), url=url, token=TOKEN)


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert server.source(rows()).read(OCCASION).height == 2


def test_several_threads_may_read_at_once(server: Server) -> None:
    source = server.source(rows())
    heights: list[int] = []
    threads = [
        threading.Thread(target=lambda: heights.append(source.read(OCCASION).height)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heights == [2] * 8
