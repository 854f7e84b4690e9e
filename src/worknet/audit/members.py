"""Who governs the network and who takes part, folded from events: every change held to the rules (section 1).

The contract's own answers are compared at the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from worknet.audit.acts import check_act
from worknet.audit.facts import Expected, Happening, Place, Question
from worknet.audit.notes import Notes
from worknet.chain import events
from worknet.chain.events import Role
from worknet.protocol.words import MAX_WORKERS

NOBODY = bytes(20)

_NO_KEY = bytes(32)


@dataclass
class Seat:
    """What stands behind an index: `keys` are all that ever did, the last is the present one."""

    operator: bytes
    role: Role
    keys: list[bytes]

    @property
    def key(self) -> bytes:
        """The key that votes now."""
        return self.keys[-1]


@dataclass
class Members:
    """The owner, the pause and the members after the events so far; `owner` is empty before the creation."""

    owner: bytes = b""
    pending: bytes = NOBODY
    paused: bool = False
    seats: dict[int, Seat] = field(default_factory=dict)

    @property
    def active(self) -> int:
        """Bitmap of the active workers."""
        return self._with_role(Role.ACTIVE)

    @property
    def standbys(self) -> int:
        """Bitmap of the standbys."""
        return self._with_role(Role.STANDBY)

    @property
    def enrolled(self) -> int:
        """Bitmap of the workers of either role."""
        return self.active | self.standbys

    def key(self, index: int) -> bytes | None:
        """The key behind an index, None for one that was never given."""
        seat = self.seats.get(index)
        return None if seat is None else seat.key

    def take(self, happening: Happening, place: Place, notes: Notes) -> None:
        """Adds an event; one of another concern changes nothing."""
        match happening.event:
            case events.OwnershipOffered() as event:
                check_act(happening, place, self.owner, notes)
                notes.differs(
                    "owner.transfer",
                    "the ownership is offered by another",
                    happening,
                    event.owner,
                    self.owner,
                )
                self.pending = event.pending
            case events.OwnershipTransferred() as event:
                self._transfer(happening, event, place, notes)
            case events.OpeningPaused() as event:
                check_act(happening, place, self.owner, notes)
                self.paused = event.paused
            case events.Enrolled() as event:
                check_act(happening, place, self.owner, notes)
                self._enrol(happening, event, notes)
            case events.Removed() as event:
                check_act(happening, place, self.owner, notes)
                self._remove(happening, event, notes)
            case events.Rotated() as event:
                self._rotate(happening, event, place, notes)

    def check_in(
        self, happening: Happening, event: events.CheckedIn, place: Place, length: int, notes: Notes
    ) -> None:
        """Checks a check-in, in reward periods of this length."""
        if not self.enrolled >> event.index & 1:
            notes.broken(
                "member.removed", "a worker checks in that is not enrolled", happening, index=event.index
            )
            return
        check_act(happening, place, self.seats[event.index].key, notes)
        notes.differs(
            "member.removed",
            "a worker checks in for another period",
            happening,
            event.period,
            happening.time // length,
        )

    def expected(self) -> Iterator[Expected]:
        """What the contract must answer."""
        what = "the contract has another"
        for view, answer in (
            ("owner", self.owner),
            ("pending_owner", self.pending),
            ("opening_paused", self.paused),
        ):
            yield Expected(Question("WorkerNetwork", view), answer, "owner.answers", f"{what} {view}")
        for view, number in (
            ("member_count", len(self.seats)),
            ("active", self.active),
            ("standby", self.standbys),
        ):
            yield Expected(Question("WorkerNetwork", view), number, "member.answers", f"{what} {view}")
        for index, seat in self.seats.items():
            member = (seat.operator, seat.key, int(seat.role))
            question = Question("WorkerNetwork", "member", (index,))
            yield Expected(question, member, "member.answers", f"{what} worker {index}")

    def _transfer(
        self, happening: Happening, event: events.OwnershipTransferred, place: Place, notes: Notes
    ) -> None:
        previous = self.owner or NOBODY
        is_offered = event.owner == self.pending or not self.owner
        if event.previous != previous or not is_offered:
            notes.broken(
                "owner.transfer",
                "the ownership goes to whom it was not offered",
                happening,
                owner=event.owner,
                offered=self.pending,
                previous=event.previous,
                before=previous,
            )
        if self.owner:
            check_act(happening, place, event.owner, notes)
        self.owner, self.pending = event.owner, NOBODY

    def _enrol(self, happening: Happening, event: events.Enrolled, notes: Notes) -> None:
        own = next((i for i, seat in self.seats.items() if seat.operator == event.operator), None)
        due = len(self.seats) if own is None else own
        if event.role is Role.NONE or event.operator == NOBODY:
            notes.broken(
                "member.enrolled",
                "a worker is enrolled without a role or an operator",
                happening,
                index=event.index,
            )
        if event.index >= MAX_WORKERS or notes.differs(
            "member.enrolled", "a worker is enrolled under another index", happening, event.index, due
        ):
            return
        seat = self.seats.get(event.index)
        if seat is not None and seat.role is not Role.NONE:
            notes.broken(
                "member.enrolled", "a worker is enrolled that is so already", happening, index=event.index
            )
        if seat is not None:
            notes.differs(
                "member.key",
                "an enrolment brings another key than stands behind the index",
                happening,
                event.worker,
                seat.key,
            )
        self._use_key(happening, event.index, event.worker, event.encryption_key, notes)
        seat = self.seats.setdefault(event.index, Seat(event.operator, event.role, [event.worker]))
        seat.role = event.role
        _stand(seat, event.worker)

    def _remove(self, happening: Happening, event: events.Removed, notes: Notes) -> None:
        seat = self.seats.get(event.index)
        if seat is None or seat.role is Role.NONE:
            notes.broken(
                "member.removed", "a worker is removed that is not enrolled", happening, index=event.index
            )
            return
        notes.differs(
            "member.operator",
            "a worker is removed under another operator",
            happening,
            event.operator,
            seat.operator,
        )
        notes.differs(
            "member.key", "a worker is removed under another key", happening, event.worker, seat.key
        )
        seat.role = Role.NONE

    def _rotate(self, happening: Happening, event: events.Rotated, place: Place, notes: Notes) -> None:
        seat = self.seats.get(event.index)
        if seat is None:
            notes.broken(
                "member.operator", "the key of an index rotates that nobody has", happening, index=event.index
            )
            return
        check_act(happening, place, seat.operator, notes)
        notes.differs(
            "member.operator",
            "another operator rotates the key of an index",
            happening,
            event.operator,
            seat.operator,
        )
        self._use_key(happening, event.index, event.worker, event.encryption_key, notes)
        _stand(seat, event.worker)

    def _use_key(
        self, happening: Happening, index: int, key: bytes, encryption_key: bytes, notes: Notes
    ) -> None:
        if key == NOBODY or encryption_key == _NO_KEY:
            notes.broken("member.key", "a worker without a key", happening, index=index)
        for other, seat in self.seats.items():
            if other != index and key in seat.keys:
                notes.broken(
                    "member.key",
                    "a key is used that was another index's",
                    happening,
                    key=key,
                    index=index,
                    first=other,
                )

    def _with_role(self, role: Role) -> int:
        return sum(1 << index for index, seat in self.seats.items() if seat.role is role)


def _stand(seat: Seat, key: bytes) -> None:
    """Puts a key behind an index; one of its former ones may come back."""
    if key in seat.keys:
        seat.keys.remove(key)
    seat.keys.append(key)
