"""Which recorded results a voting consumes: the rule that makes its parents the same at every worker.

Section 6, "Parents". Everything follows from policies and facts of the chain, none of it from when a worker
looks: the records of a span count that were made until a certain time, the cut, and the cut waits for what
is still open.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from worknet.protocol.ids import Slot, Window
from worknet.protocol.policy import Policy, version_at
from worknet.protocol.records import Record
from worknet.protocol.voting import Fact, Opened, State, Voting
from worknet.protocol.voting_rules import apply
from worknet.protocol.voting_time import at

MOST_PARENTS: Final = 10_000
"""Of how many slots one voting may consume the results: all of them stand in its manifest."""

_FOR_EVER = 1 << 62


@dataclass(frozen=True)
class SlotResult:
    """What came of one slot of a consumed workflow: the record of its voting, None without one by the cut."""

    window: Window
    voting_id: bytes
    record: Record | None


def slots_within(window: Window, every: int) -> Sequence[Slot]:
    """The slots of `every` seconds that lie whole in the window, ascending."""
    return [Slot(every, number) for number in range(-(-window.start // every), window.end // every)]


def openable_since(
    policies: Mapping[int, Policy], facts: Iterable[Fact], attempt: int, due: int, now: int
) -> int | None:
    """Since when an attempt of a slot's voting may open, or could when it opened; None: not by `now`.

    Attempt 1 from the moment at which the slot is `due`, another since the one before it failed or stalled,
    or since it was reopened. `facts` are those of the voting up to `now`, in their order.
    """
    if attempt == 1:
        return due if due <= now else None
    voting = Voting(policies)
    for fact in facts:
        if isinstance(fact, Opened) and fact.attempt == attempt:
            voting = at(voting, fact.time)
            break
        voting = apply(voting, fact)
    else:
        voting = at(voting, now)
    waits = voting.state is State.PENDING and voting.next_attempt == attempt
    return voting.ended if waits else None


def closed_since(
    policies: Mapping[int, Policy], facts: Iterable[Fact], slot: Slot, since: int, now: int
) -> int | None:
    """The first time from `since` on at which the slot's voting is not open; None if there was none by `now`.

    It is open while it may yet come to a record without anybody's will: not once it is recorded or
    unresolved, nor while it has been SETTLING for `stall`, nor where it never opened and is too old, or,
    under a policy without a `max_age`, due for `stall`. A slot of before the first policy never was open.
    """
    voting = Voting(policies)
    for fact in facts:
        closed = max(since, _closes(voting, slot))
        if closed < fact.time:
            return closed if closed <= now else None
        voting = apply(voting, fact)
    closed = max(since, _closes(voting, slot))
    return closed if closed <= now else None


def _closes(voting: Voting, slot: Slot) -> int:
    """From when on the voting is not open, if nothing more befalls it."""
    if voting.recorded is not None:
        return voting.recorded.time
    if voting.state is State.NONE:
        version = version_at(
            [policy.start for _, policy in sorted(voting.policies.items())], slot.window.start
        )
        if version is None:
            return 0
        policy = voting.policies[version]
        # The contract takes the opening until due + max_age, that second included.
        return slot.due(policy.delay) + (policy.max_age + 1 if policy.max_age else policy.stall)
    later = at(voting, _FOR_EVER)
    return later.ended + (later.policy.stall if later.state is State.SETTLING else 0)
