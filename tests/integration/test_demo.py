"""`worknet demo` as a new user runs it: twice, interrupted, killed; and searched for secrets afterwards."""

import base64
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from tests.integration.test_up import processes

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.chain.rpc import Rpc
from worknet.config.network import NetworkConfig
from worknet.network.folder import NetworkFolder
from worknet.protocol.voting import State, Voting
from worknet.verify.command import REFUSED, VERIFIED, run

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]

HOURS = 3
END_SECONDS = 150
MEMORY_LIMIT = 250 << 20
KIB = 1024


@dataclass
class Demo:
    """A demo in a folder, and what it prints."""

    folder: NetworkFolder
    hours: int = HOURS
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        arguments = [
            "demo",
            "--hours",
            str(self.hours),
            "--chain",
            "builtin",
            "--json",
            "--out",
            str(self.path),
        ]
        with self.output("out").open("wb") as out, self.output("err").open("wb") as err:
            command = [sys.executable, "-m", "worknet", *arguments]
            self.process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)

    @property
    def path(self) -> Path:
        return self.folder.path

    def output(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{name}")

    def said(self) -> str:
        return self.output("out").read_text() + self.output("err").read_text()

    def end(self) -> int:
        return self.process.wait(END_SECONDS)

    def document(self) -> dict[str, Any]:
        """The last line of its output."""
        last: dict[str, Any] = json.loads(self.output("out").read_text().splitlines()[-1])
        return last

    def log(self, member: str) -> list[dict[str, Any]]:
        """The events in a worker's log so far."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder.node(member) / "node.log").read_text().splitlines(keepends=True)
            return [json.loads(line) for line in lines if line.endswith("\n")]
        return []

    def until(self, condition: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def until_sealed(self, member: str) -> None:
        self.until(lambda: any(event["event"] == "ballot.sealed" for event in self.log(member)))

    def votings(self) -> list[Voting]:
        """All votings as a stranger saw them at the end."""
        network = NetworkConfig.load(self.folder.network_file)
        contract, block = network.deployed()
        nobody = NetworkClient(Rpc("http://127.0.0.1:1", network.network.chain_id), contract)
        index = NetworkIndex(self.path / "watch.sqlite", nobody, block)
        try:
            found = [index.voting(each.voting_id, now=0) for each in index.votings(now=0, limit=-1)]
            return [voting for voting in found if voting is not None]
        finally:
            index.close()


@dataclass
class Finished:
    """A demo that was played twice in one folder, and the most memory that a worker took meanwhile."""

    demo: Demo
    documents: list[dict[str, Any]]
    pss: int
    rss: int


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = NetworkFolder(tmp_path_factory.mktemp("demo") / "out")
    documents = []
    with _MemoryWatch(folder.path) as watch:
        for _ in range(2):
            demo = Demo(folder)
            assert demo.end() == 0, demo.said()
            assert processes(folder) == []
            documents.append(demo.document())
    return Finished(demo, documents, watch.pss, watch.rss)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts a demo, which is killed at the test's end if it still runs."""
    started: list[Demo] = []

    def start(hours: int = HOURS) -> Demo:
        started.append(Demo(NetworkFolder(tmp_path / f"demo{len(started)}"), hours))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


# The end


def test_the_json_tells_what_was_agreed_and_verified(finished: Finished) -> None:
    document = finished.documents[-1]
    assert {name: document[name] for name in ("votings", "consensus", "verified", "log_size")} == {
        "votings": HOURS,
        "consensus": HOURS,
        "verified": True,
        "log_size": HOURS,
    }
    assert 0 < document["hourly_score"] <= document["annual_score"] <= 1_000_000
    assert document["head"].startswith(f"{HOURS}:0x")
    assert Path(document["evidence"]).is_file()
    assert document["seconds"] > 0


def test_a_second_demo_replaces_the_first_and_comes_to_the_same_scores(finished: Finished) -> None:
    first, second = finished.documents
    assert first["head"] != second["head"]
    assert [first[name] for name in ("hourly_score", "annual_score", "customer")] == [
        second[name] for name in ("hourly_score", "annual_score", "customer")
    ]


def test_every_worker_voted_in_every_hour_and_all_agreed(finished: Finished) -> None:
    votings = finished.demo.votings()
    assert [(voting.state, len(voting.current.ballots), voting.closed) for voting in votings] == [
        (State.CONSENSUS, 3, True)
    ] * HOURS


def test_a_worker_with_its_runner_stays_under_its_limit_of_memory(finished: Finished) -> None:
    assert 0 < finished.pss < MEMORY_LIMIT, f"PSS {finished.pss >> 20} MiB, RSS {finished.rss >> 20} MiB"


def test_no_secret_stands_anywhere_but_in_its_own_file(finished: Finished) -> None:
    path = finished.demo.path
    files = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    files |= {finished.demo.output(name): finished.demo.output(name).read_bytes() for name in ("out", "err")}
    found = [
        f"{secret.what} in {file.relative_to(path.parent)}"
        for secret in _secrets(finished.demo.folder)
        for file, content in files.items()
        if not secret.may_stand_in(file.relative_to(path.parent)) and secret.stands_in(content)
    ]
    assert found == []


def test_every_flipped_character_of_the_evidence_is_refused(finished: Finished, tmp_path: Path) -> None:
    text = Path(finished.documents[-1]["evidence"]).read_text()
    head = finished.documents[-1]["head"]
    file = tmp_path / "evidence.json"
    file.write_text(text)
    assert run(file, head) == VERIFIED
    accepted = []
    for position in range(0, len(text), 7):
        for other in {chr(ord(text[position]) ^ 1), "0", "f", " "} - {text[position]}:
            file.write_text(text[:position] + other + text[position + 1 :])
            if run(file, head) != REFUSED:
                accepted.append((position, text[position], other))
    assert accepted == []


# Interruptions


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_nothing_stays_behind_when_it_is_stopped(demo: Callable[..., Demo], sent: signal.Signals) -> None:
    stopped = demo()
    stopped.until_sealed("alpha")
    stopped.process.send_signal(sent)
    assert stopped.end() == 130
    assert "Traceback" not in stopped.said()
    assert processes(stopped.folder) == []


def test_nothing_stays_behind_when_it_is_stopped_while_it_starts(demo: Callable[..., Demo]) -> None:
    stopped = demo()
    stopped.until(lambda: "deploying" in stopped.said())
    stopped.process.send_signal(signal.SIGINT)
    assert stopped.end() == 130
    assert processes(stopped.folder) == []


def test_a_killed_demo_leaves_neither_processes_nor_unopened_salts_behind(demo: Callable[..., Demo]) -> None:
    killed = demo()
    killed.until_sealed("alpha")
    killed.process.kill()
    killed.process.wait()
    deadline = time.monotonic() + 5
    while processes(killed.folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(killed.folder) == []
    others = [
        file.read_bytes()
        for file in killed.path.rglob("*")
        if file.is_file() and not file.name.startswith("journal.sqlite")
    ]
    for member in killed.folder.members:
        for salt in _salts(killed.folder, member, revealed=False):
            assert not any(_Secret("salt", salt, ()).stands_in(content) for content in others)


def test_a_worker_that_is_killed_and_started_by_hand_loses_no_voting_and_no_salt(
    demo: Callable[..., Demo],
) -> None:
    hours = 6
    running = demo(hours)
    running.until_sealed("beta")
    os.kill(_pid_of(running.folder.node_file("beta")), signal.SIGKILL)
    command = [sys.executable, "-m", "worknet", "node", "run", str(running.folder.node_file("beta"))]
    with (running.folder.node("beta") / "by-hand.log").open("wb") as log:
        worker = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        assert running.end() == 0, running.said()
    finally:
        worker.terminate()
        assert worker.wait(30) == 0
    votings = running.votings()
    assert [voting.state for voting in votings] == [State.CONSENSUS] * hours
    for voting in votings:
        assert [attempt.seals.keys() - attempt.ballots.keys() for attempt in voting.attempts] == [set()]
    assert len(_salts(running.folder, "beta")) == sum(1 in voting.current.seals for voting in votings)


# What stands where


@dataclass(frozen=True)
class _Secret:
    """A secret, and the files (their names' ends) in which it belongs."""

    what: str
    value: bytes
    places: tuple[str, ...]

    def may_stand_in(self, file: Path) -> bool:
        return any(place in str(file) for place in self.places)

    def stands_in(self, content: bytes) -> bool:
        forms = {self.value, base64.b64encode(self.value)}
        forms |= {self.value.hex().encode(), self.value.hex().upper().encode()}
        return any(form in content for form in forms)


def _secrets(folder: NetworkFolder) -> Iterator[_Secret]:
    yield from _keys(folder.path, ("owner",))
    for member in folder.members:
        place = folder.node(member)
        yield from _keys(place, ("worker", "operator"))
        data_key = bytes.fromhex((place / "data-key-1").read_text())
        yield _Secret("the data key", data_key, ("data-key-1",))
        encryption_key = bytes.fromhex((place / "encryption-key").read_text())
        yield _Secret(f"the encryption key of {member}", encryption_key, (f"{member}/encryption-key",))
        token = (place / "api-token").read_text().strip().encode()
        yield _Secret(f"the token of {member}", token, (f"{member}/api-token", "data-api.tokens"))
        for salt in _salts(folder, member):
            # What was revealed stands on chain.
            yield _Secret(f"a salt of {member}", salt, (f"{member}/data/journal.sqlite", "out/chain/"))


def _keys(place: Path, names: tuple[str, ...]) -> Iterator[_Secret]:
    for name in names:
        password = (place / f"{name}.password").read_text().strip()
        own = f"{place.name}/{name}.password"
        yield _Secret(f"the password of {place.name}/{name}", password.encode(), (own,))
        key = bytes(Account.decrypt(json.loads((place / f"{name}.json").read_text()), password))
        yield _Secret(f"the key of {place.name}/{name}", key, ())


def _salts(folder: NetworkFolder, member: str, *, revealed: bool | None = None) -> list[bytes]:
    """The salts in a worker's journal; False: of ballots for which no reveal was sent."""
    with contextlib.closing(sqlite3.connect(folder.node(member) / "data" / "journal.sqlite")) as journal:
        rows = journal.execute(
            "SELECT salt, EXISTS (SELECT * FROM transactions t WHERE t.voting_id = b.voting_id"
            " AND t.attempt = b.attempt AND t.action = 'reveal') FROM ballots b"
        ).fetchall()
    return [salt for salt, opened in rows if revealed is None or bool(opened) is revealed]


# Processes


def _pid_of(node_file: Path) -> int:
    """The process of the worker with this configuration."""
    (pid,) = (pid for pid in _pids() if {b"run", str(node_file.resolve()).encode()} <= _command(pid))
    return pid


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names, not paths


def _command(pid: int) -> set[bytes]:
    with contextlib.suppress(OSError):
        return set(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    return set()


class _MemoryWatch:
    """Looks twice a second how much memory each worker of a folder takes, with its runner's processes."""

    def __init__(self, folder: Path) -> None:
        self.pss = self.rss = 0
        self._folder = f"{folder}/nodes/".encode()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            pids = _pids()
            parents = {pid: _parent(pid) for pid in pids}
            for pid in pids:
                if not any(part.startswith(self._folder) for part in _command(pid)):
                    continue
                family = [pid]
                for member in family:
                    family += [child for child in pids if parents[child] == member]
                memory = [_memory(each) for each in family]
                self.pss = max(self.pss, sum(pss for pss, _ in memory))
                self.rss = max(self.rss, sum(rss for _, rss in memory))


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _memory(pid: int) -> tuple[int, int]:
    """PSS and RSS in bytes; zero for a process that has ended."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        sizes = {line.split(":")[0]: int(line.split()[1]) * KIB for line in lines}
        return sizes.get("Pss", 0), sizes.get("Rss", 0)
    return 0, 0
