"""Which recorded results a voting of this worker consumes, as the confirmed chain has them.

The rule is `worknet.protocol.parents`; here it gets its facts from the index, and time until what is still
open is over and stands in a confirmed block.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.node.errors import ParentMissing
from worknet.node.view import confirmed_block
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.parents import SlotResult, closed_since, openable_since, slots_within
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.times import time_text

PATIENCE_SECONDS = 30.0
"""How long one preparation waits for what is open yet; then it has failed, and is tried again."""
PAUSE_SECONDS = 1.0
_NAMED = 3

Results = Mapping[str, Sequence[SlotResult]]
"""The results that a voting consumes, by workflow, in the order of time."""


@dataclass(frozen=True)
class _Confirmed:
    """A block that is as deep as the confirmations, and its time."""

    block: int
    time: int


@dataclass(frozen=True)
class Parents:
    """The results that the votings of one workflow consume: those of `consumed`, other workflows by name.

    `confirmations` is how deep a block must be to count. It waits up to `patience` seconds of the real clock.
    """

    client: NetworkClient
    index: NetworkIndex
    workflow: str
    consumed: Sequence[str]
    confirmations: int
    patience: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def results(self, slot: Slot, attempt: int, seconds: float) -> dict[str, Sequence[SlotResult]]:
        """What the attempt of the slot's voting consumes, by workflow; the same at every worker.

        Waits for it, within half of the seconds. Raises `ParentMissing`, which says what is open yet, and
        ChainError.
        """
        end = time.monotonic() + min(self.patience, seconds / 2)
        while True:
            try:
                return self._look(slot, attempt)
            except ParentMissing:
                if time.monotonic() + PAUSE_SECONDS >= end:
                    raise
            self.sleep(PAUSE_SECONDS)

    def _look(self, slot: Slot, attempt: int) -> dict[str, Sequence[SlotResult]]:
        confirmed = _Confirmed(*confirmed_block(self.client, self.confirmations, self.index.block() or 0))
        since = self._openable(slot, attempt, confirmed)
        slots = {name: self._slots(name, slot) for name in self.consumed}
        records = {name: self._records(name, slots[name], confirmed) for name in self.consumed}
        cut = max(
            [since, *(self._closed(name, slots[name], records[name], since, confirmed) for name in slots)]
        )
        if confirmed.time <= cut:
            raise ParentMissing(f"results until {time_text(cut)} count, and no later block is confirmed yet")
        return {
            name: [
                SlotResult(each.window, self._voting(name, each), record if _is_by(record, cut) else None)
                for each, record in zip(slots[name], records[name], strict=True)
            ]
            for name in self.consumed
        }

    def _openable(self, slot: Slot, attempt: int, confirmed: _Confirmed) -> int:
        policies = self._policies(self.workflow)
        facts = self.index.facts(self._voting(self.workflow, slot), confirmed.block)
        starts = [version for version, policy in policies.items() if policy.start <= slot.window.start]
        due = slot.due(policies[max(starts, default=1)].delay)
        since = openable_since(policies, facts, attempt, due, confirmed.time)
        if since is None:
            raise ParentMissing(f"no confirmed block shows that attempt {attempt} may open")
        return since

    def _closed(
        self,
        name: str,
        slots: Sequence[Slot],
        records: Sequence[Record | None],
        since: int,
        confirmed: _Confirmed,
    ) -> int:
        """When the last of the slots' votings was no longer open."""
        policies = self._policies(name)
        latest, still_open = since, []
        for each, record in zip(slots, records, strict=True):
            if _is_by(record, since):
                continue
            facts = self.index.facts(self._voting(name, each), confirmed.block)
            closed = closed_since(policies, facts, each, since, confirmed.time)
            if closed is None:
                still_open.append(f"{name}@{time_text(each.window.start)}")
            else:
                latest = max(latest, closed)
        if still_open:
            more = f" and {len(still_open) - _NAMED} more" if len(still_open) > _NAMED else ""
            raise ParentMissing(
                f"open yet: {', '.join(still_open[:_NAMED])}{more}",
                hint="it is waited for; a longer delay of this workflow's trigger leaves it the time",
            )
        return latest

    def _slots(self, name: str, slot: Slot) -> Sequence[Slot]:
        policies = self._policies(name)
        return slots_within(slot.window, policies[1].every) if policies else []

    def _records(self, name: str, slots: Sequence[Slot], confirmed: _Confirmed) -> list[Record | None]:
        """What of these slots is recorded in confirmed blocks."""
        found = (self.index.record_of(self._voting(name, each)) for each in slots)
        return [each.record if each is not None and each.block <= confirmed.block else None for each in found]

    def _voting(self, name: str, slot: Slot) -> bytes:
        return self.client.voting_id(workflow_id(name), slot.trigger_id)

    def _policies(self, name: str) -> dict[int, Policy]:
        return {each.version: each.policy for each in self.index.policies(workflow_id(name))}


def _is_by(record: Record | None, time: int) -> bool:
    return record is not None and record.time <= time


def parents_of(results: Results) -> tuple[bytes, ...]:
    """The ids of the votings whose records are among the results, ascending."""
    return tuple(sorted({each.voting_id for slots in results.values() for each in slots if each.record}))
