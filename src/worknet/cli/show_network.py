"""What `worknet network show` prints: a network as lines for people, or as a JSON document."""

from collections.abc import Iterator
from typing import Any

from worknet.network.show import NetworkView
from worknet.protocol.canonical import to_hex
from worknet.protocol.times import time_text


def document(view: NetworkView) -> dict[str, Any]:
    """All of it as a JSON document; bytes in hex digits, times in UTC."""
    return {
        "name": view.name,
        "chain_id": view.chain_id,
        "contract": to_hex(view.contract),
        "owner": to_hex(view.owner),
        "confirmations": view.confirmations,
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
    }


def lines(view: NetworkView) -> Iterator[str]:
    """The same for people, shorter."""
    yield f"network    {view.name}"
    yield f"chain      {view.chain_id}, block {view.block}, {view.confirmations} confirmations"
    yield f"contract   {to_hex(view.contract)}"
    yield f"owner      {to_hex(view.owner)}"
    for member in view.members:
        role = "removed" if member.role.name == "NONE" else member.role.name.lower()
        yield f"member {member.index:<3} {to_hex(member.worker)} of {to_hex(member.operator)}, {role}"
    for workflow in view.workflows:
        yield f"workflow   {workflow.name or to_hex(workflow.workflow_id)}"
        for version in workflow.versions:
            since = time_text(version.policy.start)
            yield f"  policy {version.version} from {since}, bundle {to_hex(version.policy.bundle_digest)}"
    yield f"votings    {view.votings}"
    yield f"log head   {view.head}"
