"""What chains in this process are made of, whatever executes them: genesis, transactions, blocks, calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

COINBASE = bytes.fromhex("000000000000000000000000000000000000c0de")
"""Receives the tips of all blocks; nobody's key."""

GAS_LIMIT = 30_000_000
BASE_FEE = 10**9


class TransactionRefusedError(Exception):
    """A transaction that cannot be accepted; the text is the one that geth uses for the same fault."""


@dataclass(frozen=True)
class Genesis:
    """What block 0 is made of: chain id, time (unix seconds) and funded accounts (wei)."""

    chain_id: int
    time: int
    funds: Mapping[bytes, int]


@dataclass(frozen=True)
class Log:
    """One event as a contract wrote it."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


class Signed(Protocol):
    """The fields of a signed transaction."""

    @property
    def chain_id(self) -> int | None: ...
    @property
    def nonce(self) -> int: ...
    @property
    def gas(self) -> int: ...
    @property
    def max_fee_per_gas(self) -> int: ...
    @property
    def max_priority_fee_per_gas(self) -> int: ...
    @property
    def to(self) -> bytes: ...
    @property
    def value(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def y_parity(self) -> int: ...
    @property
    def r(self) -> int: ...
    @property
    def s(self) -> int: ...


@dataclass(frozen=True)
class Transaction:
    """A decoded transaction; sender and hash are computed once, when it arrives."""

    raw: bytes
    hash: bytes
    sender: bytes
    signed: Signed


@dataclass(frozen=True)
class Execution:
    """What became of one transaction in its block."""

    transaction: Transaction
    succeeded: bool
    gas_used: int
    cumulative_gas: int
    gas_price: int
    created: bytes | None
    logs: tuple[Log, ...]
    bloom: int


class Header(Protocol):
    """The fields of a block's header."""

    @property
    def block_number(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def parent_hash(self) -> bytes: ...
    @property
    def nonce(self) -> bytes: ...
    @property
    def mix_hash(self) -> bytes: ...
    @property
    def bloom(self) -> int: ...
    @property
    def transaction_root(self) -> bytes: ...
    @property
    def state_root(self) -> bytes: ...
    @property
    def receipt_root(self) -> bytes: ...
    @property
    def coinbase(self) -> bytes: ...
    @property
    def difficulty(self) -> int: ...
    @property
    def extra_data(self) -> bytes: ...
    @property
    def gas_limit(self) -> int: ...
    @property
    def gas_used(self) -> int: ...
    @property
    def base_fee_per_gas(self) -> int | None: ...


@dataclass(frozen=True)
class Block:
    """A block with all that its transactions did; `header_size` is the header's length in RLP."""

    header: Header
    hash: bytes
    header_size: int
    executions: tuple[Execution, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Outcome of a call: output, or the revert's data, and the gas that it took (intrinsic gas included)."""

    output: bytes
    gas_used: int
    reverted: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Call:
    """A call that is executed and forgotten; `to` None stands for the creation of a contract."""

    to: bytes | None
    data: bytes
    sender: bytes = bytes(20)
    value: int = 0
    gas: int = GAS_LIMIT
    gas_price: int = 0


class Executor(Protocol):
    """What executes the blocks of one chain, and keeps them with the state after each."""

    genesis: Genesis
    blocks: list[Block]

    @property
    def head(self) -> Block:
        """The newest block."""

    def decode(self, raw: bytes) -> Transaction:
        """Decode a signed transaction; TransactionRefusedError when it can never be executed here."""

    def next_base_fee(self) -> int:
        """Base fee (wei per gas) of the block after the head, by EIP-1559."""

    def execute(self, time: int, mix_hash: bytes, transactions: Sequence[Transaction]) -> Block:
        """Append a block with those of the transactions that are valid, in order."""

    def call(self, call: Call, number: int | None = None) -> Answer:
        """Execute a call on the state after block `number` (default: the head), in that block's context."""

    def balance(self, address: bytes, number: int | None = None) -> int:
        """Wei that `address` holds after block `number`."""

    def nonce(self, address: bytes, number: int | None = None) -> int:
        """Number of transactions that `address` had sent by block `number`."""

    def code(self, address: bytes, number: int | None = None) -> bytes:
        """Code of the contract at `address` after block `number`; empty where there is none."""

    def storage(self, address: bytes, slot: int, number: int | None = None) -> int:
        """The word in `slot` of the contract at `address` after block `number`."""
