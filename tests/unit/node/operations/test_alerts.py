"""Alerts: people are told at once, then of many in one message; no channel keeps a voting waiting."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest
from structlog.testing import capture_logs

from worknet.config import SecretError
from worknet.config.operations import AlertsSection, Event
from worknet.config.secrets import SecretRef
from worknet.node.operations import alerts
from worknet.node.operations.alerts import Alerts, message, open_alerts, send_apart
from worknet.node.operations.events import EVENTS

PATIENCE = 20.0
UNRESOLVED = {
    "event": "voting.unresolved",
    "level": "error",
    "workflow": "hourly",
    "slot": "2026-01-01T00:00:00Z",
    "voting": "0x07",
    "attempt": 2,
    "tally": [{"workers": [0]}],
}


class Channel:
    """Takes messages, as a test says: it may fail, or take its time."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.fault = ""
        self.blocked = threading.Event()
        self.blocked.set()

    def send(self, title: str, body: str, kind: str) -> str:
        self.blocked.wait(PATIENCE)
        self.sent.append((title, body, kind))
        return self.fault

    def titles(self) -> list[str]:
        return [title for title, _, _ in self.sent]


Start = Callable[..., Alerts]


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def start(channel: Channel) -> Iterator[Start]:
    started: list[Alerts] = []

    def begin(every: float = 1000.0, *on: str) -> Alerts:
        started.append(Alerts("alpha", on or ["voting.unresolved", "worker.not_ready"], every, channel.send))
        return started[-1]

    yield begin
    channel.blocked.set()
    for each in started:
        each.close()


def wait_for(met: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_first_event_is_told_at_once(start: Start, channel: Channel) -> None:
    start().told(dict(UNRESOLVED))
    wait_for(lambda: channel.titles() == ["worknet alpha: voting.unresolved"])
    assert channel.sent[0][2] == "failure"


def test_what_follows_is_gathered_into_one_message(start: Start, channel: Channel) -> None:
    telling = start(0.5)
    telling.told(dict(UNRESOLVED))
    wait_for(lambda: len(channel.sent) == 1)
    for _ in range(5):
        telling.told(dict(UNRESOLVED))
    wait_for(lambda: len(channel.sent) == 2)
    assert channel.titles()[1] == "worknet alpha: voting.unresolved (5 times)"


def test_workflows_are_told_of_one_by_one(start: Start, channel: Channel) -> None:
    telling = start()
    telling.told(dict(UNRESOLVED))
    telling.told({**UNRESOLVED, "workflow": "daily"})
    wait_for(lambda: len(channel.sent) == 2)


def test_an_event_that_nobody_asked_for_is_not_told(start: Start, channel: Channel) -> None:
    telling = start()
    telling.told({**UNRESOLVED, "event": "ballot.cast"})
    telling.told(dict(UNRESOLVED))
    wait_for(lambda: len(channel.sent) == 1)
    assert "unresolved" in channel.titles()[0]


def test_that_a_worker_is_not_ready_is_told_only_when_it_lasts(start: Start, channel: Channel) -> None:
    telling = start()
    telling.told({"event": "worker.not_ready", "level": "warning", "reasons": ["starting"]})
    telling.told({"event": "worker.not_ready", "level": "warning", "reasons": ["starting"], "lasting": 300})
    wait_for(lambda: len(channel.sent) == 1)
    assert "lasting: 300" in channel.sent[0][1]
    assert channel.titles()[0].endswith("not_ready")


def test_what_is_gathered_is_told_at_the_end(start: Start, channel: Channel) -> None:
    telling = start()
    telling.told(dict(UNRESOLVED))
    wait_for(lambda: len(channel.sent) == 1)
    telling.told(dict(UNRESOLVED))
    telling.close()
    assert len(channel.sent) == 2


def test_a_channel_that_hangs_keeps_nobody_waiting_and_what_is_too_much_is_left_out(
    start: Start, channel: Channel
) -> None:
    channel.blocked.clear()
    telling = start()
    begun = time.monotonic()
    for number in range(alerts.WAITING + 50):
        telling.told({**UNRESOLVED, "workflow": f"w{number}"})
    assert time.monotonic() - begun < 1
    with capture_logs() as lines:
        channel.blocked.set()
        wait_for(lambda: any(line["event"] == "alert.dropped" for line in list(lines)))
    assert 0 < next(line["count"] for line in lines if line["event"] == "alert.dropped") <= 50


def test_a_channel_that_fails_is_logged(start: Start, channel: Channel) -> None:
    channel.fault = "a channel did not take it"
    with capture_logs() as lines:
        start().told(dict(UNRESOLVED))
        wait_for(lambda: bool(lines))
    assert lines[0]["event"] == "alert.failed"
    assert lines[0]["error"] == "a channel did not take it"


def test_alerts_about_alerts_are_never_sent(start: Start, channel: Channel) -> None:
    telling = start(1000.0, "alert.failed")
    telling.told({"event": "alert.failed", "level": "warning"})
    telling.close()
    assert channel.sent == []


def test_a_message_shows_only_fields_that_may_leave_the_machine() -> None:
    title, body = message("alpha", {**UNRESOLVED, "salt": "5ec2e7", "config": "/home/x"}, 1)
    assert title == "worknet alpha: voting.unresolved"
    assert "slot: 2026-01-01T00:00:00Z" in body
    assert "workflow: hourly" in body
    assert "5ec2e7" not in body
    assert "/home/x" not in body
    assert "input_root" not in body


class Receiver(ThreadingHTTPServer):
    """A real channel: an HTTP server that takes what apprise's `json://` sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiving)
        self.received: list[dict[str, Any]] = []
        self.refuses = False

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/hook-t0ken"


class _Receiving(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self.server.refuses:
            self.server.received.append(json.loads(body))
        self.send_response(500 if self.server.refuses else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_an_alert_reaches_a_real_channel_through_apprise(receiver: Receiver, tmp_path: Path) -> None:
    secret = tmp_path / "alert-url"
    secret.write_text(receiver.url)
    secret.chmod(0o600)
    telling = open_alerts("alpha", AlertsSection(urls=[SecretRef(file=secret)], on=["voting.unresolved"]))
    telling.told(dict(UNRESOLVED))
    telling.close(PATIENCE)
    (received,) = receiver.received
    assert received["title"] == "worknet alpha: voting.unresolved"
    assert received["type"] == "failure"
    assert "voting: 0x07" in received["message"]


def test_a_channel_that_works_gets_its_alert_once_though_another_fails(receiver: Receiver) -> None:
    alert = {"urls": ["no address", receiver.url], "title": "t", "body": "b", "kind": "warning"}
    assert send_apart(alert) == "an address is none that apprise knows"
    assert len(receiver.received) == 1


@pytest.mark.long
def test_a_channel_that_refuses_is_told_without_its_address(receiver: Receiver) -> None:
    receiver.refuses = True
    fault = send_apart({"urls": [receiver.url], "title": "t", "body": "b", "kind": "info"})
    assert fault == "a channel did not take it"


def test_a_channel_whose_address_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="cannot be read"):
        open_alerts("alpha", AlertsSection(urls=[SecretRef(file=tmp_path / "none")]))


@pytest.mark.parametrize("name", get_args(Event))
def test_a_message_shows_every_field_that_its_text_names(name: str) -> None:
    told = EVENTS[name]
    named = {word for word in re.findall(r"`(\w+)`", told.meaning) if word in told.fields}
    _, body = message("alpha", {"event": name} | {each: [f"it is {each}"] for each in named}, 1)
    assert all(f"it is {each}" in body for each in named)


@pytest.mark.parametrize(("explanation", "times"), [([], 0), (["dataset meters differs"], 1)])
def test_people_are_told_of_a_member_s_statement_only_where_something_differs(
    start: Start, channel: Channel, explanation: list[str], times: int
) -> None:
    telling = start(1000.0, "statement.taken")
    telling.told({"event": "statement.taken", "worker": 1, "explanation": explanation})
    telling.close()
    assert len(channel.sent) == times
