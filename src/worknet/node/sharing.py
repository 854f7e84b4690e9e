"""Tells the other members what stands behind this worker's ballot where ballots differ, and takes their word.

In a thread of its own, so that a channel that hangs delays no ballot. A statement is in the journal before it
leaves the machine; whatever fails is told and tried again, ever more rarely, and then left.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import structlog

from worknet.chain.errors import ChainError
from worknet.chain.index import NetworkIndex
from worknet.chain.sealed_statements import seal
from worknet.config import ConfigError
from worknet.node.errors import JournalError, UnknownVoting
from worknet.node.explaining import Compared, brief_of
from worknet.node.facts import VotingFacts
from worknet.node.journal import Journal
from worknet.node.statements import Gathered, StatementReader
from worknet.node.stating import recipients, to_be_explained
from worknet.node.telling import about
from worknet.protocol.ids import trigger_of, workflow_id
from worknet.protocol.statement import Level
from worknet.protocol.voting import Attempt
from worknet.sources import SourceError

SHARED_WITHIN = 86_400
"""Seconds of chain time after which an attempt is history, of which nothing is told any more."""
MOST_TRIES = 12
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 600.0
REMEMBERED = 4096
"""How many attempts are remembered as looked at."""

log = structlog.get_logger()


@dataclass
class _Task:
    """One attempt that is worked on: `due` is when next, by the clock; `told` are faults told already."""

    voting_id: bytes
    attempt: int
    fields: Mapping[str, object]
    due: float
    tries: int = 0
    told: set[tuple[str, str]] = field(default_factory=set)


class Sharing:
    """Shares statements, at this level (None: none of its own), and gathers those of others by `reader`.

    `executor` is where that is done, by default a thread; `clock` only ever rises.
    """

    def __init__(
        self,
        reader: StatementReader,
        level: Level | None,
        *,
        executor: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reader, self._level, self._clock = reader, level, clock
        self._journal: Journal = reader.journal
        self._index: NetworkIndex = reader.index
        self._threads = executor or ThreadPoolExecutor(1, "share")
        self._known: OrderedDict[tuple[bytes, int], None] = OrderedDict()
        self._tasks: list[_Task] = []
        self._under_way: tuple[_Task, Future[bool]] | None = None
        self._has_looked = False

    def look(self, facts: VotingFacts) -> None:
        """Takes on the voting's attempts in which members voted for different pairs, once they have ended."""
        if facts.me is None:
            return
        for attempt in to_be_explained(facts.confirmed):
            if attempt.end + SHARED_WITHIN >= facts.now:
                fields = about(facts.workflow, facts.trigger, facts.voting_id, attempt.number)
                self._take_on(facts.voting_id, attempt.number, fields)

    def work(self) -> None:
        """Takes note of what has ended, and begins what is due. Raises `JournalError`."""
        if not self._has_looked:
            self._take_up()
        if self._under_way is not None:
            task, future = self._under_way
            if not future.done():
                return
            self._under_way = None
            task.tries += 1
            task.due = self._clock() + min(FIRST_PAUSE_SECONDS * 2 ** (task.tries - 1), LONGEST_PAUSE_SECONDS)
            self._tasks.append(task)
            if future.result() or task.tries >= MOST_TRIES:
                self._tasks.remove(task)
        due = [task for task in self._tasks if task.due <= self._clock()]
        if due:
            task = min(due, key=lambda each: each.due)
            self._tasks.remove(task)
            self._under_way = task, self._threads.submit(self._do, task)

    def close(self, seconds: float) -> None:
        """Begins nothing more; waits so long for what is under way, then gives it up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._under_way is not None:
            wait([self._under_way[1]], seconds)

    def _take_up(self) -> None:
        """Goes on with what was in the journal, and not on all channels, when the worker last stopped."""
        since = self._journal.store.now() - SHARED_WITHIN
        for voting_id, attempt in self._journal.statements.waiting(since, REMEMBERED):
            workflow, trigger_id = self._journal.triggers.get(voting_id)
            policies = self._index.policies(workflow_id(workflow))
            trigger = trigger_of(trigger_id, policies[0].policy.every if policies else 0)
            self._take_on(voting_id, attempt, about(workflow, trigger, voting_id, attempt))
        self._has_looked = True

    def _take_on(self, voting_id: bytes, attempt: int, fields: Mapping[str, object]) -> None:
        if (voting_id, attempt) in self._known:
            return
        self._known[voting_id, attempt] = None
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        self._tasks.append(_Task(voting_id, attempt, fields, self._clock()))

    def _do(self, task: _Task) -> bool:
        """One try; whether nothing is left to do."""
        try:
            voting, me = self._index.voting(task.voting_id), self.reader.me()
            attempt = None if voting is None else voting.attempt(task.attempt)
            if attempt is None or me is None:
                return True
            is_shared = self._share(task, attempt, me)
            return self._gather(task) and is_shared
        except JournalError:
            raise
        except (ChainError, ConfigError) as error:
            self._tell(task, "", str(error))
        except Exception as error:  # noqa: BLE001 - it is told, and must not keep ballots waiting
            self._tell(task, "", f"a fault of worknet itself: {type(error).__name__}")
        return False

    def _share(self, task: _Task, attempt: Attempt, me: int) -> bool:
        """Puts this worker's statement into the journal, then on the channels; whether that is done."""
        held = self._journal.statements.held(task.voting_id, task.attempt)
        if me not in held:
            if self._level is None:
                return True
            try:
                own = self.reader.stating.own(task.voting_id, attempt, me, self._level)
            except UnknownVoting:
                # It has no ballot there, or its rows are gone: there is nothing to state.
                return True
            content = seal(own.statement, recipients(self._index.members(), me))
            self._journal.statements.add(task.voting_id, task.attempt, me, content, delivered=False)
        elif held[me]:
            return True
        kept = self._journal.statements.get(task.voting_id, task.attempt, me)
        if kept is None:
            return True
        is_everywhere = True
        for channel in self.reader.channels:
            try:
                channel.put(task.voting_id, task.attempt, me, kept)
            except SourceError as error:
                self._tell(task, error.origin.where, error.message)
                is_everywhere = False
        if is_everywhere:
            self._journal.statements.deliver(task.voting_id, task.attempt, me)
            log.info("statement.shared", told=self._level, **task.fields)
        return is_everywhere

    def _gather(self, task: _Task) -> bool:
        """Takes what the others state; whether there is nothing more to come."""
        if not self.reader.channels:
            return True
        taken: list[int] = []

        def take(worker: int, content: bytes) -> None:
            self._journal.statements.add(task.voting_id, task.attempt, worker, content, delivered=True)
            taken.append(worker)

        gathered: Gathered = self.reader.gather(task.voting_id, task.attempt, take=take)
        for worker in taken:
            told = [each for each in gathered.differences if each.worker == worker]
            lines = brief_of(Compared(task.attempt, tuple(told)))
            log.info("statement.taken", worker=worker, explanation=lines, **task.fields)
        for each in gathered.refused:
            if (each.where, each.reason) not in task.told:
                task.told.add((each.where, each.reason))
                log.warning("statement.refused", where=each.where, reason=each.reason, **task.fields)
        return not gathered.absent

    def _tell(self, task: _Task, where: str, error: str) -> None:
        """Tells of what keeps a statement from being shared, once for as long as it is the same."""
        if (where, error) not in task.told:
            task.told.add((where, error))
            log.warning("statement.fault", where=where, error=error, **task.fields)
