"""The slots of an interval workflow that are due and not over yet, oldest first. Pure but for its place.

A worker that was away for a week finds the week's slots here and works them off in order. Slots that can do
nothing but wait for another try are passed over, so that they never stand in the way of newer ones.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto

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
        self, policies: Sequence[Policy], now: int, standing: Callable[[Slot, int], Standing]
    ) -> Iterator[tuple[Slot, int]]:
        """The slots that are due at `now` and to be looked at, each with the policy version that governs it.

        `policies` are versions 1, 2, ... of one workflow; `standing` is asked with slot and version.
        """
        if not policies:
            return
        starts = [policy.start for policy in policies]
        every = policies[0].every
        number = self._first if self._first is not None else _first_slot(policies, now)
        unbroken = True
        while True:
            slot = Slot(every, number)
            version = version_at(starts, slot.window.start)
            if version is None or slot.due(policies[version - 1].delay) > now:
                return
            stands = standing(slot, version)
            if stands is Standing.NOW:
                yield slot, version
            unbroken = unbroken and stands is Standing.OVER
            number += 1
            if unbroken:
                self._first = number


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
