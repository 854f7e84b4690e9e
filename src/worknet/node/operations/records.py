"""What journal and index tell of the past, for operators: no rows, salts or messages stand in it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from worknet.chain.index import NetworkIndex
from worknet.node.explaining import document, explain
from worknet.node.journal import Journal
from worknet.node.journal.handlings import Handling
from worknet.node.knowing import Knowing
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, trigger_of, workflow_id
from worknet.protocol.times import time_text
from worknet.protocol.voting import State
from worknet.protocol.voting_time import at

RECENT_SECONDS = 7 * 86_400
"""Of how long ago failures are counted."""
MOST_ERRANDS = 100
"""How many errands are listed."""


class JournalRecords:
    """The records of the worker with this key; `now` gives the time of the chain's head."""

    def __init__(self, index: NetworkIndex, journal: Journal, worker: bytes, now: Callable[[], int]) -> None:
        self._index = index
        self._journal = journal
        self._worker = worker
        self._now = now

    def votings(self, limit: int) -> Iterator[Mapping[str, Any]]:
        """The votings that this worker last began to prepare a ballot for, the newest first."""
        me = self._index.index_of(self._worker)
        for voting_id, workflow, trigger_id in self._journal.triggers.newest(limit):
            yield self._line(voting_id, workflow, trigger_id, me)

    def voting(self, voting_id: bytes) -> Mapping[str, Any]:
        """One voting with the reasons for its end, as `worknet voting show --json` has it.

        Without keys of rows, and without the roots behind this worker's ballots. Raises `UnknownVoting`.
        """
        me = self._index.index_of(self._worker)
        knowing = Knowing(self._index, self._journal, {})
        return document(explain(knowing.known(voting_id, me, self._now())))

    def aside(self) -> Iterator[Mapping[str, Any]]:
        """How much was set aside, by workflow, dataset, kind and reason."""
        for workflow, dataset, kind, reason, count in self._journal.inbox.aside_counts():
            yield {
                "workflow": workflow,
                "dataset": dataset,
                "kind": kind.value,
                "reason": reason,
                "count": count,
            }

    def failures(self) -> dict[str, int]:
        """How many preparations have failed in the last week, by cause."""
        return self._journal.failures.counts(int(time.time()) - RECENT_SECONDS)

    def in_flight(self) -> list[Mapping[str, Any]]:
        """The transactions whose fate is not known."""
        return [
            {
                "action": each.action.value,
                "voting": to_hex(each.voting_id),
                "attempt": each.attempt,
                "transaction": to_hex(each.hash),
            }
            for each in self._journal.transactions.waiting()
        ]

    def errands(self) -> list[Mapping[str, Any]]:
        """The alerts and webhooks of handlers that are not over."""
        return [
            {
                "workflow": place.workflow,
                "voting": to_hex(place.voting_id),
                "when": place.moment[0].value,
                "action": place.kind,
                "tries": each.tries,
                "error": each.error,
            }
            for place in self._journal.handlings.waiting()[:MOST_ERRANDS]
            for each in [self._journal.handlings.errand(place)]
        ]

    def _line(self, voting_id: bytes, workflow: str, trigger_id: bytes, me: int | None) -> dict[str, Any]:
        found = self._index.voting(voting_id)
        voting = None if found is None else at(found, self._now())
        part = None if voting is None or me is None else voting.part_of(me)
        return {
            "workflow": workflow,
            **self._started(workflow, trigger_id),
            "voting": to_hex(voting_id),
            "state": (State.NONE if voting is None else voting.state).name.lower(),
            "attempt": voting.attempts[-1].number if voting is not None and voting.attempts else 0,
            "part": None if part is None else part.value,
            "causes": [failure.cause for failure in self._journal.failures.of(voting_id)],
            "fallbacks": [_fallback(each) for each in self._journal.handlings.of(voting_id)],
        }

    def _started(self, workflow: str, trigger_id: bytes) -> dict[str, str]:
        """What started the voting: of an interval workflow the slot's start, else the trigger."""
        policies = self._index.policies(workflow_id(workflow))
        trigger = trigger_of(trigger_id, policies[0].policy.every if policies else 0)
        if isinstance(trigger, Slot):
            return {"slot": time_text(trigger.window.start)}
        return {"trigger": to_hex(trigger_id)}


def _fallback(handling: Handling) -> dict[str, Any]:
    """What was decided at one moment; `by` is None while nothing is. No text of an author's stands in it."""
    return {
        "when": handling.when.value,
        "attempt": handling.attempt,
        "by": handling.by.value if handling.decided else None,
        "cause": handling.cause,
        "actions": [
            {"action": each.action.kind, "state": each.state.value, "tries": each.tries, "error": each.error}
            for each in handling.errands
        ],
    }
