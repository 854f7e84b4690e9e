"""A network as anybody sees it: who governs it, who takes part, under which policies, and its log.

Read from the chain's events, and held against what the contract itself says.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from worknet.chain.client import NetworkClient
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedPolicy
from worknet.chain.index_members import IndexedMember
from worknet.config.network import NetworkConfig
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id


@dataclass(frozen=True)
class WorkflowView:
    """A workflow of the contract; `name` is None where network.toml does not have it."""

    workflow_id: bytes
    name: str | None
    versions: tuple[IndexedPolicy, ...]


@dataclass(frozen=True)
class NetworkView:
    """A network at a block. `head` is the tree head of its log, SIZE:ROOT."""

    name: str
    chain_id: int
    contract: bytes
    owner: bytes
    confirmations: int
    block: int
    members: tuple[IndexedMember, ...]
    workflows: tuple[WorkflowView, ...]
    votings: int
    log_size: int
    head: str


def view(network: NetworkConfig, client: NetworkClient) -> NetworkView:
    """The network at the newest block that is deep enough to count.

    Raises ChainError, among others where the RPC's events are not those of the contract.
    """
    contract, deployed_block = network.deployed()
    confirmations = client.confirmations()
    block = max(client.rpc.block_number() - confirmations, deployed_block)
    with tempfile.TemporaryDirectory(prefix="worknet-") as folder:
        index = NetworkIndex(Path(folder) / "index.sqlite", client, deployed_block)
        try:
            index.sync(block)
            index.check_log()
            members = index.members()
            policies = {key: index.policies(key) for key in index.workflows()}
            votings = {stored.log.topics[1] for stored in index.logs("Opened", "Reopened")}
        finally:
            index.close()
    _check(client, block, members, policies)
    names = {workflow_id(name): name for name in network.workflows}
    size = client.size(block)
    return NetworkView(
        name=network.network.name,
        chain_id=network.network.chain_id,
        contract=contract,
        owner=client.owner(block),
        confirmations=confirmations,
        block=block,
        members=tuple(members),
        workflows=tuple(WorkflowView(key, names.get(key), tuple(found)) for key, found in policies.items()),
        votings=len(votings),
        log_size=size,
        head=f"{size}:{to_hex(client.root(block))}",
    )


def _check(
    client: NetworkClient,
    block: int,
    members: list[IndexedMember],
    policies: dict[bytes, list[IndexedPolicy]],
) -> None:
    """Raises NetworkError unless members and policies of the events are those of the contract."""
    theirs: list[object] = [client.member_count(block), client.active(block), client.standby(block)]
    theirs += [client.policy_hash(key, len(found), block) for key, found in policies.items()]
    ours: list[object] = [len(members), _bitmap(members, Role.ACTIVE), _bitmap(members, Role.STANDBY)]
    ours += [found[-1].policy_hash for found in policies.values()]
    if theirs != ours:
        raise NetworkError(
            f"at block {block} members and policies of the events are not those of the contract",
            hint="the RPC leaves out or alters events: compare with another one",
        )


def _bitmap(members: list[IndexedMember], role: Role) -> int:
    return sum(1 << member.index for member in members if member.role is role)
