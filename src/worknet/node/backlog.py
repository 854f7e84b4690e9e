"""The slots of an interval workflow that are due and not over yet, oldest first. Pure but for its place.

A worker that was away for a week finds the week's slots here and works them off in order. Slots that can do
nothing but wait for another try are passed over, so that they never stand in the way of newer ones; and of
more than can be looked at, the newest are among those that are, for the oldest may never open.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from itertools import islice

from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy, version_at
from worknet.protocol.voting import FAILOVER_ATTEMPT


class Standing(Enum):
    """Where a slot stands for the worker: over for good, put off for a while, or to be looked at now."""

    OVER = auto()
    PUT_OFF = auto()
    NOW = auto()


class Backlog:
    """Remembers up to which slot everything is over, so that history is walked through once."""

    def __init__(self) -> None:
        self._first: int | None = None

    @property
    def first(self) -> int:
        """The number of the first slot that is not known to be over, with all before it."""
        return self._first or 0

    def due(
        self, policies: Sequence[Policy], now: int, reach: int, standing: Callable[[Slot], Standing]
    ) -> Iterator[Slot]:
        """The slots that are due at `now` and to be looked at: of more than `reach` the first and the last,
        half of each.

        `policies` are versions 1, 2, ... of one workflow; `standing` is asked of each slot.
        """
        if not policies:
            return
        starts = [policy.start for policy in policies]
        every = policies[0].every

        def ask(slot: Slot) -> Standing:
            version = version_at(starts, slot.window.start)
            is_due = version is not None and slot.due(policies[version - 1].delay) <= now
            return standing(slot) if is_due else Standing.PUT_OFF

        number = self._first if self._first is not None else _first_slot(policies, now)
        last = (now - min(policy.delay for policy in policies)) // every - 1
        found, unbroken = 0, True
        while number <= last and found < reach - reach // 2:
            slot = Slot(every, number)
            stands = ask(slot)
            if stands is Standing.NOW:
                found += 1
                yield slot
            unbroken = unbroken and stands is Standing.OVER
            number += 1
            if unbroken:
                self._first = number
        rest = (Slot(every, later) for later in range(last, number - 1, -1))
        newest = list(islice((slot for slot in rest if ask(slot) is Standing.NOW), reach - found))
        yield from reversed(newest)


def _first_slot(policies: Sequence[Policy], now: int) -> int:
    """The first slot that any version governs and that is not too old already."""
    first = policies[0]
    start = -(-first.start // first.every)
    # A limit on the age spares a new worker the walk through all that can no longer open. What is open
    # still ends within the windows of three attempts; what was reopened is no business of the backlog.
    if all(policy.max_age for policy in policies):
        reach = max(
            policy.delay
            + policy.max_age
            + FAILOVER_ATTEMPT * (policy.cast_window + policy.reveal_window)
            + (FAILOVER_ATTEMPT - 1) * policy.stall
            for policy in policies
        )
        start = max(start, (now - reach) // first.every)
    return start
