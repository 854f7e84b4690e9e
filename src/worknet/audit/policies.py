"""The policies that were announced: every version held to the rules, and which governs what (section 5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from eth_utils.crypto import keccak

from worknet.audit.acts import check_act
from worknet.audit.facts import Expected, Happening, Place, Question
from worknet.audit.notes import Notes
from worknet.chain import events
from worknet.protocol.policy import Policy, version_at


@dataclass(frozen=True)
class PolicyLine:
    """A policy version, with the block that announced it and its time."""

    workflow_id: bytes
    version: int
    policy: Policy
    policy_hash: bytes
    block: int
    time: int


@dataclass
class Policies:
    """All versions of all workflows, in the order of their announcement within each workflow."""

    lines: dict[bytes, list[PolicyLine]] = field(default_factory=dict)

    def of(self, workflow_id: bytes) -> dict[int, Policy]:
        """A workflow's policies by version."""
        return {line.version: line.policy for line in self.lines.get(workflow_id, ())}

    def line(self, workflow_id: bytes, version: int) -> PolicyLine | None:
        """A version, None if it was never announced."""
        lines = self.lines.get(workflow_id, [])
        return next((line for line in lines if line.version == version), None)

    def governing(self, workflow_id: bytes, slot_start: int) -> int | None:
        """The version that governs the slot beginning then; of events the newest."""
        lines = self.lines.get(workflow_id, [])
        if not lines:
            return None
        if not lines[0].policy.every:
            return lines[-1].version
        position = version_at([line.policy.start for line in lines], slot_start)
        return None if position is None else lines[position - 1].version

    def every(self, workflow_id: bytes) -> int | None:
        """The length of a workflow's slots in seconds, 0 for events; None for an unknown workflow."""
        lines = self.lines.get(workflow_id)
        return lines[0].policy.every if lines else None

    def take(self, happening: Happening, owner: bytes, place: Place, notes: Notes) -> None:
        """Adds an announcement; any other event changes nothing. `owner` is the owner of that moment."""
        event = happening.event
        if not isinstance(event, events.PolicyAnnounced):
            return
        check_act(happening, place, owner, notes)
        notes.checked["policies"] += 1
        lines = self.lines.setdefault(event.workflow_id, [])
        due = len(lines) + 1
        notes.differs("policy.version", "a version out of its order", happening, event.version, due)
        notes.differs(
            "policy.hash",
            "the hash is not that of the policy's words",
            happening,
            event.policy_hash,
            event.policy.hash(_keccak),
        )
        if lines:
            self._follows(happening, lines[0].policy, lines[-1].policy, event.policy, notes)
        lines.append(
            PolicyLine(
                event.workflow_id,
                event.version,
                event.policy,
                event.policy_hash,
                happening.block,
                happening.time,
            )
        )

    def expected(self) -> Iterator[Expected]:
        """What the contract must answer."""
        for workflow_id, lines in self.lines.items():
            question = Question("WorkerNetwork", "policy_count", (workflow_id,))
            yield Expected(question, len(lines), "policy.answers", "the contract counts other versions")
            for line in lines:
                question = Question("WorkerNetwork", "policy_hash", (workflow_id, line.version))
                what = f"the contract has another hash of version {line.version}"
                yield Expected(question, line.policy_hash, "policy.answers", what)

    def _follows(
        self, happening: Happening, first: Policy, last: Policy, policy: Policy, notes: Notes
    ) -> None:
        if policy.start < last.start or policy.start < happening.time:
            notes.broken(
                "policy.start",
                "a start that decreases or is in the past",
                happening,
                start=policy.start,
                before=last.start,
                announced=happening.time,
            )
        notes.differs(
            "policy.start", "a version changes the length of the slots", happening, policy.every, first.every
        )


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))
