"""JSON forms of the Ethereum JSON-RPC: parameters into values, blocks, transactions and logs into objects.

Source: the execution-apis specification (https://github.com/ethereum/execution-apis). No state here.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

from worknet.chain.development.blocks import Block, Call, Execution, Transaction
from worknet.chain.development.ledger import Place, PlacedLog

INVALID_PARAMS = -32602
Json = dict[str, Any]

_EMPTY_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"


class RpcFaultError(Exception):
    """An error answer: JSON-RPC code, message and, for reverts, the data."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True)
class LogFilter:
    """Which logs a request wants: empty `addresses` are all, None in `topics` is any."""

    addresses: frozenset[bytes]
    topics: tuple[frozenset[bytes] | None, ...]

    def matches(self, placed: PlacedLog) -> bool:
        """Whether the log is wanted."""
        log = placed.log
        if self.addresses and log.address not in self.addresses:
            return False
        if len(self.topics) > len(log.topics):
            return False
        return all(
            wanted is None or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False)
        )


def quantity(value: object) -> int:
    """An integer below 2^256 given as `0x` hex (or as a JSON number, which clients of tests send)."""
    number = value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, str) and value.startswith("0x"):
        with contextlib.suppress(ValueError):
            number = int(value, 16)
    if number is None or not 0 <= number < 1 << 256:
        raise RpcFaultError(INVALID_PARAMS, "invalid argument: expected a quantity below 2^256")
    return number


def data(value: object, size: int | None = None) -> bytes:
    """Bytes given as `0x` hex, of exactly `size` where that is given."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            decoded = bytes.fromhex(value[2:])
        except ValueError:
            decoded = None
        if decoded is not None and size in (None, len(decoded)):
            return decoded
    expected = "hex bytes" if size is None else f"{size} hex bytes"
    raise RpcFaultError(INVALID_PARAMS, f"invalid argument: expected {expected}")


def call(value: object) -> Call:
    """The call object of eth_call and eth_estimateGas."""
    if not isinstance(value, dict):
        raise RpcFaultError(INVALID_PARAMS, "invalid argument: expected a call object")
    defaults = Call(None, b"")
    body = value.get("input") or value.get("data") or "0x"
    return Call(
        to=None if value.get("to") is None else data(value["to"], 20),
        data=data(body),
        sender=data(value.get("from") or "0x" + "00" * 20, 20),
        value=quantity(value.get("value") or 0),
        gas=min(quantity(value.get("gas") or defaults.gas), defaults.gas),
        gas_price=quantity(value.get("gasPrice") or value.get("maxFeePerGas") or 0),
    )


def log_filter(value: Json) -> LogFilter:
    """Address and topics of a filter object."""
    topics = _listed(value.get("topics"))
    return LogFilter(
        frozenset(data(address, 20) for address in _listed(value.get("address"))),
        tuple(None if topic is None else frozenset(data(t, 32) for t in _listed(topic)) for topic in topics),
    )


def hexed(value: bytes) -> str:
    """Bytes as `0x` hex."""
    return "0x" + value.hex()


def block_form(block: Block, full: bool) -> Json:
    """A block, with whole transactions or with their hashes."""
    header = block.header
    return {
        "number": hex(header.block_number),
        "hash": hexed(block.hash),
        "parentHash": hexed(header.parent_hash),
        "nonce": hexed(header.nonce),
        "mixHash": hexed(header.mix_hash),
        "sha3Uncles": _EMPTY_UNCLES,
        "logsBloom": "0x" + header.bloom.to_bytes(256, "big").hex(),
        "transactionsRoot": hexed(header.transaction_root),
        "stateRoot": hexed(header.state_root),
        "receiptsRoot": hexed(header.receipt_root),
        "miner": hexed(header.coinbase),
        "difficulty": hex(header.difficulty),
        "totalDifficulty": "0x0",
        "extraData": hexed(header.extra_data),
        "size": hex(block.header_size + sum(len(e.transaction.raw) for e in block.executions)),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(header.timestamp),
        "baseFeePerGas": hex(header.base_fee_per_gas or 0),
        "transactions": [
            transaction_form(execution.transaction, Place(block, index))
            if full
            else hexed(execution.transaction.hash)
            for index, execution in enumerate(block.executions)
        ],
        "uncles": [],
    }


def transaction_form(transaction: Transaction, place: Place | None) -> Json:
    """A transaction; `place` is None while it waits in the queue."""
    signed = transaction.signed
    kind = _kind(transaction)
    form: Json = {
        "hash": hexed(transaction.hash),
        "type": hex(kind),
        "chainId": hex(signed.chain_id or 0),
        "nonce": hex(signed.nonce),
        "from": hexed(transaction.sender),
        "to": hexed(signed.to) if signed.to else None,
        "value": hex(signed.value),
        "gas": hex(signed.gas),
        "gasPrice": hex(place.execution.gas_price if place else signed.max_fee_per_gas),
        "input": hexed(signed.data),
        "v": hex(signed.y_parity if kind else 35 + 2 * (signed.chain_id or 0) + signed.y_parity),
        "r": hex(signed.r),
        "s": hex(signed.s),
        "blockHash": hexed(place.block.hash) if place else None,
        "blockNumber": hex(place.block.header.block_number) if place else None,
        "transactionIndex": hex(place.index) if place else None,
    }
    if kind == 2:
        form["maxFeePerGas"] = hex(signed.max_fee_per_gas)
        form["maxPriorityFeePerGas"] = hex(signed.max_priority_fee_per_gas)
        form["accessList"] = []
    return form


def receipt_form(place: Place, logs: list[PlacedLog]) -> Json:
    """The receipt of a transaction; `logs` are the transaction's own."""
    execution: Execution = place.execution
    signed = execution.transaction.signed
    return {
        "transactionHash": hexed(execution.transaction.hash),
        "transactionIndex": hex(place.index),
        "blockHash": hexed(place.block.hash),
        "blockNumber": hex(place.block.header.block_number),
        "from": hexed(execution.transaction.sender),
        "to": hexed(signed.to) if signed.to else None,
        "contractAddress": hexed(execution.created) if execution.created else None,
        "status": "0x1" if execution.succeeded else "0x0",
        "type": hex(_kind(execution.transaction)),
        "gasUsed": hex(execution.gas_used),
        "cumulativeGasUsed": hex(execution.cumulative_gas),
        "effectiveGasPrice": hex(execution.gas_price),
        "logs": [log_form(log) for log in logs],
        "logsBloom": "0x" + execution.bloom.to_bytes(256, "big").hex(),
    }


def log_form(placed: PlacedLog) -> Json:
    """One log of a block."""
    return {
        "address": hexed(placed.log.address),
        "topics": [hexed(topic) for topic in placed.log.topics],
        "data": hexed(placed.log.data),
        "blockNumber": hex(placed.place.block.header.block_number),
        "blockHash": hexed(placed.place.block.hash),
        "transactionHash": hexed(placed.place.execution.transaction.hash),
        "transactionIndex": hex(placed.place.index),
        "logIndex": hex(placed.index),
        "removed": False,
    }


def _kind(transaction: Transaction) -> int:
    """Transaction type by EIP-2718: 0 legacy, 1 access list, 2 dynamic fee."""
    return transaction.raw[0] if transaction.raw[0] < 0x80 else 0


def _listed(value: object) -> list[Any]:
    """A list, also where one string stands for a list of one and nothing for an empty one."""
    if value is None or isinstance(value, str):
        return [] if value is None else [value]
    if not isinstance(value, list):
        raise RpcFaultError(INVALID_PARAMS, "invalid argument: expected a list")
    return value
