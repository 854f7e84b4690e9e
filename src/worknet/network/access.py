"""How an owner's command gets at its network: the chain in network.toml, the contract, the owner's key.

Every mistake is found before anything is signed, and told with file and key.
"""

from worknet.chain.client import NetworkClient
from worknet.chain.errors import NoContractError, WrongChainError
from worknet.chain.presets import PUBLIC_CHAINS
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.config.network import NetworkConfig
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex


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
    owner = client.owner()
    if owner != signer.address:
        raise NetworkError(
            f"the network at {to_hex(client.contract)} belongs to {to_hex(owner)}, "
            f"the key is that of {to_hex(signer.address)}",
            hint="name the owner's keystore",
        )
    return client


def _client(network: NetworkConfig, rpc: Rpc, signer: Signer | None) -> NetworkClient:
    contract, _ = network.deployed()
    client = NetworkClient(rpc, contract, signer=signer)
    try:
        client.check()
    except NoContractError as error:
        raise network.error(("network", "contract"), str(error), error.hint) from None
    return client
