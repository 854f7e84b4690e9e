"""Brings a chain to what network.toml says: the contract, the policies, the members. Safe to repeat.

Each step looks first whether it was done already, so an interrupted deployment is finished by another run.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worknet.chain.client import NetworkClient
from worknet.chain.deployment import created_at, deploy
from worknet.chain.events import Role
from worknet.chain.presets import PUBLIC_CHAINS
from worknet.chain.rpc import Rpc
from worknet.chain.signers import Signer
from worknet.config.network import NetworkConfig
from worknet.network.errors import NetworkError
from worknet.network.folder import fill_in
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy
from worknet.workflow.folder import read_bundle
from worknet.workflow.runner import Runner

REWARD_PERIOD_SECONDS = 30 * 86_400
"""The reward period of new networks, for their life."""


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


def deploy_contract(file: Path, rpc: Rpc, owner: Signer) -> NetworkConfig:
    """Deploys the contract unless network.toml names one already; the file then names it.

    What is about to be sent is noted beside the file first: a run that was interrupted in between leaves no
    second contract. Raises NetworkError while that earlier deployment waits for its block.
    """
    network = NetworkConfig.load(file)
    if network.network.contract is not None:
        return network
    note = file.with_name(f"{file.name}.deploying")
    begun = _begun(note, rpc, owner)
    if begun is None:
        block = rpc.block_number()
        _write_note(note, {**_whose(rpc, owner), "nonce": rpc.nonce(owner.address), "block": block})
        begun = deploy(rpc, owner, network.network.confirmations, REWARD_PERIOD_SECONDS).contract, block
    fill_in(file, *begun)
    note.unlink()
    return NetworkConfig.load(file)


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
    trigger = declaration.trigger
    return network.policy(workflow, bundle_digest=bundle.digest, every=trigger.seconds, delay=trigger.delay)


def _begun(note: Path, rpc: Rpc, owner: Signer) -> tuple[bytes, int] | None:
    """The contract that an interrupted run deployed, and a block before it; None if there is no such run."""
    try:
        noted = json.loads(note.read_text())
        whose, nonce, block = (
            {key: noted[key] for key in ("chain_id", "owner")},
            noted["nonce"],
            noted["block"],
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise NetworkError(f"{note} is damaged", hint="remove it; then a contract is deployed") from None
    if whose != _whose(rpc, owner):
        raise NetworkError(
            f"{note} tells of a deployment by {whose['owner']} on chain id {whose['chain_id']}",
            hint="finish it with that key, or remove the file",
        )
    contract = created_at(owner.address, nonce)
    if rpc.code(contract):
        return contract, block
    if rpc.nonce(owner.address, "latest") <= nonce < rpc.nonce(owner.address):
        raise NetworkError(
            "a deployment that was sent before is in no block yet", hint="wait for it, then run this again"
        )
    return None


def _whose(rpc: Rpc, owner: Signer) -> dict[str, object]:
    return {"chain_id": rpc.chain_id, "owner": to_hex(owner.address)}


def _write_note(note: Path, document: dict[str, object]) -> None:
    replacement = note.with_name(f"{note.name}.new")
    replacement.write_text(json.dumps(document) + "\n")
    replacement.replace(note)
