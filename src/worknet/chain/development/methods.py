"""The JSON-RPC methods of the built-in development chain: names, parameters, answers.

What geth answers is answered alike where a client could tell the difference (errors included). Filters,
subscriptions, traces and unlocked accounts do not exist here.
"""

from collections.abc import Callable
from typing import Any

from worknet.chain.development import wire
from worknet.chain.development.blocks import (
    GAS_LIMIT,
    Answer,
    Block,
    Call,
    Executor,
    TransactionRefusedError,
)
from worknet.chain.development.ledger import Ledger
from worknet.chain.development.wire import INVALID_PARAMS, Json, RpcFaultError, hexed

LOG_LIMIT = 10_000
"""eth_getLogs refuses to answer with more logs than this, as public providers do."""

PRIORITY_FEE = 10**9
_METHOD_NOT_FOUND = -32601
_SERVER_ERROR = -32000
_LIMIT_EXCEEDED = -32005
_REVERTED = 3
_ERROR_STRING = bytes.fromhex("08c379a0")
_MAX_FEE_HISTORY = 1024
_BISECTIONS = 12

Params = list[Any]


class Methods:
    """Answers requests from a ledger; `on_submit` is told of every queued transaction."""

    def __init__(self, ledger: Ledger, version: str, on_submit: Callable[[], None]) -> None:
        self._ledger = ledger
        self._evm = ledger.evm
        self._version = version
        self._on_submit = on_submit
        self._table: dict[str, Callable[[Params], Any]] = {
            "eth_chainId": lambda _: hex(self._evm.genesis.chain_id),
            "net_version": lambda _: str(self._evm.genesis.chain_id),
            "net_listening": lambda _: True,
            "web3_clientVersion": lambda _: self._version,
            "eth_syncing": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_blockNumber": lambda _: hex(self._evm.head.header.block_number),
            "eth_gasPrice": lambda _: hex(self._evm.next_base_fee() + PRIORITY_FEE),
            "eth_maxPriorityFeePerGas": lambda _: hex(PRIORITY_FEE),
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": lambda p: self._block_answer(self._block(p[0]), p),
            "eth_getBlockByHash": lambda p: self._block_answer(
                self._ledger.block_by_hash(wire.data(p[0], 32)), p
            ),
            "eth_getBalance": lambda p: hex(self._evm.balance(wire.data(p[0], 20), self._number(p, 1))),
            "eth_getCode": lambda p: hexed(self._evm.code(wire.data(p[0], 20), self._number(p, 1))),
            "eth_getStorageAt": self._storage,
            "eth_getTransactionCount": self._transaction_count,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_sendRawTransaction": self._send,
            "evm_mine": self._mine,
            "evm_increaseTime": lambda p: self._ledger.move_time(wire.quantity(p[0])),
        }

    @property
    def executor(self) -> Executor:
        """What executes the blocks, and holds them."""
        return self._evm

    def answer(self, method: str, params: Params) -> Any:
        """The result of one request; raises RpcFaultError."""
        handler = self._table.get(method)
        if handler is None:
            raise RpcFaultError(_METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        try:
            return handler(params)
        except IndexError:
            raise RpcFaultError(INVALID_PARAMS, "missing value for required argument") from None
        except TransactionRefusedError as refused:
            raise RpcFaultError(_SERVER_ERROR, str(refused)) from None

    def _block(self, tag: Any) -> Block | None:
        """The block that a tag, a number or an object of EIP-1898 names."""
        if isinstance(tag, dict):
            if "blockHash" in tag:
                return self._ledger.block_by_hash(wire.data(tag["blockHash"], 32))
            tag = tag.get("blockNumber")
        if tag in ("latest", "pending", "safe", "finalized", None):
            return self._evm.head
        number = 0 if tag == "earliest" else wire.quantity(tag)
        return self._evm.blocks[number] if 0 <= number < len(self._evm.blocks) else None

    def _number(self, params: Params, position: int) -> int:
        block = self._block(params[position] if len(params) > position else None)
        if block is None:
            raise RpcFaultError(_SERVER_ERROR, "header not found")
        return int(block.header.block_number)

    def _block_answer(self, block: Block | None, params: Params) -> Json | None:
        return None if block is None else wire.block_form(block, full=len(params) > 1 and bool(params[1]))

    def _storage(self, params: Params) -> str:
        word = self._evm.storage(wire.data(params[0], 20), wire.quantity(params[1]), self._number(params, 2))
        return hexed(word.to_bytes(32, "big"))

    def _transaction_count(self, params: Params) -> str:
        address = wire.data(params[0], 20)
        if len(params) > 1 and params[1] == "pending":
            return hex(self._ledger.pending_nonce(address))
        return hex(self._evm.nonce(address, self._number(params, 1)))

    def _transaction(self, params: Params) -> Json | None:
        digest = wire.data(params[0], 32)
        place = self._ledger.place(digest)
        if place is not None:
            return wire.transaction_form(place.execution.transaction, place)
        queued = self._ledger.queued(digest)
        return None if queued is None else wire.transaction_form(queued, None)

    def _receipt(self, params: Params) -> Json | None:
        place = self._ledger.place(wire.data(params[0], 32))
        if place is None:
            return None
        number = place.block.header.block_number
        return wire.receipt_form(
            place, [log for log in self._ledger.logs(number, number) if log.place.index == place.index]
        )

    def _logs(self, params: Params) -> list[Json]:
        wanted = params[0]
        if not isinstance(wanted, dict):
            raise RpcFaultError(INVALID_PARAMS, "invalid argument: expected a filter object")
        head = int(self._evm.head.header.block_number)
        if "blockHash" in wanted:
            block = self._ledger.block_by_hash(wire.data(wanted["blockHash"], 32))
            if block is None:
                raise RpcFaultError(_SERVER_ERROR, "unknown block")
            first = last = int(block.header.block_number)
        else:
            first, last = (self._bound(wanted.get(name), head) for name in ("fromBlock", "toBlock"))
        if first > last:
            raise RpcFaultError(_SERVER_ERROR, "invalid block range params")
        chosen = wire.log_filter(wanted)
        logs = [log for log in self._ledger.logs(first, last) if chosen.matches(log)]
        if len(logs) > LOG_LIMIT:
            raise RpcFaultError(_LIMIT_EXCEEDED, f"query returned more than {LOG_LIMIT} results")
        return [wire.log_form(log) for log in logs]

    def _bound(self, tag: Any, head: int) -> int:
        if tag in ("latest", "pending", "safe", "finalized", None):
            return head
        return 0 if tag == "earliest" else wire.quantity(tag)

    def _call(self, params: Params) -> str:
        answer = self._evm.call(wire.call(params[0]), self._number(params, 1))
        if answer.failed:
            raise _fault(answer)
        return hexed(answer.output)

    def _estimate_gas(self, params: Params) -> str:
        """The gas that suffices: what was used, or more where nested calls keep a 64th back (EIP-150)."""
        call = wire.call(params[0])
        number = self._number(params, 1)
        answer = self._evm.call(call, number)
        if answer.failed:
            raise _fault(answer)
        low, high = answer.gas_used, call.gas
        if not self._evm.call(_with_gas(call, low), number).failed:
            return hex(low)
        for _ in range(_BISECTIONS):
            middle = (low + high) // 2
            if self._evm.call(_with_gas(call, middle), number).failed:
                low = middle
            else:
                high = middle
        return hex(high)

    def _send(self, params: Params) -> str:
        digest = self._ledger.submit(wire.data(params[0]))
        self._on_submit()
        return hexed(digest)

    def _mine(self, params: Params) -> str:
        for _ in range(wire.quantity(params[0]) if params and not isinstance(params[0], dict) else 1):
            self._ledger.mine()
        return "0x0"

    def _fee_history(self, params: Params) -> Json:
        count = min(wire.quantity(params[0]), _MAX_FEE_HISTORY)
        newest = self._number(params, 1)
        oldest = max(0, newest - count + 1)
        blocks = self._evm.blocks[oldest : newest + 1]
        head = newest == self._evm.head.header.block_number
        following = (
            self._evm.next_base_fee() if head else self._evm.blocks[newest + 1].header.base_fee_per_gas
        )
        history: Json = {
            "oldestBlock": hex(oldest),
            "baseFeePerGas": [hex(b.header.base_fee_per_gas or 0) for b in blocks] + [hex(following or 0)],
            "gasUsedRatio": [b.header.gas_used / GAS_LIMIT for b in blocks],
        }
        if len(params) > 2 and params[2]:
            history["reward"] = [[hex(PRIORITY_FEE)] * len(params[2]) for _ in blocks]
        return history


def _with_gas(call: Call, gas: int) -> Call:
    return Call(call.to, call.data, call.sender, call.value, gas, call.gas_price)


def _fault(answer: Answer) -> RpcFaultError:
    """The error of a failed call: code 3 with data for a revert, as geth gives it."""
    if not answer.reverted:
        return RpcFaultError(_SERVER_ERROR, "execution failed: out of gas or invalid instruction")
    message = "execution reverted"
    if answer.output[:4] == _ERROR_STRING and len(answer.output) >= 68:
        size = int.from_bytes(answer.output[36:68], "big")
        message += ": " + answer.output[68 : 68 + size].decode("utf-8", "replace")
    return RpcFaultError(_REVERTED, message, hexed(answer.output))
