"""Handlers under way: each in a thread of its own, bounded, tried again a few times when it fails.

What a handler decides is in the journal before anything follows from it, once for each moment of a voting.
Where the workflow has no handler, or it fails for good, what the protocol says is decided instead.
"""

import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import structlog

from worknet.node.causes import Cause, cause_of
from worknet.node.duties import Handle
from worknet.node.errands import Outlets
from worknet.node.errors import JournalError, NodeError
from worknet.node.facts import Errand, ErrandState, Moment, VotingFacts
from worknet.node.journal import Journal
from worknet.node.journal.handlings import By, ErrandPlace
from worknet.node.moments import errand_of
from worknet.node.preparers import Preparers
from worknet.node.preparing import PreparationFailed
from worknet.node.schedule import pause_after
from worknet.node.showing import evidence_of
from worknet.node.telling import about
from worknet.workflow import Action, Alert, Evidence, When
from worknet.workflow.handlers import default_actions

HANDLE_SECONDS = 20.0
"""How long one run of a handler may take: it reads nothing, and a voting may wait for it."""
MOST_TRIES = 3
"""How often a handler is begun for one moment, also across restarts, before the default takes its place."""
AT_ONCE = 4
EACH_AT_ONCE = 2
"""Handlers that run at once, in all and of one workflow."""

_URGENCY = (When.FAILOVER, When.PLURALITY, When.UNRESOLVED)
"""Attempt 3 waits for its handlers, and may be open already."""

log = structlog.get_logger()


@dataclass(frozen=True)
class _Run:
    """A handler that runs, and gives the errands that wait."""

    facts: VotingFacts
    moment: Moment
    future: "Future[list[ErrandPlace]]"


class Decisions:
    """Has handlers decide, and puts what they decided into the journal.

    `executor` is where they run, by default in threads of their own; `clock` only ever rises. `explained`
    says in lines, without rows, why a voting stands as it does: the default alert tells them.
    """

    def __init__(
        self,
        journal: Journal,
        preparers: Mapping[str, Preparers],
        outlets: Outlets,
        executor: Executor | None = None,
        explained: Callable[[VotingFacts], Sequence[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._preparers, self._outlets = journal, preparers, outlets
        self._explained, self._clock = explained, clock
        self._threads = executor or ThreadPoolExecutor(AT_ONCE, "handle")
        self._under_way: dict[tuple[bytes, Moment], _Run] = {}
        self._failures: dict[tuple[bytes, Moment], int] = {}
        self._put_off: dict[tuple[bytes, Moment], float] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def has_news(self) -> bool:
        """Whether a handler has ended that was not collected yet, or may be tried again."""
        now = self._clock()
        has_ended = any(run.future.done() for run in self._under_way.values())
        return has_ended or any(until <= now for until in self._put_off.values())

    def begin(self, wanted: Iterable[tuple[VotingFacts, Handle]]) -> None:
        """Begins the most urgent of the handlers that are wanted, as many as there is room for."""
        now = self._clock()
        self._put_off = {key: until for key, until in self._put_off.items() if until > now}
        busy = Counter(run.facts.workflow for run in self._under_way.values())
        for facts, duty in sorted(wanted, key=lambda each: _URGENCY.index(each[1].when)):
            moment = duty.when, duty.attempt
            key = facts.voting_id, moment
            is_full = len(self._under_way) >= AT_ONCE or busy[facts.workflow] >= EACH_AT_ONCE
            if is_full or key in self._under_way or key in self._put_off:
                continue
            busy[facts.workflow] += 1
            future = self._threads.submit(self._decide, facts, duty)
            self._under_way[key] = _Run(facts, moment, future)

    def collect(self) -> list[ErrandPlace]:
        """The errands of what was decided since the last time.

        Raises JournalError: without its journal a worker must not go on. Should it come back, the errands are
        found there.
        """
        errands: list[ErrandPlace] = []
        for key, run in list(self._under_way.items()):
            if not run.future.done():
                continue
            del self._under_way[key]
            error = run.future.exception()
            if error is None:
                self._failures.pop(key, None)
                errands += run.future.result()
                continue
            if not isinstance(error, PreparationFailed):
                raise error
            self._failures[key] = self._failures.get(key, 0) + 1
            pause = pause_after(self._failures[key], run.facts.policy.cast_window)
            self._put_off[key] = self._clock() + pause
            when, attempt = run.moment
            log.warning(
                "fallback.handler_failed",
                when=when.value,
                cause=error.cause,
                error=str(error),
                hint=error.hint,
                retry_in=pause,
                **about(run.facts.workflow, run.facts.trigger, run.facts.voting_id, attempt),
            )
        return errands

    def hurry(self, voting_id: bytes) -> None:
        """Runs what failed about a voting again without waiting any longer."""
        self._put_off = {key: until for key, until in self._put_off.items() if key[0] != voting_id}

    def close(self, seconds: float) -> None:
        """Begins nothing more; waits so long for what is under way, then gives it up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait([run.future for run in self._under_way.values()], seconds)

    def _decide(self, facts: VotingFacts, duty: Handle) -> list[ErrandPlace]:
        """Decides and journals; the errands that wait. `PreparationFailed` if the handler is to run again."""
        voting_id, workflow, moment = facts.voting_id, facts.workflow, (duty.when, duty.attempt)
        self._journal.triggers.add(voting_id, workflow, facts.trigger)
        tries = self._journal.handlings.begin(voting_id, workflow, moment)
        evidence = self._evidence(facts, duty)
        given, wrong = None, "the worker ended each time that it ran" if tries > MOST_TRIES else ""
        if not wrong:
            try:
                given = self._given(facts, duty, evidence)
            except PreparationFailed as failure:
                why = (failure.cause, str(failure), failure.detail)
                self._journal.handlings.fail(voting_id, moment, *why)
                if tries < MOST_TRIES:
                    raise
                wrong = str(failure)
        actions = self._default(facts, evidence) if given is None else given
        errands = [
            self._outlets.fitted(workflow, errand_of(number, action, moment))
            for number, action in enumerate(actions)
        ]
        by = By.DEFAULT if given is None else By.HANDLER
        if not self._journal.handlings.decide(voting_id, moment, by, errands):
            return []
        _tell(facts, moment, by, errands, wrong)
        waiting = [each for each in errands if each.state is ErrandState.WAITING]
        return [ErrandPlace(voting_id, workflow, moment, each.number, each.action.kind) for each in waiting]

    def _given(self, facts: VotingFacts, duty: Handle, evidence: Evidence) -> tuple[Action, ...] | None:
        """What the workflow's handler decides; None if it has none for the moment."""
        try:
            preparer = self._preparers[facts.workflow].of(facts.voting.policies[duty.policy_version])
            return preparer.handle(evidence, HANDLE_SECONDS)
        except (PreparationFailed, JournalError):
            raise
        except NodeError as error:
            raise PreparationFailed(cause_of(error), str(error), hint=error.hint) from None
        except Exception as error:  # noqa: BLE001 - a fault at one voting must not keep the others waiting
            message = f"a fault of worknet itself: {type(error).__name__}"
            hint = "the journal holds where; please report it"
            raise PreparationFailed(Cause.FAULT, message, traceback.format_exc(), hint) from None

    def _default(self, facts: VotingFacts, evidence: Evidence) -> tuple[Action, ...]:
        """What is decided without a handler; its alert tells people all that this worker knows."""
        actions = default_actions(evidence)
        if self._explained is None or evidence.when is not When.UNRESOLVED:
            return actions
        try:
            body = "\n".join([*self._explained(facts), f"voting {evidence.voting_id}"])
            return tuple(replace(each, body=body) if isinstance(each, Alert) else each for each in actions)
        except JournalError:
            raise
        except Exception:  # noqa: BLE001 - an alert that says less is better than none
            return actions

    def _evidence(self, facts: VotingFacts, duty: Handle) -> Evidence:
        """What is known of the voting now; without the roots of datasets that cannot be had any more."""
        inputs = {}
        for attempt, version in facts.prepared:
            # A reopened attempt may have been prepared under two versions; it opened under one of them.
            opened = facts.confirmed.attempt(attempt)
            if opened is None or opened.policy_version != version or attempt > duty.attempt:
                continue
            ballot = self._journal.ballots.get(facts.voting_id, attempt, version)
            try:
                preparer = self._preparers[facts.workflow].of(facts.voting.policies[version])
                inputs[attempt] = preparer.input_roots(ballot)
            except JournalError:
                raise
            except Exception:  # noqa: BLE001, S112 - a moment without these roots is decided all the same
                continue
        failures = self._journal.failures.of(facts.voting_id)
        return evidence_of(facts, (duty.when, duty.attempt), inputs, failures)


def _tell(facts: VotingFacts, moment: Moment, by: By, errands: Sequence[Errand], wrong: str) -> None:
    """Tells what was decided; `wrong` is why the handler failed for good, empty if it did not."""
    when, attempt = moment
    fields = {"when": when.value, **about(facts.workflow, facts.trigger, facts.voting_id, attempt)}
    why = {"error": wrong} if wrong else {}
    say = log.warning if wrong else log.info
    say("fallback.handled", by=by.value, actions=[each.action.kind for each in errands], **why, **fields)
    for each in errands:
        if each.state is ErrandState.REFUSED:
            log.warning("fallback.refused", action=each.action.kind, error=each.error, **fields)
