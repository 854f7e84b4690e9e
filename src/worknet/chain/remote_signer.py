"""A key in an external signer that speaks web3signer's JSON-RPC (its eth1 mode): the key never comes here.

The signer is asked to sign, and never believed: what comes back is held against what was asked for, to the
last field, and against the account. Its own words are not repeated in errors, since they may quote what it
was asked to sign, or a token.

Source: Web3Signer's JSON-RPC API (eth_accounts, eth_signTransaction, eth_signTypedData).
"""

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

from eth_account.types import TransactionDictType

from worknet.chain.envelope import check_signed
from worknet.chain.errors import (
    SignatureError,
    SignerUnavailableError,
    SigningRefusedError,
    shown_url,
)
from worknet.chain.post import Post, PostError
from worknet.chain.signatures import Signature, TypedMessage

TIMEOUT_SECONDS = 10.0
_MOST_ANSWER_BYTES = 1 << 20
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_NO_TOKEN = re.compile(r"[^\x21-\x7e]")
_UP = "is the external signer up, and its address right?"
_ITS_LOG = "the signer's own log says why; nothing was sent"


class RemoteKey:
    """The key of one account of a signer; safe to use from several threads. See `SigningKey`.

    Every method that asks the signer raises SignerUnavailableError while it gives no usable answer.
    """

    def __init__(
        self,
        url: str,
        address: bytes,
        *,
        token: str | None = None,
        ca: Path | None = None,
        certificate: Path | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        """`token` is sent as a bearer token; `ca` and `certificate` are PEM files; `timeout` in seconds."""
        self.address = address
        self.shown_url = shown_url(url)
        if token is not None and (not token or _NO_TOKEN.search(token)):
            # An HTTP library that meets such a token would repeat it in its error.
            raise SignerUnavailableError("the signer's token has characters that no token has", "look at it")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            self._post = Post(
                url,
                headers,
                timeout=timeout,
                most_bytes=_MOST_ANSWER_BYTES,
                ca=ca,
                certificate=certificate,
            )
        except PostError as error:
            raise SignerUnavailableError(str(error), "the certificates under [key]") from None
        self._numbers = count(1)

    def __repr__(self) -> str:
        return f"RemoteKey(0x{self.address.hex()} at {self.shown_url})"

    def check(self) -> None:
        """Asks whether the signer has the account; SigningRefusedError if it has not."""
        accounts = self._ask("eth_accounts")
        if not isinstance(accounts, list) or not all(isinstance(each, str) for each in accounts):
            raise self._useless("eth_accounts")
        if f"0x{self.address.hex()}" not in {account.lower() for account in accounts}:
            raise SigningRefusedError(
                f"the signer at {self.shown_url} has no key of 0x{self.address.hex()}",
                hint="its accounts are " + (", ".join(_shown(accounts)) or "none"),
            )

    def sign_transaction(self, transaction: TransactionDictType) -> bytes:
        """See `SigningKey`; SigningRefusedError also for a transaction other than the one asked for."""
        asked = {name: _json(value) for name, value in transaction.items()}
        raw = self._bytes("eth_signTransaction", {"from": f"0x{self.address.hex()}", **asked})
        check_signed(raw, dict(transaction), self.address)
        return raw

    def sign_message(self, message: TypedMessage) -> Signature:
        """See `SigningKey`; SigningRefusedError also for a signature of something else."""
        document = json.dumps(message.document)
        raw = self._bytes("eth_signTypedData", f"0x{self.address.hex()}", document)
        try:
            signature = Signature.of_bytes(raw)
        except SignatureError as error:
            raise SigningRefusedError(f"what the signer sent back is none: {error}", _ITS_LOG) from None
        if not signature.is_of(self.address, message.digest):
            raise SigningRefusedError(
                "what came back is no signature of that message by that key",
                hint="web3signer before its change 1012 signs no EIP-712 messages: is it an old release?",
            )
        return signature

    def _bytes(self, method: str, *params: Any) -> bytes:
        answer = self._ask(method, *params)
        if not isinstance(answer, str) or not _HEX.fullmatch(answer):
            raise self._useless(method)
        return bytes.fromhex(answer[2:])

    def _ask(self, method: str, *params: Any) -> Any:
        number = next(self._numbers)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        try:
            status, content = self._post.send(body)
        except PostError as error:
            raise SignerUnavailableError(f"the signer at {self.shown_url}: {error}", _UP) from None
        answer = _object(content)
        # JSON-RPC errors come with status 400 or 500 from some servers: what counts is the body.
        if (refusal := answer.get("error")) is not None:
            code = refusal.get("code") if isinstance(refusal, dict) else None
            told = f"code {code}" if isinstance(code, int) else "no code"
            raise SignerUnavailableError(
                f"the signer at {self.shown_url} answers {method} with an error ({told})", _ITS_LOG
            )
        if status in {401, 403}:
            raise SignerUnavailableError(
                f"the signer at {self.shown_url} refuses access (HTTP status {status})",
                hint="token or certificate under [key]",
            )
        if status != 200:
            raise SignerUnavailableError(f"the signer at {self.shown_url}: HTTP status {status}", _UP)
        if answer.get("id") != number or "result" not in answer:
            raise self._useless(method)
        return answer["result"]

    def _useless(self, method: str) -> SignerUnavailableError:
        what = f"the signer at {self.shown_url} answers {method} with nothing that can be used"
        return SignerUnavailableError(what, "is it the address of web3signer in its eth1 mode?")


def _json(value: Any) -> str:
    """A value of a transaction in the JSON-RPC's own form."""
    if isinstance(value, int):
        return hex(value)
    return value if isinstance(value, str) else f"0x{bytes(value).hex()}"


def _object(content: bytes) -> dict[str, Any]:
    """The JSON object in an answer; an empty one if there is none."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _shown(accounts: list[str]) -> list[str]:
    """The accounts that are ones, the first few."""
    return [account for account in accounts if re.fullmatch(r"0x[0-9a-fA-F]{40}", account)][:10]
