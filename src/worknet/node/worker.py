"""The worker's loop: gathers the facts about each voting that is due, and does the duties that follow.

One thread looks at the chain and sends; preparations run in threads of their own, so that a slow source or
workflow delays its own voting only. Everything that must survive a crash is in the journal or on chain.
"""

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

import structlog

from worknet.chain.client import NetworkClient
from worknet.chain.errors import ChainError, IndexMismatchError, RevertedError, RpcRefusedError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.node.backlog import Backlog, Standing
from worknet.node.duties import Prepare, Send, duties, is_over
from worknet.node.errors import JournalError, NodeError
from worknet.node.facts import Action, VotingFacts
from worknet.node.journal import Ballot, Journal
from worknet.node.preparing import PreparationFailed, Preparer, Task
from worknet.node.schedule import Wanted, begin, pause_after
from worknet.node.sending import REFUSED_PAUSE_SECONDS, Sending
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy, version_at
from worknet.protocol.records import How
from worknet.protocol.times import time_text
from worknet.protocol.voting import State, Voting
from worknet.protocol.voting_time import at

POLL_SECONDS = 0.5
STOP_SECONDS = 5.0
LEAST_REACH = 200
"""How many votings that are not over a worker looks at in one step, at the least."""

log = structlog.get_logger()


@dataclass
class _Work:
    """A workflow that this worker votes on; slots whose end was told, slots put off until a time, and slots
    that were reopened and are not known to be over since."""

    name: str
    preparer: Preparer
    backlog: Backlog = field(default_factory=Backlog)
    told: set[Slot] = field(default_factory=set)
    put_off: dict[Slot, int] = field(default_factory=dict)
    reopened: set[Slot] = field(default_factory=set)


@dataclass(frozen=True)
class _Preparation:
    """A ballot in the making."""

    task: Task
    work: _Work
    future: "Future[None]"


@dataclass(frozen=True)
class _View:
    """The chain at one moment: its newest block that is indexed, the one as deep as the confirmations, who
    this worker is in it (of a key that was rotated out: nobody, at its old index), whether opening is paused.
    """

    head: int
    now: int
    settled: int
    settled_time: int
    me: int | None
    role: Role
    holds_key: bool
    is_paused: bool


class Worker:
    """One operator's worker in one network.

    `preparers` are the workflows it votes on, by name. Ballots of at most `votings_at_once` votings are in
    preparation, `runs_at_once` of them at the same time; votings that wait for others do not count.
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
        self._work = {name: _Work(name, preparer) for name, preparer in preparers.items()}
        self._sending = Sending(client, journal)
        self._votings_at_once = votings_at_once
        self._preparing: dict[tuple[bytes, int], _Preparation] = {}
        self._failures: dict[tuple[bytes, int], int] = {}
        self._threads = ThreadPoolExecutor(runs_at_once, "prepare")
        self._confirmations = client.confirmations()
        self._key = client.signer.address if client.signer else b""
        self._standing: tuple[Role, bool] | None = None
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
        self._sending.settle(view.head, view.now)
        self._collect_preparations(view.now)
        wanted = [each for work in self._work.values() for each in self._step_workflow(work, view)]
        for each in begin(wanted, self._votings_at_once - len(self._preparing)):
            self._prepare(self._work[each.facts.workflow], each.facts, each.duty)
        # What had ended before the first look was told before, or happened without this worker.
        self._has_looked = True

    def _look(self) -> _View:
        """What the chain says at this moment."""
        head = self._index.sync()
        settled, settled_time = head.block, head.time
        if self._confirmations:
            settled = max(0, head.block - self._confirmations)
            header = self._client.rpc.header(settled)
            if header is None:
                # Without it nothing may be taken as confirmed.
                raise ChainError(f"the RPC does not have block {settled}, though it has block {head.block}")
            settled_time = header.time
        me = self._index.index_of(self._key)
        mine = next((member for member in self._index.members() if member.index == me), None)
        holds_key = mine is not None and mine.worker == self._key
        role = mine.role if mine is not None and holds_key else Role.NONE
        if (role, holds_key) != self._standing:
            self._standing = role, holds_key
            rotated = me is not None and not holds_key
            event = "worker.not_enrolled" if role is Role.NONE else "worker.enrolled"
            log.info("worker.key_rotated" if rotated else event, worker=me, role=role.name.lower())
        is_paused = self._index.opening_paused()
        return _View(head.block, head.time, settled, settled_time, me, role, holds_key, is_paused)

    def _step_workflow(self, work: _Work, view: _View) -> list[Wanted]:
        """Sends what is to be sent about the workflow's votings; returns the preparations that are wanted."""
        policies = [entry.policy for entry in self._index.policies(workflow_id(work.name))]
        seen: dict[Slot, VotingFacts] = {}

        def standing(slot: Slot, version: int) -> Standing:
            if work.put_off.get(slot, 0) > view.now:
                return Standing.PUT_OFF
            facts = self._facts(work, slot, policies, version, view)
            if facts is None:
                return Standing.PUT_OFF
            if not is_over(facts):
                work.told.discard(slot)
                seen[slot] = facts
                return Standing.NOW
            if slot not in work.told:
                work.told.add(slot)
                if self._has_looked:
                    _tell_end(facts)
            return Standing.OVER

        wanted = []
        for slot in self._due(work, policies, view.now, standing):
            facts = seen.pop(slot)
            for duty in duties(facts):
                if isinstance(duty, Send):
                    self._send(work, facts, duty)
                elif (facts.voting_id, duty.attempt) not in self._preparing:
                    failures = self._failures.get((facts.voting_id, duty.attempt), 0)
                    wanted.append(Wanted(facts, duty, failures))
        # What the backlog will not ask about again need not be remembered.
        work.told = {slot for slot in work.told if slot.number >= work.backlog.first}
        work.put_off = {slot: time for slot, time in work.put_off.items() if time > view.now}
        return wanted

    def _due(
        self, work: _Work, policies: Sequence[Policy], now: int, standing: Callable[[Slot, int], Standing]
    ) -> Iterator[Slot]:
        """The slots to be looked at: those that the owner reopened, however old, then the backlog's."""
        starts = [policy.start for policy in policies]
        reopened = self._index.reopened(workflow_id(work.name))
        work.reopened |= {Slot.of_trigger(trigger_id) for trigger_id in reopened}
        given = sorted(work.reopened, key=lambda slot: slot.number)
        for slot in given:
            stands = standing(slot, version_at(starts, slot.window.start) or 1)
            if stands is Standing.NOW:
                yield slot
            elif stands is Standing.OVER:
                work.reopened.discard(slot)
        reach = max(LEAST_REACH, self._votings_at_once)
        for slot, _ in islice(work.backlog.due(policies, now, standing), reach):
            if slot not in given:
                yield slot

    def _facts(
        self, work: _Work, slot: Slot, policies: Sequence[Policy], version: int, view: _View
    ) -> VotingFacts | None:
        """The facts about a slot's voting; None if the chain's answers about it make no sense."""
        voting_id = self._client.voting_id(workflow_id(work.name), slot.trigger_id)
        unopened = Voting(dict(enumerate(policies, start=1)))
        try:
            voting = self._index.voting(voting_id) or unopened
            confirmed = self._index.voting(voting_id, last=view.settled, now=view.settled_time)
        except IndexMismatchError as error:
            pause = max(1, policies[version - 1].cast_window // 2)
            self._put_off(work, slot, view.now + pause, error)
            return None
        return VotingFacts(
            voting_id=voting_id,
            workflow=work.name,
            slot=slot,
            policy_version=version,
            version_in_force=version_at([policy.start for policy in policies], view.now),
            voting=voting,
            now=view.now,
            confirmed=confirmed or unopened,
            me=view.me,
            is_enrolled=view.role is not Role.NONE,
            is_active=view.role is Role.ACTIVE,
            holds_key=view.holds_key,
            is_paused=view.is_paused,
            has_ended=self._index.has_ended(voting_id),
            prepared=self._journal.prepared(voting_id),
            waiting=self._sending.waiting(voting_id, view.now),
        )

    def _put_off(self, work: _Work, slot: Slot, until: int, error: ChainError) -> None:
        """Leaves one voting alone until a time, of which the chain tells nonsense; the others go on."""
        work.put_off[slot] = until
        about = {"workflow": work.name, "slot": time_text(slot.window.start)}
        log.warning("voting.fault", error=str(error), hint=error.hint, **about)

    def _prepare(self, work: _Work, facts: VotingFacts, duty: Prepare) -> None:
        key = (facts.voting_id, duty.attempt)
        self._journal.add_trigger(facts.voting_id, facts.workflow, facts.slot)
        policy = facts.voting.policies[duty.policy_version]
        task = Task(facts.voting_id, facts.slot, duty.attempt, policy, duty.policy_version)
        self._preparing[key] = _Preparation(task, work, self._threads.submit(self._make_ballot, work, task))

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
                self._failures.pop(key, None)
                continue
            if not isinstance(error, NodeError) or isinstance(error, JournalError):
                # Without its journal a worker must not go on.
                raise error
            self._failures[key] = self._failures.get(key, 0) + 1
            pause = pause_after(self._failures[key], preparation.task.policy.cast_window)
            preparation.work.put_off[preparation.task.slot] = now + pause
            about = _about(preparation.work.name, preparation.task.slot, *key)
            log.warning("ballot.none", cause=str(error), hint=error.hint, retry_in=pause, **about)

    def _send(self, work: _Work, facts: VotingFacts, duty: Send) -> None:
        about = _about(facts.workflow, facts.slot, facts.voting_id, duty.attempt)
        try:
            self._sending.send(facts, duty)
        except RevertedError as error:
            # Others may have been quicker, or the window has just ended: the next facts will tell.
            log.warning("transaction.refused", action=duty.action.value, rule=error.reason, **about)
        except RpcRefusedError as error:
            # Soon again: a window may be running, and the refusal may pass.
            self._put_off(work, facts.slot, facts.now + REFUSED_PAUSE_SECONDS, error)
        else:
            log.info(_EVENTS[duty.action], **about)


_EVENTS = {
    Action.CAST: "ballot.cast",
    Action.SEAL: "ballot.sealed",
    Action.REVEAL: "ballot.revealed",
    Action.SETTLE: "voting.settled",
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


def _indices(workers: int) -> list[int]:
    """The worker indices of a bitmap, ascending."""
    return [index for index in range(workers.bit_length()) if workers >> index & 1]


def _tell_end(facts: VotingFacts) -> None:
    """Tells how a voting ended for this worker."""
    voting = at(facts.voting, facts.now)
    about = _about(
        facts.workflow, facts.slot, facts.voting_id, voting.current.number if voting.attempts else 0
    )
    if voting.state is State.UNRESOLVED:
        attempt = voting.attempts[-1] if voting.attempts else None
        pairs = attempt.tally() if attempt else {}
        tally = [
            {
                "input_root": to_hex(pair.input_root),
                "result_root": to_hex(pair.result_root),
                "workers": _indices(voters),
            }
            for pair, voters in sorted(pairs.items(), key=lambda each: _indices(each[1]))
        ]
        missing = _indices(attempt.missing()) if attempt else []
        log.error("voting.unresolved", tally=tally, missing=missing, **about)
    elif facts.me is not None and voting.recorded is not None:
        how, part = voting.recorded.how, voting.part_of(facts.me)
        told = log.warning if how is How.PLURALITY else log.info
        if part is not None:
            attempt = voting.current
            ballots = (attempt.members & ~attempt.missing()).bit_count()
            told("voting.recorded", how=how.name.lower(), part=part.value, ballots=ballots, **about)
