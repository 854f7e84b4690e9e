"""A network as anybody sees it: who governs it, who takes part, under which policies, its log and its pool.

Read from the chain's events, and held against what the contract itself says.
"""

from dataclasses import dataclass

from worknet.chain.client import NetworkClient
from worknet.chain.events import Moved, Role
from worknet.chain.index_facts import IndexedPolicy
from worknet.chain.index_members import IndexedMember
from worknet.config.network import NetworkConfig
from worknet.network.access import amounts_to_come, deep_block, pool_client, synced_index, time_of
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex
from worknet.protocol.earnings import Amounts
from worknet.protocol.ids import workflow_id
from worknet.protocol.rewards import period_of


@dataclass(frozen=True)
class WorkflowView:
    """A workflow of the contract; `name` is None where network.toml does not have it."""

    workflow_id: bytes
    name: str | None
    versions: tuple[IndexedPolicy, ...]


@dataclass(frozen=True)
class PoolView:
    """The pool at the newest block: its wei, and what it pays in the present period and from the next on."""

    contract: bytes
    balance: int
    period: int
    now: Amounts
    to_come: Amounts


@dataclass(frozen=True)
class NetworkView:
    """A network at a block. `head` is the tree head of its log, SIZE:ROOT.

    `reward_period` is in seconds; `moved` is the log that this one continues, None for a network that began
    here; `pool` is None where network.toml names none.
    """

    name: str
    chain_id: int
    contract: bytes
    owner: bytes
    pending_owner: bytes | None
    paused: bool
    confirmations: int
    reward_period: int
    block: int
    members: tuple[IndexedMember, ...]
    workflows: tuple[WorkflowView, ...]
    votings: int
    log_size: int
    head: str
    moved: Moved | None
    pool: PoolView | None


def view(network: NetworkConfig, client: NetworkClient) -> NetworkView:
    """The network at the newest block that is deep enough to count.

    Raises ChainError, among others where the RPC's events are not those of the contract.
    """
    block = deep_block(network, client)
    with synced_index(network, client, block) as index:
        index.check_log()
        members = index.members()
        policies = {key: index.policies(key) for key in index.workflows()}
        votings = {stored.log.topics[1] for stored in index.logs("Opened", "Reopened")}
        moved = index.predecessor()
        paused = index.opening_paused()
    _check(client, block, members, policies, paused)
    names = {workflow_id(name): name for name in network.workflows}
    size = client.size(block)
    return NetworkView(
        name=network.network.name,
        chain_id=network.network.chain_id,
        contract=client.contract,
        owner=client.owner(block),
        pending_owner=client.pending_owner(block),
        paused=paused,
        confirmations=client.confirmations(),
        reward_period=client.reward_period(),
        block=block,
        members=tuple(members),
        workflows=tuple(WorkflowView(key, names.get(key), tuple(found)) for key, found in policies.items()),
        votings=len(votings),
        log_size=size,
        head=f"{size}:{to_hex(client.root(block))}",
        moved=moved,
        pool=None if network.rewards.contract is None else _pool(network, client),
    )


def _pool(network: NetworkConfig, client: NetworkClient) -> PoolView:
    pool = pool_client(network, client)
    period = period_of(time_of(client), client.reward_period())
    return PoolView(pool.contract, pool.balance(), period, pool.amounts_in(period), amounts_to_come(pool))


def _check(
    client: NetworkClient,
    block: int,
    members: list[IndexedMember],
    policies: dict[bytes, list[IndexedPolicy]],
    paused: bool,
) -> None:
    """Raises NetworkError unless members, policies and pause of the events are those of the contract."""
    theirs: list[object] = [client.member_count(block), client.active(block), client.standby(block)]
    theirs += [client.policy_hash(key, len(found), block) for key, found in policies.items()]
    theirs += [client.member(member.index, block).worker for member in members]
    theirs.append(client.opening_paused(block))
    ours: list[object] = [len(members), _bitmap(members, Role.ACTIVE), _bitmap(members, Role.STANDBY)]
    ours += [found[-1].policy_hash for found in policies.values()]
    ours += [member.worker for member in members]
    ours.append(paused)
    if theirs != ours:
        raise NetworkError(
            f"at block {block} members and policies of the events are not those of the contract",
            hint="the RPC leaves out or alters events: compare with another one",
        )


def _bitmap(members: list[IndexedMember], role: Role) -> int:
    return sum(1 << member.index for member in members if member.role is role)
