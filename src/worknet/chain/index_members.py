"""Who had which worker index, and behind which key, at any moment of the chain: a fold of three events."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from worknet.chain import events
from worknet.chain.errors import IndexMismatchError
from worknet.chain.events import Role
from worknet.chain.index_store import StoredLog

KINDS = ("Enrolled", "Removed", "Rotated")
"""The kinds of events that change a member."""

Moment: TypeAlias = tuple[int, int]
"""Where something stands on chain: its block, and the number of its log in it."""


@dataclass(frozen=True)
class IndexedMember:
    """A worker index: who has it, in what role (NONE: removed), its key, and the announced X25519 key.

    `since` is the time of the block since which it has a role without a break; 0 if it has none.
    """

    index: int
    operator: bytes
    worker: bytes
    role: Role
    encryption_key: bytes
    since: int = 0


class Membership:
    """The members of a network over time."""

    def __init__(self, logs: Iterable[StoredLog]) -> None:
        """`logs` are all of `KINDS`, in chain order. Raises ChainError for what the contract cannot say."""
        self._moments: list[Moment] = []
        self._changes: list[IndexedMember] = []
        self._standbys: list[int] = []
        now: dict[int, IndexedMember] = {}
        standbys = 0
        for stored in logs:
            member = _changed(now, stored)
            if member is None:
                continue
            now[member.index] = member
            standbys &= ~(1 << member.index)
            standbys |= (member.role is Role.STANDBY) << member.index
            self._moments.append((stored.log.block, stored.log.index))
            self._changes.append(member)
            self._standbys.append(standbys)

    def at(self, before: Moment | None = None) -> list[IndexedMember]:
        """All worker indices given before that moment, or ever, in their order, as they were then, or are."""
        count = len(self._changes) if before is None else bisect_left(self._moments, before)
        found = {member.index: member for member in self._changes[:count]}
        return [found[index] for index in sorted(found)]

    def standbys(self, before: Moment) -> int:
        """Bitmap of those that were enrolled as standbys then."""
        count = bisect_left(self._moments, before)
        return self._standbys[count - 1] if count else 0

    def index_of(self, worker: bytes) -> int | None:
        """The index whose key this is, or was before another took its place; None for a key of nobody."""
        return next((member.index for member in self._changes if member.worker == worker), None)


def _changed(now: dict[int, IndexedMember], stored: StoredLog) -> IndexedMember | None:
    """The member after this event; None if the event changes none."""
    match events.read(stored.log):
        case events.Enrolled() as event:
            before = now.get(event.index)
            return IndexedMember(
                event.index,
                event.operator,
                event.worker,
                event.role,
                event.encryption_key,
                since=before.since if before is not None and before.since else stored.time,
            )
        case events.Removed() as event:
            return replace(_known(now, event.index), role=Role.NONE, since=0)
        case events.Rotated() as event:
            return replace(_known(now, event.index), worker=event.worker, encryption_key=event.encryption_key)
    return None


def _known(now: dict[int, IndexedMember], index: int) -> IndexedMember:
    if index not in now:
        raise IndexMismatchError(
            f"the events change worker {index}, which they never enrolled",
            hint="the index starts too late, or the RPC leaves out events: compare with another one",
        )
    return now[index]
