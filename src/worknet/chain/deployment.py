"""Creating contracts: a network's own, its pool, and the one that checks rows for other contracts."""

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]  # it has none
from eth_utils.crypto import keccak

from worknet.chain.errors import RevertedError
from worknet.chain.gas import GAS_LIMITS
from worknet.chain.interface import creation_data
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.chain.transactions import Sender

_NONE = bytes(20)


@dataclass(frozen=True)
class Predecessor:
    """The log that a network's log continues: that of the contract on which the network was before."""

    chain_id: int
    contract: bytes
    size: int
    root: bytes


@dataclass(frozen=True)
class Deployment:
    """A new contract: its address, the block that holds it, and the transaction that created it."""

    contract: bytes
    block: int
    transaction: bytes


def deploy(
    rpc: Rpc,
    signer: Signer,
    confirmations: int,
    reward_period: int,
    previous: Predecessor | None = None,
    *,
    timeout: float = 180.0,
) -> Deployment:
    """Create the contract of a new network, owned by the signer, and wait for its block.

    For the network's life: `confirmations`, how deep a block should lie before nodes act on it, and
    `reward_period` in seconds. Raises ChainError.
    """
    if reward_period <= 0:
        raise RevertedError("the deployment", "periods: no length")
    before = previous or Predecessor(0, _NONE, 0, bytes(32))
    log = (before.chain_id, before.contract, before.size, before.root)
    data = creation_data(confirmations, reward_period, log)
    return _create(rpc, signer, data, GAS_LIMITS["deploy"], timeout)


def deploy_pool(rpc: Rpc, signer: Signer, network: bytes, *, timeout: float = 180.0) -> Deployment:
    """Create an empty pool for the network with this contract, and wait for its block; anyone may.

    What the pool pays per period the network's owner sets. Raises ChainError.
    """
    data = creation_data(network, contract="Rewards")
    return _create(rpc, signer, data, GAS_LIMITS["deploy_pool"], timeout)


def deploy_row_proofs(rpc: Rpc, signer: Signer, *, timeout: float = 180.0) -> Deployment:
    """Create the contract that checks rows for other contracts; one serves all networks of a chain."""
    data = creation_data(contract="RowProofs")
    return _create(rpc, signer, data, GAS_LIMITS["deploy_row_proofs"], timeout)


def created_at(creator: bytes, nonce: int) -> bytes:
    """The address of the contract that an account's transaction with this nonce creates (Yellow Paper, 7)."""
    return bytes(keccak(rlp.encode([creator, nonce])))[-20:]


def _create(rpc: Rpc, signer: Signer, data: bytes, gas: int, timeout: float) -> Deployment:
    sender = Sender(rpc, signer)
    transaction = sender.send(None, data, gas)
    receipt = sender.wait(transaction, timeout)
    if not receipt.succeeded or receipt.contract is None:
        raise RevertedError("the deployment", "", transaction=transaction)
    return Deployment(receipt.contract, receipt.block, transaction)
