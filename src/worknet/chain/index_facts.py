"""What the index tells, as values: members, policies, votings, records, and the protocol's facts.

Made from stored logs alone; nothing here asks the chain or writes.
"""

from dataclasses import dataclass
from typing import TypeAlias

from worknet.chain import events
from worknet.chain.events import Role
from worknet.chain.index_store import EVER, IndexStore, RecordRow, StoredLog
from worknet.protocol import voting
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record

Moment: TypeAlias = tuple[int, int]
"""Where something stands on chain: its block, and the number of its log in it."""


@dataclass(frozen=True)
class IndexedMember:
    """A worker index: who has it, in what role (NONE: removed), and the announced X25519 key."""

    index: int
    operator: bytes
    worker: bytes
    role: Role
    encryption_key: bytes


@dataclass(frozen=True)
class IndexedPolicy:
    """An announced policy version, with the block that announced it and its time."""

    workflow_id: bytes
    version: int
    policy: Policy
    policy_hash: bytes
    block: int
    time: int


@dataclass(frozen=True)
class IndexedVoting:
    """A voting as a list has it: what it is about, its facts folded, its record's position if any."""

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    policy_version: int
    opened_block: int
    voting: voting.Voting
    position: int | None


@dataclass(frozen=True)
class IndexedRecord:
    """A record with its position in the log, its leaf data and its block."""

    position: int
    record: Record
    leaf: bytes
    block: int


def members(store: IndexStore, before: Moment | None) -> list[IndexedMember]:
    """All worker indices given by then, or ever, in their order, with who had them then, or has them now."""
    found: dict[int, IndexedMember] = {}
    for stored in store.logs_of_kinds(("Enrolled", "Removed")):
        if before is not None and (stored.log.block, stored.log.index) >= before:
            break
        event = events.read(stored.log)
        if isinstance(event, events.Enrolled):
            found[event.index] = IndexedMember(
                event.index, event.operator, event.worker, event.role, event.encryption_key
            )
        elif isinstance(event, events.Removed):
            key = found[event.index].encryption_key
            found[event.index] = IndexedMember(event.index, event.operator, event.worker, Role.NONE, key)
    return [found[index] for index in sorted(found)]


def ballot_moments(store: IndexStore, voting_id: bytes, attempt: int) -> dict[int, Moment]:
    """When each worker's ballot, open or sealed, came in an attempt."""
    found = {}
    for stored in store.logs_of(voting_id, EVER):
        event = events.read(stored.log)
        if isinstance(event, events.Cast | events.Sealed) and event.place.attempt == attempt:
            found[event.place.worker] = (stored.log.block, stored.log.index)
    return found


def policies(store: IndexStore) -> list[IndexedPolicy]:
    """All policy versions of all workflows, in the order of their announcement."""
    found = []
    for stored in store.logs_of_kinds(("PolicyAnnounced",)):
        event = events.read(stored.log)
        if isinstance(event, events.PolicyAnnounced):
            found.append(
                IndexedPolicy(
                    event.workflow_id,
                    event.version,
                    event.policy,
                    event.policy_hash,
                    stored.log.block,
                    stored.time,
                )
            )
    return found


def record(row: RecordRow) -> IndexedRecord:
    """A stored record, its leaf read."""
    return IndexedRecord(row.position, Record.parse(row.leaf), row.leaf, row.block)


def fact(stored: StoredLog) -> voting.Fact | None:
    """The fact about its voting that a log tells, None where it tells what follows from facts."""
    match events.read(stored.log):
        case events.Opened() as event:
            return voting.Opened(
                time=stored.time,
                attempt=event.attempt,
                policy_version=event.policy_version,
                members=event.members,
                n=event.n,
                needed=event.needed,
            )
        case events.Cast() as event:
            return voting.Cast(stored.time, event.place.attempt, event.place.worker, event.pair)
        case events.Sealed() as event:
            return voting.Sealed(stored.time, event.place.attempt, event.place.worker, event.seal)
        case events.Revealed() as event:
            return voting.Revealed(stored.time, event.place.attempt, event.pair, event.workers)
        case _:
            return None
