"""Sending transactions: fees, nonces, signing, and waiting for the block.

Several may be in flight at once, from several threads. A transaction that the chain's node forgot (a
restart, a full queue) is handed over again, signed once and for all, so that its hash stays good. Knows
nothing of what the transactions do.
"""

import threading
import time
from collections.abc import Callable

from eth_account.types import TransactionDictType

from worknet.chain.errors import InsufficientFundsError, RpcRefusedError, TransactionPendingError
from worknet.chain.rpc import Receipt, Rpc
from worknet.chain.signers import SignedTransaction, Signer

_FEES_LAST_SECONDS = 3.0
_HAND_OVER_AGAIN_SECONDS = 5.0
_LEGACY_MARGIN_PERCENT = 125
_INSUFFICIENT = "insufficient funds"
_NO_LONGER_WANTED = ("nonce too low", "underpriced")


class Sender:
    """Sends the transactions of one signer to one chain."""

    def __init__(
        self,
        rpc: Rpc,
        signer: Signer,
        *,
        dynamic_fees: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`dynamic_fees` False makes legacy transactions also where the chain's blocks have a base fee."""
        self.rpc = rpc
        self.signer = signer
        self._dynamic_fees = dynamic_fees
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._in_flight: dict[int, SignedTransaction] = {}
        self._fees: TransactionDictType = {}
        self._fees_at = 0.0

    def send(self, to: bytes | None, data: bytes, gas: int) -> bytes:
        """Sign and hand over a transaction with that gas limit; returns its hash at once.

        `to` None creates a contract. Raises WrongChainError before anything is signed,
        InsufficientFundsError, and what the RPC raises; after RpcUnavailableError the chain may nevertheless
        have taken it.
        """
        self.rpc.check_chain()
        with self._lock:
            fees = self._current_fees()
            nonce = self._next_nonce()
            transaction: TransactionDictType = {
                "chainId": self.rpc.chain_id,
                "nonce": nonce,
                "gas": gas,
                "value": 0,
                "data": data,
                **fees,
            }
            if to is not None:
                transaction["to"] = to
            signed = self.signer.sign(transaction)
            try:
                self.rpc.send(signed.raw, signed.hash)
            except RpcRefusedError as refused:
                if _INSUFFICIENT in refused.text.lower():
                    raise InsufficientFundsError(self.signer.address) from None
                raise
            self._in_flight[nonce] = signed
            return signed.hash

    def wait(self, transaction: bytes, timeout: float = 120.0, poll: float = 0.25) -> Receipt:
        """The receipt of a transaction, once it is in a block, whether or not it succeeded.

        Raises TransactionPendingError after `timeout` seconds. `poll`: seconds between two looks.
        """
        deadline = self._clock() + timeout
        again = self._clock() + _HAND_OVER_AGAIN_SECONDS
        while True:
            receipt = self.rpc.receipt(transaction)
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
                self._hand_over_again(transaction)
                again = now + _HAND_OVER_AGAIN_SECONDS
            self._sleep(poll)

    def _next_nonce(self) -> int:
        """The nonce after all transactions that the chain, or else we, know of."""
        pending = self.rpc.nonce(self.signer.address)
        for nonce in [nonce for nonce in self._in_flight if nonce < pending]:
            del self._in_flight[nonce]
        nonce = pending
        # What the chain's node does not count (any more) of ours goes first, or the new one would wait.
        while nonce in self._in_flight:
            known = self._in_flight[nonce]
            self.rpc.send(known.raw, known.hash)
            nonce += 1
        return nonce

    def _current_fees(self) -> TransactionDictType:
        now = self._clock()
        if not self._fees or now - self._fees_at > _FEES_LAST_SECONDS:
            self._fees, self._fees_at = self._ask_fees(), now
        return self._fees

    def _ask_fees(self) -> TransactionDictType:
        header = self.rpc.header()
        if header is None or header.base_fee is None:
            return {"gasPrice": self.rpc.gas_price()}
        if not self._dynamic_fees:
            # The base fee may rise before the transaction is in a block.
            return {"gasPrice": self.rpc.gas_price() * _LEGACY_MARGIN_PERCENT // 100}
        try:
            tip = self.rpc.priority_fee()
        except RpcRefusedError:
            tip = max(self.rpc.gas_price() - header.base_fee, 0)
        return {"maxFeePerGas": 2 * header.base_fee + tip, "maxPriorityFeePerGas": tip}

    def _forget(self, transaction: bytes) -> None:
        with self._lock:
            for nonce in [n for n, signed in self._in_flight.items() if signed.hash == transaction]:
                del self._in_flight[nonce]

    def _hand_over_again(self, transaction: bytes) -> None:
        with self._lock:
            signed = next((s for s in self._in_flight.values() if s.hash == transaction), None)
            if signed is None:
                return
            try:
                self.rpc.send(signed.raw, signed.hash)
            except RpcRefusedError as refused:
                # Its nonce was used by another transaction of this key: waiting for it is left to the caller.
                if not any(phrase in refused.text.lower() for phrase in _NO_LONGER_WANTED):
                    raise
