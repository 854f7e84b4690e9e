"""Whom to tell of what: events that `[alerts]` names become messages to people, gathered so as not to flood.

The first event of a kind is told at once; what follows of the same kind and workflow is gathered, and told
in one message at the end of `every`. Sending happens in a process of its own (`alerting`); a channel that
fails is tried again, then logged, and keeps no voting waiting.
"""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from worknet.config import ConfigError
from worknet.config.operations import AlertsSection
from worknet.node.operations import alerting
from worknet.node.operations.events import EVENTS, VOTING

WAITING = 256
"""How many events may wait to be looked at; what comes beyond is left out, and said to be."""
SEND_SECONDS = 60.0
SHOWN_FIELDS = (
    *VOTING,
    "cause",
    "error",
    "hint",
    "retry_in",
    "next",
    "worker",
    "when",
    "action",
    "outcome",
    "reasons",
    "lasting",
    "balance",
    "below",
)
"""The fields of an event that a message shows, and below them the lines of `explanation`; no other leaves the
machine."""

_KINDS = {"error": "failure", "warning": "warning"}
_ABOUT_ALERTS = frozenset(name for name in EVENTS if name.startswith("alert."))

log = structlog.get_logger()

_WAKE: Mapping[str, Any] = {}
"""Nothing to tell: the thread is to look whether it is to end."""

Send = Callable[[str, str, str], str]
"""Sends title, body and kind; returns why it could not, empty if it could."""


@dataclass
class _Gathered:
    """Events of one kind of one workflow since the last message: how many, and the last of them."""

    next_message: float
    count: int = 0
    last: Mapping[str, Any] = field(default_factory=dict)


class Alerts:
    """Hears events (`told`) and sends messages from a thread of its own, until `close`."""

    def __init__(self, worker: str, on: Sequence[str], every: float, send: Send) -> None:
        self._worker = worker
        self._on = frozenset(on) - _ABOUT_ALERTS
        self._every = every
        self._send = send
        self._heard: queue.Queue[Mapping[str, Any]] = queue.Queue(WAITING)
        self._gathered: dict[tuple[str, str], _Gathered] = {}
        self._left_out = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def told(self, event: MutableMapping[str, Any]) -> None:
        """Takes note of an event; never waits."""
        if event["event"] not in self._on or not _is_to_be_told(event):
            return
        try:
            self._heard.put_nowait(dict(event))
        except queue.Full:
            self._left_out += 1

    def close(self, within: float = 10.0) -> None:
        """Sends what is gathered, if that can be done in so many seconds, and ends."""
        self._stop.set()
        # A full queue wakes the thread as well.
        with contextlib.suppress(queue.Full):
            self._heard.put_nowait(_WAKE)
        self._thread.join(within)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._gather(self._pause(time.monotonic()))
            self._send_due(time.monotonic())
        while not self._heard.empty():
            self._gather(0)
        # What was gathered meanwhile is told now: there will be no later.
        self._send_due(float("inf"))

    def _pause(self, now: float) -> float | None:
        """For how long there is nothing to do without a new event; None: for ever."""
        due = [gathered.next_message - now for gathered in self._gathered.values()]
        return max(0.0, min(due)) if due else None

    def _gather(self, timeout: float | None) -> None:
        try:
            event = self._heard.get(block=timeout != 0, timeout=timeout)
        except queue.Empty:
            return
        if event is _WAKE:
            return
        key = event["event"], str(event.get("workflow", ""))
        gathered = self._gathered.setdefault(key, _Gathered(next_message=0.0))
        gathered.count += 1
        gathered.last = event

    def _send_due(self, now: float) -> None:
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            log.warning("alert.dropped", count=left_out)
        for (about, workflow), gathered in list(self._gathered.items()):
            if gathered.next_message > now:
                continue
            if not gathered.count:
                # Quiet for a whole period: the next event is told at once.
                del self._gathered[about, workflow]
                continue
            times, event = gathered.count, gathered.last
            gathered.count, gathered.next_message = 0, time.monotonic() + self._every
            self._deliver(about, workflow, times, event)

    def _deliver(self, about: str, workflow: str, times: int, event: Mapping[str, Any]) -> None:
        title, body = message(self._worker, event, times)
        fault = self._send(title, body, _KINDS.get(str(event.get("level")), "info"))
        if fault:
            log.warning("alert.failed", about=about, workflow=workflow, error=fault)
        else:
            log.info("alert.sent", about=about, workflow=workflow, times=times)


def open_alerts(worker: str, section: AlertsSection) -> Alerts:
    """The alerts of the worker with this name; `ConfigError` if a channel's address cannot be had."""
    return Alerts(worker, section.on, section.every, open_send(section))


def open_send(section: AlertsSection) -> Send:
    """What sends to the operator's channels; `ConfigError` if an address cannot be had.

    Addresses are read again for each message, so that a renewed one is found.
    """
    for reference in section.urls:
        reference.resolve()

    def send(title: str, body: str, kind: str) -> str:
        try:
            urls = [reference.resolve() for reference in section.urls]
        except ConfigError as error:
            return str(error)
        return send_apart({"urls": urls, "title": title, "body": body, "kind": kind})

    return send


def send_apart(alert: Mapping[str, object]) -> str:
    """Sends in a process of its own; why it could not be sent to all, empty if it was."""
    command = [sys.executable, "-m", alerting.__name__]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(alert).encode(),
            # A channel's own messages may quote its address: the exit code says enough.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SEND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {SEND_SECONDS:.0f} s"
    except OSError as error:
        return f"no process could be started: {error.strerror}"
    if done.returncode == alerting.DONE:
        return ""
    is_address = done.returncode == alerting.NO_CHANNEL
    return "an address is none that apprise knows" if is_address else "a channel did not take it"


def message(worker: str, event: Mapping[str, Any], times: int) -> tuple[str, str]:
    """Title and body of the message about an event, which happened so many times since the last message."""
    name = str(event["event"])
    known = EVENTS.get(name)
    often = f" ({times} times)" if times > 1 else ""
    lines = [known.meaning if known else name, ""]
    for field_name in SHOWN_FIELDS:
        value = event.get(field_name)
        if value is not None and value != "":
            lines.append(f"{field_name}: {_text(value)}")
    lines += map(str, event.get("explanation", ()))
    return f"worknet {worker}: {name}{often}", "\n".join(lines)


def _text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _is_to_be_told(event: Mapping[str, Any]) -> bool:
    # That a worker is not ready is told at once to the log, to people only when it has lasted.
    if event["event"] == "worker.not_ready":
        return "lasting" in event
    # That a member agrees is for the log alone.
    return event["event"] != "statement.taken" or bool(event.get("explanation"))
