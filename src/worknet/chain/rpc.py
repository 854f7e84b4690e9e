"""A typed, thin access to a chain's JSON-RPC: calls in, values of this project out, through its endpoints.

Knows no contract and signs nothing, but answers for the chain id: `check_chain` compares the RPC's with the
configured one, and whoever signs calls it first. Hashes and addresses are bytes, amounts are wei.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from worknet.chain import answers
from worknet.chain.answers import Header, Log, Receipt, Sent, an_object, integer, octets
from worknet.chain.endpoint import Endpoint, EndpointState
from worknet.chain.endpoints import Endpoints
from worknet.chain.errors import ChainError, RpcRefusedError

BlockTag = int | Literal["latest", "pending"]
Topics = Sequence[bytes | Sequence[bytes] | None]

STALE_AFTER_SECONDS = 300.0

_BATCH = 100
_ALREADY_THERE = ("already known", "already imported", "alreadyknown")
_NONCE_USED = "nonce too low"


class Rpc:
    """The JSON-RPC of one chain, behind one URL or several; safe to use from several threads.

    Every method may raise RpcUnavailableError (no usable answer after all retries) and RpcRefusedError (the
    answer is an error). A request that failed on the way, or was answered with 429 or 5xx, is repeated
    after `pause` seconds, then twice as many, and so on.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        chain_id: int,
        *,
        quorum: int = 1,
        timeout: float = 20.0,
        stale_after: float = STALE_AFTER_SECONDS,
        retries: int = 5,
        pause: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`url`: one endpoint, or several in the order of preference, `quorum` of which must agree.

        `stale_after`: seconds after which a chain that stands still is told. `clock` is monotonic, `wall`
        gives unix seconds.
        """
        self.chain_id = chain_id
        urls = [url] if isinstance(url, str) else list(url)
        if not 1 <= quorum <= len(urls):
            raise ChainError(f"a quorum of {quorum} of {len(urls)} RPC URLs cannot be met")
        self._endpoints = Endpoints(
            [Endpoint(each, timeout=timeout, clock=clock, wall=wall) for each in urls],
            chain_id,
            quorum=quorum,
            timeout=timeout,
            stale_after=stale_after,
            retries=retries,
            pause=pause,
            sleep=sleep,
            clock=clock,
        )

    @property
    def shown_url(self) -> str:
        """Server of the endpoint that is read now."""
        return self._endpoints.shown_url

    def endpoints(self) -> list[EndpointState]:
        """What is known of each endpoint; nothing is asked."""
        return self._endpoints.states()

    def check_chain(self) -> None:
        """Raise WrongChainError for an RPC that serves another chain than the configured one; asked once per
        connection."""
        self._endpoints.check_chain()

    def request(self, method: str, *params: Any) -> Any:
        """The result of one request, as JSON."""
        return self._endpoints.request(method, params)

    def block_number(self) -> int:
        """Number of the newest block."""
        return integer(self.request("eth_blockNumber"))

    def header(self, block: BlockTag = "latest") -> Header | None:
        """The block of that number, None while there is none."""
        answer = self.request("eth_getBlockByNumber", _tag(block), False)
        return None if answer is None else answers.header(answer)

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """The blocks of these numbers, many in one request where the RPC takes batches."""
        found: list[Header | None] = []
        for start in range(0, len(numbers), _BATCH):
            part = numbers[start : start + _BATCH]
            told = self._batch("eth_getBlockByNumber", [[hex(number), False] for number in part])
            if told is None:
                found += [self.header(number) for number in part]
            else:
                found += [None if answer is None else answers.header(answer) for answer in told]
        return found

    def block_gas_limit(self) -> int:
        """The gas that all transactions of the newest block could take together."""
        return integer(an_object(self.request("eth_getBlockByNumber", "latest", False)).get("gasLimit"))

    def nonce(self, address: bytes, block: BlockTag = "pending") -> int:
        """Number of transactions that `address` has sent, by default counting those that wait."""
        return integer(self.request("eth_getTransactionCount", _hex(address), _tag(block)))

    def balance(self, address: bytes, block: BlockTag = "latest") -> int:
        """Wei that `address` holds."""
        return integer(self.request("eth_getBalance", _hex(address), _tag(block)))

    def code(self, address: bytes) -> bytes:
        """Code of the contract at `address`; empty where there is none."""
        return octets(self.request("eth_getCode", _hex(address), "latest"))

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
        return octets(self.request("eth_call", request, _tag(block)))

    def calls(self, calls: Sequence[tuple[bytes, bytes]], block: BlockTag) -> list[bytes | None]:
        """Outputs of calls, each of address and data, many in one request where the RPC takes batches.

        None for one that the contract refuses.
        """
        found: list[bytes | None] = []
        for start in range(0, len(calls), _BATCH):
            part = calls[start : start + _BATCH]
            asked = [[{"to": _hex(to), "data": _hex(data)}, _tag(block)] for to, data in part]
            try:
                told = self._batch("eth_call", asked)
            except RpcRefusedError:
                told = None
            if told is None:
                found += [self._call_or_none(to, data, block) for to, data in part]
            else:
                found += [octets(answer) for answer in told]
        return found

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
        return answers.sent(self.request("eth_getTransactionByHash", _hex(transaction)))

    def transactions(self, hashes: Sequence[bytes]) -> list[Sent | None]:
        """The transactions of these hashes, many in one request where the RPC takes batches."""
        found: list[Sent | None] = []
        for start in range(0, len(hashes), _BATCH):
            part = hashes[start : start + _BATCH]
            told = self._batch("eth_getTransactionByHash", [[_hex(each)] for each in part])
            if told is None:
                found += [self.transaction(each) for each in part]
            else:
                found += [answers.sent(answer) for answer in told]
        return found

    def transactions_of(self, block: int) -> dict[bytes, Sent]:
        """All transactions of a block, by their hashes; none where there is no such block."""
        answer = self.request("eth_getBlockByNumber", _tag(block), True)
        return {} if answer is None else answers.sent_in(answer)

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of a transaction; None while it is in no block."""
        return answers.receipt(transaction, self.request("eth_getTransactionReceipt", _hex(transaction)))

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
        return answers.logs(self.request("eth_getLogs", wanted))

    def gas_price(self) -> int:
        """Wei per gas that legacy transactions should offer."""
        return integer(self.request("eth_gasPrice"))

    def priority_fee(self) -> int:
        """Wei per gas that dynamic-fee transactions should offer on top of the base fee."""
        return integer(self.request("eth_maxPriorityFeePerGas"))

    def _call_or_none(self, to: bytes, data: bytes, block: BlockTag) -> bytes | None:
        try:
            return self.call(to, data, block=block)
        except RpcRefusedError as refused:
            if not refused.is_revert:
                raise
            return None

    def _batch(self, method: str, params: Sequence[list[Any]]) -> list[Any] | None:
        """The results of a batch, None where the RPC does not answer it whole: then each is asked alone."""
        return None if len(params) < 2 else self._endpoints.batch(method, params)


def _tag(block: BlockTag) -> str:
    return hex(block) if isinstance(block, int) else block


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
