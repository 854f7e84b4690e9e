"""Sending transactions: fees, nonces, signing, and waiting for the block.

Several may be in flight at once, from several threads. A transaction that the chain's node forgot (a
restart, a full queue) is handed over again as it was signed. One whose fee no block takes any more is signed
anew for the same nonce with a higher fee, so that it holds up none that come after it; its old hash still
leads to its receipt. Knows nothing of what the transactions do.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from eth_account.types import TransactionDictType

from worknet.chain.errors import InsufficientFundsError, RpcRefusedError, TransactionPendingError
from worknet.chain.rpc import Receipt, Rpc
from worknet.chain.signers import SignedTransaction, Signer

_FEES_LAST_SECONDS = 3.0
_HAND_OVER_AGAIN_SECONDS = 5.0
_INSUFFICIENT = "insufficient funds"
# How chains' nodes say that another transaction has the nonce, and that the fee is too low.
_NONCE_TAKEN = ("nonce too low", "oldnonce", "replacement", "same nonce")
_FEE_TOO_LOW = ("base fee", "underpriced", "fee too low", "feetoolow", "price is too low")
# No replacement pays more than so many times today's fees: an RPC that refuses all drives no fee up for ever.
_MOST_OF_TODAY = 2
_HASHES_KEPT = 1000


@dataclass(frozen=True)
class _Fees:
    """What a transaction offers, in wei per gas by JSON-RPC names; and the base fee of the newest block."""

    offer: dict[str, int]
    base_fee: int


@dataclass(frozen=True)
class _InFlight:
    """A transaction that is in no block yet, as far as we know. `content` is all but its fees."""

    content: TransactionDictType
    offer: dict[str, int]
    signed: SignedTransaction


class Sender:
    """Sends the transactions of one signer to one chain."""

    def __init__(
        self,
        rpc: Rpc,
        signer: Signer,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rpc = rpc
        self.signer = signer
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._in_flight: dict[int, _InFlight] = {}
        self._renewed: dict[bytes, bytes] = {}
        self._fees: _Fees | None = None
        self._fees_at = 0.0

    def send(self, to: bytes | None, data: bytes, gas: int, *, value: int = 0) -> bytes:
        """Sign and hand over a transaction with that gas limit; returns its hash at once.

        `to` None creates a contract. `value`: wei that go with it. What became of it `receipt` and `wait`
        tell. Raises WrongChainError before anything is signed, InsufficientFundsError, and what the RPC
        raises; after RpcUnavailableError the chain may nevertheless have taken it.
        """
        self.rpc.check_chain()
        with self._lock:
            nonce, given_up = self._next_nonce()
            offer = self._current_fees().offer
            content: TransactionDictType = {
                "chainId": self.rpc.chain_id,
                "nonce": nonce,
                "gas": gas,
                "value": value,
                "data": data,
            }
            if to is not None:
                content["to"] = to
            higher = None if given_up is None else _higher(given_up.offer, offer)
            sent = self._signed(content, higher or offer)
            try:
                self.rpc.send(sent.signed.raw, sent.signed.hash)
            except RpcRefusedError as refused:
                if _INSUFFICIENT in refused.text.lower():
                    raise InsufficientFundsError(self.signer.address, value) from None
                raise
            self._in_flight[nonce] = sent
            return sent.signed.hash

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of a transaction that was sent here, also if it was signed anew since; None while it
        is in no block."""
        with self._lock:
            hashes = self._hashes_of(transaction)
        for known in hashes:
            receipt = self.rpc.receipt(known)
            if receipt is not None:
                return receipt
        return None

    def wait(self, transaction: bytes, timeout: float = 120.0, poll: float = 0.25) -> Receipt:
        """The receipt of a transaction, once it is in a block, whether or not it succeeded.

        Raises TransactionPendingError after `timeout` seconds. `poll`: seconds between two looks.
        """
        deadline = self._clock() + timeout
        again = self._clock() + _HAND_OVER_AGAIN_SECONDS
        while True:
            receipt = self.receipt(transaction)
            if receipt is not None:
                self._forget(transaction)
                return receipt
            now = self._clock()
            if now >= deadline:
                raise TransactionPendingError(
                    f"transaction 0x{transaction.hex()} is in no block after {timeout:.0f} seconds",
                    hint="it may still get there; look again before sending another",
                )
            if now >= again:
                self._keep_alive(transaction)
                again = now + _HAND_OVER_AGAIN_SECONDS
            self._sleep(poll)

    def _next_nonce(self) -> tuple[int, _InFlight | None]:
        """The nonce after all transactions that the chain, or else we, know of.

        What the chain's node does not count (any more) of ours goes first, or the new one would wait. One
        that it refuses for good gives its nonce up: the new one takes its place, and is told of it.
        """
        pending = self.rpc.nonce(self.signer.address)
        if any(nonce < pending for nonce in self._in_flight):
            mined = self.rpc.nonce(self.signer.address, "latest")
            self._in_flight = {nonce: sent for nonce, sent in self._in_flight.items() if nonce >= mined}
        for nonce in [nonce for nonce in self._in_flight if nonce < pending]:
            if self._is_priced_out(nonce):
                self._hand_over(nonce)
        nonce = pending
        while nonce in self._in_flight:
            refused = self._hand_over(nonce)
            if refused is not None:
                given_up = self._in_flight.pop(nonce)
                if not _says(refused, _NONCE_TAKEN):
                    return nonce, given_up
            nonce += 1
        return nonce, None

    def _keep_alive(self, transaction: bytes) -> None:
        """Hands a transaction over again that is waited for; that it is not taken is left to who waits."""
        with self._lock:
            for nonce in self._nonces_of(transaction):
                refused = self._hand_over(nonce)
                if refused is not None and not _says(refused, _NONCE_TAKEN + _FEE_TOO_LOW):
                    raise refused

    def _hand_over(self, nonce: int) -> RpcRefusedError | None:
        """Hands over what is in flight under the nonce, with a higher fee if its own is too low.

        Returns the refusal if it is refused even so.
        """
        renewed = self._is_priced_out(nonce) and self._renew(nonce)
        refused = self._try(nonce)
        if refused is None or renewed or _says(refused, _NONCE_TAKEN) or not _says(refused, _FEE_TOO_LOW):
            return refused
        return self._try(nonce) if self._renew(nonce) else refused

    def _try(self, nonce: int) -> RpcRefusedError | None:
        signed = self._in_flight[nonce].signed
        try:
            self.rpc.send(signed.raw, signed.hash)
        except RpcRefusedError as refused:
            return refused
        return None

    def _is_priced_out(self, nonce: int) -> bool:
        """Whether the next block cannot hold it: the base fee has risen above all that it pays."""
        return _highest(self._in_flight[nonce].offer) < self._current_fees().base_fee

    def _renew(self, nonce: int) -> bool:
        """Signs what is in flight under the nonce anew, at a higher fee; False where that were too high."""
        old = self._in_flight[nonce]
        offer = _higher(old.offer, self._current_fees().offer)
        if offer is None:
            return False
        new = self._signed(old.content, offer)
        self._in_flight[nonce] = new
        self._renewed[old.signed.hash] = new.signed.hash
        while len(self._renewed) > _HASHES_KEPT:
            del self._renewed[next(iter(self._renewed))]
        return True

    def _signed(self, content: TransactionDictType, offer: dict[str, int]) -> _InFlight:
        return _InFlight(content, offer, self.signer.sign({**content, **offer}))

    def _hashes_of(self, transaction: bytes) -> list[bytes]:
        """The transaction's hash and those that it got since, each of which a block may hold."""
        hashes = [transaction]
        while hashes[-1] in self._renewed:
            hashes.append(self._renewed[hashes[-1]])
        return hashes

    def _nonces_of(self, transaction: bytes) -> list[int]:
        newest = self._hashes_of(transaction)[-1]
        return [nonce for nonce, sent in self._in_flight.items() if sent.signed.hash == newest]

    def _forget(self, transaction: bytes) -> None:
        with self._lock:
            for nonce in self._nonces_of(transaction):
                del self._in_flight[nonce]

    def _current_fees(self) -> _Fees:
        now = self._clock()
        if self._fees is None or now - self._fees_at > _FEES_LAST_SECONDS:
            self._fees, self._fees_at = self._ask_fees(), now
        return self._fees

    def _ask_fees(self) -> _Fees:
        header = self.rpc.header()
        if header is None or header.base_fee is None:
            return _Fees({"gasPrice": self.rpc.gas_price()}, 0)
        try:
            tip = self.rpc.priority_fee()
        except RpcRefusedError:
            tip = max(self.rpc.gas_price() - header.base_fee, 0)
        offer = {"maxFeePerGas": 2 * header.base_fee + tip, "maxPriorityFeePerGas": tip}
        return _Fees(offer, header.base_fee)


def _higher(old: dict[str, int], today: dict[str, int]) -> dict[str, int] | None:
    """Today's fees, but an eighth above the old ones, as chains' nodes want it of a replacement.

    None where that is too much.
    """
    offer = {name: max(fee, old.get(name, 0) * 9 // 8 + 1) for name, fee in today.items()}
    return None if _highest(offer) > _MOST_OF_TODAY * _highest(today) else offer


def _highest(offer: dict[str, int]) -> int:
    """The most that is paid for a unit of gas, in wei."""
    return max(offer.values())


def _says(refused: RpcRefusedError, phrases: tuple[str, ...]) -> bool:
    return any(phrase in refused.text.lower() for phrase in phrases)
