"""An RPC that a test puts before a chain's node, with every fault and lie that providers are known for.

Each `RpcProxy` passes JSON-RPC over HTTP on to a target and counts what it is asked. Faults are attributes
that may be set at any time, from any thread; `heal` takes all of them back.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, Request, build_opener

from worknet.chain.development.methods import Methods
from worknet.chain.development.wire import RpcFaultError

Json = dict[str, Any]
Target = Callable[[str, list[Any]], Json]
"""Answers a method with its parameters: an object with `result` or `error`."""

_HEAD = ("latest", "pending", "safe", "finalized")


def node_at(url: str) -> Target:
    """A chain's node behind an address."""
    opener = build_opener(ProxyHandler({}))

    def ask(method: str, params: list[Any]) -> Json:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = Request(url, body, {"Content-Type": "application/json"})
        with opener.open(request, timeout=30) as answer:
            told = json.load(answer)
        return {name: told[name] for name in ("result", "error") if name in told}

    return ask


def node_in_process(methods: Methods, lock: threading.Lock) -> Target:
    """A built-in chain in this process; the lock keeps several proxies from asking it at once."""

    def ask(method: str, params: list[Any]) -> Json:
        with lock:
            try:
                return {"result": methods.answer(method, params)}
            except RpcFaultError as fault:
                error: Json = {"code": fault.code, "message": fault.message}
                return {"error": error | ({} if fault.data is None else {"data": fault.data})}

    return ask


class RpcProxy:
    """One endpoint at `url`. `seen` counts the methods that it was asked, `met` the faults that it played.

    - `down`: the connection is closed without an answer; `cut`: in the middle of it.
    - `slow`: seconds before every answer.
    - `status`: an HTTP status instead of an answer, with `retry_after` seconds if they are not None.
    - `ahead`, `behind`: its head is so many blocks more, made up, or fewer than the chain's.
    - `forked`: its blocks have other hashes than the chain's.
    - `chain_id`: another chain's.
    - `hides_logs`: no events; `repeats_logs`: each twice.
    - `old_state`: calls and nonces are of so many blocks ago.
    - `refuses`: transactions are refused with this text; `swallows`: taken and never passed on.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.seen: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.heal()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                proxy._serve(self, request)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="rpc-proxy", daemon=True
        )
        self._thread.start()

    def heal(self) -> None:
        """No fault any more."""
        self.down = self.cut = False
        self.slow = 0.0
        self.status: int | None = None
        self.retry_after: int | None = None
        self.ahead = self.behind = self.old_state = 0
        self.forked = False
        self.chain_id: int | None = None
        self.hides_logs = self.repeats_logs = False
        self.refuses = ""
        self.swallows = False

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self, handler: BaseHTTPRequestHandler, request: Any) -> None:
        asked = request if isinstance(request, list) else [request]
        self.seen.update(each["method"] for each in asked)
        if self.down:
            self.met["down"] += 1
            handler.close_connection = True
            return
        if self.slow:
            self.met["slow"] += 1
            time.sleep(self.slow)
        if self.status is not None:
            self.met["status"] += 1
            handler.send_response(self.status)
            if self.retry_after is not None:
                handler.send_header("Retry-After", str(self.retry_after))
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        answers = [
            {"jsonrpc": "2.0", "id": each.get("id"), **self._answer(each["method"], each.get("params", []))}
            for each in asked
        ]
        body = json.dumps(answers if isinstance(request, list) else answers[0]).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.cut:
            self.met["cut"] += 1
            body = body[: len(body) // 2]
            handler.close_connection = True
        handler.wfile.write(body)

    def _answer(self, method: str, params: list[Any]) -> Json:
        if method == "eth_chainId" and self.chain_id is not None:
            self.met["chain_id"] += 1
            return {"result": hex(self.chain_id)}
        if method == "eth_sendRawTransaction":
            return self._send(params)
        if method in {"eth_blockNumber", "eth_getBlockByNumber"}:
            return self._block(method, params)
        if method == "eth_getLogs":
            return self._logs(params)
        if self.old_state and method in {"eth_call", "eth_getTransactionCount", "eth_getBalance"}:
            self.met["old_state"] += 1
            tag = hex(max(0, self._head() - self.old_state))
            params = [tag if param in _HEAD else param for param in params]
        if self.behind and method == "eth_getTransactionReceipt":
            answer = self.target(method, params)
            block = (answer.get("result") or {}).get("blockNumber")
            return {"result": None} if block and int(block, 16) > self._shown_head() else answer
        return self.target(method, params)

    def _send(self, params: list[Any]) -> Json:
        if self.refuses:
            self.met["refuses"] += 1
            return {"error": {"code": -32000, "message": self.refuses}}
        if self.swallows:
            self.met["swallows"] += 1
            return {"result": "0x" + "00" * 32}
        return self.target("eth_sendRawTransaction", params)

    def _block(self, method: str, params: list[Any]) -> Json:
        shown = self._shown_head()
        if self.ahead or self.behind:
            self.met["head"] += 1
        if method == "eth_blockNumber":
            return {"result": hex(shown)}
        number = shown if params[0] in _HEAD else int(params[0], 16)
        if number > shown:
            return {"result": None}
        answer = self.target(method, [hex(min(number, self._head())), *params[1:]])
        block = answer.get("result")
        if block and (self.forked or number > self._head()):
            self.met["forked"] += 1
            block |= {"number": hex(number), "hash": "0x" + number.to_bytes(4, "big").hex() + "ab" * 28}
        return answer

    def _logs(self, params: list[Any]) -> Json:
        if self.hides_logs:
            self.met["hides_logs"] += 1
            return {"result": []}
        last = min(int(params[0]["toBlock"], 16), self._shown_head())
        answer = self.target("eth_getLogs", [params[0] | {"toBlock": hex(last)}])
        if self.repeats_logs and "result" in answer:
            self.met["repeats_logs"] += 1
            answer["result"] = [log for log in answer["result"] for _ in range(2)]
        return answer

    def _head(self) -> int:
        return int(self.target("eth_blockNumber", [])["result"], 16)

    def _shown_head(self) -> int:
        return max(0, self._head() + self.ahead - self.behind)
