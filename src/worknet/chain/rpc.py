"""A typed, thin access to a chain's JSON-RPC: requests with retries in, values of this project out.

Knows no contract and signs nothing, but answers for the chain id: `check_chain` compares the RPC's with the
configured one, and whoever signs calls it first. Hashes and addresses are bytes, amounts are wei.
"""

import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from web3 import HTTPProvider
from web3.types import RPCEndpoint

from worknet.chain.errors import RpcRefusedError, RpcUnavailableError, WrongChainError, shown_url

BlockTag = int | Literal["latest", "pending"]
Topics = Sequence[bytes | Sequence[bytes] | None]

_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500
_BATCH = 100
_LONGEST_PAUSE_SECONDS = 10.0
_ALREADY_THERE = ("already known", "already imported", "alreadyknown")
_NONCE_USED = "nonce too low"
_SLOW_DOWN = ("too many requests", "rate limit")


@dataclass(frozen=True)
class Header:
    """A block's number, hashes, time (unix seconds) and base fee (wei per gas; None before London)."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    base_fee: int | None


@dataclass(frozen=True)
class Log:
    """One event of a contract and where it stands; `index` counts the logs of its block."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: bytes
    transaction: bytes
    index: int


@dataclass(frozen=True)
class Receipt:
    """What a transaction came to. `contract` is the one that it created, if it did."""

    transaction: bytes
    block: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract: bytes | None
    logs: tuple[Log, ...]


@dataclass(frozen=True)
class Sent:
    """A transaction as the chain has it; `to` None creates a contract."""

    sender: bytes
    to: bytes | None
    data: bytes
    gas: int


class Rpc:
    """One JSON-RPC endpoint of one chain; safe to use from several threads.

    Every method may raise RpcUnavailableError (no usable answer after all retries) and RpcRefusedError (the
    answer is an error). A request that failed on the way, or was answered with 429 or 5xx, is repeated
    after `pause` seconds, then twice as many, and so on.
    """

    def __init__(
        self,
        url: str,
        chain_id: int,
        *,
        timeout: float = 20.0,
        retries: int = 5,
        pause: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.chain_id = chain_id
        self.shown_url = shown_url(url)
        self._retries = retries
        self._pause = pause
        self._sleep = sleep
        self._checked = False
        kwargs: dict[str, Any] = {"timeout": timeout}
        if _is_loopback(url):
            # A proxy that the environment names cannot reach this machine's own loopback address.
            kwargs["proxies"] = {"http": "", "https": "", "all": ""}
        self._provider = HTTPProvider(url, request_kwargs=kwargs, exception_retry_configuration=None)

    def check_chain(self) -> None:
        """Raise WrongChainError unless the RPC serves the configured chain; asked once per connection."""
        if self._checked:
            return
        actual = _integer(self.request("eth_chainId"))
        if actual != self.chain_id:
            raise WrongChainError(self.chain_id, actual, f"the RPC at {self.shown_url}")
        self._checked = True

    def request(self, method: str, *params: Any) -> Any:
        """The result of one request, as JSON."""
        attempt = 0
        while True:
            try:
                return self._once(method, params)
            except _RepeatableError as fault:
                if attempt >= self._retries:
                    raise RpcUnavailableError(
                        f"the RPC at {self.shown_url} gave no answer to {method}: {fault}",
                        hint="check the RPC URL and whether the chain is up",
                    ) from None
            self._sleep(min(self._pause * 2**attempt, _LONGEST_PAUSE_SECONDS))
            attempt += 1

    def block_number(self) -> int:
        """Number of the newest block."""
        return _integer(self.request("eth_blockNumber"))

    def header(self, block: BlockTag = "latest") -> Header | None:
        """The block of that number, None while there is none."""
        answer = self.request("eth_getBlockByNumber", _tag(block), False)
        return None if answer is None else _header(_object(answer))

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """The blocks of these numbers, many in one request where the RPC takes batches."""
        found: list[Header | None] = []
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            answers = self._batch("eth_getBlockByNumber", [[hex(number), False] for number in part])
            if answers is None:
                found += [self.header(number) for number in part]
            else:
                found += [None if answer is None else _header(_object(answer)) for answer in answers]
        return found

    def block_gas_limit(self) -> int:
        """The gas that all transactions of the newest block could take together."""
        return _integer(_object(self.request("eth_getBlockByNumber", "latest", False)).get("gasLimit"))

    def nonce(self, address: bytes, block: BlockTag = "pending") -> int:
        """Number of transactions that `address` has sent, by default counting those that wait."""
        return _integer(self.request("eth_getTransactionCount", _hex(address), _tag(block)))

    def balance(self, address: bytes) -> int:
        """Wei that `address` holds."""
        return _integer(self.request("eth_getBalance", _hex(address), "latest"))

    def code(self, address: bytes) -> bytes:
        """Code of the contract at `address`; empty where there is none."""
        return _bytes(self.request("eth_getCode", _hex(address), "latest"))

    def call(
        self,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        block: BlockTag = "latest",
        gas: int | None = None,
    ) -> bytes:
        """Output of a call that changes nothing, on the state after `block`.

        A revert is an RpcRefusedError whose `data` holds what the contract returned.
        """
        request = {"to": _hex(to), "data": _hex(data)}
        if sender is not None:
            request["from"] = _hex(sender)
        if gas is not None:
            request["gas"] = hex(gas)
        return _bytes(self.request("eth_call", request, _tag(block)))

    def send(self, raw: bytes, transaction: bytes) -> None:
        """Hand over a signed transaction of that hash; one that the chain has already is no error."""
        try:
            self.request("eth_sendRawTransaction", _hex(raw))
        except RpcRefusedError as refused:
            text = refused.text.lower()
            if any(phrase in text for phrase in _ALREADY_THERE):
                return
            # A repeated request may find that its first try went through and is in a block by now.
            if _NONCE_USED in text and self.transaction(transaction) is not None:
                return
            raise

    def transaction(self, transaction: bytes) -> Sent | None:
        """The transaction of that hash, in a block or waiting; None if the chain does not know it."""
        answer = self.request("eth_getTransactionByHash", _hex(transaction))
        if answer is None:
            return None
        to = _object(answer).get("to")
        return Sent(
            sender=_bytes(answer.get("from")),
            to=_bytes(to) if to else None,
            data=_bytes(answer.get("input")),
            gas=_integer(answer.get("gas")),
        )

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of a transaction; None while it is in no block."""
        answer = self.request("eth_getTransactionReceipt", _hex(transaction))
        if answer is None or _object(answer).get("blockNumber") is None:
            return None
        created = answer.get("contractAddress")
        return Receipt(
            transaction=transaction,
            block=_integer(answer.get("blockNumber")),
            block_hash=_bytes(answer.get("blockHash")),
            succeeded=_integer(answer.get("status")) == 1,
            gas_used=_integer(answer.get("gasUsed")),
            contract=_bytes(created) if created else None,
            logs=tuple(_log(entry) for entry in _list(answer.get("logs"))),
        )

    def logs(self, address: bytes, first: int, last: int, topics: Topics = ()) -> list[Log]:
        """Events of the contract at `address` in blocks `first` to `last`, both included, in chain order."""
        wanted: dict[str, Any] = {"address": _hex(address), "fromBlock": hex(first), "toBlock": hex(last)}
        if topics:
            wanted["topics"] = [
                topic
                if topic is None
                else _hex(topic)
                if isinstance(topic, bytes)
                else [_hex(t) for t in topic]
                for topic in topics
            ]
        entries = [_object(entry) for entry in _list(self.request("eth_getLogs", wanted))]
        logs = [_log(entry) for entry in entries if not entry.get("removed")]
        return sorted(logs, key=lambda log: (log.block, log.index))

    def gas_price(self) -> int:
        """Wei per gas that legacy transactions should offer."""
        return _integer(self.request("eth_gasPrice"))

    def priority_fee(self) -> int:
        """Wei per gas that dynamic-fee transactions should offer on top of the base fee."""
        return _integer(self.request("eth_maxPriorityFeePerGas"))

    def _once(self, method: str, params: Sequence[Any]) -> Any:
        try:
            answer = self._provider.make_request(RPCEndpoint(method), list(params))
        except OSError as error:
            # Every error of requests is an OSError; one with a response carries the HTTP status.
            self._checked = False
            status = getattr(getattr(error, "response", None), "status_code", None)
            if status is None:
                raise _RepeatableError(type(error).__name__) from None
            if status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR:
                raise _RepeatableError(f"HTTP status {status}") from None
            raise RpcUnavailableError(
                f"the RPC at {self.shown_url} answered with HTTP status {status}",
                hint="check the path and access token of the RPC URL",
            ) from None
        except ValueError:
            raise _RepeatableError("the answer is no JSON") from None
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise _RepeatableError("the answer is no JSON-RPC")
        if answer.get("error") is not None:
            raise self._refusal(method, answer["error"])
        return answer["result"]

    def _batch(self, method: str, params: Sequence[list[Any]]) -> list[Any] | None:
        """The results of a batch, None where the RPC does not answer it whole: then each is asked alone."""
        if len(params) < 2:
            return None
        try:
            answers = self._provider.make_batch_request([(RPCEndpoint(method), each) for each in params])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not isinstance(answers, list) or len(answers) != len(params):
            return None
        if not all(isinstance(answer, dict) and "result" in answer for answer in answers):
            return None
        return [answer.get("result") for answer in answers]

    def _refusal(self, method: str, error: object) -> Exception:
        fault = error if isinstance(error, dict) else {"message": str(error)}
        code, text = fault.get("code"), str(fault.get("message", ""))
        if code == _TOO_MANY_REQUESTS or any(phrase in text.lower() for phrase in _SLOW_DOWN):
            return _RepeatableError(text)
        return RpcRefusedError(
            method, code if isinstance(code, int) else 0, text, _revert_data(fault.get("data"))
        )


class _RepeatableError(Exception):
    """A fault that may pass by itself."""


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


def _tag(block: BlockTag) -> str:
    return hex(block) if isinstance(block, int) else block


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _integer(value: object) -> int:
    if isinstance(value, str):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where a number belongs")


def _bytes(value: object) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where hex bytes belong")


def _header(answer: dict[str, Any]) -> Header:
    base_fee = answer.get("baseFeePerGas")
    return Header(
        number=_integer(answer.get("number")),
        hash=_bytes(answer.get("hash")),
        parent=_bytes(answer.get("parentHash")),
        time=_integer(answer.get("timestamp")),
        base_fee=None if base_fee is None else _integer(base_fee),
    )


def _log(entry: object) -> Log:
    log = _object(entry)
    return Log(
        address=_bytes(log.get("address")),
        topics=tuple(_bytes(topic) for topic in _list(log.get("topics"))),
        data=_bytes(log.get("data")),
        block=_integer(log.get("blockNumber")),
        block_hash=_bytes(log.get("blockHash")),
        transaction=_bytes(log.get("transactionHash")),
        index=_integer(log.get("logIndex")),
    )


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where an object belongs")


def _list(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    raise RpcUnavailableError(f"the RPC answered with {type(value).__name__} where a list belongs")
