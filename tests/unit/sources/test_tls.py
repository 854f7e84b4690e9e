"""Servers that prove who they are with a certificate that only the operator can know."""

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import own_certificate

from worknet.protocol.columns import Column
from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.sources import HttpSource, Occasion, RefusedError, UnavailableError
from worknet.sources.sql import SqlSource

SCHEMA = Schema((Column("meter", "str"),), ("meter",))
OCCASION = Occasion(Window(0, 60))
UNTRUSTED = "the server's certificate is not trusted"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'[{"meter": "a"}]')

        def log_message(self, *_: Any) -> None:
            pass

    certificate, context = own_certificate(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/", certificate
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_api_with_an_unknown_certificate_is_refused_once(web: tuple[str, Path]) -> None:
    with pytest.raises(RefusedError, match=UNTRUSTED) as caught:
        HttpSource("d", SCHEMA, url=web[0]).read(OCCASION)
    assert "tls_ca" in caught.value.hint


def test_an_api_with_the_company_s_certificate_is_read(web: tuple[str, Path]) -> None:
    assert HttpSource("d", SCHEMA, url=web[0], tls_ca=web[1]).read(OCCASION).height == 1


def test_an_api_under_another_name_than_its_certificate_s_is_refused(web: tuple[str, Path]) -> None:
    url = web[0].replace("127.0.0.1", "localhost")
    with pytest.raises(RefusedError, match=UNTRUSTED):
        HttpSource("d", SCHEMA, url=url, tls_ca=web[1]).read(OCCASION)


def test_authorities_that_cannot_be_read_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for file in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        with pytest.raises(RefusedError, match="tls_ca cannot be read"):
            HttpSource("d", SCHEMA, url="https://x/", tls_ca=file)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server that begins TLS as PostgreSQL does, and then hangs up."""
    certificate, context = own_certificate(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                client.recv(8)
                client.sendall(b"S")
                try:
                    context.wrap_socket(client, server_side=True).close()
                except (ssl.SSLError, OSError):
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"postgresql://u:p@127.0.0.1:{listening.getsockname()[1]}/d", certificate
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()


@pytest.mark.parametrize(
    ("tls", "known", "error", "message"),
    [
        ("verify", False, RefusedError, UNTRUSTED),
        ("verify", True, UnavailableError, "the connection failed"),
        (None, True, UnavailableError, "the connection failed"),
        ("unverified", False, UnavailableError, "the connection failed"),
    ],
)
def test_a_database_is_spoken_to_only_if_its_certificate_is_as_told(
    database: tuple[str, Path], tls: Any, known: bool, error: type[Exception], message: str
) -> None:
    url, certificate = database
    options = {"tls": tls, "tls_ca": certificate if known else None, "retries": 0, "timeout": 3}
    with pytest.raises(error, match=message):
        SqlSource("d", SCHEMA, url=url, statement="select 1", **options).read(OCCASION)
