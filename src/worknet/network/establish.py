"""Brings a chain to what network.toml says: contracts, amounts, policies, members. Safe to repeat.

Each step looks first whether it was done already, so an interrupted deployment is finished by another run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Predecessor, deploy, deploy_pool
from worknet.chain.events import Role
from worknet.chain.pool import PoolClient
from worknet.chain.presets import PUBLIC_CHAINS
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.config.amounts import amount_text
from worknet.config.network import NetworkConfig
from worknet.network.access import amounts_to_come
from worknet.network.creation import Creation
from worknet.network.errors import NetworkError
from worknet.network.folder import fill_in
from worknet.protocol.canonical import to_hex
from worknet.protocol.earnings import Amounts
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy
from worknet.workflow.folder import read_bundle
from worknet.workflow.runner import Runner


@dataclass(frozen=True)
class NewMember:
    """An operator to enrol, with its worker's key and the worker's X25519 encryption key."""

    operator: bytes
    worker: bytes
    encryption_key: bytes
    role: Role = Role.ACTIVE


def check_confirmations(network: NetworkConfig) -> None:
    """Refuses to deploy on a public chain unless the file says how deep a block must lie: it is for good."""
    known = PUBLIC_CHAINS.get(network.network.chain_id)
    if known is not None and "confirmations" not in network.network.model_fields_set:
        raise network.error(
            ("network", "confirmations"),
            "is missing, and cannot be changed after the deployment",
            f"{known.confirmations} fits {known.title}",
        )


def deploy_contract(
    file: Path, rpc: Rpc, owner: Signer, previous: Predecessor | None = None
) -> NetworkConfig:
    """Deploys the network's contract unless network.toml names one already; the file then names it.

    `previous`: the log that the new one continues. A run that was interrupted leaves no second contract.
    Raises NetworkError while an earlier deployment waits for its block.
    """
    network = NetworkConfig.load(file)
    if network.network.contract is not None:
        return network
    creation = Creation(file, "network", rpc, owner.address)
    settings = network.network.confirmations, network.rewards.period
    contract, block = creation.once(lambda: deploy(rpc, owner, *settings, previous))
    fill_in(file, "network", {"contract": to_hex(contract), "deployed_block": block})
    creation.done()
    return NetworkConfig.load(file)


def deploy_pool_contract(file: Path, rpc: Rpc, owner: Signer) -> NetworkConfig:
    """Deploys the pool of the file's network unless the file names one already; as `deploy_contract`."""
    network = NetworkConfig.load(file)
    if network.rewards.contract is not None:
        return network
    contract, _ = network.deployed()
    creation = Creation(file, "pool", rpc, owner.address)
    pool, _ = creation.once(lambda: deploy_pool(rpc, owner, contract))
    fill_in(file, "rewards", {"contract": to_hex(pool)})
    creation.done()
    return NetworkConfig.load(file)


def check_period(network: NetworkConfig, client: NetworkClient) -> None:
    """Raises ConfigError where the file names another reward period than the contract has for ever."""
    found = client.reward_period()
    if "period" in network.rewards.model_fields_set and network.rewards.period != found:
        raise network.error(
            ("rewards", "period"),
            f"is {network.rewards.period} s, the deployed network has {found} s for ever",
            f"write {found}",
        )


def set_amounts(network: NetworkConfig, pool: PoolClient) -> bool:
    """Sets the amounts per period as the file has them, if the pool pays nothing yet; whether it did.

    Amounts that the pool has are law; others in the file are an error, not a change.
    """
    wanted = Amounts(network.rewards.base, network.rewards.consistency)
    found = amounts_to_come(pool)
    if found == wanted:
        return False
    if found != Amounts():
        raise NetworkError(
            f"the pool pays {amount_text(found.base)} and {amount_text(found.consistency)} per period, "
            f"{network.file} says {amount_text(wanted.base)} and {amount_text(wanted.consistency)}",
            hint="`worknet network rewards` sets other amounts",
        )
    pool.wait(pool.set_rewards(wanted.base, wanted.consistency))
    return True


def announce_policies(
    network: NetworkConfig, client: NetworkClient, *, allow_unisolated: bool = False
) -> list[str]:
    """Announces the policy of each workflow that has none yet; returns these workflows.

    A policy that was announced is law: one in the file that differs from it is an error, not a change.
    Raises as `policy_of` does.
    """
    announced = []
    for name in network.workflows:
        policy = policy_of(network, name, allow_unisolated=allow_unisolated)
        key = workflow_id(name)
        count = client.policy_count(key)
        if count == 0:
            client.wait(client.announce(key, policy))
            announced.append(name)
        elif client.policy_hash(key, count) != policy.hash():
            raise NetworkError(
                f"the policy of {name} in {network.file} is not the one announced as version {count}",
                hint="`worknet network policy` announces a new version",
            )
    return announced


def enrol_members(client: NetworkClient, members: Sequence[NewMember]) -> None:
    """Enrols those whose worker's key is not enrolled yet, in their order."""
    sent = [
        client.enrol(member.operator, member.worker, member.role, member.encryption_key)
        for member in members
        if client.index_of(member.worker) is None
    ]
    for transaction in sent:
        client.wait(transaction)


def policy_of(network: NetworkConfig, workflow: str, *, allow_unisolated: bool = False) -> Policy:
    """The policy of a workflow: as the file says, joined with its bundle's digest and trigger.

    The bundle runs to say what it declares, and the owner's keys may lie on this machine: it raises
    `NotIsolatedError` where the run cannot be isolated, unless the owner allows that.
    """
    bundle = read_bundle(network.workflow(workflow).folder)
    with Runner(bundle, allow_unisolated=allow_unisolated, waiting=0) as runner:
        declaration = runner.declaration
    if declaration.name != workflow:
        raise NetworkError(
            f"{network.file} calls {network.workflow(workflow).folder} {workflow}, "
            f"but the bundle {to_hex(bundle.digest)} declares the workflow {declaration.name}",
            hint="write the declared name into the file, or name another folder",
        )
    return network.policy(
        workflow, bundle_digest=bundle.digest, every=declaration.every, delay=declaration.delay
    )
