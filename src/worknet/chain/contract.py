"""A contract as Python calls it: views, transactions, why it refused. What they mean the children know.

Views take the block to look at. A transaction that may be refused for what others did is tried as a call
first, so that a refusal costs no gas.
"""

from collections.abc import Iterable
from typing import Any

from worknet.chain.answers import Receipt
from worknet.chain.errors import ChainError, NoContractError, RevertedError, RpcRefusedError
from worknet.chain.interface import Contract, call_data, output, revert_reason, selected
from worknet.chain.rpc import BlockTag, Rpc
from worknet.chain.transactions import Sender


class ContractClient:
    """One contract on one chain; safe to use from several threads. Every method may raise a ChainError.

    Transactions return their hash at once; `wait` gives the receipt. A rule that is broken is a RevertedError
    with that rule.
    """

    interface: Contract = "WorkerNetwork"

    def __init__(self, rpc: Rpc, contract: bytes, sender: Sender | None) -> None:
        if len(contract) != 20:
            raise ChainError(f"a contract's address has 20 bytes, this one {len(contract)}")
        self.rpc = rpc
        self.contract = contract
        self._sender = sender

    @property
    def sender(self) -> Sender:
        """What signs and sends this client's transactions; ChainError for a client without a key."""
        return self._signing()

    def check(self) -> None:
        """Raise WrongChainError, or NoContractError where no code stands at the contract's address."""
        self.rpc.check_chain()
        if not self.rpc.code(self.contract):
            raise NoContractError(self.contract, self.rpc.chain_id)

    def receipt(self, transaction: bytes) -> Receipt | None:
        """What became of a transaction, also if it had to be signed anew since; None while in no block."""
        return self.rpc.receipt(transaction) if self._sender is None else self._sender.receipt(transaction)

    def wait(self, transaction: bytes, timeout: float = 120.0, poll: float = 0.25) -> Receipt:
        """The receipt of a transaction that succeeded.

        Raises TransactionPendingError after `timeout` seconds, and RevertedError for one that is in a block
        but failed, with the rule that it broke as far as a replay of it tells.
        """
        receipt = self._signing().wait(transaction, timeout, poll)
        if not receipt.succeeded:
            raise self._failure(receipt)
        return receipt

    def _about(self, name: str, values: tuple[Any, ...]) -> tuple[bytes | None, int | None]:
        """The voting and the attempt that a call with these values is about."""
        return None, None

    def _view(self, name: str, *values: object, block: BlockTag = "latest") -> Any:
        data = call_data(name, *values, contract=self.interface)
        try:
            answer = self.rpc.call(self.contract, data, block=block)
        except RpcRefusedError as refused:
            reason = revert_reason(refused.data, refused.text)
            if reason or refused.is_revert:
                raise RevertedError(name, reason) from None
            raise
        return output(name, answer, contract=self.interface)

    def _send(self, name: str, *values: object, gas: int, value: int = 0) -> bytes:
        """Sends a call, whatever comes of it."""
        data = call_data(name, *values, contract=self.interface)
        return self._signing().send(self.contract, data, gas, value=value)

    def _send_checked(self, name: str, *values: object, gas: int) -> bytes:
        """Sends a call that the contract would take now."""
        self._try(name, *values)
        return self._send(name, *values, gas=gas)

    def _send_batches(
        self, name: str, batches: Iterable[tuple[tuple[Any, ...], int]], nothing_done: str
    ) -> list[bytes]:
        """Sends calls with these values and gas limits, each tried before any is sent.

        One of several that is refused by the rule `nothing_done` is left out.
        """
        refused: RevertedError | None = None
        fitting = []
        for values, gas in batches:
            try:
                self._try(name, *values)
            except RevertedError as error:
                if error.reason != nothing_done:
                    raise
                refused = error
            else:
                fitting.append((values, gas))
        if refused is not None and not fitting:
            raise refused
        return [self._send(name, *values, gas=gas) for values, gas in fitting]

    def _try(self, name: str, *values: object) -> None:
        """Raises the RevertedError with which the contract would refuse the call now."""
        data = call_data(name, *values, contract=self.interface)
        sender = self._signing().signer.address
        try:
            self.rpc.call(self.contract, data, sender=sender)
        except RpcRefusedError as refused:
            if not refused.is_revert:
                raise
            voting_id, attempt = self._about(name, values)
            reason = revert_reason(refused.data, refused.text)
            raise RevertedError(name, reason, voting_id=voting_id, attempt=attempt) from None

    def _failure(self, receipt: Receipt) -> RevertedError:
        """Why a transaction failed: replayed on its own block, which has its time, then on the parent."""
        sent = self.rpc.transaction(receipt.transaction)
        found = None if sent is None else selected(sent.data, self.interface)
        name, values = ("a transaction", ()) if found is None else found
        voting_id, attempt = self._about(name, values)
        reason, hint = "", "replayed, it does not fail: perhaps another transaction of its block came first"
        if sent is not None and receipt.gas_used == sent.gas:
            hint = "it used all of its gas limit"
        for block in (receipt.block, receipt.block - 1):
            if reason or sent is None or sent.to is None:
                break
            try:
                self.rpc.call(sent.to, sent.data, sender=sent.sender, block=block, gas=sent.gas)
            except RpcRefusedError as refused:
                reason = revert_reason(refused.data, refused.text)
        return RevertedError(
            name,
            reason,
            voting_id=voting_id,
            attempt=attempt,
            transaction=receipt.transaction,
            hint="" if reason else hint,
        )

    def _signing(self) -> Sender:
        if self._sender is None:
            raise ChainError("this client has no key to sign with", hint="give it a signer")
        return self._sender
