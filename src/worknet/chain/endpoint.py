"""One JSON-RPC endpoint: a single try of a request over HTTP, and what is known of the endpoint's health.

Nothing is repeated here and no endpoint is compared with another: that is done in `endpoints`.
"""

import ipaddress
import itertools
import json
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog

from worknet.chain import answers
from worknet.chain.answers import Header
from worknet.chain.errors import RpcRefusedError, RpcUnavailableError, shown_url

DOUBT_SECONDS = 60.0
"""How long an endpoint that was found out is not read; then it is compared again."""

CLOCK_AHEAD_SECONDS = 15 * 60
"""How far ahead of this machine's clock a block's time may be before that is told."""

_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500
_SLOW_DOWN = ("too many requests", "rate limit")
_LONGEST_REST_SECONDS = 60.0
_LONGEST_RETRY_AFTER_SECONDS = 300.0
_TOLD_AFTER_FAILURES = 2
_MOST_ANSWER_BYTES = 1 << 28

log = structlog.get_logger()


@dataclass(frozen=True)
class EndpointState:
    """What is known of an endpoint, for whoever looks after the worker.

    `fault` says why it is not read, "" for one that answers and is believed; `note` what is strange about it
    though no fault: a chain that stands still, or is ahead of this machine's clock. `head` is its newest
    block as far as it was asked, `head_time` that block's time (unix seconds), `age` the seconds since its
    last usable answer (None: none yet), `is_read` whether reads go to it now.
    """

    shown_url: str
    fault: str
    note: str
    head: int | None
    head_time: int | None
    age: float | None
    is_read: bool


class EndpointFault(Exception):
    """An endpoint gave no usable answer: `cause` in few words. `may_pass`: asking again may help. `rest`: the
    seconds for which it asks to be left alone."""

    def __init__(self, cause: str, hint: str = "", *, may_pass: bool = True, rest: float = 0.0) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint
        self.may_pass = may_pass
        self.rest = rest


class Endpoint:
    """One URL. What is asked of it raises `EndpointFault`, or `RpcRefusedError` for an error as the answer.

    Whoever asks tells it how that went: `answered`, `failed`, or `doubt` where its peers contradict. Times
    are those of `clock` (seconds, monotonic); `wall` gives unix seconds.
    """

    def __init__(
        self, url: str, *, timeout: float, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self.shown_url = shown_url(url)
        self.fault = ""
        self.rests_until = 0.0
        self.asked_to_rest_until = 0.0
        self.is_checked = False
        self.head: int | None = None
        self.head_time: int | None = None
        self._failures = 0
        self._answered_at: float | None = None
        self._doubt = ""
        self._doubted_until = 0.0
        self._is_told = False
        self._telling = threading.Lock()
        self._clock = clock
        self._wall = wall
        self._url = url
        self._timeout = timeout
        self._numbers = itertools.count(1)
        # A proxy that the environment names cannot reach this machine's own loopback address.
        self._http = httpx.Client(timeout=timeout, trust_env=not _is_loopback(url), verify=_tls(url))

    def ask(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one request, as JSON, of the shape that the method has."""
        answer = self._post(self._request(method, params))
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise EndpointFault("the answer is no JSON-RPC")
        if answer.get("error") is not None:
            raise _refusal(method, answer["error"])
        self._learn(method, params, answer["result"])
        return answer["result"]

    def ask_many(self, method: str, params: Sequence[list[Any]]) -> list[Any] | None:
        """The results of a batch, None where the endpoint does not answer it whole."""
        requests = [self._request(method, each) for each in params]
        try:
            found = self._post(requests)
        except EndpointFault:
            return None
        if not isinstance(found, list):
            return None
        # An endpoint may answer a batch in any order (JSON-RPC 2.0, section 6).
        results = {
            answer.get("id"): answer["result"]
            for answer in found
            if isinstance(answer, dict) and "result" in answer and isinstance(answer.get("id"), int)
        }
        numbers = [request["id"] for request in requests]
        return [results[number] for number in numbers] if results.keys() == set(numbers) else None

    def answered(self) -> None:
        """It gave an answer that can be used."""
        self._failures, self.fault = 0, ""
        self.rests_until = self.asked_to_rest_until = 0.0
        self._tell()

    def failed(self, fault: EndpointFault) -> None:
        """It gave none: it rests, ever longer, or as long as it asks for."""
        now = self._clock()
        self._failures += 1
        self.fault = fault.cause
        rest = 2.0 ** min(self._failures - 1, 10) if fault.may_pass else _LONGEST_REST_SECONDS
        self.asked_to_rest_until = now + fault.rest
        self.rests_until = now + max(min(rest, _LONGEST_REST_SECONDS), fault.rest)
        self._tell()

    def doubt(self, cause: str) -> None:
        """Its peers contradict what it says."""
        self._doubt, self._doubted_until = cause, self._clock() + DOUBT_SECONDS
        self._tell()

    @property
    def doubted(self) -> bool:
        """Whether it was found out a short while ago."""
        return self._clock() < self._doubted_until

    def is_well(self) -> bool:
        """Whether it may be read: neither resting nor doubted."""
        return self.rests_until <= self._clock() and not self.doubted

    def fault_now(self) -> str:
        """Why it is not read; "" if it is well."""
        return (self._doubt if self.doubted else "") or self.fault

    def age(self, time: int) -> float:
        """How old a block of that time is, by this machine's clock; negative: how far ahead of it."""
        return self._wall() - time

    def note(self, stale_after: float) -> str:
        """What is strange about the time of its newest block; "" if nothing is."""
        if self.head_time is None:
            return ""
        age = self.age(self.head_time)
        if age > stale_after:
            return f"its newest block is {age:.0f} s old"
        if -age > CLOCK_AHEAD_SECONDS:
            return f"its newest block is {-age:.0f} s ahead of this machine's clock"
        return ""

    def state(self, stale_after: float, *, is_read: bool) -> EndpointState:
        """All that is known of it."""
        age = None if self._answered_at is None else self._clock() - self._answered_at
        note = self.note(stale_after)
        return EndpointState(self.shown_url, self.fault_now(), note, self.head, self.head_time, age, is_read)

    def _tell(self) -> None:
        """Logs that it fell ill, and that it is well again: once each."""
        with self._telling:
            lasting = self.fault if self._failures >= _TOLD_AFTER_FAILURES else ""
            fault = (self._doubt if self.doubted else "") or lasting
            if bool(fault) == self._is_told:
                return
            self._is_told = bool(fault)
        if fault:
            log.warning("chain.endpoint_fault", endpoint=self.shown_url, cause=fault)
        else:
            log.info("chain.endpoint_well", endpoint=self.shown_url)

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": list(params)}

    def _post(self, body: object) -> object:
        """What the endpoint answers with, as JSON; `EndpointFault` for anything else."""
        end = self._clock() + self._timeout
        try:
            with self._http.stream("POST", self._url, json=body) as response:
                content = self._whole(response, end)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            self.is_checked = False
            # Its text may hold the address, and so a token.
            raise EndpointFault(type(error).__name__) from None
        status = response.status_code
        if status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR:
            self.is_checked = False
            rest = self._seconds(response.headers.get("Retry-After", ""))
            raise EndpointFault(f"HTTP status {status}", rest=rest)
        if not response.is_success:
            self.is_checked = False
            hint = "check the path and access token of the RPC URL"
            raise EndpointFault(f"HTTP status {status}", hint, may_pass=False)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise EndpointFault("the answer is no JSON") from None

    def _whole(self, response: httpx.Response, end: float) -> bytes:
        """The whole body: an endpoint that sends it byte by byte must not hold the worker up."""
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            too_large, too_late = len(content) > _MOST_ANSWER_BYTES, self._clock() > end
            if too_large or too_late:
                # The connection ends with this.
                self.is_checked = False
                told = f"larger than {_MOST_ANSWER_BYTES} bytes" if too_large else "too slow"
                raise EndpointFault(f"the answer is {told}")
        return bytes(content)

    def _learn(self, method: str, params: Sequence[Any], result: object) -> None:
        """Takes note of an answer and of the head that it tells; raises `EndpointFault` for nonsense."""
        try:
            value = answers.SHAPES[method](result) if method in answers.SHAPES else None
        except RpcUnavailableError as error:
            raise EndpointFault(str(error)) from None
        self._answered_at = self._clock()
        if method == "eth_blockNumber" and isinstance(value, int):
            self.head = value
        elif isinstance(value, Header) and (params[0] == "latest" or value.number >= (self.head or 0)):
            self.head, self.head_time = value.number, value.time

    def _seconds(self, retry_after: str) -> float:
        """The seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), at most some minutes."""
        if retry_after.isascii() and retry_after.isdigit():
            return min(float(retry_after), _LONGEST_RETRY_AFTER_SECONDS)
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - self._wall()
        except (TypeError, ValueError):
            return 0.0
        return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _refusal(method: str, error: object) -> Exception:
    fault = error if isinstance(error, dict) else {"message": str(error)}
    code, text = fault.get("code"), str(fault.get("message", ""))
    if code == _TOO_MANY_REQUESTS or any(phrase in text.lower() for phrase in _SLOW_DOWN):
        return EndpointFault("too many requests")
    return RpcRefusedError(
        method, code if isinstance(code, int) else 0, text, _revert_data(fault.get("data"))
    )


def _tls(url: str) -> ssl.SSLContext | bool:
    """The authorities' certificates; reading them takes a while, and is for nothing without TLS."""
    return httpx.create_ssl_context() if url.lower().startswith("https:") else False


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _revert_data(data: object) -> bytes:
    """The bytes that a reverted call returned; nodes put them in `data`, some inside an object or a text."""
    if isinstance(data, dict):
        data = data.get("data")
    if isinstance(data, str):
        text = data.rpartition("Reverted ")[2]
        if text.startswith("0x"):
            try:
                return bytes.fromhex(text[2:])
            except ValueError:
                pass
    return b""
