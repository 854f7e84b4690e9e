"""`worknet node status` asks the worker that runs, and knows whom it asks."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from worknet.cli import node_status
from worknet.cli.node_status import Answer
from worknet.config import NodeConfig
from worknet.network.local import free_port

KEY = "k" * 32
NODE = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"
[chain]
rpc = "http://127.0.0.1:8545"
[key]
keystore = "worker.json"
password = {{ file = "worker.password" }}
[http]
listen = "127.0.0.1:{port}"
"""
NOT_READY = {"ready": False, "reasons": [{"reason": "chain stale", "detail": "block 7 for 400 s"}]}
STATUS = {
    "worker": "0x01",
    "index": 2,
    "role": "active",
    "balance": "1500000000000000000",
    "head": 7,
    "workflows": [{"name": "hourly", "policy_version": 3}],
    "feeds": [{"workflow": "hourly", "name": "meters", "kind": "nats", "fault": "refused"}],
    "preparing": 1,
    "open_votings": 2,
    "in_flight": 0,
    "errands": 1,
}
VOTING = {
    "slot": "2026-01-01T00:00:00Z",
    "workflow": "hourly",
    "state": "consensus",
    "part": "agreed",
    "causes": [],
    "fallbacks": [],
}


class Listening(ThreadingHTTPServer):
    """Something that listens; what it answers, and when, is the test's."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers: dict[str, object] = {}
        self.may_answer = threading.Event()
        self.may_answer.set()


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Listening)
        self.server.may_answer.wait(10)
        path = self.path.partition("?")[0]
        is_allowed = not path.startswith("/admin") or self.headers["authorization"] == f"Bearer {KEY}"
        answer = self.server.answers.get(path)
        self.send_response(401 if not is_allowed else 200 if answer is not None else 404)
        self.end_headers()
        self.wfile.write(answer.encode() if isinstance(answer, str) else json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Not onto the tests' output."""


@pytest.fixture
def worker() -> Iterator[Listening]:
    with Listening() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.may_answer.set()
        server.shutdown()


Ask = Callable[..., Answer | None]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    def asked(port: int, key: str | None = None) -> Answer | None:
        file = tmp_path / "node.toml"
        text = NODE.format(port=port)
        if key is not None:
            (tmp_path / "admin.key").write_text(key)
            (tmp_path / "admin.key").chmod(0o600)
            text += '[admin]\nkey = { file = "admin.key" }\n'
        file.write_text(text)
        return node_status._asked(NodeConfig.load(file))

    return asked


def test_a_worker_tells_why_it_is_not_ready_without_a_key(worker: Listening, ask: Ask) -> None:
    worker.answers["/readyz"] = NOT_READY
    answer = ask(worker.server_address[1])
    assert answer == Answer(running=True, ready=False, reasons=["chain stale: block 7 for 400 s"])


def test_a_worker_tells_all_that_it_knows_with_its_key(worker: Listening, ask: Ask) -> None:
    worker.answers = {
        "/readyz": {"ready": True, "reasons": []},
        "/admin/status": STATUS,
        "/admin/votings": {"votings": [VOTING]},
    }
    answer = ask(worker.server_address[1], KEY)
    assert answer is not None
    assert (answer.ready, answer.status, answer.votings) == (True, STATUS, [VOTING])


def test_a_key_that_the_worker_does_not_take_is_told(
    worker: Listening, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.answers["/readyz"] = {"ready": True, "reasons": []}
    answer = ask(worker.server_address[1], "x" * 32)
    assert answer is not None
    assert answer.status == {}
    assert "does not take the key of [admin]" in capsys.readouterr().err


def test_a_worker_that_hangs_is_running_and_not_ready(
    worker: Listening, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_status, "ASK_SECONDS", 0.2)
    worker.may_answer.clear()
    answer = ask(worker.server_address[1])
    assert answer is not None
    assert (answer.running, answer.ready) == (True, False)
    assert answer.reasons == [f"http://127.0.0.1:{worker.server_address[1]} does not answer"]


def test_where_nobody_listens_nobody_answers(ask: Ask) -> None:
    assert ask(free_port()) is None


@pytest.mark.parametrize("page", ["<html>", "[]", "{}", '{"ready": true, "reasons": [1]}', '"ready"'])
def test_what_is_no_worker_is_not_believed(
    worker: Listening, ask: Ask, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    worker.answers["/readyz"] = page
    assert ask(worker.server_address[1]) is None
    assert "is no worker" in capsys.readouterr().err


def test_a_person_reads_what_matters_first() -> None:
    answer = Answer(True, False, ["chain stale: block 7 for 400 s"], STATUS, [VOTING], {"bad data": 2})
    lines = node_status._text("alpha", answer).splitlines()
    assert lines == [
        "alpha: not ready",
        "  chain stale: block 7 for 400 s",
        "key 0x01: index 2, active, balance 1.5",
        "chain: block 7",
        "workflow hourly: policy version 3",
        "feed hourly/meters (nats): refused",
        "preparing 1, votings open 2, transactions in flight 0, errands waiting 1",
        "no ballot in the last week: bad data (2 times)",
        "voting hourly, slot 2026-01-01T00:00:00Z: consensus, agreed",
    ]


def test_what_was_decided_after_another_attempt_is_told_apart() -> None:
    alerted = {"when": "unresolved", "by": "handler", "cause": "", "actions": []}
    voting = {**VOTING, "fallbacks": [{**alerted, "attempt": 2}, {**alerted, "attempt": 4}]}
    lines = node_status._text("alpha", Answer(True, True, [], STATUS, [voting])).splitlines()
    assert lines[-2:] == [
        "  unresolved after attempt 2, by handler: nothing",
        "  unresolved after attempt 4, by handler: nothing",
    ]
