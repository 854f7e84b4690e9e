"""RPC access against a server that misbehaves in every way a provider does."""

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from worknet.chain import endpoint
from worknet.chain.errors import RpcRefusedError, RpcUnavailableError, WrongChainError
from worknet.chain.rpc import Rpc

Script = list[tuple[int, bytes]]
HASH = bytes(31) + b"\x01"


class Provider:
    """A server that gives the scripted answers (status, body) one by one, and the last one for ever."""

    def __init__(self) -> None:
        self.script: Script = []
        self.seen: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.seen.append(request["method"])
                status, body = provider.script.pop(0) if len(provider.script) > 1 else provider.script[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v3/secret-token"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def rpc(self, *answers: tuple[int, bytes]) -> tuple[Rpc, list[float]]:
        """Access to this provider with that script, and the pauses that it makes."""
        self.script = list(answers)
        pauses: list[float] = []
        return Rpc(self.url, 246, timeout=5, retries=3, pause=0.5, sleep=pauses.append), pauses


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.server.shutdown()
    provider.server.server_close()


def result(value: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


def error(code: int, message: str, **more: Any) -> tuple[int, bytes]:
    return 200, json.dumps(
        {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message, **more}}
    ).encode()


@pytest.mark.parametrize(
    "fault",
    [(500, b""), (503, b"x"), (429, b""), (200, b"<html>"), (200, b"[]"), error(429, "Too Many Requests")],
)
def test_a_passing_fault_is_outwaited_with_longer_and_longer_pauses(
    provider: Provider, fault: tuple[int, bytes]
) -> None:
    rpc, pauses = provider.rpc(fault, fault, result("0x10"))
    assert rpc.block_number() == 16
    assert pauses == [0.5, 1.0]


def test_a_lasting_fault_is_an_error_without_the_access_token(provider: Provider) -> None:
    rpc, pauses = provider.rpc((502, b""))
    with pytest.raises(RpcUnavailableError, match="502") as caught:
        rpc.block_number()
    assert len(pauses) == 3
    assert "secret-token" not in str(caught.value) + caught.value.hint
    assert "127.0.0.1" in str(caught.value)


def test_an_answer_without_end_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                for _ in range(200):
                    connection.sendall(b" ")
                    time.sleep(0.05)

        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        rpc = Rpc(f"http://127.0.0.1:{server.getsockname()[1]}", 246, timeout=0.5, retries=0)
        with pytest.raises(RpcUnavailableError, match="the answer is too slow"):
            rpc.block_number()
        dripping.join(5)
        assert not dripping.is_alive()


def test_an_answer_that_is_too_large_is_given_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_MOST_ANSWER_BYTES", 100)
    rpc, _ = provider.rpc(result("0x" + "0" * 100))
    with pytest.raises(RpcUnavailableError, match="larger than 100 bytes"):
        rpc.block_number()


def test_an_answer_that_is_nested_too_deeply_is_an_error(provider: Provider) -> None:
    rpc, _ = provider.rpc((200, b"[" * 200_000))
    # A worker's limit; what else these tests import raises it so far that Python itself would crash.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    try:
        with pytest.raises(RpcUnavailableError, match="the answer is no JSON"):
            rpc.block_number()
    finally:
        sys.setrecursionlimit(limit)


def test_a_refused_token_is_not_tried_again(provider: Provider) -> None:
    rpc, pauses = provider.rpc((401, b"no"))
    with pytest.raises(RpcUnavailableError, match="401") as caught:
        rpc.block_number()
    assert pauses == []
    assert "token" in caught.value.hint


def test_a_chain_that_is_down_is_unavailable(provider: Provider) -> None:
    rpc, pauses = provider.rpc((200, b""))
    provider.server.shutdown()
    provider.server.server_close()
    with pytest.raises(RpcUnavailableError):
        rpc.block_number()
    assert len(pauses) == 3


def test_another_chain_is_refused_with_both_ids(provider: Provider) -> None:
    rpc, _ = provider.rpc(result("0x1"))
    with pytest.raises(WrongChainError) as caught:
        rpc.check_chain()
    assert (caught.value.expected, caught.value.actual) == (246, 1)
    assert caught.value.hint


def test_the_chain_is_asked_once_and_again_after_a_broken_connection(provider: Provider) -> None:
    rpc, _ = provider.rpc(result("0xf6"))
    rpc.check_chain()
    rpc.check_chain()
    assert provider.seen == ["eth_chainId"]
    provider.script = [(500, b""), result("0xf6")]
    rpc.block_number()
    rpc.check_chain()
    assert provider.seen[-1] == "eth_chainId"


def test_an_error_answer_keeps_code_text_and_data(provider: Provider) -> None:
    rpc, _ = provider.rpc(error(3, "execution reverted", data="0x08c379a0"))
    with pytest.raises(RpcRefusedError) as caught:
        rpc.call(bytes(20), b"")
    assert (caught.value.code, caught.value.data) == (3, bytes.fromhex("08c379a0"))


@pytest.mark.parametrize("data", ["Reverted 0x08c379a0", {"data": "0x08c379a0"}])
def test_revert_data_is_found_where_other_nodes_put_it(provider: Provider, data: object) -> None:
    rpc, _ = provider.rpc(error(-32015, "VM execution error.", data=data))
    with pytest.raises(RpcRefusedError) as caught:
        rpc.call(bytes(20), b"")
    assert caught.value.data == bytes.fromhex("08c379a0")


@pytest.mark.parametrize("text", ["already known", "transaction already imported", "AlreadyKnown"])
def test_a_transaction_that_the_chain_has_already_counts_as_sent(provider: Provider, text: str) -> None:
    rpc, _ = provider.rpc(error(-32000, text))
    rpc.send(b"raw", HASH)


def test_a_nonce_too_low_is_no_error_when_the_transaction_itself_used_it(provider: Provider) -> None:
    rpc, _ = provider.rpc(error(-32000, "nonce too low"), result({"from": "0x", "input": "0x", "gas": "0x1"}))
    rpc.send(b"raw", HASH)
    rpc, _ = provider.rpc(error(-32000, "nonce too low"), result(None))
    with pytest.raises(RpcRefusedError, match="nonce too low"):
        rpc.send(b"raw", HASH)


@pytest.mark.parametrize("nonsense", ["x", None, 5, [], {}, True])
def test_nonsense_where_a_value_belongs_is_an_error(provider: Provider, nonsense: object) -> None:
    rpc, _ = provider.rpc(result(nonsense))
    with pytest.raises(RpcUnavailableError):
        rpc.block_number()
    with pytest.raises(RpcUnavailableError):
        rpc.code(bytes(20))
    if nonsense is not None:
        with pytest.raises(RpcUnavailableError):
            rpc.header()
    if nonsense != []:
        with pytest.raises(RpcUnavailableError):
            rpc.logs(bytes(20), 0, 1)
