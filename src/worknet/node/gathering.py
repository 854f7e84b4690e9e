"""Gathers what a worker knows about one voting, from index and journal, into one value."""

from collections.abc import Sequence
from dataclasses import replace

from worknet.chain.client import NetworkClient
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.node.causes import Cause
from worknet.node.duties import is_over
from worknet.node.facts import VotingFacts
from worknet.node.journal import Journal
from worknet.node.outages import Outages
from worknet.node.sending import Sending
from worknet.node.view import View
from worknet.protocol.ids import Event, Slot, Trigger, workflow_id
from worknet.protocol.policy import Policy, version_at
from worknet.protocol.times import time_text
from worknet.protocol.voting import FAILOVER_ATTEMPT, State, Voting


class Gathering:
    """The facts about votings as one worker sees them."""

    def __init__(
        self,
        client: NetworkClient,
        index: NetworkIndex,
        journal: Journal,
        sending: Sending,
        outages: Outages,
    ) -> None:
        self._client = client
        self._index = index
        self._journal = journal
        self._sending = sending
        self._outages = outages

    def facts(
        self, workflow: str, trigger: Trigger, policies: Sequence[Policy], seen: int | None, view: View
    ) -> VotingFacts:
        """The facts about the voting that a trigger starts.

        `policies` are the versions 1, 2, ... of the workflow, `seen` is when an event was. Raises
        IndexMismatchError where what the chain tells about the voting makes no sense.
        """
        voting_id = self._client.voting_id(workflow_id(workflow), trigger.trigger_id)
        unopened = Voting(dict(enumerate(policies, start=1)))
        voting = self._index.voting(voting_id) or unopened
        confirmed = self._index.voting(voting_id, last=view.settled, now=view.settled_time) or unopened
        starts = [policy.start for policy in policies]
        version, in_force = _versions(trigger, voting, starts, view.now)
        since = trigger.due(policies[version - 1].delay) if isinstance(trigger, Slot) else seen or 0
        return VotingFacts(
            voting_id=voting_id,
            workflow=workflow,
            trigger=trigger,
            since=since,
            policy_version=version,
            version_in_force=in_force,
            voting=voting,
            now=view.now,
            confirmed=confirmed,
            me=view.me,
            is_enrolled=view.role is not Role.NONE,
            is_active=view.role is Role.ACTIVE,
            enrolled_since=view.enrolled_since,
            holds_key=view.holds_key,
            is_paused=view.is_paused,
            has_ended=self._index.has_ended(voting_id),
            prepared=self._journal.ballots.prepared(voting_id),
            waiting=self._sending.waiting(voting_id, view.now),
            handled=self._journal.handlings.decided(voting_id) if _has_moments(confirmed) else {},
        )

    def events(self, workflow: str, policies: Sequence[Policy]) -> dict[Event, int]:
        """The events of a workflow that are not known to be over, with the time at which each was seen."""
        if not policies or policies[0].every:
            return {}
        return {Event(event.trigger_id): event.seen for event in self._journal.events.open(workflow)}

    def last_cause(self, facts: VotingFacts, attempt: int) -> Cause | None:
        """Why the worker had no ballot of an attempt, None if nothing is known to have failed.

        That the chain was away is found out here, and journalled as any other failure.
        """
        found = [each for each in self._journal.failures.of(facts.voting_id) if each.attempt == attempt]
        if found:
            return Cause(found[-1].cause)
        opened = facts.voting.attempt(attempt)
        outage = None if opened is None else self._outages.at(opened.cast_end)
        if outage is None:
            return None
        message = f"the chain could not be read from {time_text(outage[0])} to {time_text(outage[1])}"
        self._journal.failures.add(facts.voting_id, attempt, Cause.CHAIN_UNAVAILABLE, message, "")
        return Cause.CHAIN_UNAVAILABLE

    def is_over(self, facts: VotingFacts, view: View) -> bool:
        """Whether nothing is left to do about the voting, also as of the block that is confirmed."""
        if not is_over(facts):
            return False
        if facts.voting.state is State.NONE or view.settled == view.head:
            return True
        ended = self._index.has_ended(facts.voting_id, view.settled)
        return is_over(replace(facts, voting=facts.confirmed, now=view.settled_time, has_ended=ended))


def _has_moments(voting: Voting) -> bool:
    """Whether a handler may have been asked about the voting; of most votings none ever is."""
    waits = voting.state is State.PENDING and voting.next_attempt == FAILOVER_ATTEMPT
    is_past = bool(voting.attempts) and voting.current.number >= FAILOVER_ATTEMPT
    return waits or is_past or voting.state in {State.SETTLING, State.UNRESOLVED, State.SETTLED}


def _versions(trigger: Trigger, voting: Voting, starts: Sequence[int], now: int) -> tuple[int, int | None]:
    """The policy version that governs the trigger, and the one that governs what begins now.

    Of an event it is the newest until its voting opens, which then keeps it.
    """
    if isinstance(trigger, Slot):
        return version_at(starts, trigger.window.start) or 1, version_at(starts, now)
    newest = len(starts)
    if voting.attempts and voting.attempts[0].number <= FAILOVER_ATTEMPT:
        return voting.attempts[0].policy_version, newest
    return newest, newest
