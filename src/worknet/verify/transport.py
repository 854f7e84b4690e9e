"""JSON-RPC to a chain with `urllib` alone: requests, alone or in batches, and answers, or an `RpcError`.

Knows no contract. The other side is not trusted to behave: only http and https, no redirects, limits on time
and on the size of an answer. Errors show the URL without its path, since access tokens stand there.
"""

import json
import re
import time
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from worknet.verify.errors import RpcError

TIMEOUT_SECONDS = 30
MAX_ANSWER_BYTES = 64 << 20

_CHUNK_BYTES = 1 << 16
_BATCH = 100
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


class AnsweredError(RpcError):
    """The RPC answered with an error of its own; `reverted` says whether the contract refused a call."""

    def __init__(self, message: str, *, reverted: bool) -> None:
        super().__init__(message)
        self.reverted = reverted


class Transport:
    """One RPC by its URL; `RpcError` for a URL that cannot be one."""

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        try:
            parts = urlsplit(url)
            shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        except ValueError as error:
            raise RpcError("the RPC's URL cannot be read", "such as https://rpc.energyweb.org") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isascii():
            raise RpcError("the RPC's URL is none of http or https", "such as https://rpc.energyweb.org")
        if parts.username or parts.password:
            raise RpcError(
                "the RPC's URL holds a user and password", "only tokens in path or query are understood"
            )
        self.shown = shown
        self._url = url
        self._timeout = timeout
        self._number = 0
        self._takes_batches = True
        self._opener = OpenerDirector()
        for handler in (
            ProxyHandler(),
            UnknownHandler(),
            HTTPHandler(),
            HTTPSHandler(),
            HTTPDefaultErrorHandler(),
            HTTPErrorProcessor(),
        ):
            self._opener.add_handler(handler)

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one request; `AnsweredError` if the RPC says no, `RpcError` for nothing usable."""
        request = self._request(method, params)
        return self._result(method, request["id"], self._exchange(method, request))

    def ask_all(self, method: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of many requests of one method, in batches where the RPC takes them."""
        results: list[Any] = []
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + _BATCH]
            results += self._batch(method, part) or [self.ask(method, *params) for params in part]
        return results

    def _batch(self, method: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """The results of one batch; none if it is no batch, or the RPC takes none."""
        if len(calls) == 1 or not self._takes_batches:
            return []
        requests = [self._request(method, params) for params in calls]
        answers = self._exchange(method, requests)
        if not isinstance(answers, list):
            self._takes_batches = False
            return []
        by_id = {
            repr(answer["id"]): answer for answer in answers if isinstance(answer, dict) and "id" in answer
        }
        return [self._result(method, request["id"], by_id.get(repr(request["id"]))) for request in requests]

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        self._number += 1
        return {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}

    def _exchange(self, method: str, request: Any) -> Any:
        try:
            return json.loads(self._post(json.dumps(request).encode()))
        except (ValueError, RecursionError) as error:
            raise self._unusable(method, "no JSON came back") from error

    def _result(self, method: str, number: int, answer: Any) -> Any:
        if not isinstance(answer, dict) or answer.get("id") != number:
            raise self._unusable(method, "the answer is to no request of ours")
        if answer.get("error") is not None:
            reason = _reason(answer["error"])
            reverted = "revert" in reason.lower()
            raise AnsweredError(f"{self.shown} refused {method}: {reason}", reverted=reverted)
        if "result" not in answer:
            raise self._unusable(method, "the answer has no result")
        return answer["result"]

    def quantity(self, method: str, *params: Any) -> int:
        """The result, if it is a number."""
        result = self.ask(method, *params)
        if not isinstance(result, str) or not _QUANTITY.fullmatch(result):
            raise self._unusable(method, "a number is due")
        return int(result, 16)

    def data(self, method: str, *params: Any) -> bytes:
        """The result, if it is bytes."""
        return self.bytes_of(method, self.ask(method, *params))

    def bytes_of(self, method: str, value: Any) -> bytes:
        """A part of a result, if it is bytes."""
        if not isinstance(value, str) or not _DATA.fullmatch(value):
            raise self._unusable(method, "hex digits are due")
        return bytes.fromhex(value[2:])

    def _post(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "worknet"}
        request = Request(self._url, body, headers)  # noqa: S310  # the scheme was checked
        deadline = time.monotonic() + self._timeout
        answer = bytearray()
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                while chunk := response.read1(_CHUNK_BYTES):
                    answer += chunk
                    if len(answer) > MAX_ANSWER_BYTES:
                        raise RpcError(f"{self.shown} answered with more than {MAX_ANSWER_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise RpcError(f"{self.shown} took longer than {self._timeout} s to answer")
        except HTTPError as error:
            # JSON-RPC errors come with status 400 or 500 from some servers: what counts is the body.
            if (said := _body(error)).lstrip().startswith(b"{"):
                return said
            raise RpcError(f"{self.shown} answered with HTTP status {error.code}") from error
        except (OSError, HTTPException, ValueError) as error:
            hint = "is the URL right, and is the chain running?"
            raise RpcError(f"{self.shown} cannot be asked ({_cause(error)})", hint) from error
        return bytes(answer)

    def _unusable(self, method: str, message: str) -> RpcError:
        return RpcError(f"{self.shown}, {method}: {message}", "is this the URL of a chain's JSON-RPC?")


def _body(error: HTTPError) -> bytes:
    try:
        with error:
            return error.read(_CHUNK_BYTES)
    except (OSError, HTTPException):
        return b""


def _reason(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)[:200]


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or type(reason).__name__)
