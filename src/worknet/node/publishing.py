"""Publishes what workflows declare public: of each recorded voting the evidence with the manifest, once.

In a thread of its own, so that a disk that hangs delays no ballot. Nothing is journalled for it: what is due
follows from the confirmed log, from this worker's ballots and from what stands in the folder already, and a
publication is the same bytes whenever it is made. So what a crash cuts off, or a worker that was away has
missed, is made up for, as far as its rows are still held.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import Enum, auto
from math import inf

import structlog

from worknet.chain.errors import ChainError
from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedRecord
from worknet.config import ConfigError
from worknet.node.errors import JournalError, UnknownVoting
from worknet.node.journal import Journal
from worknet.node.prove import Prover
from worknet.node.published import PublishedFolder
from worknet.node.telling import about
from worknet.node.view import View
from worknet.protocol.canonical import decode
from worknet.protocol.ids import trigger_of
from worknet.protocol.publications import MAX_BYTES
from worknet.verify import VerifyError, parse, verify
from worknet.workflow import Declaration

AT_ONCE = 20
"""How many publications are made before the worker is asked whether it stops."""
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 600.0
"""Between two tries at what failed: it doubles from the one to the other."""
REMEMBERED = 1024
"""How many records, the newest, are known again should a reorganisation take some of them."""

log = structlog.get_logger()


@dataclass
class _Waiting:
    """A record of which nothing could be published yet: `due` is when it is tried again, by the clock."""

    due: float = -inf
    tries: int = 0


class Publishing:
    """Publishes for one worker into a folder; `names` are its workflows by their ids.

    `executor` is where that is done, by default a thread; `clock` only ever rises.
    """

    def __init__(
        self,
        prover: Prover,
        names: Mapping[bytes, str],
        folder: PublishedFolder,
        *,
        executor: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prover, self._names, self._folder, self._clock = prover, names, folder, clock
        self._journal: Journal = prover.journal
        self._index: NetworkIndex = prover.index
        self._threads = executor or ThreadPoolExecutor(1, "publish")
        self._under_way: Future[bool] | None = None
        self._ends = threading.Event()
        self._view: View | None = None
        self._worked: View | None = None
        # Only while nothing is under way are these touched by another thread than the one that publishes.
        self._looked: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)
        self._next = self._highest = 0
        self._waiting: dict[int, _Waiting] = {}
        self._blocked = _Waiting()
        self._told: set[tuple[str, str]] = set()

    def look(self, view: View) -> None:
        """Takes note of what is confirmed by now."""
        self._view = view

    def work(self) -> None:
        """Takes note of what has ended, and begins what is due. Raises `JournalError`."""
        if self._under_way is not None:
            if not self._under_way.done():
                return
            future, self._under_way = self._under_way, None
            if future.result():
                self._worked = None
        if self._view is not None and self._is_due(self._view):
            self._worked = self._view
            self._under_way = self._threads.submit(self._round, self._view)

    def close(self, seconds: float) -> None:
        """Begins nothing more; waits so long for what is under way, then gives it up."""
        self._ends.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._under_way is not None:
            wait([self._under_way], seconds)

    def _is_due(self, view: View) -> bool:
        now = self._clock()
        if now < self._blocked.due:
            return False
        has_failed = self._blocked.tries > 0 or any(
            each.tries and each.due <= now for each in self._waiting.values()
        )
        return has_failed or view != self._worked

    def _round(self, view: View) -> bool:
        """Publishes what is due as of this view; whether more is due at once."""
        made = 0
        try:
            self._go_back(view)
            due = [position for position, each in self._waiting.items() if each.due <= self._clock()]
            for position in [*due, *range(self._next, self._index.log_size(view.settled))]:
                if made >= AT_ONCE or self._ends.is_set():
                    return True
                made += self._take_up(position, view) is _Done.MADE
        except JournalError:
            self._worked = None
            raise
        except Exception as error:  # noqa: BLE001 - it is told, and must not keep ballots waiting
            self._put_off(self._blocked)
            self._tell("", error)
        else:
            self._blocked = _Waiting()
        return False

    def _go_back(self, view: View) -> None:
        """Begins again behind the last record that is still what it was when it was looked at."""
        while self._looked:
            position, leaf = self._looked[-1]
            if position < self._index.log_size(view.settled) and self._leaf(position) == leaf:
                break
            self._looked.pop()
            self._next = position if self._looked else 0
        self._waiting = {at: each for at, each in self._waiting.items() if at < self._next}

    def _leaf(self, position: int) -> bytes:
        record = self._index.record_at(position)
        return b"" if record is None else record.record.leaf_hash()

    def _take_up(self, position: int, view: View) -> "_Done":
        """Publishes the record at this position, or finds out why not."""
        record = self._index.record_at(position)
        done = _Done.OVER
        if record is not None:
            try:
                done = self._publish(record, view)
            except (JournalError, ChainError, OSError):
                # Of all records, and not of this one.
                raise
            except UnknownVoting:
                # Its rows went meanwhile: there is nothing to publish any more.
                pass
            except Exception as error:  # noqa: BLE001 - it is told, and must not keep the others waiting
                done = _Done.NOT_YET
                self._put_off(self._waiting.setdefault(position, _Waiting()))
                self._tell(self._names[record.record.workflow_id], error)
        if done is _Done.NOT_YET:
            self._waiting.setdefault(position, _Waiting())
        else:
            self._waiting.pop(position, None)
        if position >= self._next:
            self._next = position + 1
            self._highest = max(self._highest, self._next)
            self._looked.append((position, self._leaf(position)))
        return done

    def _publish(self, record: IndexedRecord, view: View) -> "_Done":
        words = record.record
        workflow = self._names.get(words.workflow_id)
        if workflow is None:
            return _Done.OVER
        # Of one that was looked at before, what stands in its place may be that of a record which a
        # reorganisation took away.
        is_new = record.position >= self._highest and record.position not in self._waiting
        if is_new and self._folder.has(words.voting_id):
            return _Done.OVER
        version = self._public_version(record)
        if version is None:
            return _Done.OVER
        voting = self._index.voting(words.voting_id, last=view.settled, now=view.settled_time)
        if voting is None or not voting.closed:
            # Ballots may still come, and a publication holds all that count.
            return _Done.NOT_YET
        content = self._content(record)
        if content == self._folder.content(words.voting_id):
            return _Done.OVER
        self._folder.put(words.voting_id, content)
        # Should the folder fail again, it is told again.
        self._told = {told for told in self._told if told[0]}
        trigger = trigger_of(words.trigger_id, self._index.policy(words.workflow_id, version).policy.every)
        log.info("publication.made", **about(workflow, trigger, words.voting_id, words.attempt))
        return _Done.MADE

    def _public_version(self, record: IndexedRecord) -> int | None:
        """The policy version of this worker's ballot for the recorded pair, if its rows are held and the
        bundle that it was prepared with declares the summary public; else None."""
        words, ballots = record.record, self._journal.ballots
        with_rows = ballots.with_rows(words.voting_id)
        for attempt, version in ballots.of_record(words):
            if (attempt, version) in with_rows:
                ballot = ballots.get(words.voting_id, attempt, version, with_rows=False)
                declaration = Declaration.of_document(decode(ballot.declaration))
                return version if declaration.public_summary else None
        return None

    def _content(self, record: IndexedRecord) -> bytes:
        """The publication: against the head that the record itself made, so that it is always the same."""
        content = self._prover.evidence(record, size=record.position + 1)
        if len(content) > MAX_BYTES:
            raise _TooLargeError(f"the publication would have {len(content)} bytes, more than {MAX_BYTES}")
        verify(parse(content))
        return content

    def _put_off(self, what: _Waiting) -> None:
        what.due = self._clock() + min(FIRST_PAUSE_SECONDS * 2 ** min(what.tries, 10), LONGEST_PAUSE_SECONDS)
        what.tries += 1

    def _tell(self, workflow: str, error: Exception) -> None:
        """Tells of what keeps something from being published, once for as long as it is the same."""
        where, wrong = "", f"a fault of worknet itself: {type(error).__name__}"
        if isinstance(error, OSError):
            where, wrong = str(self._folder.path), f"cannot be written: {error.strerror}"
        elif isinstance(error, ChainError | ConfigError | VerifyError | _TooLargeError):
            wrong = str(error)
        if (workflow, wrong) not in self._told:
            self._told.add((workflow, wrong))
            log.warning("publication.fault", workflow=workflow, where=where, error=wrong)


class _Done(Enum):
    """What became of a record that was looked at."""

    MADE = auto()
    """Its publication was made now."""
    OVER = auto()
    """Nothing of it is to be published, or it was before."""
    NOT_YET = auto()
    """It is looked at again."""


class _TooLargeError(Exception):
    """A manifest that is larger than any publication may be."""
