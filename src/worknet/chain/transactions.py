"""Sending transactions: fees, nonces, signing, and waiting for the block.

Several may be in flight at once, from several threads. A transaction is in the sender's outbox before it
leaves, so that whoever goes on after a crash hands it over again instead of signing another. One that the
chain's node forgot is handed over again as it was signed. One whose fee no block takes any more, or that no
block takes for long, is signed anew for the same nonce with a higher fee, so that it holds up none that come
after it; its old hash still leads to its receipt. Knows nothing of what the transactions do.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog
from eth_account.types import TransactionDictType

from worknet.chain.answers import Receipt
from worknet.chain.errors import (
    InsufficientFundsError,
    RpcRefusedError,
    SignerUnavailableError,
    TransactionPendingError,
)
from worknet.chain.fees import Fees, ask_fees, higher, highest
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer

HAND_OVER_AGAIN_SECONDS = 5.0
"""How often what is in no block is handed over again."""

STUCK_SECONDS = 60.0
STUCK_BLOCKS = 3
"""A transaction that pays enough is replaced if so many seconds and blocks go by without it."""

_FEES_LAST_SECONDS = 3.0
_INSUFFICIENT = ("insufficient funds",)
# How chains' nodes say that another transaction has the nonce, and that the fee is too low.
_NONCE_TAKEN = ("nonce too low", "oldnonce", "replacement", "same nonce")
_FEE_TOO_LOW = ("base fee", "underpriced", "fee too low", "feetoolow", "price is too low")
# So often a transaction may be missing behind its nonce: a node may count before it shows.
_MISSING_LOOKS = 3
_HASHES_KEPT = 1000

log = structlog.get_logger()


@dataclass(frozen=True)
class Outgoing:
    """A signed transaction. `fees`: what it offers, in wei per gas by JSON-RPC names; `replaces`: the hash of
    the one with the same nonce and content that it takes the place of."""

    hash: bytes
    nonce: int
    raw: bytes
    to: bytes | None
    data: bytes
    gas: int
    value: int
    fees: Mapping[str, int]
    replaces: bytes | None = None


class Outbox(Protocol):
    """Where transactions are kept on their way, for whoever goes on after a crash."""

    def put(self, outgoing: Outgoing) -> None:
        """Holds a transaction: safe when this returns. It has not left yet."""

    def drop(self, transaction: bytes) -> None:
        """The chain refuses the transaction of that hash, or its nonce is another's: it will never be in a
        block."""

    def in_flight(self) -> list[Outgoing]:
        """What may be in no confirmed block, in the order of signing."""


@dataclass
class _InFlight:
    """A transaction that is in no confirmed block, as it was signed last. `since` and `block`: when that was,
    by the clock and the newest block of then; `given_up`: nobody waits for it any more."""

    signed: Outgoing
    since: float
    block: int
    given_up: bool = False
    missed: int = 0


class Sender:
    """Sends the transactions of one signer to one chain. Without `resume` its outbox is in memory."""

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
        self._lock = threading.RLock()
        self._outbox: Outbox | None = None
        self._in_flight: dict[int, _InFlight] = {}
        self._renewed: dict[bytes, bytes] = {}
        self._fees: Fees | None = None
        self._fees_at = 0.0
        self._tended_at: float | None = None

    def resume(self, outbox: Outbox) -> None:
        """From now on every transaction is in `outbox` before it leaves; goes on with what that holds.

        What is in flight then stays so until `forget`, so that a reorganisation loses nothing.
        """
        with self._lock:
            self._outbox = outbox
            for outgoing in outbox.in_flight():
                self._renewed.pop(outgoing.hash, None)
                if outgoing.replaces is not None:
                    self._renewed[outgoing.replaces] = outgoing.hash
                self._in_flight[outgoing.nonce] = _InFlight(outgoing, self._clock(), 0)

    def send(self, to: bytes | None, data: bytes, gas: int, *, value: int = 0) -> bytes:
        """Sign and hand over a transaction with that gas limit; returns its hash at once.

        `to` None creates a contract. `value`: wei that go with it. What became of it `receipt` and `wait`
        tell. Raises WrongChainError before anything is signed, InsufficientFundsError, and what the RPC
        raises; after RpcUnavailableError the chain may nevertheless have taken it, and it stays in flight.
        """
        self.rpc.check_chain()
        with self._lock:
            nonce, given_up = self._next_nonce()
            today = self._current_fees().offer
            fees = today if given_up is None else higher(given_up.fees, today) or today
            first = self._sign(Outgoing(b"", nonce, b"", to, data, gas, value, fees))
            self._put(first)
            refused = self._hand_over(nonce)
            if refused is not None:
                self._drop(nonce)
                if _says(refused, _INSUFFICIENT):
                    raise InsufficientFundsError(self.signer.address, value) from None
                raise refused
            return first.hash

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
        again = self._clock() + HAND_OVER_AGAIN_SECONDS
        while True:
            receipt = self.receipt(transaction)
            if receipt is not None:
                self.forget(transaction)
                return receipt
            now = self._clock()
            if now >= deadline:
                raise TransactionPendingError(
                    f"transaction 0x{transaction.hex()} is in no block after {timeout:.0f} seconds",
                    hint="it may still get there; look again before sending another",
                )
            if now >= again:
                self._keep_alive(transaction)
                again = now + HAND_OVER_AGAIN_SECONDS
            self._sleep(poll)

    def tend(self) -> None:
        """Looks after all that is in flight, every few seconds at the most: hands over again what is in no
        block, with a higher fee if that is why, and drops what another transaction has the nonce of."""
        with self._lock:
            now = self._clock()
            is_due = self._tended_at is None or now - self._tended_at >= HAND_OVER_AGAIN_SECONDS
            if not self._in_flight or not is_due:
                return
            self._tended_at = now
            mined = self.rpc.nonce(self.signer.address, "latest")
            for nonce in sorted(self._in_flight):
                if nonce < mined:
                    self._check_mined(nonce)
                elif not self._is_left_alone(nonce):
                    if self._is_stuck(nonce):
                        self._renew(nonce)
                    self._hand_over(nonce)

    def give_up(self, transaction: bytes) -> None:
        """Nobody waits for the transaction any more: the next one takes its nonce."""
        with self._lock:
            for nonce in self._nonces_of(transaction):
                self._in_flight[nonce].given_up = True

    def forget(self, transaction: bytes) -> None:
        """The transaction is in a block, so deep that it stays there."""
        with self._lock:
            for nonce in self._nonces_of(transaction):
                del self._in_flight[nonce]

    def foreign_waiting(self) -> int:
        """How many transactions of this key wait at the chain's node that are not known here."""
        with self._lock:
            address = self.signer.address
            waiting = range(self.rpc.nonce(address, "latest"), self.rpc.nonce(address))
            return sum(nonce not in self._in_flight for nonce in waiting)

    def _next_nonce(self) -> tuple[int, Outgoing | None]:
        """The nonce after all transactions that the chain, or else we, know of.

        What the chain's node does not count (any more) of ours goes first, or the new one would wait. One
        that was given up, or that it refuses for good, gives its nonce to the new one, which is told of it.
        """
        pending = self.rpc.nonce(self.signer.address)
        mined = 0
        if any(nonce < pending for nonce in self._in_flight):
            mined = self.rpc.nonce(self.signer.address, "latest")
            if self._outbox is None:
                self._in_flight = {nonce: sent for nonce, sent in self._in_flight.items() if nonce >= mined}
        for nonce in sorted(nonce for nonce in self._in_flight if nonce >= mined):
            sent = self._in_flight[nonce]
            if sent.given_up and higher(sent.signed.fees, self._current_fees().offer) is not None:
                del self._in_flight[nonce]
                return nonce, sent.signed
            if nonce < pending and self._is_priced_out(nonce):
                self._hand_over(nonce)
        nonce = pending
        while nonce in self._in_flight:
            refused = self._hand_over(nonce) if nonce >= mined else None
            # One whose nonce is taken may itself be in a block, by another hash: `tend` looks that up.
            if refused is not None and not _says(refused, _NONCE_TAKEN):
                return nonce, self._drop(nonce)
            nonce += 1
        return nonce, None

    def _keep_alive(self, transaction: bytes) -> None:
        """Hands a transaction over again that is waited for; that it is not taken is left to who waits."""
        with self._lock:
            for nonce in self._nonces_of(transaction):
                refused = self._hand_over(nonce)
                if refused is not None and not _says(refused, _NONCE_TAKEN + _FEE_TOO_LOW):
                    raise refused

    def _is_left_alone(self, nonce: int) -> bool:
        """Whether nothing waits for it: it was given up, and nothing that is wanted comes after it."""
        later = (sent for other, sent in self._in_flight.items() if other >= nonce)
        return all(sent.given_up for sent in later)

    def _is_stuck(self, nonce: int) -> bool:
        sent = self._in_flight[nonce]
        blocks = self._current_fees().block - sent.block
        return self._clock() - sent.since >= STUCK_SECONDS and blocks >= STUCK_BLOCKS

    def _check_mined(self, nonce: int) -> None:
        """Drops what is in flight under a nonce that the chain has counted, if the block holds another."""
        sent = self._in_flight[nonce]
        if sent.given_up:
            del self._in_flight[nonce]
            return
        sent.missed = 0 if self.receipt(sent.signed.hash) is not None else sent.missed + 1
        if sent.missed >= _MISSING_LOOKS:
            log.warning("transaction.nonce_taken", nonce=nonce, transaction="0x" + sent.signed.hash.hex())
            self._drop(nonce)

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
        return highest(self._in_flight[nonce].signed.fees) < self._current_fees().base_fee

    def _renew(self, nonce: int) -> bool:
        """Signs what is in flight under the nonce anew, at a higher fee; False where that were too high."""
        old = self._in_flight[nonce]
        fees = higher(old.signed.fees, self._current_fees().offer)
        if fees is None:
            return False
        was = old.signed
        new = Outgoing(b"", nonce, b"", was.to, was.data, was.gas, was.value, fees, replaces=was.hash)
        try:
            signed = self._sign(new)
        except SignerUnavailableError:
            # The old one may still do; what else is to be done must not wait for the signer.
            return False
        self._put(signed, given_up=old.given_up)
        self._renewed[was.hash] = signed.hash
        while len(self._renewed) > _HASHES_KEPT:
            del self._renewed[next(iter(self._renewed))]
        log.info("transaction.replaced", nonce=nonce, wei_per_gas=highest(fees), was=highest(was.fees))
        return True

    def _sign(self, unsigned: Outgoing) -> Outgoing:
        content: TransactionDictType = {
            "chainId": self.rpc.chain_id,
            "nonce": unsigned.nonce,
            "gas": unsigned.gas,
            "value": unsigned.value,
            "data": unsigned.data,
        }
        if unsigned.to is not None:
            content["to"] = unsigned.to
        signed = self.signer.sign({**content, **unsigned.fees})
        return replace(unsigned, hash=signed.hash, raw=signed.raw)

    def _put(self, signed: Outgoing, *, given_up: bool = False) -> None:
        """Nothing leaves that is not in the outbox."""
        if self._outbox is not None:
            self._outbox.put(signed)
        # The same bytes may have been signed before, and replaced.
        self._renewed.pop(signed.hash, None)
        block = self._current_fees().block
        self._in_flight[signed.nonce] = _InFlight(signed, self._clock(), block, given_up)

    def _drop(self, nonce: int) -> Outgoing:
        dropped = self._in_flight.pop(nonce)
        if self._outbox is not None and not dropped.given_up:
            self._outbox.drop(dropped.signed.hash)
        return dropped.signed

    def _hashes_of(self, transaction: bytes) -> list[bytes]:
        """All hashes of the transaction, in the order in which it got them; a block may hold any of them."""
        older = {new: old for old, new in self._renewed.items()}
        hashes = [transaction]
        while hashes[0] in older:
            hashes.insert(0, older[hashes[0]])
        while hashes[-1] in self._renewed:
            hashes.append(self._renewed[hashes[-1]])
        return hashes

    def _nonces_of(self, transaction: bytes) -> list[int]:
        newest = self._hashes_of(transaction)[-1]
        return [nonce for nonce, sent in self._in_flight.items() if sent.signed.hash == newest]

    def _current_fees(self) -> Fees:
        now = self._clock()
        if self._fees is None or now - self._fees_at > _FEES_LAST_SECONDS:
            self._fees, self._fees_at = ask_fees(self.rpc), now
        return self._fees


def _says(refused: RpcRefusedError, phrases: tuple[str, ...]) -> bool:
    return any(phrase in refused.text.lower() for phrase in phrases)
