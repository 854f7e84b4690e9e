"""`worknet up`: a whole local network votes, ends without a trace, and goes on where it was."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from worknet.chain.errors import ChainError
from worknet.chain.signers import signer_from_key
from worknet.config.local import LocalConfig
from worknet.config.network import NetworkConfig
from worknet.demo.companies import DemoPlan, write
from worknet.demo.profiles import load_profiles
from worknet.network.access import connect, reading_client
from worknet.network.folder import NetworkFolder
from worknet.network.show import NetworkView, view

HOURS = 2


def make(path: Path) -> NetworkFolder:
    return write(path, DemoPlan(3, HOURS, "sealed", "builtin"), load_profiles())


@dataclass
class Up:
    """A running `worknet up` and what it prints."""

    process: "subprocess.Popen[str]"
    log: Path

    def end(self, sent: signal.Signals) -> int:
        self.process.send_signal(sent)
        return self.process.wait(60)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[[NetworkFolder], Up]]:
    running: list[subprocess.Popen[str]] = []

    def start(folder: NetworkFolder) -> Up:
        log = tmp_path / f"up-{len(running)}.log"
        with log.open("w") as output:
            command = [sys.executable, "-m", "worknet", "up", str(folder.path)]
            process = subprocess.Popen(command, stdout=output, stderr=output, text=True)
        running.append(process)
        return Up(process, log)

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def until(condition: Callable[[], bool], seconds: float, log: Path) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


def seen(folder: NetworkFolder) -> NetworkView | None:
    """The network as a stranger sees it; None while there is nothing to see."""
    network = NetworkConfig.load(folder.network_file)
    if network.network.contract is None:
        return None
    port = LocalConfig.load(folder.local_file).chain.port
    with contextlib.suppress(ChainError):
        return view(network, reading_client(network, connect(network, f"http://127.0.0.1:{port}")))
    return None


def processes(folder: NetworkFolder) -> list[str]:
    """The command lines of all processes that run on this folder, or stand in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = (process / "cwd").resolve()
            if int(process.name) != os.getpid() and (
                str(folder.path) in command or place.is_relative_to(folder.path)
            ):
                found.append(command)
    return found


def refusal(folder: NetworkFolder) -> str:
    """What a `worknet up` that cannot start says."""
    command = [sys.executable, "-m", "worknet", "up", str(folder.path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_all_votings_are_recorded_nothing_stays_behind_and_it_goes_on_where_it_was(
    tmp_path: Path, up: Callable[[NetworkFolder], Up]
) -> None:
    folder = make(tmp_path / "demo")
    first = up(folder)
    until(lambda: (found := seen(folder)) is not None and found.log_size == HOURS, 90, first.log)
    before = seen(folder)
    assert before is not None
    assert before.votings == HOURS
    assert [member.index for member in before.members] == [0, 1, 2]
    assert first.end(signal.SIGTERM) == 0
    assert processes(folder) == []
    text = folder.network_file.read_text()

    second = up(folder)
    until(lambda: "up;" in second.log.read_text(), 60, second.log)
    after = seen(folder)
    assert after is not None
    assert (after.contract, after.head, after.votings) == (before.contract, before.head, HOURS)
    assert after.members == before.members
    assert folder.network_file.read_text() == text
    assert "deploying" not in second.log.read_text()
    assert second.end(signal.SIGINT) == 0
    assert processes(folder) == []


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_nothing_stays_behind_when_it_is_killed(tmp_path: Path, up: Callable[[NetworkFolder], Up]) -> None:
    folder = make(tmp_path / "demo")
    running = up(folder)
    until(lambda: "up;" in running.log.read_text(), 60, running.log)
    running.process.kill()
    running.process.wait()
    until(lambda: processes(folder) == [], 30, running.log)


@pytest.mark.long
def test_the_chains_port_in_use_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    folder = make(tmp_path / "demo")
    text = folder.network_file.read_text()
    port = LocalConfig.load(folder.local_file).chain.port
    with socket.create_server(("127.0.0.1", port)):
        said = refusal(folder)
    assert re.search(rf"^error: .*{port}", said, re.MULTILINE)
    assert "hint: " in said
    assert folder.network_file.read_text() == text


@pytest.mark.long
def test_a_services_port_in_use_is_told_with_its_name(tmp_path: Path) -> None:
    folder = make(tmp_path / "demo")
    port = LocalConfig.load(folder.local_file).services["data-api"].port
    with socket.create_server(("127.0.0.1", port)):
        said = refusal(folder)
    assert f"error: port {port}, on which data-api is to listen, is in use" in said
    assert "hint: stop what listens there, or write another port into local.toml" in said
    assert processes(folder) == []


@pytest.mark.long
def test_a_folder_without_a_network_is_told(tmp_path: Path) -> None:
    said = refusal(NetworkFolder(tmp_path))
    assert "holds no local network" in said
    assert "worknet init" in said


@pytest.mark.long
def test_another_chain_id_in_the_file_is_told_with_its_key(tmp_path: Path) -> None:
    folder = make(tmp_path / "demo")
    text = folder.network_file.read_text()
    folder.network_file.write_text(text.replace("31337", "246"))
    assert re.search(
        r"network\.toml, line \d+: network\.chain_id: .* is for chain id 31337, but", refusal(folder)
    )


@pytest.mark.long
def test_a_chain_that_was_begun_anew_is_told_from_the_one_in_the_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "demo")
    stranger = signer_from_key(b"\x05" * 32, 31337).address.hex()
    text = folder.network_file.read_text()
    filled = f'[network]\ncontract = "0x{stranger}"\ndeployed_block = 1'
    folder.network_file.write_text(text.replace("[network]", filled))
    assert f"there is no contract at 0x{stranger}" in refusal(folder)
