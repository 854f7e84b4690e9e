"""What the contracts alone decide: who governs, who takes part with which key, which policy is in force.

The pure models know no keys and no callers, so these rules are written down here a second time, in Python.
Each method is a transaction's function: it raises `Refused` with the reason of the first broken rule, in
the contract's order, or changes the state and returns the events.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils.crypto import keccak
from tests.contracts.mirror.reasons import Refused

from worknet.protocol.policy import Policy, PolicyError, version_at
from worknet.protocol.words import Ballots, Fallback

ACTIVE, STANDBY = 1, 2
NOBODY = bytes(20)
AMOUNT_BOUND = 1 << 128
Event = tuple[Any, ...]


@dataclass
class Governance:
    """Owner, members and policies of a network; `policies` are a workflow's versions by number."""

    owner: bytes
    pending: bytes = NOBODY
    paused: bool = False
    operators: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    index_of_key: dict[bytes, int] = field(default_factory=dict)
    policies: dict[bytes, dict[int, Policy]] = field(default_factory=dict)
    hashes: dict[bytes, Policy] = field(default_factory=dict)

    @property
    def active(self) -> int:
        """Bitmap of the active workers."""
        return sum(1 << index for index, role in enumerate(self.roles) if role == ACTIVE)

    @property
    def standby(self) -> int:
        """Bitmap of the standbys."""
        return sum(1 << index for index, role in enumerate(self.roles) if role == STANDBY)

    @property
    def enrolled(self) -> int:
        """Bitmap of both."""
        return self.active | self.standby

    def transfer_ownership(self, sender: bytes, now: int, pending: bytes) -> list[Event]:
        self._check_owner(sender)
        self.pending = pending
        return [("OwnershipOffered", sender, pending)]

    def accept_ownership(self, sender: bytes, now: int) -> list[Event]:
        _check(sender == self.pending, "ownership: not offered to you")
        previous, self.owner, self.pending = self.owner, sender, NOBODY
        return [("OwnershipTransferred", previous, sender)]

    def pause_opening(self, sender: bytes, now: int, paused: bool) -> list[Event]:
        self._check_owner(sender)
        self.paused = paused
        return [("OpeningPaused", paused)]

    def enrol(
        self, sender: bytes, now: int, operator: bytes, worker: bytes, role: int, encryption_key: bytes
    ) -> list[Event]:
        self._check_owner(sender)
        _check(operator != NOBODY, "members: no operator")
        _check(role in {ACTIVE, STANDBY}, "members: unknown role")
        index = self.operators.index(operator) if operator in self.operators else len(self.operators)
        _check(not self.enrolled >> index & 1, "members: already enrolled")
        if index < len(self.operators):
            _check(worker == self.keys[index], "members: not the operator's key")
        self._check_key(index, worker, encryption_key)
        if index == len(self.operators):
            self.operators.append(operator)
            self.keys.append(worker)
            self.roles.append(0)
        self._use_key(index, worker)
        self.roles[index] = role
        return [("Enrolled", index, operator, worker, role, encryption_key)]

    def remove(self, sender: bytes, now: int, index: int) -> list[Event]:
        self._check_owner(sender)
        self._check_enrolled(index)
        self.roles[index] = 0
        return [("Removed", index, self.operators[index], self.keys[index])]

    def rotate(
        self, sender: bytes, now: int, index: int, worker: bytes, encryption_key: bytes
    ) -> list[Event]:
        _check(index < len(self.operators), "members: unknown index")
        _check(sender == self.operators[index], "members: not the operator")
        self._check_key(index, worker, encryption_key)
        self._use_key(index, worker)
        return [("Rotated", index, sender, worker, encryption_key)]

    def check_in(self, sender: bytes, now: int, index: int, period: int) -> list[Event]:
        self._check_enrolled(index)
        _check(sender == self.keys[index], "members: not the worker's key")
        return [("CheckedIn", index, period)]

    def announce(self, sender: bytes, now: int, workflow: bytes, fields: tuple[Any, ...]) -> list[Event]:
        self._check_owner(sender)
        versions = self.policies.setdefault(workflow, {})
        policy = _policy(fields)
        if versions:
            last = versions[len(versions)]
            _check(policy.every == last.every, "policies: every changed")
            _check(policy.start >= last.start, "policies: start decreases")
            _check(policy.start >= now, "policies: start in the past")
        version = len(versions) + 1
        versions[version] = policy
        self.hashes[policy.hash(keccak)] = policy
        return [("PolicyAnnounced", workflow, version, policy.hash(keccak), fields)]

    def to_open(self, workflow: bytes, trigger: bytes, version: int, now: int) -> str | None:
        """Why attempt 1 for a trigger may not open under this version now, as far as policies go."""
        policy = self.policies.get(workflow, {}).get(version)
        if policy is None:
            return "policies: unknown version"
        if not policy.every:
            return None if version == len(self.policies[workflow]) else "policies: version not in force"
        refused, due = self._due(workflow, trigger, version)
        if refused:
            return refused
        if due > now:
            return "policies: slot not due"
        return "policies: slot too old" if policy.max_age and now > due + policy.max_age else None

    def to_reopen(self, workflow: bytes, trigger: bytes, now: int) -> tuple[str | None, int]:
        """Why a trigger that never opened may not be reopened, and the version that governs it."""
        versions = self.policies.get(workflow, {})
        version = self.version_at(workflow, _slot_start(trigger))
        if version not in versions:
            return "policies: unknown version", 0
        refused, due = self._due(workflow, trigger, version)
        if refused is None and due + versions[version].stall >= now:
            refused = "policies: slot not due"
        return refused, version

    def in_force(self, workflow: bytes, version: int, now: int) -> str | None:
        """Why an attempt that the owner gave may not open under this version now."""
        policy = self.policies.get(workflow, {}).get(version)
        if policy is None:
            return "policies: unknown version"
        begins, ends = self._span(workflow, version)
        good = begins <= now and (ends is None or now < ends) if policy.every else ends is None
        return None if good else "policies: version not in force"

    def version_at(self, workflow: bytes, slot_start: int) -> int:
        """The version that governs a slot with this start, or an event: 0 for none."""
        versions = self.policies.get(workflow, {})
        if not versions or not versions[1].every:
            return len(versions)
        return version_at([policy.start for policy in versions.values()], slot_start) or 0

    def _due(self, workflow: bytes, trigger: bytes, version: int) -> tuple[str | None, int]:
        policy = self.policies[workflow][version]
        number = int.from_bytes(trigger[16:], "big")
        if not policy.every or int.from_bytes(trigger[:16], "big") != policy.every or number >= 1 << 64:
            return "policies: not a slot", 0
        begins, ends = self._span(workflow, version)
        start = number * policy.every
        if start < begins or (ends is not None and start >= ends):
            return "policies: version not in force", 0
        return None, start + policy.every + policy.delay

    def _span(self, workflow: bytes, version: int) -> tuple[int, int | None]:
        versions = self.policies[workflow]
        following = versions.get(version + 1)
        return versions[version].start, following.start if following else None

    def _check_owner(self, sender: bytes) -> None:
        _check(sender == self.owner, "ownership: not the owner")

    def _check_enrolled(self, index: int) -> None:
        _check(index < len(self.roles) and self.roles[index] != 0, "members: not enrolled")

    def _check_key(self, index: int, worker: bytes, encryption_key: bytes) -> None:
        _check(worker != NOBODY, "members: no worker")
        _check(any(encryption_key), "members: no encryption key")
        _check(self.index_of_key.get(worker, index) == index, "members: key of another index")

    def _use_key(self, index: int, worker: bytes) -> None:
        self.keys[index] = worker
        self.index_of_key[worker] = index


def _check(holds: bool, reason: str) -> None:
    if not holds:
        raise Refused(reason)


def _slot_start(trigger: bytes) -> int:
    return int.from_bytes(trigger[:16], "big") * int.from_bytes(trigger[24:], "big")


def _policy(fields: Sequence[Any]) -> Policy:
    """The policy with these fields; what the contract refuses has no policy in Python, and the reverse."""
    reason = _broken(fields)
    try:
        ballots, fallback = Ballots(fields[9]), Fallback(fields[13])
        made = Policy(*fields[:9], ballots, *fields[10:13], fallback, *fields[14:])
    except (PolicyError, ValueError):
        assert reason is not None, fields
        raise Refused(reason) from None
    # Python knows no upper bound of amounts: the chain's smallest unit is its own.
    assert reason is None or max(made.accuracy, made.speed) >= AMOUNT_BOUND, fields
    if reason is not None:
        raise Refused(reason)
    return made


def _broken(fields: Sequence[Any]) -> str | None:
    digest, epoch, commitment, every, delay, start, max_age, num, den = fields[:9]
    ballots, cast_window, reveal_window, stall, fallback, accuracy, speed = fields[9:]
    if not any(digest) or not any(commitment):
        return "policies: zero digest"
    seconds = (every, delay, max_age, cast_window, reveal_window, stall)
    if max(*seconds, epoch, den) >= 1 << 32 or start >= (1 << 40) - 1:
        return "policies: number too large"
    if den == 0 or num > den:
        return "policies: bad threshold"
    if ballots > Ballots.SEALED or fallback > Fallback.FAILOVER_THEN_PLURALITY:
        return "policies: unknown choice"
    if cast_window == 0 or (reveal_window == 0 and ballots == Ballots.SEALED):
        return "policies: no window"
    if max(accuracy, speed) >= AMOUNT_BOUND:
        return "policies: number too large"
    return "policies: open ballots earn none" if (accuracy or speed) and ballots == Ballots.OPEN else None
