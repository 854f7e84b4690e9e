"""The built-in development chain between its EVM and its RPC: queue, block time, storage, and an index.

A submitted transaction waits in the queue; `mine` fixes time and mix_hash of the next block, executes what
the queue holds, and stores the block before anyone sees it. Receipts and logs are looked up in memory.
No networking and no timers here: the server decides when to mine.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from worknet.chain.development.blocks import (
    GAS_LIMIT,
    Block,
    Execution,
    Executor,
    Genesis,
    Log,
    Transaction,
    TransactionRefusedError,
)
from worknet.chain.development.store import BlockStore, StoredBlock, StoredGenesis
from worknet.chain.errors import DevelopmentChainError

QUEUE_LIMIT = 10_000
_REPLACEMENT_PERCENT = 110


@dataclass(frozen=True)
class Place:
    """Where a transaction stands: its block and its index in it."""

    block: Block
    index: int

    @property
    def execution(self) -> Execution:
        """What became of the transaction."""
        return self.block.executions[self.index]


@dataclass(frozen=True)
class PlacedLog:
    """A log, its transaction and its index among all logs of the block."""

    place: Place
    index: int
    log: Log


class Ledger:
    """One development chain: the blocks so far and the queue for the next one."""

    def __init__(
        self,
        store: BlockStore,
        genesis: StoredGenesis,
        clock: Callable[[], int],
        *,
        own_time: bool = False,
        executor: Callable[[Genesis], Executor] | None = None,
    ) -> None:
        """Open the chain in `store`, replaying its blocks, or begin it with `genesis`.

        `clock` gives unix seconds. Chain time follows it, but for a chain that began at another time, which
        runs on from its last block. `executor` makes what executes the blocks, by default py-evm. Raises
        DevelopmentChainError when the stored chain has another chain id or other funds, or when its blocks no
        longer come out with their stored hashes.
        """
        stored = store.genesis()
        if stored is None:
            store.begin(genesis)
            stored = genesis
        elif (stored.chain_id, stored.funds) != (genesis.chain_id, genesis.funds):
            raise DevelopmentChainError(
                f"{store.path} holds a chain that began with another chain id or other funded accounts",
                hint="start it as it was started first, or choose another folder",
            )
        self._store = store
        self._clock = clock
        self.evm = (executor or _py_evm)(Genesis(stored.chain_id, stored.time, stored.funds))
        self._by_hash: dict[bytes, Block] = {self.evm.head.hash: self.evm.head}
        self._places: dict[bytes, Place] = {}
        self._logs: list[PlacedLog] = []
        self._log_blocks: list[int] = []
        self._queue: dict[bytes, Transaction] = {}
        for block in store.blocks():
            self._replay(block)
        # A chain whose time was moved forward stays ahead of the clock by as much.
        ahead = self.evm.head.header.timestamp - clock()
        self._ahead = ahead if own_time else max(0, ahead)

    def submit(self, raw: bytes) -> bytes:
        """Queue a signed transaction and return its hash.

        Raises TransactionRefusedError, worded as geth words it.
        """
        transaction = self.evm.decode(raw)
        signed = transaction.signed
        if transaction.hash in self._queue or transaction.hash in self._places:
            raise TransactionRefusedError("already known")
        nonce = self.evm.nonce(transaction.sender)
        if signed.nonce < nonce:
            raise TransactionRefusedError(f"nonce too low: next nonce {nonce}, tx nonce {signed.nonce}")
        cost = signed.gas * signed.max_fee_per_gas + signed.value
        balance = self.evm.balance(transaction.sender)
        if balance < cost:
            raise TransactionRefusedError(
                f"insufficient funds for gas * price + value: have {balance} want {cost}"
            )
        for other in self._queue.values():
            if other.sender == transaction.sender and other.signed.nonce == signed.nonce:
                if signed.max_fee_per_gas * 100 < other.signed.max_fee_per_gas * _REPLACEMENT_PERCENT:
                    raise TransactionRefusedError("replacement transaction underpriced")
                del self._queue[other.hash]
                break
        if len(self._queue) >= QUEUE_LIMIT:
            raise TransactionRefusedError("txpool is full")
        self._queue[transaction.hash] = transaction
        return transaction.hash

    @property
    def is_waiting(self) -> bool:
        """Whether transactions wait for a block."""
        return bool(self._queue)

    def mine(self) -> Block:
        """Append the next block: its time is the clock's, yet at least one second after its parent's."""
        parent = self.evm.head
        time = max(parent.header.timestamp + 1, self._clock() + self._ahead)
        mix_hash = bytes(keccak(parent.hash))
        chosen = self._executable()
        block = self.evm.execute(time, mix_hash, chosen)
        included = tuple(execution.transaction.raw for execution in block.executions)
        self._store.append(StoredBlock(block.header.block_number, time, mix_hash, block.hash, included))
        for transaction in chosen:
            del self._queue[transaction.hash]
        self._note(block)
        return block

    def move_time(self, seconds: int) -> int:
        """Let the time of coming blocks be `seconds` later; returns by how much they are ahead in all."""
        # Blocks mined faster than one a second have run ahead of the clock, which counts as well.
        self._ahead = max(self._ahead, self.evm.head.header.timestamp - self._clock()) + seconds
        return self._ahead

    def pending_nonce(self, sender: bytes) -> int:
        """The nonce of the next transaction of `sender`, counting the queue."""
        nonce = self.evm.nonce(sender)
        queued = {t.signed.nonce for t in self._queue.values() if t.sender == sender}
        while nonce in queued:
            nonce += 1
        return nonce

    def block_by_hash(self, digest: bytes) -> Block | None:
        """The block with that hash."""
        return self._by_hash.get(digest)

    def queued(self, transaction: bytes) -> Transaction | None:
        """The transaction with that hash, if it waits in the queue."""
        return self._queue.get(transaction)

    def place(self, transaction: bytes) -> Place | None:
        """Where the transaction with that hash stands, if it is in a block."""
        return self._places.get(transaction)

    def logs(self, first: int, last: int) -> Sequence[PlacedLog]:
        """All logs of blocks `first` to `last`, both included, in chain order."""
        return self._logs[bisect_left(self._log_blocks, first) : bisect_right(self._log_blocks, last)]

    def _executable(self) -> list[Transaction]:
        """Queued transactions for the next block: by arrival, nonces without gaps, within the gas limit."""
        base_fee = self.evm.next_base_fee()
        waiting = [t for t in self._queue.values() if t.signed.max_fee_per_gas >= base_fee]
        nonces = {t.sender: self.evm.nonce(t.sender) for t in waiting}
        chosen: list[Transaction] = []
        gas = 0
        progress = True
        while progress:
            progress = False
            later: list[Transaction] = []
            for transaction in waiting:
                fits = gas + transaction.signed.gas <= GAS_LIMIT
                if fits and transaction.signed.nonce == nonces[transaction.sender]:
                    chosen.append(transaction)
                    gas += transaction.signed.gas
                    nonces[transaction.sender] += 1
                    progress = True
                else:
                    later.append(transaction)
            waiting = later
        return chosen

    def _replay(self, stored: StoredBlock) -> None:
        try:
            transactions = [self.evm.decode(raw) for raw in stored.transactions]
            block = self.evm.execute(stored.time, stored.mix_hash, transactions)
        except (TransactionRefusedError, ValueError) as error:
            raise DevelopmentChainError(
                f"block {stored.number} of {self._store.path} cannot be replayed: {error}"
            ) from None
        if block.hash != stored.hash or block.header.block_number != stored.number:
            raise DevelopmentChainError(
                f"block {stored.number} of {self._store.path} replays to another hash",
                hint="the file was changed, or the EVM was; move the folder away and start anew",
            )
        self._note(block)

    def _note(self, block: Block) -> None:
        self._by_hash[block.hash] = block
        index = 0
        for position, execution in enumerate(block.executions):
            place = Place(block, position)
            self._places[execution.transaction.hash] = place
            for log in execution.logs:
                self._logs.append(PlacedLog(place, index, log))
                self._log_blocks.append(block.header.block_number)
                index += 1


def _py_evm(genesis: Genesis) -> Executor:
    """Imported where it is used: it belongs to an extra, and takes its time."""
    try:
        from worknet.chain.development.evm import Evm
    except ModuleNotFoundError as error:
        raise DevelopmentChainError(
            f"the built-in development chain needs the module {error.name}",
            hint="pip install 'worknet[local]', or install anvil",
        ) from None

    return Evm(genesis)
