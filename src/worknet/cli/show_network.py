"""What `worknet network show` prints: a network as lines for people, or as a JSON document."""

from collections.abc import Iterator
from typing import Any

from worknet.chain.events import Moved
from worknet.config.amounts import amount_text
from worknet.network.show import NetworkView, PoolView
from worknet.protocol.canonical import to_hex
from worknet.protocol.earnings import Amounts
from worknet.protocol.policy import Policy
from worknet.protocol.times import time_text


def document(view: NetworkView) -> dict[str, Any]:
    """All of it as a JSON document; bytes in hex digits, times in UTC, amounts as texts of their wei."""
    return {
        "name": view.name,
        "chain_id": view.chain_id,
        "contract": to_hex(view.contract),
        "owner": to_hex(view.owner),
        "pending_owner": None if view.pending_owner is None else to_hex(view.pending_owner),
        "paused": view.paused,
        "confirmations": view.confirmations,
        "reward_period": view.reward_period,
        "block": view.block,
        "members": [
            {
                "index": member.index,
                "operator": to_hex(member.operator),
                "worker": to_hex(member.worker),
                "encryption_key": to_hex(member.encryption_key),
                "role": member.role.name.lower(),
            }
            for member in view.members
        ],
        "workflows": [
            {
                "workflow_id": to_hex(workflow.workflow_id),
                "name": workflow.name,
                "versions": [
                    {
                        "version": version.version,
                        "start": time_text(version.policy.start),
                        "bundle_digest": to_hex(version.policy.bundle_digest),
                        "ballots": version.policy.ballots.name.lower(),
                        "fallback": version.policy.fallback.name.lower(),
                        "accuracy": str(version.policy.accuracy),
                        "speed": str(version.policy.speed),
                        "policy_hash": to_hex(version.policy_hash),
                    }
                    for version in workflow.versions
                ],
            }
            for workflow in view.workflows
        ],
        "votings": view.votings,
        "log_size": view.log_size,
        "head": view.head,
        "moved": None if view.moved is None else _moved(view.moved),
        "pool": None if view.pool is None else _pool(view.pool),
    }


def lines(view: NetworkView) -> Iterator[str]:
    """The same for people, shorter."""
    yield f"network    {view.name}"
    yield f"chain      {view.chain_id}, block {view.block}, {view.confirmations} confirmations"
    yield f"contract   {to_hex(view.contract)}"
    yield f"owner      {to_hex(view.owner)}"
    if view.pending_owner is not None:
        yield f"offered to {to_hex(view.pending_owner)}"
    if view.paused:
        yield "paused     no new votings open"
    for member in view.members:
        role = "removed" if member.role.name == "NONE" else member.role.name.lower()
        yield f"member {member.index:<3} {to_hex(member.worker)} of {to_hex(member.operator)}, {role}"
    for workflow in view.workflows:
        yield f"workflow   {workflow.name or to_hex(workflow.workflow_id)}"
        for version in workflow.versions:
            since = time_text(version.policy.start)
            policy = version.policy
            yield f"  policy {version.version} from {since}, bundle {to_hex(policy.bundle_digest)}"
            yield f"    fallback {policy.fallback.name.lower()}{_paid(policy)}"
    yield f"period     {view.reward_period} s"
    if view.pool is not None:
        yield f"pool       {to_hex(view.pool.contract)} holds {amount_text(view.pool.balance)}"
        yield f"  period {view.pool.period} pays {_per_period(view.pool.now)}"
        if view.pool.to_come != view.pool.now:
            yield f"  then {_per_period(view.pool.to_come)}"
    if view.moved is not None:
        old = view.moved
        yield f"continues  {to_hex(old.contract)} on chain {old.chain_id}, {old.size}:{to_hex(old.root)}"
    yield f"votings    {view.votings}"
    yield f"log head   {view.head}"


def _moved(moved: Moved) -> dict[str, Any]:
    return {
        "chain_id": moved.chain_id,
        "contract": to_hex(moved.contract),
        "size": moved.size,
        "root": to_hex(moved.root),
    }


def _pool(pool: PoolView) -> dict[str, Any]:
    return {
        "contract": to_hex(pool.contract),
        "balance": str(pool.balance),
        "period": pool.period,
        "amounts": _amounts(pool.now),
        "amounts_to_come": _amounts(pool.to_come),
    }


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {"base": str(amounts.base), "consistency": str(amounts.consistency)}


def _per_period(amounts: Amounts) -> str:
    return f"base {amount_text(amounts.base)}, consistency {amount_text(amounts.consistency)}"


def _paid(policy: Policy) -> str:
    if not policy.accuracy and not policy.speed:
        return ""
    return f", accuracy {amount_text(policy.accuracy)}, speed {amount_text(policy.speed)}"
