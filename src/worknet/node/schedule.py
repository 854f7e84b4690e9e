"""Which preparations begin now, of all that are wanted: pure, and fair to what can still succeed.

A preparation that has failed before never keeps back one that has not; a voting that is open already, whose
window runs, comes before one that waits to be opened; then the oldest slot first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from worknet.node.duties import Prepare
from worknet.node.facts import VotingFacts

FIRST_RETRY_SECONDS = 2
LAST_RETRY_SECONDS = 300


@dataclass(frozen=True)
class Wanted:
    """A preparation that the facts ask for, and how often it has failed before."""

    facts: VotingFacts
    duty: Prepare
    failures: int

    @property
    def is_open(self) -> bool:
        """Whether the attempt is open on chain, so that its window runs."""
        return self.facts.voting.attempt(self.duty.attempt) is not None


def begin(wanted: Iterable[Wanted], free: int) -> list[Wanted]:
    """At most `free` of the preparations that are wanted, the most urgent first."""
    urgent_first = sorted(
        wanted, key=lambda each: (each.failures > 0, not each.is_open, each.facts.slot.window.start)
    )
    return urgent_first[: max(0, free)]


def pause_after(failures: int, cast_window: int) -> int:
    """Seconds of chain time before a preparation is tried again that has failed so often: ever longer.

    Never longer than half of the cast window, so that a window that opens meanwhile is not missed.
    """
    longest = max(FIRST_RETRY_SECONDS, min(LAST_RETRY_SECONDS, cast_window // 2))
    return min(FIRST_RETRY_SECONDS << min(failures - 1, 16), longest)
