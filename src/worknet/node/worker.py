"""The worker's loop: gathers the facts about each voting that is due, and does the duties that follow.

One thread looks at the chain and sends; preparations run in threads of their own, so that a slow source or
workflow delays its own voting only. Everything that must survive a crash is in the journal or on chain.
"""

import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog

from worknet.chain.client import NetworkClient
from worknet.chain.errors import ChainError, RevertedError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.node.backlog import Backlog
from worknet.node.duties import Prepare, Send, duties, is_over
from worknet.node.errors import JournalError, NodeError
from worknet.node.facts import Action, VotingFacts
from worknet.node.journal import Ballot, Journal
from worknet.node.preparing import PreparationFailed, Preparer, Task
from worknet.node.sending import Ballots
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.times import time_text
from worknet.protocol.voting import State, at, fold

POLL_SECONDS = 0.5
STOP_SECONDS = 20.0
FIRST_RETRY_SECONDS = 2
LAST_RETRY_SECONDS = 300
FAILING_AT_ONCE = 10
"""How many votings that wait for another try are looked at, for each that may be worked on at once."""

log = structlog.get_logger()


@dataclass
class _Work:
    """A workflow that this worker votes on, with the slots that are due."""

    name: str
    preparer: Preparer
    backlog: Backlog = field(default_factory=Backlog)
    told: set[Slot] = field(default_factory=set)


@dataclass(frozen=True)
class _Preparation:
    """A ballot in the making."""

    task: Task
    workflow: str
    future: "Future[None]"


@dataclass(frozen=True)
class _Retry:
    """When a preparation that failed may be tried again, and how often it has failed."""

    not_before: int
    failures: int


@dataclass(frozen=True)
class _View:
    """The chain at one moment: its newest block that is indexed, the one as deep as the confirmations, and
    who this worker is in it."""

    head: int
    now: int
    settled: int
    settled_time: int
    me: int | None
    role: Role


class Worker:
    """One operator's worker in one network.

    `preparers` are the workflows it votes on, by name. At most `votings_at_once` votings are worked on, the
    oldest first, and at most `runs_at_once` preparations go on at the same time.
    """

    def __init__(
        self,
        client: NetworkClient,
        index: NetworkIndex,
        journal: Journal,
        preparers: Mapping[str, Preparer],
        *,
        votings_at_once: int,
        runs_at_once: int,
    ) -> None:
        self._client = client
        self._index = index
        self._journal = journal
        self._work = [_Work(name, preparer) for name, preparer in preparers.items()]
        self._ballots = Ballots(client, journal)
        self._votings_at_once = votings_at_once
        self._preparing: dict[tuple[bytes, int], _Preparation] = {}
        self._retries: dict[tuple[bytes, int], _Retry] = {}
        self._threads = ThreadPoolExecutor(runs_at_once, "prepare")
        self._confirmations = client.confirmations()
        self._key = client.signer.address if client.signer else b""
        self._role: Role | None = None
        self._fault = ""
        self._has_looked = False

    def run(self, stop: threading.Event) -> None:
        """Works until told to stop; preparations under way are then finished, or given up after a while."""
        while not stop.is_set():
            try:
                self.step()
                self._fault = ""
            except ChainError as error:
                if str(error) != self._fault:
                    log.warning("chain.fault", error=str(error), hint=error.hint)
                self._fault = str(error)
            stop.wait(POLL_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait([preparation.future for preparation in self._preparing.values()], STOP_SECONDS)

    def step(self) -> None:
        """Looks at the chain once and does every duty that follows from what stands there."""
        view = self._look()
        self._ballots.settle(view.head, view.now)
        self._collect_preparations(view.now)
        for work in self._work:
            self._step_workflow(work, view)
        # What had ended before the first look was told before, or happened without this worker.
        self._has_looked = True

    def _look(self) -> _View:
        """What the chain says at this moment."""
        head = self._index.sync()
        settled, settled_time = head.block, head.time
        if self._confirmations:
            settled = max(0, head.block - self._confirmations)
            header = self._client.rpc.header(settled)
            settled_time = head.time if header is None else header.time
        mine = [member for member in self._index.members() if member.worker == self._key]
        me, role = (mine[-1].index, mine[-1].role) if mine else (None, Role.NONE)
        if role is not self._role:
            self._role = role
            event = "worker.not_enrolled" if role is Role.NONE else "worker.enrolled"
            log.info(event, worker=me, role=role.name.lower())
        return _View(head.block, head.time, settled, settled_time, me, role)

    def _step_workflow(self, work: _Work, view: _View) -> None:
        policies = [entry.policy for entry in self._index.policies(workflow_id(work.name))]
        seen: dict[Slot, VotingFacts] = {}

        def over(slot: Slot, version: int) -> bool:
            facts = self._facts(work, slot, policies[version - 1], version, view)
            seen[slot] = facts
            if not is_over(facts):
                return False
            if slot not in work.told:
                work.told.add(slot)
                if self._has_looked:
                    _tell_end(facts)
            return True

        at_work = failing = 0
        for slot, _ in work.backlog.due(policies, view.now, over):
            facts = seen.pop(slot)
            waits = any(facts.now < time for time in facts.not_before.values())
            at_work, failing = at_work + (not waits), failing + waits
            for duty in duties(facts):
                if isinstance(duty, Prepare):
                    self._prepare(work, facts, duty.attempt)
                else:
                    self._send(facts, duty)
            if at_work >= self._votings_at_once or failing >= self._votings_at_once * FAILING_AT_ONCE:
                break
        # What the backlog will not ask about again need not be remembered.
        work.told = {slot for slot in work.told if slot.number >= work.backlog.first}

    def _facts(self, work: _Work, slot: Slot, policy: Policy, version: int, view: _View) -> VotingFacts:
        voting_id = self._client.voting_id(workflow_id(work.name), slot.trigger_id)
        voting = fold(policy, self._index.facts(voting_id))
        confirmed = fold(policy, self._index.facts(voting_id, view.settled), view.settled_time)
        attempts = range(1, voting.next_attempt + 1)
        retries = {attempt: self._retries.get((voting_id, attempt)) for attempt in attempts}
        return VotingFacts(
            voting_id=voting_id,
            workflow=work.name,
            slot=slot,
            policy=policy,
            policy_version=version,
            voting=voting,
            now=view.now,
            confirmed=confirmed,
            me=view.me,
            is_enrolled=view.role is not Role.NONE,
            is_active=view.role is Role.ACTIVE,
            applied=self._index.has_ended(voting_id),
            prepared=self._journal.prepared(voting_id),
            waiting=self._ballots.waiting(voting_id, view.now),
            not_before={attempt: retry.not_before for attempt, retry in retries.items() if retry},
        )

    def _prepare(self, work: _Work, facts: VotingFacts, attempt: int) -> None:
        key = (facts.voting_id, attempt)
        if key in self._preparing:
            return
        self._journal.add_trigger(facts.voting_id, facts.workflow, facts.slot)
        task = Task(facts.voting_id, facts.slot, attempt, facts.policy, facts.policy_version)
        self._preparing[key] = _Preparation(
            task, work.name, self._threads.submit(self._make_ballot, work, task)
        )

    def _make_ballot(self, work: _Work, task: Task) -> None:
        try:
            ballot = self._ballot_of(work, task)
        except PreparationFailed as failure:
            self._journal.add_failure(task.voting_id, task.attempt, failure.cause, failure.detail)
            raise
        self._journal.add_ballot(ballot)
        log.info("ballot.prepared", **_about(work.name, task.slot, task.voting_id, task.attempt))

    def _ballot_of(self, work: _Work, task: Task) -> Ballot:
        try:
            return work.preparer.prepare(task)
        except NodeError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault at one voting must not keep the others waiting
            cause = f"a fault of worknet itself: {type(error).__name__}"
            hint = "the journal holds where; please report it"
            raise PreparationFailed(cause, traceback.format_exc(), hint) from None

    def _collect_preparations(self, now: int) -> None:
        """Takes note of preparations that have ended; one that failed is tried again, ever more rarely."""
        for key, preparation in list(self._preparing.items()):
            if not preparation.future.done():
                continue
            del self._preparing[key]
            error = preparation.future.exception()
            if error is None:
                self._retries.pop(key, None)
                continue
            if not isinstance(error, NodeError) or isinstance(error, JournalError):
                # Without its journal a worker must not go on.
                raise error
            failures = self._retries[key].failures + 1 if key in self._retries else 1
            pause = min(FIRST_RETRY_SECONDS * 2 ** (failures - 1), LAST_RETRY_SECONDS)
            self._retries[key] = _Retry(now + pause, failures)
            about = _about(preparation.workflow, preparation.task.slot, *key)
            log.warning("ballot.none", cause=str(error), hint=error.hint, retry_in=pause, **about)

    def _send(self, facts: VotingFacts, duty: Send) -> None:
        about = _about(facts.workflow, facts.slot, facts.voting_id, duty.attempt)
        try:
            self._ballots.send(facts, duty)
        except RevertedError as error:
            # Others may have been quicker, or the window has just ended: the next facts will tell.
            log.warning("transaction.refused", action=duty.action.value, rule=error.reason, **about)
            return
        log.info(_EVENTS[duty.action], **about)


_EVENTS = {
    Action.CAST: "ballot.cast",
    Action.SEAL: "ballot.sealed",
    Action.REVEAL: "ballot.revealed",
    Action.ADVANCE: "voting.advanced",
}


def _about(workflow: str, slot: Slot, voting_id: bytes, attempt: int) -> dict[str, object]:
    """The fields by which a log line names a voting."""
    return {
        "workflow": workflow,
        "slot": time_text(slot.window.start),
        "voting": to_hex(voting_id),
        "attempt": attempt,
    }


def _tell_end(facts: VotingFacts) -> None:
    """Tells how a voting ended for this worker."""
    voting = at(facts.voting, facts.now)
    about = _about(facts.workflow, facts.slot, facts.voting_id, len(voting.attempts))
    if voting.state is State.UNRESOLVED:
        tally = {to_hex(pair.result_root): voters for pair, voters in voting.current.tally().items()}
        log.error("voting.unresolved", tally=tally, missing=voting.current.missing(), **about)
    elif voting.recorded is not None and facts.me is not None:
        mine = voting.current.ballots.get(facts.me)
        part = "missing" if mine is None else "agreed" if mine == voting.recorded.pair else "outvoted"
        log.info("voting.recorded", part=part, ballots=len(voting.current.ballots), **about)
