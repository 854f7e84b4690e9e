"""The EVM of the built-in development chain: executes blocks and calls, keeps blocks and states in memory.

It is a pure function of what it is given: the same genesis and the same (time, mix_hash, transactions) per
block give the same block hashes, which is what makes stored chains replayable. Paris rules of py-evm: its
instruction set is London's, so contracts built for London run as they do there. No clock, no queue, no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from eth.abc import BlockHeaderAPI, ComputationAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.consensus.context import ConsensusContext
from eth.constants import POST_MERGE_DIFFICULTY
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.db.trie import make_trie_root_and_nodes
from eth.exceptions import Revert, UnrecognizedTransactionType
from eth.rlp.headers import BlockHeader
from eth.vm.chain_context import ChainContext
from eth.vm.forks.paris import ParisVM
from eth.vm.interrupt import EVMMissingData
from eth.vm.message import Message
from eth_bloom.bloom import BloomFilter
from eth_keys.exceptions import BadSignature
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.crypto import keccak as keccak_256
from eth_utils.exceptions import ValidationError
from rlp import encode as rlp_encode  # type: ignore[import-untyped]  # rlp ships no types
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
    Log,
    Transaction,
    TransactionRefusedError,
)

_BLOCKHASH_DEPTH = 256
_TRANSACTION_GAS = 21_000


@dataclass
class Evm:
    """All blocks of one chain and the state after each of them."""

    genesis: Genesis
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._db = AtomicDB()
        self._context = ChainContext(self.genesis.chain_id)
        self._chaindb = ChainDB(self._db)
        empty = BlockHeader(difficulty=0, block_number=BlockNumber(-1), gas_limit=0)
        state = ParisVM.build_state(self._db, empty, self._context)
        for address, balance in sorted(self.genesis.funds.items()):
            state.set_balance(Address(address), balance)
        state.persist()
        header = ParisVM.create_genesis_header(
            difficulty=POST_MERGE_DIFFICULTY,
            gas_limit=GAS_LIMIT,
            timestamp=self.genesis.time,
            coinbase=Address(COINBASE),
            base_fee_per_gas=BASE_FEE,
            state_root=state.state_root,
        )
        self.blocks.append(_block(header, ()))

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def decode(self, raw: bytes) -> Transaction:
        """Decode a signed transaction; raises TransactionRefusedError when it can never be executed here."""
        builder = ParisVM.get_transaction_builder()
        try:
            signed = builder.decode(raw)
            sender = bytes(signed.sender)
            too_low = signed.gas < signed.intrinsic_gas
        except (
            ValidationError,
            UnrecognizedTransactionType,
            RLPException,
            BadSignature,
            ValueError,
            IndexError,
        ):
            raise TransactionRefusedError("rlp: transaction cannot be decoded") from None
        if signed.chain_id is None:
            raise TransactionRefusedError("only replay-protected (EIP-155) transactions allowed over RPC")
        if signed.chain_id != self.genesis.chain_id:
            raise TransactionRefusedError("invalid chain id for signer")
        if too_low:
            raise TransactionRefusedError("intrinsic gas too low")
        if signed.gas > GAS_LIMIT:
            raise TransactionRefusedError("exceeds block gas limit")
        if signed.max_priority_fee_per_gas > signed.max_fee_per_gas:
            raise TransactionRefusedError("max priority fee per gas higher than max fee per gas")
        return Transaction(raw, bytes(keccak_256(raw)), sender, signed)

    def next_base_fee(self) -> int:
        """Base fee (wei per gas) of the block after the head, by EIP-1559."""
        return _base_fee(self._next_header(self.head.header.timestamp + 1, bytes(32)))

    def execute(self, time: int, mix_hash: bytes, transactions: Sequence[Transaction]) -> Block:
        """Append a block of `time` and `mix_hash` with those of `transactions` that are valid, in order.

        The header's time is fixed before anything runs, so that contracts see the time that the header shows.
        A transaction that fails inside a contract is in the block; one that is not valid is left out.
        """
        header = self._next_header(time, mix_hash)
        executions: list[Execution] = []
        if transactions:
            header, executions = self._execute_all(header, transactions)
        block = _block(header, executions)
        self.blocks.append(block)
        return block

    def call(self, call: Call, number: int | None = None) -> Answer:
        """Execute `call` on the state after block `number` (default: the head), in that block's context."""
        state = self._state(self._header(number))
        context = state.get_transaction_context_class()(gas_price=call.gas_price, origin=Address(call.sender))
        intrinsic = _intrinsic_gas(call)
        if call.gas < intrinsic:
            return Answer(b"", call.gas, failed=True)
        sender = Address(call.sender)
        if state.get_balance(sender) < call.value:
            return Answer(b"", intrinsic, failed=True)
        gas = call.gas - intrinsic
        if call.to is None:
            created = _created_address(call.sender, state.get_nonce(sender))
            message = Message(gas, Address(b""), sender, call.value, b"", call.data, create_address=created)
            computation = state.computation_class.apply_create_message(state, message, context)
        else:
            to = Address(call.to)
            message = Message(gas, to, sender, call.value, call.data, state.get_code(to))
            computation = state.computation_class.apply_message(state, message, context)
        used = call.gas - computation.get_gas_remaining()
        if computation.is_error:
            return Answer(bytes(computation.output), used, reverted=_reverted(computation), failed=True)
        return Answer(bytes(computation.output), used)

    def balance(self, address: bytes, number: int | None = None) -> int:
        """Wei that `address` holds after block `number`."""
        return int(self._state_after(number).get_balance(Address(address)))

    def nonce(self, address: bytes, number: int | None = None) -> int:
        """Number of transactions that `address` had sent by block `number`."""
        return int(self._state_after(number).get_nonce(Address(address)))

    def code(self, address: bytes, number: int | None = None) -> bytes:
        """Code of the contract at `address` after block `number`; empty where there is none."""
        return bytes(self._state_after(number).get_code(Address(address)))

    def storage(self, address: bytes, slot: int, number: int | None = None) -> int:
        """The word in `slot` of the contract at `address` after block `number`."""
        return int(self._state_after(number).get_storage(Address(address), slot))

    def _header(self, number: int | None = None) -> BlockHeaderAPI:
        # All headers here were made here, by py-evm.
        return cast(BlockHeaderAPI, self.blocks[-1 if number is None else number].header)

    def _next_header(self, time: int, mix_hash: bytes) -> BlockHeaderAPI:
        parent = self._header()
        if time <= parent.timestamp:
            raise ValueError(f"a block's time must be after its parent's: {time} <= {parent.timestamp}")
        header: BlockHeaderAPI = ParisVM.create_header_from_parent(
            parent,
            timestamp=time,
            mix_hash=Hash32(mix_hash),
            gas_limit=parent.gas_limit,
            coinbase=Address(COINBASE),
        )
        return header

    def _state(self, header: BlockHeaderAPI) -> StateAPI:
        recent = self.blocks[max(0, header.block_number - _BLOCKHASH_DEPTH) : header.block_number]
        hashes = [Hash32(block.hash) for block in reversed(recent)]
        return ParisVM.build_state(self._db, header, self._context, hashes)

    def _state_after(self, number: int | None) -> StateAPI:
        return self._state(self._header(number))

    def _execute_all(
        self, header: BlockHeaderAPI, transactions: Sequence[Transaction]
    ) -> tuple[BlockHeaderAPI, list[Execution]]:
        vm = ParisVM(header, self._chaindb, self._context, ConsensusContext(self._db))
        state = self._state(header)
        executions: list[Execution] = []
        receipts = []
        gas_used = 0
        for transaction in transactions:
            # Decoded here, by py-evm.
            signed = cast(SignedTransactionAPI, transaction.signed)
            if gas_used + signed.gas > header.gas_limit:
                continue
            state.lock_changes()
            try:
                computation = state.apply_transaction(signed)
            except (ValidationError, EVMMissingData):
                continue
            receipt = vm.make_receipt(header.copy(gas_used=gas_used), signed, computation, state)
            receipts.append(receipt)
            executions.append(
                _execution(transaction, computation, receipt.gas_used - gas_used, receipt, header)
            )
            gas_used = receipt.gas_used
        state.persist()
        bloom = 0
        for execution in executions:
            bloom |= execution.bloom
        included = [cast(SignedTransactionAPI, execution.transaction.signed) for execution in executions]
        header = header.copy(
            gas_used=gas_used,
            bloom=bloom,
            state_root=state.state_root,
            transaction_root=make_trie_root_and_nodes(included)[0],
            receipt_root=make_trie_root_and_nodes(receipts)[0],
        )
        return header, executions


def _block(header: BlockHeaderAPI, executions: Sequence[Execution]) -> Block:
    return Block(header, bytes(header.hash), len(rlp_encode(header)), tuple(executions))


def _execution(
    transaction: Transaction,
    computation: ComputationAPI,
    gas_used: int,
    receipt: ReceiptAPI,
    header: BlockHeaderAPI,
) -> Execution:
    signed = transaction.signed
    return Execution(
        transaction=transaction,
        succeeded=not computation.is_error,
        gas_used=gas_used,
        cumulative_gas=receipt.gas_used,
        gas_price=min(signed.max_fee_per_gas, signed.max_priority_fee_per_gas + _base_fee(header)),
        created=None if signed.to else _created_address(transaction.sender, signed.nonce),
        logs=tuple(
            Log(bytes(log.address), tuple(topic.to_bytes(32, "big") for topic in log.topics), bytes(log.data))
            for log in receipt.logs
        ),
        bloom=int(BloomFilter(receipt.bloom)),
    )


def _base_fee(header: BlockHeaderAPI) -> int:
    return header.base_fee_per_gas or 0


def _reverted(computation: ComputationAPI) -> bool:
    try:
        computation.raise_if_error()
    except Revert:
        return True
    except Exception:  # noqa: BLE001 - any other fault of the EVM is a failure without data
        return False
    return False


def _created_address(sender: bytes, nonce: int) -> Address:
    """Address of the contract that `sender` creates with `nonce` (Yellow Paper, section 7)."""
    return Address(keccak_256(rlp_encode([sender, nonce]))[12:])


def _intrinsic_gas(call: Call) -> int:
    zeros = call.data.count(0)
    creation = 32_000 if call.to is None else 0
    return _TRANSACTION_GAS + creation + 4 * zeros + 16 * (len(call.data) - zeros)
