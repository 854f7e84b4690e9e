"""The HTTP server: limits on what a client may hold up, no word of the inside, a clear refusal to start."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worknet.node.operations import server
from worknet.node.operations.server import LARGEST_BODY, LARGEST_HEAD, HttpServer, ServerError, application

SHORT = 0.3


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _slow(_: Request) -> Response:
    await asyncio.sleep(60)
    return PlainTextResponse("late")


async def _faulty(_: Request) -> Response:
    raise RuntimeError("the key is 5ec2e7")


@pytest.fixture
def serving() -> Iterator[Callable[[], int]]:
    """Starts a server and gives its port; limits that a test has set before count."""
    started: list[HttpServer] = []

    def start() -> int:
        routes = [
            Route("/echo", _echo, methods=["POST"]),
            Route("/slow", _slow),
            Route("/faulty", _faulty),
        ]
        started.append(HttpServer(application(routes), "127.0.0.1", 0))
        started[-1].start()
        return started[-1].port

    yield start
    for each in started:
        each.close()


def test_a_route_is_served(serving: Callable[[], int]) -> None:
    assert httpx.post(f"http://127.0.0.1:{serving()}/echo", content=b"x" * 1000).text == "1000"


def test_an_answer_says_nothing_of_the_software(serving: Callable[[], int]) -> None:
    answer = httpx.get(f"http://127.0.0.1:{serving()}/none")
    assert answer.status_code == 404
    assert not {"server", "date", "x-powered-by"} & set(answer.headers)


def test_a_fault_is_answered_without_its_text(serving: Callable[[], int]) -> None:
    answer = httpx.get(f"http://127.0.0.1:{serving()}/faulty")
    assert (answer.status_code, answer.json()) == (500, {"error": "a fault of worknet itself"})


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_is_too_large_is_refused_told_its_length_or_not(
    serving: Callable[[], int], told: bool
) -> None:
    body = b"x" * (LARGEST_BODY + 1)
    content = body if told else iter([body[: LARGEST_BODY // 2]] * 3)
    answer = httpx.post(f"http://127.0.0.1:{serving()}/echo", content=content)
    assert answer.status_code == 413


def test_a_head_that_is_too_large_is_refused(serving: Callable[[], int]) -> None:
    headers = {"x-large": "x" * (2 * LARGEST_HEAD)}
    assert httpx.post(f"http://127.0.0.1:{serving()}/echo", headers=headers).status_code == 431


def test_an_answer_that_takes_too_long_is_given_up(
    serving: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", SHORT)
    assert httpx.get(f"http://127.0.0.1:{serving()}/slow").status_code == 408


@pytest.mark.parametrize("sent", [b"", b"POST /echo HTTP/1.1\r\nhost: a\r\n"])
def test_a_connection_without_a_whole_head_is_closed(
    serving: Callable[[], int], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", SHORT)
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", serving()), timeout=5) as client:
        client.sendall(sent)
        assert client.recv(1) == b""
    assert time.monotonic() - begun < 3


def test_a_second_request_that_stalls_is_closed_too(
    serving: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", SHORT)
    with socket.create_connection(("127.0.0.1", serving()), timeout=5) as client:
        client.sendall(b"GET /none HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 404")
        client.sendall(b"GET /none HT")
        while client.recv(4096):
            pass


def test_a_body_that_stalls_is_given_up(serving: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", SHORT)
    with socket.create_connection(("127.0.0.1", serving()), timeout=5) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nxx")
        assert client.recv(4096).startswith(b"HTTP/1.1 408")


def test_connections_beyond_the_limit_are_told_to_come_later(
    serving: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS", 3)
    port = serving()
    held = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3)]
    try:
        assert httpx.get(f"http://127.0.0.1:{port}/none").status_code == 503
    finally:
        for each in held:
            each.close()


def test_a_port_in_use_is_refused_when_the_server_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ServerError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use"
        ):
            HttpServer(application([]), "127.0.0.1", port)


def test_the_port_is_free_again_after_the_end() -> None:
    first = HttpServer(application([]), "127.0.0.1", 0)
    first.start()
    httpx.get(f"http://127.0.0.1:{first.port}/")
    first.close()
    HttpServer(application([]), "127.0.0.1", first.port).close()


async def _in_a_loop_of_its_own() -> int:
    running = HttpServer(application([Route("/echo", _echo, methods=["POST"])]), "127.0.0.1", 0)
    serving = asyncio.create_task(running.run())
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{running.port}/echo", content=b"abc")
    running.close()
    await asyncio.wait_for(serving, 5)
    return int(answer.text)


def test_it_runs_in_a_loop_that_is_there_already() -> None:
    done: list[int] = []
    # In a thread, as in a worker: the main thread's signals are the worker's.
    thread = threading.Thread(target=lambda: done.append(asyncio.run(_in_a_loop_of_its_own())))
    thread.start()
    thread.join(10)
    assert done == [3]
