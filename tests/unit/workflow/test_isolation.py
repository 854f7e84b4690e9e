"""Processes of runs: no network, no survivors, nothing left behind, little memory."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from tests.unit.workflow.conftest import METERS, WINDOW, bundle_of

from worknet.workflow.errors import NotIsolatedError, RunnerError, TimedOutError
from worknet.workflow.process import Limits, Process
from worknet.workflow.runner import Runner
from worknet.workflow.scratch import Scratch, sweep


def cuts_network():
    process = Process(bundle_of("pass"), Limits())
    try:
        return process.until_ready() == ""
    finally:
        process.end()


needs_cut = pytest.mark.skipif(
    not cuts_network(), reason="this system does not let a process leave its network"
)


def gone(pid, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def children_of(pid):
    """All below this process."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = {int(child) for task in tasks for child in (task / "children").read_text().split()}
    return children.union(*(children_of(child) for child in children))


@needs_cut
def test_a_run_reaches_no_network_not_even_this_machine():
    body = """
    import socket
    errors = []
    for address in (("127.0.0.1", PORT), ("1.1.1.1", 53), ("::1", PORT)):
        try:
            socket.create_connection(address, timeout=2)
            errors.append("reached")
        except OSError as error:
            errors.append(type(error).__name__)
    try:
        socket.getaddrinfo("example.org", 80)
        errors.append("resolved")
    except OSError:
        errors.append("unresolved")
    return Result({"out": meters}, {"errors": errors, "interfaces": [i[1] for i in socket.if_nameindex()]})
    """
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        bundle = bundle_of(body.replace("PORT", str(server.getsockname()[1])))
        with Runner(bundle) as runner:
            summary = runner.run({"meters": METERS}, WINDOW).summary
    assert "reached" not in summary["errors"]
    assert summary["errors"][-1] == "unresolved"
    assert set(summary["interfaces"]) <= {"lo"}


def test_where_the_network_cannot_be_cut_nothing_runs_unless_allowed(monkeypatch):
    monkeypatch.setattr(Process, "until_ready", lambda _: "unshare: Operation not permitted")
    bundle = bundle_of('return Result({"out": meters})')
    with Runner(bundle) as runner, pytest.raises(NotIsolatedError, match="not permitted") as caught:
        _ = runner.declaration
    assert "allow_unisolated" in caught.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_when_the_parent_is_killed_the_runs_and_the_waiting_processes_die():
    body = "while True: pass"
    code = f"""
    import sys
    sys.path.insert(0, {str(Path(__file__).parents[3])!r})
    from tests.unit.workflow.conftest import METERS, WINDOW, bundle_of
    from worknet.workflow.runner import Runner
    runner = Runner(bundle_of({body!r}), allow_unisolated=True, waiting=3)
    runner.declaration
    runner.run({{"meters": METERS}}, WINDOW)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)]) as parent:
        try:
            end = time.monotonic() + 20
            while len(pids := children_of(parent.pid)) < 3 and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(1.5)
            assert len(pids) >= 3
            pids |= children_of(parent.pid)
        finally:
            parent.send_signal(signal.SIGKILL)
    assert all(gone(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_run_has_started_dies_with_it():
    body = """
    import os, time
    told, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(tell, os.readlink("/proc/self").encode())  # its number outside
            while True:
                time.sleep(60)
        os._exit(0)
    return Result({"out": meters}, {"pid": int(os.read(told, 20))})
    """
    with Runner(bundle_of(body), allow_unisolated=True) as runner:
        pid = runner.run({"meters": METERS}, WINDOW).summary["pid"]
    assert gone(pid)


@needs_cut
def test_a_run_cannot_signal_or_look_into_any_other_process():
    body = """
    import os, signal
    def tried(action):
        try:
            return str(action())
        except OSError as error:
            return type(error).__name__
    outside = [WORKER, int(open("/proc/self/stat").read().split()[3])]
    return Result({"out": meters}, {
        "namespace": os.readlink("/proc/self/ns/pid"),
        "pidfd": [tried(lambda: signal.pidfd_send_signal(os.open(f"/proc/{pid}", os.O_RDONLY), 0))
                  for pid in outside],
        "environ": [tried(lambda: open(f"/proc/{pid}/environ").read()) for pid in outside],
        "files": [tried(lambda: os.readlink(f"/proc/{pid}/fd/0")) for pid in outside]})
    """.replace("WORKER", str(os.getpid()))
    with Runner(bundle_of(body)) as runner:
        summary = runner.run({"meters": METERS}, WINDOW).summary
    assert summary["namespace"] != str(Path("/proc/self/ns/pid").readlink())
    assert summary["pidfd"] == ["OSError"] * 2
    assert summary["environ"] == summary["files"] == ["PermissionError"] * 2


@needs_cut
def test_a_run_that_has_left_its_group_and_its_tie_to_the_parent_is_ended_too():
    body = """
    import ctypes, os, signal, time
    os.setsid()
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    for number in range(1, 32):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
    print(os.readlink("/proc/self"), flush=True)
    time.sleep(60)
    """
    with Runner(bundle_of(body), Limits(wall_seconds=3)) as runner:
        with pytest.raises(TimedOutError) as caught:
            runner.run({"meters": METERS}, WINDOW)
        assert gone(int(caught.value.stderr))


def test_folders_of_runs_are_private_and_gone_afterwards():
    body = """
    import os
    folder = os.getcwd()
    return Result({"out": meters}, {"folder": folder, "mode": os.stat(folder).st_mode & 0o777})
    """
    with Runner(bundle_of(body), allow_unisolated=True) as runner:
        summary = runner.run({"meters": METERS}, WINDOW).summary
    assert summary["mode"] == 0o700
    assert not Path(summary["folder"]).exists()


def test_folders_whose_owner_was_killed_are_swept_up_later(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    used = Scratch()
    for name in ("worknet-run-left", "worknet-run-new", "other"):
        (tmp_path / name / "bundle").mkdir(parents=True)
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    os.utime(tmp_path / "worknet-run-new")
    (tmp_path / "worknet-run-link").symlink_to(tmp_path / "other")
    sweep()
    assert {path.name for path in tmp_path.iterdir()} == {
        used.path.name, "worknet-run-new", "worknet-run-link", "other"
    }  # fmt: skip
    used.remove()
    assert not used.path.exists()


def test_a_waiting_process_that_died_is_replaced():
    with Runner(bundle_of('return Result({"out": meters})'), allow_unisolated=True) as runner:
        _ = runner.declaration
        end = time.monotonic() + 10
        while runner._pool._started.empty() and time.monotonic() < end:
            time.sleep(0.02)
        waiting = runner._pool._started.get()
        os.kill(waiting.pid, signal.SIGKILL)
        assert gone(waiting.pid)
        runner._pool._started.put(waiting)
        assert runner.run({"meters": METERS}, WINDOW).tables["out"].height == 2


def test_closing_ends_the_runs_under_way():
    import threading

    runner = Runner(bundle_of("import time; time.sleep(60)"), allow_unisolated=True)
    _ = runner.declaration
    threading.Timer(1, runner.close).start()
    start = time.monotonic()
    with pytest.raises(RunnerError):
        runner.run({"meters": METERS}, WINDOW)
    assert time.monotonic() - start < 10


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_waiting_process_takes_less_than_100_mib():
    process = Process(bundle_of("pass"), Limits())
    try:
        process.until_ready()
        # What is shared between them is counted once.
        texts = [
            Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in {process.pid, *children_of(process.pid)}
        ]
    finally:
        process.end()
    lines = [line.split() for text in texts for line in text.splitlines()]
    assert sum(int(line[1]) for line in lines if line[0] == "Pss:") < 100 << 10
