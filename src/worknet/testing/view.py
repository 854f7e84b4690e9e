"""A simulated worker's own access to the chain: it may be behind, cut off, or die while it sends."""

from collections.abc import Callable, Mapping
from typing import Any

from worknet.chain.answers import Header
from worknet.chain.development.blocks import Block, TransactionRefusedError
from worknet.chain.errors import RpcRefusedError
from worknet.chain.rpc import BlockTag
from worknet.testing.chain import LocalChain, LocalRpc
from worknet.testing.crashing import Trap

_NEWEST = frozenset({"latest", "pending", "safe", "finalized"})
_SERVER_ERROR = -32000


class ViewRpc(LocalRpc):
    """RPC access that shows the chain up to block `seen`.

    While `is_cut_off` what is sent waits here, and `hand_over` sends it on.
    """

    def __init__(self, chain: LocalChain, trap: Trap) -> None:
        super().__init__(chain.methods)
        self._chain, self._trap = chain, trap
        self._waiting: list[bytes] = []
        self.seen = chain.height
        self.is_cut_off = False
        self._answers: Mapping[str, Callable[..., Any]] = {
            "eth_blockNumber": lambda: hex(self.seen),
            "eth_getBlockByNumber": self._block,
            "eth_call": lambda call, tag="latest": self._ask("eth_call", call, self._tag(tag)),
            "eth_getBalance": lambda who, tag="latest": self._ask("eth_getBalance", who, self._tag(tag)),
            "eth_getTransactionCount": self._count,
            "eth_getLogs": self._logs,
            "eth_getTransactionReceipt": self._receipt,
            "eth_sendRawTransaction": self._send,
        }

    def request(self, method: str, *params: Any) -> Any:
        """The result of one request, as far as this worker sees the chain."""
        answer = self._answers.get(method)
        return self._ask(method, *params) if answer is None else answer(*params)

    def header(self, block: BlockTag = "latest") -> Header | None:
        """The block of that number, as far as this worker sees the chain."""
        # Without the detour through JSON, for it is asked for all the time.
        number = self.seen if isinstance(block, str) else block
        return _header(self._chain.ledger.evm.blocks[number]) if number <= self.seen else None

    def hand_over(self) -> None:
        """The network is whole again: what waited here goes on to the others; what is too late is lost."""
        waiting, self._waiting = self._waiting, []
        for raw in waiting:
            try:
                self._chain.ledger.submit(raw)
            except TransactionRefusedError:
                continue

    def _ask(self, method: str, *params: Any) -> Any:
        return super().request(method, *params)

    def _tag(self, tag: Any) -> Any:
        return hex(self.seen) if tag in _NEWEST else tag

    def _block(self, tag: Any, full: bool = False) -> Any:
        if tag not in _NEWEST and int(tag, 16) > self.seen:
            return None
        return self._ask("eth_getBlockByNumber", self._tag(tag), full)

    def _count(self, who: str, tag: str = "latest") -> Any:
        if tag != "pending":
            return self._ask("eth_getTransactionCount", who, self._tag(tag))
        nonce = int(self._ask("eth_getTransactionCount", who, tag), 16)
        held = {self._chain.ledger.evm.decode(raw).signed.nonce for raw in self._waiting}
        while nonce in held:
            nonce += 1
        return hex(nonce)

    def _logs(self, wanted: dict[str, Any]) -> Any:
        return self._ask(
            "eth_getLogs", {**wanted, "toBlock": hex(min(int(wanted["toBlock"], 16), self.seen))}
        )

    def _receipt(self, transaction: str) -> Any:
        receipt = self._ask("eth_getTransactionReceipt", transaction)
        return None if receipt is None or int(receipt["blockNumber"], 16) > self.seen else receipt

    def _send(self, raw: str) -> Any:
        self._trap.pass_by()
        if not self.is_cut_off:
            answer = self._ask("eth_sendRawTransaction", raw)
        else:
            answer = self._hold(bytes.fromhex(raw[2:]))
        self._trap.pass_by()
        return answer

    def _hold(self, raw: bytes) -> str:
        try:
            transaction = self._chain.ledger.evm.decode(raw)
        except TransactionRefusedError as refused:
            raise RpcRefusedError("eth_sendRawTransaction", _SERVER_ERROR, str(refused)) from None
        if raw not in self._waiting:
            self._waiting.append(raw)
        return "0x" + transaction.hash.hex()


def _header(block: Block) -> Header:
    header = block.header
    return Header(
        number=int(header.block_number),
        hash=block.hash,
        parent=bytes(header.parent_hash),
        time=int(header.timestamp),
        base_fee=header.base_fee_per_gas,
    )
