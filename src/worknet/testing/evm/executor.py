"""Blocks and transactions on the translating EVM: what a ledger takes in the place of py-evm.

Its blocks hold what clients read of them; roots and blooms, which no client here looks at, are left empty.
Rules of London as py-evm has them for Paris (EIP-1559, 2028, 2929, 3529, 3541), held against it by a test.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]  # it has none
from coincurve import PublicKey
from eth_utils.crypto import keccak
from rlp.exceptions import RLPException  # type: ignore[import-untyped]  # the same

from worknet.chain.development.blocks import (
    BASE_FEE,
    COINBASE,
    GAS_LIMIT,
    Answer,
    Block,
    Call,
    Execution,
    Genesis,
    Header,
    Log,
    Transaction,
    TransactionRefusedError,
)
from worknet.testing.evm.errors import Halt, Reverted
from worknet.testing.evm.frames import Context, Frame
from worknet.testing.evm.state import Change, State
from worknet.testing.evm.translation import run

_TRANSACTION_GAS, _CREATION_GAS, _ZERO_GAS, _BYTE_GAS, _CODE_GAS = 21_000, 32_000, 4, 16, 200
_MOST_CODE = 24_576
_DYNAMIC_FEE = 2
_HEADER_SIZE = 540
"""About the bytes of a header in RLP."""


@dataclass(frozen=True)
class BlockHeader:
    """The header of a block."""

    block_number: int
    timestamp: int
    parent_hash: bytes
    mix_hash: bytes
    base_fee_per_gas: int
    gas_used: int = 0
    gas_limit: int = GAS_LIMIT
    coinbase: bytes = COINBASE
    difficulty: int = 0
    bloom: int = 0
    nonce: bytes = bytes(8)
    extra_data: bytes = b""
    transaction_root: bytes = bytes(32)
    state_root: bytes = bytes(32)
    receipt_root: bytes = bytes(32)


@dataclass(frozen=True)
class SignedFields:
    """The fields of a signed transaction; of a legacy one both fees are its gas price."""

    chain_id: int | None
    nonce: int
    gas: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    to: bytes
    value: int
    data: bytes
    y_parity: int
    r: int
    s: int


@dataclass(frozen=True)
class _End:
    """How a transaction's message ended, with the gas left."""

    went_well: bool
    output: bytes
    left: int
    reverted: bool = False


class TranslatingEvm:
    """All blocks of one chain, and its state, which can be had as of any of them."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self._state = State()
        self._state.balances.update(genesis.funds)
        header = BlockHeader(0, genesis.time, bytes(32), bytes(32), BASE_FEE)
        self.blocks: list[Block] = [_block(header, ())]
        self._changes: list[list[Change]] = [[]]

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def decode(self, raw: bytes) -> Transaction:
        """Decode a signed transaction; TransactionRefusedError when it can never be executed here."""
        try:
            fields, digest = _fields(raw)
            sender = _sender(fields, digest)
        except (RLPException, ValueError, IndexError):
            raise TransactionRefusedError("rlp: transaction cannot be decoded") from None
        if fields.chain_id is None:
            raise TransactionRefusedError("only replay-protected (EIP-155) transactions allowed over RPC")
        if fields.chain_id != self.genesis.chain_id:
            raise TransactionRefusedError("invalid chain id for signer")
        if fields.gas < _intrinsic_gas(fields.data, is_creation=not fields.to):
            raise TransactionRefusedError("intrinsic gas too low")
        if fields.gas > GAS_LIMIT:
            raise TransactionRefusedError("exceeds block gas limit")
        if fields.max_priority_fee_per_gas > fields.max_fee_per_gas:
            raise TransactionRefusedError("max priority fee per gas higher than max fee per gas")
        return Transaction(raw, keccak(raw), sender, fields)

    def next_base_fee(self) -> int:
        """Base fee (wei per gas) of the block after the head, by EIP-1559."""
        parent = self.head.header
        fee, target = parent.base_fee_per_gas or 0, parent.gas_limit // 2
        if parent.gas_used > target:
            return fee + max(1, fee * (parent.gas_used - target) // target // 8)
        return fee - fee * (target - parent.gas_used) // target // 8

    def execute(self, time: int, mix_hash: bytes, transactions: Sequence[Transaction]) -> Block:
        """Append a block with those of the transactions that are valid, in order."""
        parent = self.head
        if time <= parent.header.timestamp:
            raise ValueError(
                f"a block's time must be after its parent's: {time} <= {parent.header.timestamp}"
            )
        number, base_fee = parent.header.block_number + 1, self.next_base_fee()
        header = BlockHeader(number, time, parent.hash, mix_hash, base_fee)
        executions: list[Execution] = []
        gas_used = 0
        for transaction in transactions:
            if gas_used + transaction.signed.gas <= GAS_LIMIT and self._is_valid(transaction, base_fee):
                executions.append(self._execute(header, transaction, gas_used))
                gas_used = executions[-1].cumulative_gas
        self._changes.append(self._state.commit())
        full = BlockHeader(number, time, parent.hash, mix_hash, base_fee, gas_used)
        self.blocks.append(_block(full, executions))
        return self.head

    def call(self, call: Call, number: int | None = None) -> Answer:
        """Execute a call on the state after block `number` (default: the head), in that block's context."""
        block = self.blocks[-1 if number is None else number]
        intrinsic = _intrinsic_gas(call.data, is_creation=call.to is None)
        if call.gas < intrinsic:
            return Answer(b"", call.gas, failed=True)
        with self._at(block.header.block_number):
            if self._state.balances.get(call.sender, 0) < call.value:
                return Answer(b"", intrinsic, failed=True)
            context = self._context(block.header, call.sender, call.gas_price)
            mark = self._state.mark()
            end = self._message(context, call.sender, call.to, call.value, call.data, call.gas - intrinsic)
            self._state.undo(mark)
        return Answer(end.output, call.gas - end.left, end.reverted, failed=not end.went_well)

    def balance(self, address: bytes, number: int | None = None) -> int:
        """Wei that `address` holds after block `number`."""
        with self._at(number):
            return self._state.balances.get(address, 0)

    def nonce(self, address: bytes, number: int | None = None) -> int:
        """Number of transactions that `address` had sent by block `number`."""
        with self._at(number):
            return self._state.nonces.get(address, 0)

    def code(self, address: bytes, number: int | None = None) -> bytes:
        """Code of the contract at `address` after block `number`; empty where there is none."""
        with self._at(number):
            return self._state.codes.get(address, b"")

    def storage(self, address: bytes, slot: int, number: int | None = None) -> int:
        """The word in `slot` of the contract at `address` after block `number`."""
        with self._at(number):
            return self._state.words.get((address, slot), 0)

    @contextmanager
    def _at(self, number: int | None) -> Iterator[None]:
        """Inside, the state is that after a block."""
        if number is None or number == len(self.blocks) - 1:
            yield
            return
        with self._state.before(self._changes[number + 1 :]):
            yield

    def _is_valid(self, transaction: Transaction, base_fee: int) -> bool:
        fields = transaction.signed
        cost = fields.gas * fields.max_fee_per_gas + fields.value
        return (
            fields.nonce == self._state.nonces.get(transaction.sender, 0)
            and fields.max_fee_per_gas >= base_fee
            and cost <= self._state.balances.get(transaction.sender, 0)
        )

    def _execute(self, header: BlockHeader, transaction: Transaction, gas_before: int) -> Execution:
        """Executes a transaction that is valid, and has it paid for."""
        state, fields, sender = self._state, transaction.signed, transaction.sender
        base_fee = header.base_fee_per_gas
        price = min(fields.max_fee_per_gas, fields.max_priority_fee_per_gas + base_fee)
        state.put(state.balances, sender, state.balances[sender] - fields.gas * price)
        context = self._context(header, sender, price)
        to = fields.to or None
        gas = fields.gas - _intrinsic_gas(fields.data, is_creation=to is None)
        if to is not None:
            state.put(state.nonces, sender, fields.nonce + 1)
        end = self._message(context, sender, to, fields.value, fields.data, gas)
        if to is None:
            state.put(state.nonces, sender, fields.nonce + 1)
        used = fields.gas - end.left
        used -= min(context.refund, used // 5)
        state.put(state.balances, sender, state.balances[sender] + (fields.gas - used) * price)
        tip = used * (price - base_fee)
        state.put(state.balances, COINBASE, state.balances.get(COINBASE, 0) + tip)
        return Execution(
            transaction=transaction,
            succeeded=end.went_well,
            gas_used=used,
            cumulative_gas=gas_before + used,
            gas_price=price,
            created=_created(sender, fields.nonce) if to is None else None,
            logs=tuple(Log(*log) for log in context.logs),
            bloom=0,
        )

    def _message(
        self, context: Context, sender: bytes, to: bytes | None, value: int, data: bytes, gas: int
    ) -> _End:
        """Carries out a message; what a failed one has changed is undone."""
        state = self._state
        address = _created(sender, state.nonces.get(sender, 0)) if to is None else to
        code, message = (data, b"") if to is None else (state.codes.get(to, b""), data)
        context.warm.update({sender: True, address: True})
        mark = state.mark()
        if to is None:
            state.put(state.nonces, address, 1)
        state.transfer(sender, address, value)
        frame = Frame(
            state,
            context,
            run,
            code=code,
            address=address,
            caller=sender,
            value=value,
            message=message,
            gas=gas,
        )
        try:
            run(frame)
            if to is None:
                self._keep_code(frame)
        except (Reverted, Halt) as failure:
            state.undo(mark)
            context.refund = 0
            context.logs.clear()
            if isinstance(failure, Reverted):
                return _End(False, failure.output, frame.gas, reverted=True)
            return _End(False, b"", 0)
        return _End(True, frame.output, frame.gas)

    def _keep_code(self, frame: Frame) -> None:
        """What a creation returns becomes the account's code (EIP-170, EIP-3541)."""
        if len(frame.output) > _MOST_CODE or frame.output[:1] == b"\xef":
            raise Halt
        frame.pay(_CODE_GAS * len(frame.output))
        self._state.put(self._state.codes, frame.address, frame.output)

    def _context(self, header: Header, sender: bytes, gas_price: int) -> Context:
        return Context(
            chain_id=self.genesis.chain_id,
            number=header.block_number,
            time=header.timestamp,
            base_fee=header.base_fee_per_gas or 0,
            gas_limit=header.gas_limit,
            coinbase=header.coinbase,
            mix_hash=header.mix_hash,
            origin=sender,
            gas_price=gas_price,
        )


def _block(header: BlockHeader, executions: Sequence[Execution]) -> Block:
    """A block whose hash covers what it was made of: place, time and transactions."""
    words = [header.block_number, header.timestamp, header.base_fee_per_gas, header.gas_used]
    hashes = [execution.transaction.hash for execution in executions]
    digest = keccak(rlp.encode([header.parent_hash, header.mix_hash, words, hashes]))
    return Block(header, digest, _HEADER_SIZE, tuple(executions))


def _fields(raw: bytes) -> tuple[SignedFields, bytes]:
    """The fields of a signed transaction, and the digest that was signed (EIP-155, EIP-1559)."""
    number = rlp.sedes.big_endian_int.deserialize
    if raw[:1] == bytes([_DYNAMIC_FEE]):
        items = rlp.decode(raw[1:])
        chain_id, nonce, tip, fee, gas, to, value, data, accesses, parity, r, s = items
        if accesses:
            raise ValueError("access lists are left out here")
        digest = keccak(raw[:1] + rlp.encode(items[:9]))
        known: int | None = number(chain_id)
        y_parity = number(parity)
    else:
        nonce, fee, gas, to, value, data, v, r, s = rlp.decode(raw)
        tip, signer = fee, number(v)
        known = (signer - 35) // 2 if signer >= 35 else None
        y_parity = (signer - 35) % 2 if known is not None else signer - 27
        unsigned = [nonce, fee, gas, to, value, data]
        if known is not None:
            unsigned += [rlp.sedes.big_endian_int.serialize(known), b"", b""]
        digest = keccak(rlp.encode(unsigned))
    if len(to) not in {0, 20}:
        raise ValueError("no address")
    fields = SignedFields(
        chain_id=known,
        nonce=number(nonce),
        gas=number(gas),
        max_fee_per_gas=number(fee),
        max_priority_fee_per_gas=number(tip),
        to=to,
        value=number(value),
        data=data,
        y_parity=y_parity,
        r=number(r),
        s=number(s),
    )
    return fields, digest


def _sender(fields: SignedFields, digest: bytes) -> bytes:
    signature = fields.r.to_bytes(32, "big") + fields.s.to_bytes(32, "big") + bytes([fields.y_parity])
    key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    return keccak(key.format(compressed=False)[1:])[12:]


def _created(sender: bytes, nonce: int) -> bytes:
    """Address of the contract that `sender` creates with `nonce` (Yellow Paper, section 7)."""
    return keccak(rlp.encode([sender, nonce]))[12:]


def _intrinsic_gas(data: bytes, *, is_creation: bool) -> int:
    zeros = data.count(0)
    gas = _TRANSACTION_GAS + _ZERO_GAS * zeros + _BYTE_GAS * (len(data) - zeros)
    return gas + _CREATION_GAS if is_creation else gas
