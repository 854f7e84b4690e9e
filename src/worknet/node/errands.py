"""What handlers decided and what leaves the machine: alerts and calls of webhooks, each until it is done.

An errand is journalled before each try and after it, so that it is done at least once, and no more often than
is allowed. A webhook is told by an id, the same at every worker and every try, that it is one call.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import inf

import structlog

from worknet.node.facts import Errand, ErrandState
from worknet.node.journal import Journal
from worknet.node.journal.handlings import ErrandPlace
from worknet.protocol.canonical import encode, to_hex
from worknet.workflow import Alert, CallWebhook

MOST_TRIES = 10
"""How often an errand is tried, also across restarts."""
FIRST_PAUSE_SECONDS = 5
LAST_PAUSE_SECONDS = 900
"""Between two tries: it doubles from the one to the other, so that the last is after an hour."""
AT_ONCE = 4
"""How many are under way at once."""
MOST_GATHERED = 20
"""How many alerts one message may hold."""
MOST_TEXT = 16_000
"""How many characters of text one message may have."""

log = structlog.get_logger()

Send = Callable[[str, str, str], str]
"""Sends title, body and level to all channels; returns why it could not, empty if it could."""
Call = Callable[[str, bytes], str]
"""Posts a body under an id; returns why it could not, empty if it could."""


@dataclass(frozen=True)
class Outlets:
    """Where errands go, as the operator has configured it.

    `send` reaches the channels of alerts, None if there are none; alerts of one workflow are gathered for
    `every` seconds. `hooks` are the webhooks by workflow and name.
    """

    send: Send | None = None
    every: float = 0.0
    hooks: Mapping[str, Mapping[str, Call]] = field(default_factory=dict)

    def fitted(self, workflow: str, errand: Errand) -> Errand:
        """The errand, or why nothing here can do it."""
        if errand.state is not ErrandState.WAITING:
            return errand
        action = errand.action
        if isinstance(action, Alert) and self.send is None:
            wrong = "no channel is configured: [alerts] in node.toml"
            return replace(errand, state=ErrandState.REFUSED, error=wrong)
        if isinstance(action, CallWebhook) and action.name not in self.hooks.get(workflow, {}):
            place = f"[workflows.{workflow}.webhooks.{action.name}]"
            wrong = f"no webhook is called {action.name} here: {place} in node.toml"
            return replace(errand, state=ErrandState.REFUSED, error=wrong)
        return errand


@dataclass(frozen=True)
class _Ended:
    """One try of an errand."""

    place: ErrandPlace
    state: ErrandState
    tries: int
    error: str


class Errands:
    """Does the errands that wait in the journal, and those that are added.

    `executor` is where they are done, by default in threads of their own; `clock` only ever rises. The chain
    is not asked: that it cannot be reached may be what an alert is about.
    """

    def __init__(
        self,
        journal: Journal,
        outlets: Outlets,
        executor: Executor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal, self._outlets, self._clock = journal, outlets, clock
        self._threads = executor or ThreadPoolExecutor(AT_ONCE, "errand")
        # From when on each may be tried: after a restart at once, those under way not at all.
        self._waiting: dict[ErrandPlace, float] = dict.fromkeys(journal.handlings.waiting(), -inf)
        self._is_whole = True
        self._next_message: dict[str, float] = {}
        self._under_way: list[tuple[Future[list[_Ended]], list[ErrandPlace]]] = []

    def __len__(self) -> int:
        """How many are not over."""
        return len(self._waiting)

    def add(self, places: Iterable[ErrandPlace]) -> None:
        """Takes on errands that were decided now, or are to wait no longer."""
        # Those under way are begun again after that, if they fail.
        self._waiting.update({place: -inf for place in places if self._waiting.get(place) != inf})

    def look_again(self) -> None:
        """Takes on, with the next work, what waits in the journal and is not known here.

        To be called after the journal failed: what was decided may stand there and be told to nobody.
        """
        self._is_whole = False

    def work(self, *, begins: bool = True) -> None:
        """Takes note of the tries that have ended, and begins what is due, as much as there is room for.

        Raises JournalError: without its journal a worker must not go on. What was under way then is tried
        again should the journal come back: whether it was done is not known.
        """
        now = self._clock()
        if not self._is_whole:
            for place in self._journal.handlings.waiting():
                self._waiting.setdefault(place, -inf)
            self._is_whole = True
        self._collect(now)
        if begins:
            self._begin(now)

    def close(self, seconds: float) -> None:
        """Begins nothing more; waits so long for what is under way, then gives it up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait([future for future, _ in self._under_way], seconds)

    def _begin(self, now: float) -> None:
        for places in self._batches([place for place, since in self._waiting.items() if since <= now], now):
            if len(self._under_way) >= AT_ONCE:
                return
            if places[0].kind == Alert.kind:
                self._next_message[places[0].workflow] = now + self._outlets.every
            self._waiting.update(dict.fromkeys(places, inf))
            self._under_way.append((self._threads.submit(self._do, places), places))

    def _collect(self, now: float) -> None:
        for each in [each for each in self._under_way if each[0].done()]:
            self._under_way.remove(each)
            future, places = each
            if future.exception() is not None:
                self._waiting.update(dict.fromkeys(places, now + FIRST_PAUSE_SECONDS))
            for ended in future.result():
                del self._waiting[ended.place]
                pause = None
                if ended.state is ErrandState.WAITING:
                    pause = min(FIRST_PAUSE_SECONDS << (ended.tries - 1), LAST_PAUSE_SECONDS)
                    self._waiting[ended.place] = now + pause
                _tell(ended, pause)

    def _batches(self, due: Sequence[ErrandPlace], now: float) -> Iterator[list[ErrandPlace]]:
        """What is done together: a call alone, the alerts of a workflow in one message."""
        alerts: defaultdict[str, list[ErrandPlace]] = defaultdict(list)
        for place in due:
            if place.kind == Alert.kind:
                alerts[place.workflow].append(place)
            else:
                yield [place]
        for workflow, places in alerts.items():
            if now >= self._next_message.get(workflow, -inf):
                yield places[:MOST_GATHERED]

    def _do(self, places: Sequence[ErrandPlace]) -> list[_Ended]:
        """One try of these errands, journalled before and after."""
        errands = {place: self._able(place) for place in places}
        able = {
            place: replace(errand, tries=self._journal.handlings.begin_errand(place))
            for place, errand in errands.items()
            if errand.state is ErrandState.WAITING
        }
        fault = ""
        if able:
            try:
                fault = self._sent(able)
            except Exception as error:  # noqa: BLE001 - a fault at one errand must not end the worker
                fault = f"a fault of worknet itself: {type(error).__name__}"
        ended = []
        for place, errand in {**errands, **able}.items():
            state, wrong = errand.state, errand.error
            if place in able:
                failed = ErrandState.FAILED if errand.tries >= MOST_TRIES else ErrandState.WAITING
                state, wrong = (failed if fault else ErrandState.DONE), fault
            self._journal.handlings.end_errand(place, state, wrong)
            ended.append(_Ended(place, state, errand.tries, wrong))
        return ended

    def _able(self, place: ErrandPlace) -> Errand:
        """The errand as the journal holds it, or why it cannot be tried any more."""
        errand = self._outlets.fitted(place.workflow, self._journal.handlings.errand(place))
        if errand.state is ErrandState.WAITING and errand.tries >= MOST_TRIES:
            wrong = "what became of the last try is not known: the worker ended, or its journal failed"
            return replace(errand, state=ErrandState.FAILED, error=wrong)
        return errand

    def _sent(self, errands: Mapping[ErrandPlace, Errand]) -> str:
        """Sends one message about these alerts, or calls the one webhook; why it failed, else empty."""
        place, first = next(iter(errands.items()))
        if isinstance(first.action, CallWebhook):
            hook = self._outlets.hooks[place.workflow][first.action.name]
            return hook(call_id(place), encode(dict(first.action.payload)))
        send = self._outlets.send
        assert send is not None, "only what fits is sent"
        actions = [(place, each.action) for place, each in errands.items()]
        return send(*message([(place, action) for place, action in actions if isinstance(action, Alert)]))


def call_id(place: ErrandPlace) -> str:
    """The id of a webhook's call: the same at every worker and at every try.

    `0x` and the hex digits of SHA256(JCS([voting id, moment, attempt, number])).
    """
    when, attempt = place.moment
    content = encode([to_hex(place.voting_id), when.value, attempt, place.number])
    return to_hex(sha256(content).digest())


def message(alerts: Sequence[tuple[ErrandPlace, Alert]]) -> tuple[str, str, str]:
    """Title, body and level of one message about alerts of one workflow: the worst of their levels."""
    level = max((alert.level for _, alert in alerts), key=_LEVELS.index)
    if len(alerts) == 1:
        ((place, alert),) = alerts
        return alert.title, _cut(_body(place, alert)), level
    bodies = [f"{alert.title}\n{_body(place, alert)}" for place, alert in alerts]
    return f"{len(alerts)} alerts of {alerts[0][0].workflow}", _cut("\n\n".join(bodies)), level


def _body(place: ErrandPlace, alert: Alert) -> str:
    """The alert's text, and what it is about: no channel takes a message without any."""
    about = f"{place.workflow}, {place.moment[0]}: voting {to_hex(place.voting_id)}"
    return f"{alert.body}\n{about}" if alert.body else about


_LEVELS = ("info", "warning", "failure")


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "..."


def _tell(ended: _Ended, pause: int | None) -> None:
    when, attempt = ended.place.moment
    fields = {
        "workflow": ended.place.workflow,
        "voting": to_hex(ended.place.voting_id),
        "attempt": attempt,
        "when": when.value,
        "action": ended.place.kind,
        "tries": ended.tries,
    }
    if ended.state is ErrandState.DONE:
        log.info("fallback.done", **fields)
    elif pause is not None:
        log.warning("fallback.failed", error=ended.error, retry_in=pause, **fields)
    else:
        log.error("fallback.given_up", error=ended.error, **fields)
