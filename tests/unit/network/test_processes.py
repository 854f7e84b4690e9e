"""Children end when they are told to, and never outlive the process that started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worknet.network import processes
from worknet.network.errors import ProcessEnded
from worknet.network.processes import Process, Processes, end_of

# Children as `worknet node run` and the services are: told of their parent, and looking after it.
POLITE = """
import os, signal, sys, threading, time
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
parent = int(sys.argv[sys.argv.index("--parent") + 1])
print("ready", flush=True)
while not stop.wait(0.05) and os.getppid() == parent:
    pass
print("stopped", flush=True)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
PARENT = """
import sys, time
from pathlib import Path
from worknet.network.processes import Processes
print(Processes().start("child", [sys.argv[1]], Path(sys.argv[2])).child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def children() -> Iterator[Processes]:
    children = Processes()
    yield children
    children.stop()


@pytest.fixture
def start(children: Processes, tmp_path: Path) -> Callable[[str], Process]:
    def started(code: str) -> Process:
        process = children.start("the child", ["-c", code], tmp_path / "logs" / "child.log")
        until(lambda: "ready" in process.log.read_text() or process.has_ended)
        return process

    return started


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    # Where nobody reaps orphans (containers), a process that has ended stays on as a zombie.
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_child_that_is_asked_stops_by_itself(children: Processes, start: Callable[[str], Process]) -> None:
    process = start(POLITE)
    children.stop()
    assert process.child.returncode == 0
    assert process.log.read_text().splitlines() == ["ready", "stopped"]


def test_a_child_that_does_not_stop_is_killed_after_the_grace(
    children: Processes, start: Callable[[str], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.3)
    process = start(STUBBORN)
    children.stop()
    assert process.child.returncode == -signal.SIGKILL


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(POLITE)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "child.py"), str(tmp_path / "child.log")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    until(lambda: "ready" in (tmp_path / "child.log").read_text())
    parent.kill()
    parent.wait()
    until(lambda: not lives(pid))


def test_ctrl_c_does_not_reach_the_children(start: Callable[[str], Process]) -> None:
    assert os.getpgid(start(POLITE).child.pid) != os.getpgid(0)


def test_an_end_is_told_once_with_the_last_line_of_the_log(
    children: Processes, start: Callable[[str], Process]
) -> None:
    process = start("import sys; print('first'); sys.exit('the port is in use')")
    until(lambda: process.has_ended)
    assert children.ended() == [process]
    assert children.ended() == []
    error = end_of(process)
    assert isinstance(error, ProcessEnded)
    assert str(error) == "the child ended with code 1: the port is in use"
    assert str(process.log) in error.hint


def test_the_log_of_an_earlier_run_is_kept(start: Callable[[str], Process]) -> None:
    first = start("print('first')")
    until(lambda: first.has_ended)
    second = start("print('second')")
    until(lambda: second.has_ended)
    assert second.log.read_text().splitlines() == ["first", "second"]
