"""Preparations under way: each in a thread of its own, bounded, tried again ever more rarely when they fail.

A slow source or workflow delays its own voting only, and no workflow takes the places of the others.
"""

import threading
import time
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import structlog

from worknet.node.causes import Cause, cause_of
from worknet.node.errors import JournalError, NodeError
from worknet.node.journal import Ballot, Journal
from worknet.node.preparers import Preparers
from worknet.node.preparing import PreparationFailed, Task
from worknet.node.schedule import Wanted, begin, pause_after, seconds_left
from worknet.node.telling import about
from worknet.protocol.ids import Trigger

log = structlog.get_logger()


@dataclass(frozen=True)
class _Preparation:
    """A ballot in the making."""

    task: Task
    workflow: str
    future: "Future[None]"


@dataclass(frozen=True)
class Ended:
    """A preparation that has ended: with a ballot (`cause` None), or without one, for a cause; it may then be
    tried again in `pause` seconds of chain time."""

    workflow: str
    trigger: Trigger
    cause: Cause | None = None
    message: str = ""
    pause: int = 0


class Preparations:
    """Prepares ballots and puts them into the journal.

    At most `at_once` votings are in preparation, of each workflow no more than its share; `runs_at_once` of
    each workflow run at the same time, while the others may read.
    """

    def __init__(
        self,
        journal: Journal,
        preparers: Mapping[str, Preparers],
        at_once: int,
        runs_at_once: int,
        executor: Executor | None = None,
    ) -> None:
        """`executor` is where they run; by default in threads of their own."""
        self._journal = journal
        self._preparers = preparers
        self._at_once = at_once
        self._under_way: dict[tuple[bytes, int], _Preparation] = {}
        self._failures: dict[tuple[bytes, int], int] = {}
        self._share = max(1, at_once // max(1, len(preparers)))
        self._threads = executor or ThreadPoolExecutor(at_once, "prepare")
        self._turns = {workflow: threading.Semaphore(runs_at_once) for workflow in preparers}

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def has_news(self) -> bool:
        """Whether a preparation has ended that was not collected yet."""
        return any(preparation.future.done() for preparation in self._under_way.values())

    def is_under_way(self, voting_id: bytes, attempt: int) -> bool:
        """Whether a ballot of the attempt is in the making."""
        return (voting_id, attempt) in self._under_way

    def failures(self, voting_id: bytes, attempt: int) -> int:
        """How often preparing a ballot of the attempt has failed since the last success or start."""
        return self._failures.get((voting_id, attempt), 0)

    def begin(self, wanted: Iterable[Wanted]) -> None:
        """Begins the most urgent of the preparations that are wanted, as many as there is room for."""
        busy = Counter(preparation.workflow for preparation in self._under_way.values())
        room = {workflow: self._share - busy[workflow] for workflow in self._preparers}
        for each in begin(wanted, self._at_once - len(self._under_way), room):
            facts, duty = each.facts, each.duty
            self._journal.triggers.add(facts.voting_id, facts.workflow, facts.trigger)
            policy = facts.voting.policies[duty.policy_version]
            task = Task(
                facts.voting_id, facts.trigger, duty.attempt, policy, duty.policy_version, seconds_left(each)
            )
            future = self._threads.submit(self._make_ballot, facts.workflow, task)
            self._under_way[facts.voting_id, duty.attempt] = _Preparation(task, facts.workflow, future)

    def collect(self) -> list[Ended]:
        """The preparations that have ended since the last time.

        Raises JournalError: without its journal a worker must not go on.
        """
        ended = []
        for key, preparation in list(self._under_way.items()):
            if not preparation.future.done():
                continue
            del self._under_way[key]
            task, error = preparation.task, preparation.future.exception()
            if error is None:
                self._failures.pop(key, None)
                ended.append(Ended(preparation.workflow, task.trigger))
                continue
            if not isinstance(error, PreparationFailed):
                raise error
            self._failures[key] = self._failures.get(key, 0) + 1
            pause = pause_after(self._failures[key], task.policy.cast_window)
            ended.append(Ended(preparation.workflow, task.trigger, error.cause, str(error), pause))
            log.warning(
                "ballot.none",
                cause=error.cause,
                error=str(error),
                hint=error.hint,
                retry_in=pause,
                **about(preparation.workflow, task.trigger, *key),
            )
        return ended

    def forget(self, voting_ids: Collection[bytes]) -> None:
        """Forgets how often preparing ballots of these votings has failed."""
        self._failures = {key: count for key, count in self._failures.items() if key[0] not in voting_ids}

    def close(self, seconds: float) -> None:
        """Begins nothing more; waits so long for what is under way, then gives it up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait([preparation.future for preparation in self._under_way.values()], seconds)

    def _make_ballot(self, workflow: str, task: Task) -> None:
        begun = time.monotonic()
        try:
            ballot = self._ballot_of(workflow, task)
        except PreparationFailed as failure:
            self._journal.failures.add(
                task.voting_id, task.attempt, failure.cause, str(failure), failure.detail
            )
            raise
        self._journal.ballots.add(ballot)
        seconds = round(time.monotonic() - begun, 3)
        log.info(
            "ballot.prepared", seconds=seconds, **about(workflow, task.trigger, task.voting_id, task.attempt)
        )

    def _ballot_of(self, workflow: str, task: Task) -> Ballot:
        try:
            return self._preparers[workflow].of(task.policy).prepare(task, self._turns[workflow])
        except (PreparationFailed, JournalError):
            raise
        except NodeError as error:
            raise PreparationFailed(cause_of(error), str(error), hint=error.hint) from None
        except Exception as error:  # noqa: BLE001 - a fault at one voting must not keep the others waiting
            message = f"a fault of worknet itself: {type(error).__name__}"
            hint = "the journal holds where; please report it"
            raise PreparationFailed(Cause.FAULT, message, traceback.format_exc(), hint) from None
