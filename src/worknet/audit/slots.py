"""Slots that were due and have no record, and which votings are over (sections 2 and 7).

What is kept is small: of slots the runs without a record, of events the ids of the votings that have one.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from worknet.audit.lines import Why, WithoutRecord
from worknet.audit.openings import trigger
from worknet.audit.policies import Policies, PolicyLine
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy
from worknet.protocol.voting import State

MOST_ASKED = 1_000
"""Slots of a workflow, the newest, of which the contract is asked in an audit whether they ever opened."""

_WHYS = {State.SETTLING: Why.SETTLING, State.UNRESOLVED: Why.UNRESOLVED}


@dataclass(frozen=True)
class Run:
    """Slots from `first` to `last`, both included, of one policy version, that have no record."""

    version: int
    first: int
    last: int


@dataclass
class Slots:
    """What is known of slots and events up to a block.

    `following` is, per workflow and policy version, the first slot that was not due then; `without` the runs
    without a record of those before; `ids` the votings about events that have a record.
    """

    following: dict[bytes, dict[int, int]] = field(default_factory=dict)
    without: dict[bytes, list[Run]] = field(default_factory=dict)
    ids: set[bytes] = field(default_factory=set)


class SlotBook:
    """The slots of a network while an audit goes on, over what is kept of them."""

    def __init__(self, kept: Slots, policies: Policies) -> None:
        self._kept, self._policies = kept, policies
        self._recorded: dict[bytes, set[int]] = {}

    def is_over(self, voting_id: bytes, workflow_id: bytes, trigger_id: bytes) -> bool:
        """Whether a voting that is not followed has a record already."""
        slot = self._slot(workflow_id, trigger_id)
        if slot is None:
            return voting_id in self._kept.ids
        if slot.number in self._recorded.get(workflow_id, ()):
            return True
        version = self._policies.governing(workflow_id, slot.window.start)
        following = self._kept.following.get(workflow_id, {}).get(version or 0)
        runs = self._kept.without.get(workflow_id, [])
        is_without = any(run.first <= slot.number <= run.last for run in runs)
        return following is not None and slot.number < following and not is_without

    def recorded(self, voting_id: bytes, workflow_id: bytes, trigger_id: bytes) -> None:
        """A voting has a record."""
        slot = self._slot(workflow_id, trigger_id)
        if slot is None:
            self._kept.ids.add(voting_id)
        else:
            self._recorded.setdefault(workflow_id, set()).add(slot.number)

    def pass_to(self, now: int) -> None:
        """Goes on to the block of this time: adds the slots that are due by then, less those recorded."""
        for workflow_id, lines in self._policies.lines.items():
            every = self._policies.every(workflow_id)
            if not every:
                continue
            runs = self._kept.without.setdefault(workflow_id, [])
            following = self._kept.following.setdefault(workflow_id, {})
            for line, after in zip(lines, [*lines[1:], None], strict=True):
                first, end = _due(line, after, every, now)
                first = following.get(line.version, first)
                if end > first:
                    runs.append(Run(line.version, first, end - 1))
                following[line.version] = max(first, end)
            self._kept.without[workflow_id] = _less(runs, sorted(self._recorded.get(workflow_id, ())))
        self._recorded.clear()

    def lines(self, states: Mapping[tuple[bytes, bytes], State], now: int) -> Iterator[WithoutRecord]:
        """The slots without a record, and why not.

        `states` are those of the votings that are not over, by workflow and trigger id.
        """
        for workflow_id, runs in sorted(self._kept.without.items(), key=lambda item: item[0]):
            every = self._policies.every(workflow_id) or 1
            policies = self._policies.of(workflow_id)
            begun = {
                number: states[workflow_id, slot.trigger_id]
                for number, slot in self._begun(workflow_id, states).items()
            }
            for run in runs:
                parts = _parts(run, every, policies[run.version], begun, now)
                yield from (WithoutRecord(workflow_id, every, *part) for part in parts)

    def unopened(self, begun: Collection[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, list[Slot], int]]:
        """By workflow: of the slots without a record and a voting the newest, and how many more there are.

        `begun` are the votings that are not over, by workflow and trigger id.
        """
        for workflow_id, runs in self._kept.without.items():
            every = self._policies.every(workflow_id)
            if not every:
                continue
            numbers = {*self._begun(workflow_id, begun)}
            latest = sorted(runs, key=lambda run: run.last, reverse=True)
            all_ = chain.from_iterable(range(run.last, run.first - 1, -1) for run in latest)
            unopened = (number for number in all_ if number not in numbers)
            newest = [Slot(every, number) for number in islice(unopened, MOST_ASKED)]
            count = sum(
                run.last - run.first + 1 - sum(run.first <= number <= run.last for number in numbers)
                for run in runs
            )
            yield workflow_id, newest, count - len(newest)

    def _begun(self, workflow_id: bytes, begun: Iterable[tuple[bytes, bytes]]) -> dict[int, Slot]:
        """The slots of a workflow, by their numbers, among what votings are about."""
        found = (self._slot(*each) for each in begun if each[0] == workflow_id)
        return {slot.number: slot for slot in found if slot is not None}

    def _slot(self, workflow_id: bytes, trigger_id: bytes) -> Slot | None:
        every = self._policies.every(workflow_id)
        found = trigger(trigger_id, every) if every else None
        return found if isinstance(found, Slot) else None


def _due(line: PolicyLine, after: PolicyLine | None, every: int, now: int) -> tuple[int, int]:
    """The slots that a version governs and that are due by now: the first, and the one after the last."""
    first = -(-line.policy.start // every)
    end = (now - line.policy.delay) // every
    if after is not None:
        end = min(end, -(-after.policy.start // every))
    return first, end


def _less(runs: Iterable[Run], recorded: Sequence[int]) -> list[Run]:
    """The runs without these slots, which ascend; runs of one version that meet are joined."""
    found: list[Run] = []
    for run in sorted(runs, key=lambda each: (each.version, each.first)):
        first = run.first
        for number in recorded[bisect_left(recorded, run.first) : bisect_left(recorded, run.last + 1)]:
            _add(found, Run(run.version, first, number - 1))
            first = number + 1
        _add(found, Run(run.version, first, run.last))
    return found


def _add(runs: list[Run], run: Run) -> None:
    if run.first > run.last:
        return
    if runs and runs[-1].version == run.version and runs[-1].last + 1 == run.first:
        run = Run(run.version, runs.pop().first, run.last)
    runs.append(run)


def _parts(
    run: Run, every: int, policy: Policy, begun: Mapping[int, State], now: int
) -> Iterator[tuple[int, int, Why]]:
    """A run in parts of one reason each."""
    # The first slot that may still open: younger ones may too.
    young = run.first
    if policy.max_age:
        young = max(young, -(-(now - policy.max_age - policy.delay) // every) - 1)
    first = run.first
    inside = sorted(number for number in begun if run.first <= number <= run.last)
    for number in [*inside, run.last + 1]:
        last = number - 1
        if first <= min(last, young - 1):
            yield first, min(last, young - 1), Why.MISSED
        if max(first, young) <= last:
            yield max(first, young), last, Why.WAITING
        if number in begun and number <= run.last:
            yield number, number, _WHYS.get(begun[number], Why.OPEN)
        first = number + 1
