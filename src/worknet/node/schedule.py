"""Which preparations begin now, of all that are wanted: pure, and fair to what can still succeed.

A preparation that has failed before never keeps back one that has not; a voting that is open already, whose
window runs, comes before one that waits to be opened; then the one that waits longest. No workflow takes
all the places: one whose source hangs would keep back the others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worknet.node.duties import Prepare
from worknet.node.facts import VotingFacts

FIRST_RETRY_SECONDS = 2
LAST_RETRY_SECONDS = 300
RESERVE_PART = 8
LONGEST_RESERVE_SECONDS = 60
"""An eighth of the cast window, at most this, is no longer spent on preparing."""


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


def seconds_left(wanted: Wanted) -> int:
    """Within how many seconds a preparation must have a ballot, or is cut off.

    A part of the cast window is left to tell why there is none, and to bring it in where there is one. An
    attempt that this worker may open itself waits for nobody: it gets as long as the window would be.
    """
    facts = wanted.facts
    policy = facts.voting.policies[wanted.duty.policy_version]
    attempt = facts.voting.attempt(wanted.duty.attempt)
    left = policy.cast_window if attempt is None else attempt.cast_end - facts.now
    return max(1, left - min(LONGEST_RESERVE_SECONDS, -(-policy.cast_window // RESERVE_PART)))


def begin(wanted: Iterable[Wanted], free: int, room: Mapping[str, int]) -> list[Wanted]:
    """At most `free` of the preparations that are wanted, the most urgent first; of each workflow as many as
    it has room for."""
    chosen: list[Wanted] = []
    left = dict(room)
    for each in sorted(wanted, key=lambda each: (each.failures > 0, not each.is_open, each.facts.since)):
        if len(chosen) < free and left[each.facts.workflow] > 0:
            left[each.facts.workflow] -= 1
            chosen.append(each)
    return chosen


def pause_after(failures: int, cast_window: int) -> int:
    """Seconds of chain time before a preparation is tried again that has failed so often: ever longer.

    Never longer than half of the cast window, so that a window that opens meanwhile is not missed.
    """
    longest = max(FIRST_RETRY_SECONDS, min(LAST_RETRY_SECONDS, cast_window // 2))
    return min(FIRST_RETRY_SECONDS << min(failures - 1, 16), longest)
