"""The worker's loop: looks at the chain, gathers the facts about what is on its agenda, does the duties.

One thread looks and sends; preparations run in threads of their own. Everything that must survive a crash is
in the journal or on chain.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from queue import Empty, SimpleQueue

import structlog

from worknet.chain.client import NetworkClient
from worknet.chain.errors import (
    ChainError,
    IndexFileError,
    IndexMismatchError,
    InsufficientFundsError,
    RevertedError,
    RpcRefusedError,
    SignerUnavailableError,
    SigningRefusedError,
)
from worknet.chain.index import NetworkIndex
from worknet.node.agenda import Agenda
from worknet.node.backlog import Standing
from worknet.node.deciding import Decisions
from worknet.node.duties import Handle, Send, duties, has_sealed
from worknet.node.endings import Endings
from worknet.node.errands import Errands, Outlets
from worknet.node.errors import JournalUnavailable
from worknet.node.facts import Action, VotingFacts
from worknet.node.gathering import Gathering
from worknet.node.ingest.running import Ingest
from worknet.node.journal import Journal
from worknet.node.operations.outcomes import Outcomes
from worknet.node.operations.status import Status
from worknet.node.outages import Outages
from worknet.node.preparations import Preparations
from worknet.node.preparers import Preparers
from worknet.node.publishing import Publishing
from worknet.node.retention import Retention
from worknet.node.rivals import Rivals
from worknet.node.schedule import Wanted
from worknet.node.sending import REFUSED_PAUSE_SECONDS, Sending
from worknet.node.sharing import Sharing
from worknet.node.telling import about
from worknet.node.view import Look, View
from worknet.node.vitals import Vitals
from worknet.protocol.ids import Event, Trigger, workflow_id
from worknet.protocol.policy import Policy, version_at

POLL_SECONDS = 0.5
CLOSE_SECONDS = 5.0

log = structlog.get_logger()


class Worker:
    """One operator's worker in one network.

    `preparers` are those of the workflows that it votes on, by name. Ballots of at most `votings_at_once`
    votings are in preparation, `runs_at_once` of each workflow run at the same time; votings that wait for
    others do not count. `stop_within`: seconds that it may take to finish what is cast when it is stopped.
    `arrivals` is what brings in events and messages, if anything does.

    `status`, `drain`, `resume` and `retry` may be called from any thread.
    """

    def __init__(
        self,
        client: NetworkClient,
        index: NetworkIndex,
        journal: Journal,
        preparers: Mapping[str, Preparers],
        *,
        votings_at_once: int,
        runs_at_once: int,
        stop_within: float = 0.0,
        arrivals: Ingest | None = None,
        retention: Retention | None = None,
        outlets: Outlets | None = None,
        sharing: Sharing | None = None,
        publishing: Publishing | None = None,
        executor: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`executor` is where ballots are prepared and handlers run, by default in threads; `clock` only ever
        rises."""
        self._client = client
        self._index = index
        self._journal = journal
        self._preparers = preparers
        self._agendas = {name: Agenda(votings_at_once) for name in preparers}
        self._look = Look(client, index)
        self._rivals = Rivals(client, index, journal, clock=clock)
        self._sending = Sending(client, journal, index)
        self._outages = Outages()
        self._gathering = Gathering(client, index, journal, self._sending, self._outages)
        self._preparations = Preparations(journal, preparers, votings_at_once, runs_at_once, executor)
        outlets = outlets or Outlets()
        names = {workflow_id(name): name for name in preparers}
        reader = None if sharing is None else sharing.reader
        self._endings = Endings(index, journal, names, reader)
        self._decisions = Decisions(journal, preparers, outlets, executor, self._endings.all_lines, clock)
        self._errands = Errands(journal, outlets, executor, clock)
        self._outcomes = Outcomes(self._gathering.last_cause, journal.transactions.has_ballot)
        self._vitals = Vitals(client, clock)
        self._arrivals = arrivals
        self._retention = retention
        self._sharing, self._publishing = sharing, publishing
        self._beside = [each for each in (sharing, publishing) if each is not None]
        self._orders: SimpleQueue[tuple[str, bytes, bytes]] = SimpleQueue()
        self._stop_within = stop_within
        self._fault = ""
        self._here: tuple[bytes | None, int, bool] | None = None
        self._has_looked = False
        self._drains = threading.Event()
        self._stops = False
        self._unrevealed: int | None = 0
        self._open = self._unrevealed_now = self._open_now = 0
        self._unsigned: SignerUnavailableError | SigningRefusedError | None = None
        self._to_handle: list[tuple[VotingFacts, Handle]] = []

    def run(self, stop: threading.Event, at_once: threading.Event) -> None:
        """Works until told to stop, then no longer than allowed to finish what is cast; `at_once` ends it.

        Preparations under way are given up after a while.
        """
        deadline = None
        while not at_once.is_set():
            if stop.is_set() and deadline is None:
                deadline = time.monotonic() + self._stop_within
                self._stops = True
                log.info("worker.stopping", within=self._stop_within)
            self.try_step()
            if deadline is not None and (self._is_done or time.monotonic() >= deadline):
                break
            (stop if deadline is None else at_once).wait(POLL_SECONDS)
        closed = time.monotonic() + (0 if at_once.is_set() else CLOSE_SECONDS)
        for each in (self._preparations, self._decisions, self._errands, *self._beside):
            each.close(max(0.0, closed - time.monotonic()))

    def step(self) -> None:
        """Looks at the chain once and does every duty that follows from what stands there."""
        view = self._look()
        self._outages.seen(view.now)
        if self._publishing is not None:
            self._publishing.look(view)
        # Not known, should this step fail before it has looked at all that is open.
        self._unrevealed = None
        self._rivals.look(view.now)
        self._sending.settle(view.head, view.now, view.settled)
        for ended in self._preparations.collect():
            self._vitals.prepared(ended.workflow, ended.cause, ended.message)
            if ended.cause is not None:
                self._agendas[ended.workflow].put_off(ended.trigger, view.now + ended.pause)
        self._take_orders()
        self._unrevealed_now, self._open_now, self._unsigned = 0, 0, None
        self._errands.add(self._decisions.collect())
        self._to_handle = []
        wanted = [each for name in self._preparers for each in self._step_workflow(name, view)]
        self._open, self._unrevealed = self._open_now, self._unrevealed_now
        if not self._holds_back:
            self._preparations.begin(wanted)
        if not self._stops:
            self._decisions.begin(self._to_handle)
        self._errands.work(begins=not self._stops)
        # What had ended before the first look was told before, or happened without this worker.
        self._has_looked = True
        if self._retention is not None:
            self._retention.look()
        if self._unsigned is not None:
            raise self._unsigned
        self._vitals.stepped(view)

    def try_step(self) -> None:
        """A step, if there is a reason; what may pass by itself is told, and the next one tries again."""
        if self._arrivals is not None:
            self._arrivals.check()
        try:
            self._errands.work(begins=not self._stops)
            for each in self._beside if not self._stops else ():
                each.work()
            if self._is_quiet():
                self._vitals.rested()
                return
            self.step()
            self._fault = ""
        except (SignerUnavailableError, SigningRefusedError) as error:
            self._vitals.failed(signer=str(error))
            self._tell_fault("signer.fault", error)
        except (JournalUnavailable, IndexFileError) as error:
            # Both lie in data_dir. The journal itself says when it has been waited for long enough.
            self._errands.look_again()
            self._vitals.failed(journal=str(error))
            self._tell_fault("journal.fault", error)
        except ChainError as error:
            self._outages.failed()
            self._vitals.failed(chain=str(error))
            self._tell_fault("chain.fault", error)

    @property
    def resumes(self) -> int | None:
        """At which time of the chain it looks again at what it has put off, if it has."""
        times = [each.resumes for each in self._agendas.values() if each.resumes is not None]
        return min(times, default=None)

    @property
    def has_news(self) -> bool:
        """Whether something that ran beside the loop has ended, which the next step takes up."""
        return self._preparations.has_news or self._decisions.has_news

    def status(self) -> Status:
        """Its state, as it was noted last; nothing is asked for it."""
        return replace(
            self._vitals.status(),
            feeds=() if self._arrivals is None else self._arrivals.state(),
            preparing=len(self._preparations),
            handling=len(self._decisions),
            errands=len(self._errands),
            in_flight=self._sending.under_way,
            open_votings=self._open,
            draining=self._drains.is_set(),
            stopping=self._stops,
        )

    def drain(self) -> None:
        """Begins no new ballots until it is resumed; what is cast is finished."""
        self._drains.set()

    def resume(self) -> None:
        """Begins new ballots again."""
        self._drains.clear()

    def retry(self, voting_id: bytes) -> None:
        """Tries again what failed about a voting, without waiting any longer.

        Raises UnknownVoting if this worker has prepared nothing about it.
        """
        workflow, trigger_id = self._journal.triggers.get(voting_id)
        self._orders.put((workflow, trigger_id, voting_id))

    def _is_quiet(self) -> bool:
        """Whether nothing can have changed since the last step: no new block, nothing under way or new here.

        All duties follow from chain and journal: an idle worker asks for the newest block and no more.
        """
        header = self._client.rpc.header()
        here = (None if header is None else header.hash, self._journal.events.taken, self._holds_back)
        was, self._here = self._here, here
        is_idle = not self._sending.under_way and not self.has_news and self._orders.empty()
        return is_idle and here == was and header is not None

    @property
    def _holds_back(self) -> bool:
        """Whether no new ballot is begun: an operator has said so, or the worker stops."""
        return self._stops or self._drains.is_set()

    @property
    def _is_done(self) -> bool:
        """Whether nothing that was cast is left to be finished."""
        return self._unrevealed == 0 and not self._sending.under_way

    def _tell_fault(self, event: str, error: ChainError | JournalUnavailable) -> None:
        """Tells a fault once, for as long as its text stays the same."""
        # That it has passed is known after a whole step only.
        self._here = None
        if str(error) != self._fault:
            log.warning(event, error=str(error), hint=error.hint)
        self._fault = str(error)

    def _take_orders(self) -> None:
        while True:
            try:
                order = workflow, trigger_id, voting_id = self._orders.get_nowait()
            except Empty:
                return
            self._preparations.forget({voting_id})
            self._decisions.hurry(voting_id)
            if workflow in self._agendas:
                self._agendas[workflow].take_up(trigger_id)
            try:
                self._errands.add(self._journal.handlings.revive(voting_id))
            except JournalUnavailable:
                self._orders.put(order)
                raise

    def _step_workflow(self, name: str, view: View) -> list[Wanted]:
        """Sends what is to be sent about the workflow's votings; returns the preparations that are wanted."""
        key, agenda = workflow_id(name), self._agendas[name]
        policies = [entry.policy for entry in self._index.policies(key)]
        seen = self._gathering.events(name, policies)
        facts_of: dict[Trigger, VotingFacts] = {}
        over: dict[bytes, Trigger] = {}

        def ask(trigger: Trigger) -> Standing:
            facts = self._facts(name, trigger, policies, seen, view)
            if facts is None:
                return Standing.PUT_OFF
            self._outcomes.tell(facts, quiet=not self._has_looked)
            self._endings.look(facts, quiet=not self._has_looked)
            if self._sharing is not None:
                self._sharing.look(facts)
            if not self._gathering.is_over(facts, view):
                facts_of[trigger] = facts
                return Standing.NOW
            if self._has_looked:
                self._endings.end(facts)
            over[facts.voting_id] = trigger
            return Standing.OVER

        wanted, digests = [], set()
        for trigger in agenda.due(policies, view.now, self._index.reopened(key), list(seen), ask):
            facts = facts_of.pop(trigger)
            self._open_now += 1
            self._unrevealed_now += has_sealed(facts)
            for duty in duties(facts):
                digests.add(facts.voting.policies[duty.policy_version].bundle_digest)
                if isinstance(duty, Send):
                    self._send(facts, duty)
                elif isinstance(duty, Handle):
                    self._to_handle.append((facts, duty))
                elif not self._preparations.is_under_way(facts.voting_id, duty.attempt):
                    failures = self._preparations.failures(facts.voting_id, duty.attempt)
                    wanted.append(Wanted(facts, duty, failures))
        if over:
            self._preparations.forget(over.keys())
            events = [trigger.trigger_id for trigger in over.values() if isinstance(trigger, Event)]
            self._journal.events.mark_over(name, events)
        self._keep_preparers(name, policies, digests, view.now)
        return wanted

    def _facts(
        self,
        name: str,
        trigger: Trigger,
        policies: Sequence[Policy],
        seen: Mapping[Event, int],
        view: View,
    ) -> VotingFacts | None:
        """The facts about a trigger's voting; None where it has to be left alone for now."""
        since = None
        if isinstance(trigger, Event):
            since = seen.get(trigger)
            if since is None and self._journal.events.payload(name, trigger.trigger_id) is None:
                # Reopened, but it never came here: a worker votes on nothing that it does not hold itself.
                return None
        try:
            return self._gathering.facts(name, trigger, policies, since, view)
        except IndexMismatchError as error:
            pause = max(1, min(policy.cast_window for policy in policies) // 2)
            self._put_off(name, trigger, view.now + pause, error)
            return None

    def _keep_preparers(self, name: str, policies: Sequence[Policy], digests: set[bytes], now: int) -> None:
        """Lets go of the bundles that no policy in force or to come names, and no voting that goes on."""
        if policies:
            newest = len(policies)
            in_force = newest if not policies[0].every else version_at([p.start for p in policies], now) or 1
            digests |= {policy.bundle_digest for policy in policies[in_force:]}
            self._preparers[name].keep(policies[in_force - 1].bundle_digest, digests)
            self._preparers[name].get_ready(policies[in_force - 1 :])
            self._vitals.governed(name, in_force)

    def _put_off(self, name: str, trigger: Trigger, until: int, error: ChainError) -> None:
        """Leaves one voting alone until a time, of which the chain tells nonsense; the others go on."""
        self._agendas[name].put_off(trigger, until)
        voting_id = self._client.voting_id(workflow_id(name), trigger.trigger_id)
        log.warning("voting.fault", error=str(error), hint=error.hint, **about(name, trigger, voting_id, 0))

    def _send(self, facts: VotingFacts, duty: Send) -> None:
        if self._unsigned is not None or (self._holds_back and duty.action is not Action.REVEAL):
            return
        fields = about(facts.workflow, facts.trigger, facts.voting_id, duty.attempt)
        try:
            self._sending.send(facts, duty)
        except RevertedError as error:
            # Others may have been quicker, or the window has just ended: the next facts will tell.
            log.warning("transaction.refused", action=duty.action.value, rule=error.reason, **fields)
        except (SignerUnavailableError, SigningRefusedError) as error:
            # Ballots are prepared meanwhile, and the signer is not asked again in this step.
            self._unsigned = error
        except (RpcRefusedError, InsufficientFundsError) as error:
            # Soon again: a window may be running, and the refusal may pass.
            self._put_off(facts.workflow, facts.trigger, facts.now + REFUSED_PAUSE_SECONDS, error)
        else:
            log.info(_EVENTS[duty.action], **fields)


_EVENTS = {
    Action.CAST: "ballot.cast",
    Action.SEAL: "ballot.sealed",
    Action.REVEAL: "ballot.revealed",
    Action.SETTLE: "voting.settled",
    Action.ADVANCE: "voting.advanced",
}
