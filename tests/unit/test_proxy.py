"""The tests' own TCP proxy: it passes on, cuts, stalls, and heals."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from tests.proxy import TcpProxy


def _echo(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        try:
            while piece := connection.recv(100_000):
                connection.sendall(piece)
        except OSError:
            return


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """A proxy before a server that says again whatever it is told."""
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(listening,), daemon=True).start()
    with TcpProxy("127.0.0.1", listening.getsockname()[1]) as proxy:
        yield proxy
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def _connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def _said_again(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    found = b""
    while len(found) < len(text) and (piece := connection.recv(100_000)):
        found += piece
    return found


def test_what_is_said_arrives_and_is_answered(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        assert _said_again(connection, b"x" * 1_000_000) == b"x" * 1_000_000


def test_a_cut_ends_the_connection(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        _said_again(connection, b"hello")
        proxy.cut()
        with suppress(ConnectionError):
            assert connection.recv(1) == b""


def test_nobody_connects_while_it_is_cut(proxy: TcpProxy) -> None:
    proxy.cut()
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)


def test_the_same_port_serves_again_after_healing(proxy: TcpProxy) -> None:
    for _ in range(3):
        proxy.cut()
        proxy.cut()
        proxy.heal()
        with _connect(proxy) as connection:
            assert _said_again(connection, b"hello") == b"hello"


def test_a_stall_holds_back_and_loses_nothing(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        _said_again(connection, b"hello")
        proxy.stall()
        connection.sendall(b"again")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(5)
        proxy.heal()
        connection.settimeout(5)
        assert connection.recv(5) == b"again"


def test_the_end_of_one_side_reaches_the_other(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        connection.sendall(b"last")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4) == b"last"
        assert connection.recv(1) == b""


def test_it_may_be_closed_twice(proxy: TcpProxy) -> None:
    proxy.close()
    proxy.close()
