"""How a command gets at a network: the chain in network.toml, the contracts, the key, an index for a look.

Every mistake is found before anything is signed, and told with file and key.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worknet.chain.client import NetworkClient
from worknet.chain.errors import NoContractError, RevertedError, WrongChainError, WrongNetworkError
from worknet.chain.index import NetworkIndex
from worknet.chain.pool import PoolClient
from worknet.chain.presets import PUBLIC_CHAINS
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.config.network import NetworkConfig
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex
from worknet.protocol.earnings import Amounts
from worknet.protocol.rewards import period_of


def connect(network: NetworkConfig, url: str | None) -> Rpc:
    """The chain of the network, at `url` or else at the public RPC that we know of it.

    Raises ConfigError where the RPC serves another chain than `chain_id`, NetworkError where there is no url,
    and what asking the RPC raises.
    """
    chain_id = network.network.chain_id
    if url is None:
        known = PUBLIC_CHAINS.get(chain_id)
        if known is None:
            raise NetworkError(
                f"no public RPC of chain id {chain_id} is known here", hint="name one with --rpc"
            )
        url = known.rpc_url
    if not url.startswith(("http://", "https://")):
        raise NetworkError("the RPC's address is no http:// or https:// address", hint="check --rpc")
    rpc = Rpc(url, chain_id)
    try:
        rpc.check_chain()
    except WrongChainError as error:
        raise network.error(("network", "chain_id"), str(error), error.hint) from None
    return rpc


def reading_client(network: NetworkConfig, rpc: Rpc) -> NetworkClient:
    """A client of the network's contract that only looks."""
    return _client(network, rpc, None)


def owner_client(network: NetworkConfig, rpc: Rpc, signer: Signer) -> NetworkClient:
    """A client of the network's contract that signs as its owner; NetworkError if the key is another's."""
    client = _client(network, rpc, signer)
    check_owner(client, signer.address)
    return client


def check_owner(client: NetworkClient, account: bytes) -> None:
    """Raises NetworkError unless the network belongs to this account."""
    owner = client.owner()
    if owner != account:
        raise NetworkError(
            f"the network at {to_hex(client.contract)} belongs to {to_hex(owner)}, "
            f"the key is that of {to_hex(account)}",
            hint="name the owner's keystore; for a contract that owns it, --calldata shows the call",
        )


def check_heir(network: NetworkConfig, client: NetworkClient, account: bytes) -> None:
    """Raises NetworkError for an account to which the network is offered in vain."""
    hint = "name the account that is to own the network; it then runs `worknet network accept`"
    if not any(account):
        raise NetworkError(
            "the network cannot be offered to the zero address",
            hint="`worknet network transfer --withdraw` takes an offer back",
        )
    if account == client.owner():
        raise NetworkError(f"the network belongs to {to_hex(account)} already", hint=hint)
    if account in (client.contract, network.rewards.contract):
        raise NetworkError(
            f"{to_hex(account)} is a contract of the network itself, which can accept nothing", hint=hint
        )


def signing_client(network: NetworkConfig, rpc: Rpc, signer: Signer) -> NetworkClient:
    """A client of the network's contract that signs with any key."""
    return _client(network, rpc, signer)


def pool_client(network: NetworkConfig, client: NetworkClient) -> PoolClient:
    """The network's pool, with the key of the network's client; ConfigError where the file names none."""
    pool = PoolClient(client, network.pool())
    try:
        pool.check()
    except (NoContractError, RevertedError, WrongNetworkError) as error:
        raise network.error(("rewards", "contract"), str(error), error.hint) from None
    return pool


@contextmanager
def synced_index(
    network: NetworkConfig, client: NetworkClient, block: int | None = None, pool: PoolClient | None = None
) -> Iterator[NetworkIndex]:
    """An index of the network for one look, read up to a block (default: the newest); with the pool's events
    if that is given. Raises ChainError."""
    _, deployed_block = network.deployed()
    with tempfile.TemporaryDirectory(prefix="worknet-") as folder:
        file = Path(folder) / "index.sqlite"
        index = NetworkIndex(file, client, deployed_block, None if pool is None else pool.contract)
        try:
            index.sync(block)
            yield index
        finally:
            index.close()


def time_of(client: NetworkClient, block: int | None = None) -> int:
    """The time of a block, by default of the newest, in Unix seconds."""
    header = client.rpc.header("latest" if block is None else block)
    if header is None:
        raise NetworkError("the RPC does not have the block", hint="try again, or name another RPC")
    return header.time


def deep_block(network: NetworkConfig, client: NetworkClient) -> int:
    """The newest block that is deep enough to count."""
    return max(client.rpc.block_number() - client.confirmations(), network.deployed()[1])


def amounts_to_come(pool: PoolClient) -> Amounts:
    """The amounts of the next reward period, by what was set so far."""
    return pool.amounts_in(period_of(time_of(pool.network), pool.network.reward_period()) + 1)


def _client(network: NetworkConfig, rpc: Rpc, signer: Signer | None) -> NetworkClient:
    contract, _ = network.deployed()
    client = NetworkClient(rpc, contract, signer=signer)
    try:
        client.check()
    except NoContractError as error:
        raise network.error(("network", "contract"), str(error), error.hint) from None
    return client
