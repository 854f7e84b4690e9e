"""The watch: tells when readiness changes, once more when it lasts, and keeps systemd informed."""

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from worknet.config.operations import HealthSection
from worknet.node.operations.notify import notify, watchdog_seconds
from worknet.node.operations.status import Status
from worknet.node.operations.watch import Watch, with_disk

LIMITS = HealthSection(not_ready_for=300, balance_low="0.5")  # type: ignore[arg-type]  # as it stands in TOML
WELL = Status(has_looked=True, role="active", index=0, balance=10**18)
DOWN = replace(WELL, chain_fault="down")


class Worker:
    """A worker whose status a test sets."""

    def __init__(self) -> None:
        self.now = WELL

    def status(self) -> Status:
        return self.now


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def watch(worker: Worker) -> Watch:
    return Watch(worker.status, LIMITS)


def told(watch: Watch, *at: float) -> list[dict[str, Any]]:
    with capture_logs() as lines:
        for now in at:
            watch.look(now)
    return [{name: value for name, value in line.items() if name != "log_level"} for line in lines]


def test_that_a_worker_is_ready_is_told_once(watch: Watch) -> None:
    assert told(watch, 0, 1, 2) == [{"event": "worker.ready"}]


def test_why_it_is_not_ready_is_told_once_while_the_reasons_are_the_same(
    watch: Watch, worker: Worker
) -> None:
    worker.now = DOWN
    assert told(watch, 0, 1, 2) == [{"event": "worker.not_ready", "reasons": ["chain unreachable: down"]}]


def test_another_reason_is_told(watch: Watch, worker: Worker) -> None:
    worker.now = DOWN
    told(watch, 0)
    worker.now = replace(DOWN, journal_fault="locked")
    assert [line["event"] for line in told(watch, 1)] == ["worker.not_ready"]


def test_a_worker_that_stays_not_ready_is_told_once_more(watch: Watch, worker: Worker) -> None:
    worker.now = DOWN
    told(watch, 0)
    assert told(watch, 299) == []
    assert told(watch, 300, 600) == [
        {"event": "worker.not_ready", "reasons": ["chain unreachable: down"], "lasting": 300}
    ]


def test_a_worker_that_is_ready_again_is_told_of_and_its_time_begins_anew(
    watch: Watch, worker: Worker
) -> None:
    worker.now = DOWN
    told(watch, 0, 300)
    worker.now = WELL
    assert told(watch, 301) == [{"event": "worker.ready"}]
    worker.now = DOWN
    assert [line.get("lasting") for line in told(watch, 302, 601, 602)] == [None, 300]


def test_a_low_balance_is_told_once_until_it_was_filled_up(watch: Watch, worker: Worker) -> None:
    told(watch, 0)
    worker.now = replace(WELL, balance=10**17)
    low = {"event": "worker.balance_low", "balance": str(10**17), "below": str(5 * 10**17)}
    assert told(watch, 1, 2) == [low]
    worker.now = WELL
    assert told(watch, 3) == []
    worker.now = replace(WELL, balance=10**17)
    assert told(watch, 4) == [low]


def test_the_disk_is_part_of_the_status(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"x" * 100)
    (tmp_path / "journal.sqlite-wal").write_bytes(b"x" * 20)
    status = with_disk(WELL, tmp_path, "No space left on device")
    assert status.journal_bytes == 120
    assert status.disk_free
    assert status.log_fault == "No space left on device"


def test_a_disk_that_cannot_be_asked_is_not_known(tmp_path: Path) -> None:
    assert with_disk(WELL, tmp_path / "none", "").disk_free is None


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The socket that systemd listens on."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@worknet-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inlet:
        inlet.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        inlet.settimeout(0.2)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield inlet


def received(inlet: socket.socket) -> list[str]:
    found = []
    try:
        while True:
            found.append(inlet.recv(1000).decode())
    except TimeoutError:
        return found


def test_systemd_is_told_that_the_worker_is_up_once_it_has_seen_the_chain(
    systemd: socket.socket, watch: Watch, worker: Worker
) -> None:
    worker.now = replace(WELL, has_looked=False)
    watch.look(0)
    assert received(systemd) == []
    worker.now = replace(WELL, role="none")
    watch.look(1)
    watch.look(2)
    assert received(systemd) == ["READY=1"]


def test_systemd_s_watchdog_is_fed_only_while_the_loop_turns(
    systemd: socket.socket, watch: Watch, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    watch.look(0)
    assert received(systemd) == ["READY=1", "WATCHDOG=1"]
    worker.now = replace(WELL, step_age=500)
    watch.look(1)
    assert received(systemd) == []


def test_systemd_is_told_that_the_worker_stops(systemd: socket.socket, watch: Watch) -> None:
    watch.start()
    watch.close()
    assert "STOPPING=1" in received(systemd)


def test_without_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    assert not notify("READY=1")


@pytest.mark.parametrize(("usec", "pid", "seconds"), [("2000000", "", 2.0), ("", "", None), ("5", "1", None)])
def test_the_watchdog_s_time_is_read_if_it_is_meant_for_this_process(
    monkeypatch: pytest.MonkeyPatch, usec: str, pid: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))
    assert watchdog_seconds() == seconds
