"""A voting as the contract keeps it, what a call does to it, and what is read off it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.contracts.mirror.governance import Event

from worknet.protocol.voting import State, Voting
from worknet.protocol.words import Ballots

WAITING = {State.PENDING, State.SETTLING, State.UNRESOLVED}


@dataclass
class Case:
    """A voting as the contract keeps it: `voting` as the last transaction left it.

    `governing` is the version of a slot that was reopened and never opened. `shown` are `ballots` and `cast`
    of the view as a whole report found them: it leaves them.
    """

    workflow: bytes
    trigger: bytes
    id: bytes
    voting: Voting
    governing: int = 0
    booked: bool = False
    shown: tuple[int, int] | None = None


@dataclass
class Effect:
    """What a call does that is taken: the voting after it and the events; `booked`: it books the closing."""

    after: Voting
    events: list[Event] = field(default_factory=list)
    booked: bool = False
    governing: int = 0
    shown: tuple[int, int] | None = None


def bitmap(workers: Iterable[int]) -> int:
    """The workers as a bitmap."""
    return sum(1 << worker for worker in workers)


def indices(workers: int) -> list[int]:
    """The workers of a bitmap, ascending."""
    return [worker for worker in range(workers.bit_length()) if workers >> worker & 1]


def cast_count(voting: Voting) -> int:
    """How many have cast in the current attempt, openly or sealed."""
    return max(len(voting.current.seals), len(voting.current.ballots))


def seen(voting: Voting) -> int:
    """Bitmap of who has cast; of sealed ballots, once casting is over, of who has revealed."""
    is_casting_sealed = voting.state is State.CASTING and voting.policy.ballots is Ballots.SEALED
    return bitmap(voting.current.seals if is_casting_sealed else voting.current.ballots)


def turned(about: bytes, before: State, after: Voting) -> list[Event]:
    """What is told of an attempt that failed, and of a voting that is left without a further one."""
    events: list[Event] = []
    if before in {State.CASTING, State.REVEALING} and after.state in WAITING:
        events.append(("Failed", about, after.current.number, after.current.end))
    if after.state is not before and after.state in {State.SETTLING, State.UNRESOLVED}:
        events.append((after.state.name.capitalize(), about, after.ended))
    return events
