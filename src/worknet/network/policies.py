"""Changing a workflow's policy: what would change, and whether the contract would take it."""

from dataclasses import dataclass, fields
from enum import Enum

from worknet.chain.client import NetworkClient
from worknet.config.amounts import amount_text
from worknet.config.network import NetworkConfig
from worknet.network.access import synced_index, time_of
from worknet.network.errors import NetworkError
from worknet.network.establish import policy_of
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.times import time_text


@dataclass(frozen=True)
class Change:
    """A field of a policy that the next version has otherwise."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class NextVersion:
    """The policy that network.toml now gives a workflow, and what it changes; version 1 changes nothing."""

    workflow: str
    version: int
    policy: Policy
    changes: tuple[Change, ...]


def next_version(
    network: NetworkConfig, workflow: str, client: NetworkClient, *, allow_unisolated: bool = False
) -> NextVersion:
    """The next version of a workflow's policy.

    Raises NetworkError when nothing changes, and ConfigError for what the contract would refuse: another
    trigger, a start before the last version's or in the past. Else raises as `policy_of` does.
    """
    policy = policy_of(network, workflow, allow_unisolated=allow_unisolated)
    key = workflow_id(workflow)
    count = client.policy_count(key)
    if count == 0:
        return NextVersion(workflow, 1, policy, ())
    if client.policy_hash(key, count) == policy.hash():
        raise NetworkError(
            f"the policy of {workflow} in {network.file} is version {count} as it was announced",
            hint="change the file first; nothing was sent",
        )
    last = _announced(network, client, key, count)
    _check(network, workflow, last, policy, time_of(client))
    return NextVersion(workflow, count + 1, policy, changes_of(last, policy))


def changes_of(last: Policy, policy: Policy) -> tuple[Change, ...]:
    """The fields that differ, in the order of the protocol."""
    names = [field.name for field in fields(Policy)]
    return tuple(
        Change(name, _shown(name, getattr(last, name)), _shown(name, getattr(policy, name)))
        for name in names
        if getattr(last, name) != getattr(policy, name)
    )


def _announced(network: NetworkConfig, client: NetworkClient, key: bytes, version: int) -> Policy:
    """A version of a workflow's policy, which stands whole only in the event that announced it."""
    with synced_index(network, client) as index:
        policy = index.policy(key, version).policy
    if policy.hash() != client.policy_hash(key, version):
        raise NetworkError(
            f"the policy that version {version} was announced with is not the one that the contract has",
            hint="the RPC alters events: compare with another one",
        )
    return policy


def _check(network: NetworkConfig, workflow: str, last: Policy, policy: Policy, now: int) -> None:
    place = ("workflows", workflow)
    if policy.every != last.every:
        raise network.error(
            (*place, "folder"),
            f"its trigger has slots of {policy.every} seconds, the network's are {last.every} seconds long",
            "a workflow with another trigger is a workflow of another name",
        )
    if policy.start < max(last.start, now):
        earliest = time_text(max(last.start, now))
        raise network.error(
            (*place, "policy", "start"),
            f"{time_text(policy.start)} is too early for a new version",
            f"a time from which it governs, {earliest} or later: on chain it is {time_text(now)}",
        )


def _shown(name: str, value: object) -> str:
    if isinstance(value, bytes):
        return to_hex(value)
    if isinstance(value, Enum):
        return value.name.lower()
    if name in ("accuracy", "speed") and isinstance(value, int):
        return amount_text(value)
    return time_text(value) if name == "start" and isinstance(value, int) else str(value)
