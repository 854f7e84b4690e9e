"""A chain in this process with the real contract, whose time stands still until it is told to go on.

No server and no clock: whoever has it says when a block comes and what time it has.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import deploy, deploy_pool
from worknet.chain.development.blocks import Executor, Genesis
from worknet.chain.development.ledger import Ledger
from worknet.chain.development.methods import Methods
from worknet.chain.development.store import BlockStore, StoredGenesis
from worknet.chain.development.wire import RpcFaultError
from worknet.chain.errors import RpcRefusedError, WrongChainError
from worknet.chain.pool import PoolClient
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.protocol.ids import Trigger, workflow_id
from worknet.testing.clock import Clock
from worknet.testing.evm import TranslatingEvm

ETHER = 10**18


class LocalRpc(Rpc):
    """RPC access to a chain in this process, without a server. `asked` are the methods, one by one."""

    def __init__(self, methods: Methods) -> None:
        super().__init__("http://127.0.0.1:1", DEVELOPMENT_CHAIN_ID)
        self.methods = methods
        self.asked: list[str] = []

    def check_chain(self) -> None:
        """Raises WrongChainError, as for a real RPC."""
        actual = int(self.request("eth_chainId"), 16)
        if actual != self.chain_id:
            raise WrongChainError(self.chain_id, actual, "the chain in this process")

    def request(self, method: str, *params: Any) -> Any:
        """The result of one request, as JSON; RpcRefusedError where it is an error."""
        self.asked.append(method)
        try:
            return self.methods.answer(method, list(params))
        except RpcFaultError as fault:
            data = bytes.fromhex((fault.data or "0x")[2:])
            raise RpcRefusedError(method, fault.code, fault.message, data) from None

    def _batch(self, method: str, params: Sequence[list[Any]]) -> list[Any] | None:
        return [self.request(method, *each) for each in params]


class LocalChain:
    """A chain in this process. `automatic`: a block for each transaction; else `mine` makes them.

    Its blocks are stored in `folder`. `funds` are wei by account, `start` is when it begins, in unix seconds.
    """

    def __init__(
        self, folder: Path, funds: Mapping[bytes, int], start: int, *, automatic: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.automatic = automatic
        self._folder, self._start = folder, start
        self._genesis = StoredGenesis(DEVELOPMENT_CHAIN_ID, start, dict(funds))
        self.open()
        self.rpc = LocalRpc(self.methods)

    def open(self) -> None:
        """Opens the chain as it is stored, also after it was closed; what was waiting is gone."""
        self._time = self._start
        self.store = BlockStore(self._folder)
        self.ledger = Ledger(self.store, self._genesis, lambda: self._time, executor=_executor)
        self.methods = Methods(self.ledger, "worknet/testing", self._on_submit)

    @property
    def now(self) -> int:
        """The time of the newest block."""
        return int(self.ledger.evm.head.header.timestamp)

    @property
    def height(self) -> int:
        """The number of the newest block."""
        return int(self.ledger.evm.head.header.block_number)

    def mine(self, time: int | None = None) -> None:
        """Makes a block of this time (default: a second after the newest), with what waits for it."""
        if time is not None:
            self._time = time
        self.ledger.mine()

    def pass_time(self, seconds: int) -> None:
        """Makes a block that many seconds after the newest."""
        self.mine(self.now + seconds)

    def close(self) -> None:
        """Closes the store."""
        self.store.close()

    def _on_submit(self) -> None:
        if self.automatic:
            self.ledger.mine()


class NetworkChain(LocalChain):
    """A chain with a new network on it, owned by `owner`, with a pool; no members and no policies yet.

    `clock` stands still while its owner waits for transactions, of which each has a block of its own.
    """

    def __init__(
        self,
        folder: Path,
        funds: Mapping[bytes, int],
        start: int,
        owner: Signer,
        *,
        workflow: str,
        confirmations: int,
        reward_period: int,
    ) -> None:
        super().__init__(folder, {**funds, owner.address: 10**9 * ETHER}, start)
        self.workflow = workflow
        self.contract = deploy(self.rpc, owner, confirmations, reward_period).contract
        clock = Clock()
        self.owner = NetworkClient(self.rpc, self.contract, signer=owner, clock=clock, sleep=clock.sleep)
        self.pool = PoolClient(self.owner, deploy_pool(self.rpc, owner, self.contract).contract)

    def voting_id(self, trigger: Trigger) -> bytes:
        """The id of the voting about a trigger."""
        return self.owner.voting_id(workflow_id(self.workflow), trigger.trigger_id)


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """A new folder in memory, where the machine has such; else where its temporary files lie."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    return tempfile.TemporaryDirectory(prefix="worknet-", dir=memory if memory.is_dir() else None)


def _executor(genesis: Genesis) -> Executor:
    return TranslatingEvm(genesis)
