"""Moving a network to a new contract: the old log's head, with which the new log begins.

The head counts only if no record can come after it, and if the old contract's own events lead to it.
"""

from pathlib import Path

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Predecessor
from worknet.chain.rpc import Rpc
from worknet.config.network import NetworkConfig
from worknet.network.access import connect, deep_block, reading_client, synced_index, time_of
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex
from worknet.protocol.voting import State

_GOES_ON = {State.CASTING, State.REVEALING, State.PENDING, State.SETTLING}


def open_predecessor(
    network: NetworkConfig, rpc: str | None, continues: Path, old_rpc: str | None
) -> tuple[NetworkConfig, Rpc]:
    """The old network and its chain, at `old_rpc`, or at the new one's `rpc` if their chain is the same.

    Raises ConfigError for the file, or where the RPC serves another chain, and NetworkError where there is no
    RPC or it is no address.
    """
    old = NetworkConfig.load(continues)
    if old_rpc is None and old.network.chain_id == network.network.chain_id:
        old_rpc = rpc
    try:
        return old, connect(old, old_rpc)
    except NetworkError as error:
        raise NetworkError(
            f"{continues}: {error}", hint=f"name an RPC of the chain of {continues} with --old-rpc"
        ) from None


def predecessor_of(old: NetworkConfig, rpc: Rpc) -> Predecessor:
    """The log of an old network as a new one continues it: at its newest block that is deep enough to count.

    Raises NetworkError while votings may still open or go on there, and ChainError where the events do not
    lead to the contract's own head.
    """
    client = reading_client(old, rpc)
    block = deep_block(old, client)
    if not client.opening_paused(block):
        raise NetworkError(
            f"at block {block} votings may still open in the old network {to_hex(client.contract)}",
            hint=f"`worknet network pause {old.file}`, and wait until all votings there have ended",
        )
    with synced_index(old, client, block) as index:
        index.check_log()
        now = time_of(client, block)
        going_on = sum(each.voting.state in _GOES_ON for each in index.votings(now=now, limit=-1))
    if going_on:
        raise NetworkError(
            f"votings still go on in the old network ({going_on}), whose records the new log would miss",
            hint="wait until they have ended; `worknet network settle` and time end them",
        )
    return Predecessor(rpc.chain_id, client.contract, client.size(block), client.root(block))


def check_predecessor(network: NetworkConfig, client: NetworkClient, previous: Predecessor) -> None:
    """Raises NetworkError unless the network's log continues the one that is named."""
    with synced_index(network, client) as index:
        moved = index.predecessor()
    found = None if moved is None else (moved.chain_id, moved.contract)
    if found != (previous.chain_id, previous.contract):
        continued = "no other log" if found is None else f"that of {to_hex(found[1])} on chain id {found[0]}"
        raise NetworkError(
            f"the network at {to_hex(client.contract)} continues {continued}, and that cannot be changed",
            hint="take `contract` and `deployed_block` out of the file to deploy a new network",
        )
