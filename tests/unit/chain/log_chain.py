"""A chain in this process with the tests' contract on it, whose blocks are made when a test says so."""

from pathlib import Path
from typing import Any

from tests.unit.chain.conftest import ETHER, Contract, LocalRpc

from worknet.chain.development.ledger import Ledger
from worknet.chain.development.methods import Methods
from worknet.chain.development.store import BlockStore, StoredGenesis
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import BlockTag, Rpc
from worknet.chain.signers import Signer, signer_from_key

PUT = "Put(bytes32 indexed key, uint256 amount)"
SIGNER = signer_from_key(b"\1" * 32, DEVELOPMENT_CHAIN_ID)


class LogChain:
    """A chain and the address of the contract, made in block 1."""

    def __init__(self, folder: Path, contract: Contract) -> None:
        folder.mkdir()
        self._store = BlockStore(folder)
        genesis = StoredGenesis(DEVELOPMENT_CHAIN_ID, 1_700_000_000, {SIGNER.address: ETHER})
        self._ledger = Ledger(self._store, genesis, lambda: 1_700_000_000)
        self.rpc = LocalRpc(Methods(self._ledger, "worknet/test", lambda: None))
        self._contract = contract
        created = self.send(contract.code, to=b"")
        self.mine()
        receipt = self.rpc.receipt(created)
        assert receipt is not None
        assert receipt.contract is not None
        self.address = receipt.contract

    def close(self) -> None:
        self._store.close()

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self._ledger.mine()

    def put(self, key: int, amount: int) -> bytes:
        """One log, in the next block; gives the transaction's hash."""
        return self.send(self._contract.put(key, amount))

    def put_many(self, key: int, amount: int) -> bytes:
        """A transaction with that many logs, of the amounts from 0."""
        data = self._contract.call("put_many(bytes32,uint256)", key.to_bytes(32, "big"), amount)
        return self.send(data)

    def send(self, data: bytes, to: bytes | None = None) -> bytes:
        return send(self.rpc, data, self.address if to is None else to)


def send(rpc: Rpc, data: bytes, to: bytes, signer: Signer = SIGNER) -> bytes:
    """Sends a transaction; gives its hash."""
    pending: BlockTag = "pending"
    transaction: dict[str, Any] = {
        "chainId": rpc.chain_id,
        "nonce": rpc.nonce(signer.address, pending),
        "gas": 2_000_000,
        "gasPrice": 2 * rpc.gas_price(),
        "value": 0,
        "data": data,
    }
    signed = signer.sign({**transaction, "to": to} if to else transaction)
    rpc.send(signed.raw, signed.hash)
    return signed.hash
