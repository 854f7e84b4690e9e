"""A small contract and funded signers for the tests of chains."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import vyper
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import deploy, deploy_pool
from worknet.chain.development.ledger import Ledger
from worknet.chain.development.methods import Methods
from worknet.chain.development.store import BlockStore, StoredGenesis
from worknet.chain.events import Role
from worknet.chain.pool import PoolClient
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import Signer, signer_from_key
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.words import Ballots, Fallback, How
from worknet.testing.chain import ETHER, LocalRpc
from worknet.testing.evm import TranslatingEvm

SOURCE = """
# pragma version 0.4.3
# pragma evm-version london

event Put:
    key: indexed(bytes32)
    amount: uint256

amounts: public(HashMap[bytes32, uint256])
at: public(uint256)

@external
def put(key: bytes32, amount: uint256):
    assert amount != 13, "tests: unlucky"
    self.amounts[key] = amount
    self.at = block.timestamp
    log Put(key=key, amount=amount)

@external
def put_many(key: bytes32, amount: uint256):
    for i: uint256 in range(amount, bound=512):
        log Put(key=key, amount=i)
"""


@dataclass(frozen=True)
class Contract:
    """Code and calls of the tests' contract."""

    code: bytes

    def call(self, function: str, *values: object) -> bytes:
        """Call data; `function` is a full signature."""
        types = function[function.index("(") + 1 : -1].split(",")
        return bytes(keccak(text=function)[:4]) + encode(types if values else [], values)

    def put(self, key: int, amount: int) -> bytes:
        """Call data of `put`."""
        return self.call("put(bytes32,uint256)", key.to_bytes(32, "big"), amount)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The contract, compiled once."""
    output = vyper.compile_code(SOURCE, output_formats=["bytecode"])
    return Contract(bytes.fromhex(output["bytecode"][2:]))


@pytest.fixture(scope="session")
def signers() -> list[Signer]:
    """Three signers of the development chain."""
    return [signer_from_key(bytes([number]) * 32, DEVELOPMENT_CHAIN_ID) for number in (1, 2, 3)]


class Network:
    """A network on a chain in this process: an owner, three enrolled workers, a workflow, sealed ballots."""

    WORKFLOW = workflow_id("matching")
    MEMBERS = 0b111
    EVERY = 3600
    PERIOD = 86_400
    PAIR = Pair(b"\x0a" * 32, b"\x0b" * 32)
    OTHER = Pair(b"\x0a" * 32, b"\x0c" * 32)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.store = BlockStore(folder)
        self.signers = [
            signer_from_key(bytes([number]) * 32, DEVELOPMENT_CHAIN_ID) for number in (1, 2, 3, 4)
        ]
        self.funds = {signer.address: 100 * ETHER for signer in self.signers}
        self.rpc = LocalRpc(self.open(self.store))
        self.deployment = deploy(self.rpc, self.signers[3], 2, self.PERIOD)
        self.owner = self.client(3)
        self.workers = [self.client(number) for number in range(3)]
        for number in range(3):
            operator = bytes([0xA0 + number]) * 20
            key = bytes([0xE0 + number]) * 32
            self.owner.enrol(operator, self.signers[number].address, Role.ACTIVE, key)
        self.owner.announce(self.WORKFLOW, self.policy())

    def open(self, store: BlockStore) -> Methods:
        genesis = StoredGenesis(DEVELOPMENT_CHAIN_ID, 1_700_000_000, self.funds)
        ledger = Ledger(store, genesis, lambda: 1_700_000_000, executor=TranslatingEvm)
        return Methods(ledger, "worknet/test", lambda: ledger.mine())

    def client(self, number: int) -> NetworkClient:
        return NetworkClient(self.rpc, self.deployment.contract, signer=self.signers[number])

    def new_pool(self) -> PoolClient:
        """An empty pool of the network, as its owner has it."""
        contract = deploy_pool(self.rpc, self.signers[3], self.deployment.contract).contract
        return PoolClient(self.owner, contract)

    def policy(self, **changes: Any) -> Policy:
        policy = Policy(
            bundle_digest=b"\x01" * 32,
            data_key_epoch=1,
            data_key_commitment=b"\x02" * 32,
            every=self.EVERY,
            delay=0,
            start=0,
            max_age=0,
            threshold_num=2,
            threshold_den=3,
            ballots=Ballots.SEALED,
            cast_window=300,
            reveal_window=300,
            stall=600,
            fallback=Fallback.ALERT,
        )
        return replace(policy, **changes)

    @property
    def now(self) -> int:
        header = self.rpc.header()
        assert header is not None
        return header.time

    def pass_time(self, seconds: int) -> None:
        self.rpc.request("evm_increaseTime", seconds)
        self.rpc.request("evm_mine")

    def trigger(self, slot: int) -> bytes:
        return Slot(self.EVERY, 1_700_000_000 // self.EVERY - 1000 + slot).trigger_id

    def voting_id(self, slot: int) -> bytes:
        return self.owner.voting_id(self.WORKFLOW, self.trigger(slot))

    def salt(self, slot: int, worker: int, attempt: int = 1) -> bytes:
        return bytes([slot, worker, attempt]) + bytes(29)

    def seal(self, slot: int, worker: int, pair: Pair = PAIR, attempt: int = 1) -> bytes:
        sealed = seal(
            DEVELOPMENT_CHAIN_ID,
            self.deployment.contract,
            self.voting_id(slot),
            attempt,
            worker,
            pair,
            self.salt(slot, worker, attempt),
        )
        place = Place(attempt, 1, worker)
        return self.workers[worker].seal(self.WORKFLOW, self.trigger(slot), place, sealed)

    def reveal(self, slot: int, *workers: int, pair: Pair = PAIR, attempt: int = 1) -> bytes:
        salts = {worker: self.salt(slot, worker, attempt) for worker in workers}
        bringer = self.workers[workers[0]]
        return bringer.reveal(self.WORKFLOW, self.trigger(slot), Place(attempt, 1), pair, salts)

    def vote(self, slot: int) -> None:
        """A whole voting in consensus."""
        for worker in range(3):
            self.seal(slot, worker)
        self.reveal(slot, 0, 1, 2)

    def record(
        self, slot: int, pair: Pair = PAIR, how: How = How.QUORUM, voters: int | None = None
    ) -> Record:
        """The record that the newest block holds of a voting's attempt 1; its voters are all, or these."""
        n = self.MEMBERS.bit_count()
        record = Record(
            chain_id=DEVELOPMENT_CHAIN_ID,
            contract=self.deployment.contract,
            workflow_id=self.WORKFLOW,
            voting_id=self.voting_id(slot),
            trigger_id=self.trigger(slot),
            attempt=1,
            policy_hash=self.policy().hash(),
            input_root=pair.input_root,
            result_root=pair.result_root,
            members=self.MEMBERS,
            n=n,
            needed=self.policy().needed(n),
            voters=self.MEMBERS if voters is None else voters,
            how=how,
            time=self.now,
        )
        assert self.owner.record(record.voting_id) == record.leaf_hash()
        return record


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network of three workers."""
    network = Network(tmp_path / "chain")
    yield network
    network.store.close()
