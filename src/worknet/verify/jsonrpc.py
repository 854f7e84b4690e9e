"""A network's contract as of one block, asked over JSON-RPC with `urllib` alone.

The server need not behave: http and https only, no redirects, bounds on time and size; what has not the due
form is an `RpcError`. Errors never show the URL, where access tokens stand, nor raw words of the server.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from worknet.protocol.keccak import keccak256
from worknet.protocol.words import words
from worknet.verify.errors import RpcError, require

TIMEOUT_SECONDS = 30
MAX_ANSWER_BYTES = 64 << 20
_BATCH = 100
_URL = re.compile(r"https?://[a-zA-Z0-9.:\[\]_-]+([/?][!-~]*)?")
# The contract's events, and their words in the order in which they come: topics first, then data.
_EVENTS = {
    "Moved(uint256,address,uint256,bytes32)": "contract chain_id size root",
    "Enrolled(uint256,address,address,uint256,bytes32)": "index operator key role encryption_key",
    "Rotated(uint256,address,address,bytes32)": "index operator key encryption_key",
    "Opened(bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256,uint256)": "voting_id workflow_id "
    "trigger_id attempt policy_version members n needed",
    "Cast(bytes32,uint256,bytes32,bytes32)": "voting_id place input_root result_root",
    "Sealed(bytes32,uint256,bytes32)": "voting_id place seal",
    "SealsBrought(bytes32,uint256,uint256,bytes32[])": "voting_id place workers",
    "Revealed(bytes32,uint256,bytes32,bytes32,uint256)": "voting_id place input_root result_root workers",
    "Reported(bytes32,uint256,uint256,uint256,uint256)": "voting_id place participants voters signers",
    "Recorded(bytes32,uint256,uint256,bytes32,bytes32,uint256,uint256)": "voting_id position attempt "
    "input_root result_root voters how",
}
KINDS = {
    "0x" + keccak256(signature.encode()).hex(): (signature.split("(")[0], names.split())
    for signature, names in _EVENTS.items()
}
"""Name and words of an event by its first topic."""

Event = dict[str, Any]
"""Its words by name, as numbers; its `name`, and its `moment`: block, and number of the event in it."""


class AnsweredError(RpcError):
    """The RPC said no: a call reverted, or more was asked for than it gives at once."""


class Contract:
    """A contract as of its chain's newest block, `block`; `RefusedError` if there is none on that chain."""

    def __init__(self, url: str, chain_id: int, contract: bytes) -> None:
        if not _URL.fullmatch(url):
            message = "the RPC's URL is none of http or https, or holds a user and password"
            raise RpcError(message, "such as https://rpc.energyweb.org; a token may stand in the path")
        self._url, self._batch, self._address = url, _BATCH, "0x" + contract.hex()
        # Nothing follows redirects, nor makes exceptions of errors, which JSON-RPC may send with any status.
        self._opener = OpenerDirector()
        for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)
        [answered], [self.block] = (
            self._ask(method, _number, ()) for method in ("eth_chainId", "eth_blockNumber")
        )
        require(answered == chain_id, "network.chain_id", f"the RPC's chain is {answered}")
        [length] = self._ask("eth_getCode", len, (self._address, hex(self.block)))
        require(length > len("0x"), "network.contract", f"there is no contract in block {self.block}")
        self._span = self.block + 1
        self._born: int | None = None

    def calls(self, function: str, *many: Sequence[int | bytes], size: int = 1) -> list[list[int]]:
        """The `size` words that a function answers to each list of arguments, as numbers."""
        selector, where = keccak256(function.encode())[:4], "network.contract"
        data = ["0x" + (selector + words(*arguments)).hex() for arguments in many]
        calls = [({"to": self._address, "data": each}, hex(self.block)) for each in data]
        try:
            answers = self._ask("eth_call", _words, *calls)
        except AnsweredError as error:
            require("revert" not in str(error).lower(), where, f"is no network: it refuses {function}")
            raise
        fits = all(len(answer) == size for answer in answers)
        require(fits, where, f"is no network: {function} is another there")
        return answers

    def events(self, names: Sequence[str], voting_id: int | None = None) -> list[Event]:
        """The events of these names, in their order; if a voting's id is given, those about it.

        An RPC that refuses so many blocks or events is asked for half as many from then on, and for none in
        which the contract did not exist.
        """
        topics: list[Any] = [[topic for topic, (name, _) in KINDS.items() if name in names]]
        topics += [] if voting_id is None else [f"0x{voting_id:064x}"]
        found, first = list[Event](), self._born or 0
        while first <= self.block:
            last = min(first + self._span - 1, self.block)
            blocks = {"fromBlock": hex(first), "toBlock": hex(last)}
            asked = {"address": self._address, "topics": topics} | blocks
            try:
                [part] = self._ask("eth_getLogs", partial(self._read, names, voting_id), [asked])
            except AnsweredError:
                if first == last:
                    raise
                self._born = self._birth() if self._born is None else self._born
                first, self._span = max(first, self._born), (last - first + 1) // 2
                continue
            found, first = found + part, last + 1
        return sorted(found, key=lambda event: event["moment"])

    def _birth(self) -> int:
        """The first block in which the contract exists; 0 where the RPC does not know such old states."""
        low, high = 0, self.block
        try:
            while low < high:
                middle = (low + high) // 2
                [length] = self._ask("eth_getCode", len, (self._address, hex(middle)))
                low, high = (low, middle) if length > len("0x") else (middle + 1, high)
        except RpcError:
            return 0
        return low

    def _read(self, names: Sequence[str], voting_id: int | None, logs: Any) -> list[Event]:
        """The events of an answer; `ValueError` or the like for what is none that was asked for."""
        events = []
        for log in logs if isinstance(logs, list) else [logs]:
            topic, *indexed = log["topics"]
            name, fields = KINDS[topic.lower()]
            numbers = _words("0x" + "".join(part[2:] for part in [*indexed, log["data"]]))[: len(fields)]
            event: Event = dict(zip(fields, numbers, strict=True))
            asked_for = name in names and voting_id in (None, event.get("voting_id"))
            if not asked_for or log["address"].lower() != self._address or log.get("removed"):
                raise ValueError("not what was asked for, or taken back")
            event |= {"name": name, "moment": (_number(log["blockNumber"]), _number(log["logIndex"]))}
            if "place" in event:
                # Whom it is about: those of its bitmap, or the worker of the place.
                bitmap = event.get("workers", event.get("voters", 1 << (event["place"] & 0xFFFF)))
                workers = {index for index in range(bitmap.bit_length()) if bitmap >> index & 1}
                event |= {"attempt": event["place"] >> 32, "workers": workers}
            events.append(event)
        return events

    def _ask(self, method: str, form: Callable[[Any], Any], *calls: Sequence[Any]) -> list[Any]:
        """What `form` makes of the result of each call (its parameters), in batches where the RPC takes them.

        `AnsweredError` if the RPC says no; `RpcError` if it cannot be asked, or `form` cannot read a result.
        """
        results: list[Any] = []
        while part := calls[len(results) : len(results) + self._batch]:
            asked = [
                {"jsonrpc": "2.0", "id": at, "method": method, "params": it} for at, it in enumerate(part)
            ]
            status, body = self._post(method, asked if len(part) > 1 else asked[0])
            try:
                said = json.loads(body)
                answers = said if len(part) > 1 else [said]
                for answer in answers:
                    if error := answer.get("error"):
                        parts = "|".join(map(re.escape, re.findall(r"[^/?&=]{4,}", self._url)))
                        raise AnsweredError(
                            f"the RPC refused {method}: {re.sub(parts, '...', str(error))[:200]!a}"
                        )
                by_id = {answer["id"]: answer["result"] for answer in answers}
                results += [form(by_id[number]) for number in range(len(part))]
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                if len(part) > 1:
                    self._batch = 1  # It takes no batches, or none of this length.
                    continue
                message = f"{method}: the RPC's answer has not the form that is due (HTTP status {status})"
                is_busy = status == 429 or status >= 500
                hint = "is this the URL of a chain's JSON-RPC?"
                raise RpcError(message, "it is busy or down: try again later" if is_busy else hint) from error
        return results

    def _post(self, method: str, body: Any) -> tuple[int, bytes]:
        """Status and body of the answer to one HTTP request."""
        headers = {"Content-Type": "application/json", "User-Agent": "worknet"}
        deadline, said = time.monotonic() + TIMEOUT_SECONDS, bytearray()
        try:
            request = Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310  # `_URL` is http
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                while chunk := response.read1(1 << 16):
                    said += chunk
                    if len(said) > MAX_ANSWER_BYTES:
                        raise AnsweredError(f"{method}: the RPC sent more than {MAX_ANSWER_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise RpcError(f"{method}: the RPC took longer than {TIMEOUT_SECONDS} s")
                return response.status, bytes(said)
        except (OSError, HTTPException, ValueError) as error:
            cause = type(getattr(error, "reason", error)).__name__
            raise RpcError(
                f"the RPC cannot be asked ({cause})", "is the URL right, and does it run?"
            ) from error


def _number(text: str) -> int:
    if not re.fullmatch("0x[0-9a-fA-F]{1,15}", text):
        raise ValueError("no number, or none of a block")
    return int(text, 16)


def _words(text: str) -> list[int]:
    if not re.fullmatch("0x([0-9a-fA-F]{64})*", text):
        raise ValueError("no words")
    return [int(text[at : at + 64], 16) for at in range(2, len(text), 64)]
