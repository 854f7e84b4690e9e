"""Health for everyone who may connect, `/admin` with the key alone."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from worknet.config.operations import HealthSection
from worknet.node.errors import UnknownVoting
from worknet.node.operations import admin
from worknet.node.operations.admin import admin_routes, health_routes
from worknet.node.operations.metrics import Metrics
from worknet.node.operations.status import Status

LIMITS = HealthSection()
KEY = "k" * 32
WITH_KEY = {"authorization": f"Bearer {KEY}"}
VOTING = bytes([7]) * 32
ADMIN = [
    ("GET", "/admin/status"),
    ("GET", "/admin/votings"),
    ("GET", f"/admin/voting?voting=0x{VOTING.hex()}"),
    ("GET", "/admin/aside"),
    ("POST", "/admin/drain"),
    ("POST", "/admin/resume"),
    ("POST", f"/admin/retry?voting=0x{VOTING.hex()}"),
]


class Worker:
    """A worker as its operators see it, in a state that a test chooses; it remembers what it was told."""

    def __init__(self) -> None:
        self.now = Status(has_looked=True, role="active", index=0, head=5)
        self.told: list[str] = []

    def status(self) -> Status:
        return self.now

    def drain(self) -> None:
        self.told.append("drain")

    def resume(self) -> None:
        self.told.append("resume")

    def retry(self, voting_id: bytes) -> None:
        if voting_id != VOTING:
            raise UnknownVoting("none such")
        self.told.append("retry")

    def votings(self, limit: int) -> Iterable[Mapping[str, Any]]:
        return [{"voting": f"0x{VOTING.hex()}"}] * limit

    def voting(self, voting_id: bytes) -> Mapping[str, Any]:
        if voting_id != VOTING:
            raise UnknownVoting("none such")
        return {"voting": f"0x{VOTING.hex()}", "reasons": []}

    def aside(self) -> Iterable[Mapping[str, Any]]:
        return [{"workflow": "hourly", "dataset": "meters", "reason": "no JSON", "count": 3}]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(admin, "REFUSED_SECONDS", 0.01)
    return Worker()


class Client:
    """Asks the routes in this process."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, headers)

    def post(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.request("POST", path, headers)

    def request(self, method: str, path: str, headers: Mapping[Any, Any] | None = None) -> httpx.Response:
        return asyncio.run(self._ask(method, path, headers))

    async def _ask(self, method: str, path: str, headers: Mapping[Any, Any] | None) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
            return await client.request(method, path, headers=headers)


@pytest.fixture
def client(worker: Worker) -> Client:
    metrics = Metrics(worker.status, LIMITS)
    health = health_routes(worker.status, LIMITS, metrics)
    return Client(Starlette(routes=[*health, *admin_routes(KEY, worker.status, worker, worker, LIMITS)]))


def test_a_worker_that_could_vote_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_a_worker_that_could_not_vote_says_503_and_why(client: Client, worker: Worker) -> None:
    worker.now = replace(worker.now, chain_fault="127.0.0.1 does not answer")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": [{"reason": "chain unreachable", "detail": "127.0.0.1 does not answer"}],
    }


def test_a_worker_whose_loop_turns_is_alive_even_if_it_is_not_ready(client: Client, worker: Worker) -> None:
    worker.now = replace(worker.now, chain_fault="down")
    assert client.get("/healthz").json() == {"alive": True, "step_age": 0.0}


def test_a_worker_whose_loop_hangs_says_503(client: Client, worker: Worker) -> None:
    worker.now = replace(worker.now, step_age=500)
    assert client.get("/healthz").status_code == 503


def test_metrics_are_read_without_a_key(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "worknet_head_block 5.0" in answer.text


@pytest.mark.parametrize(("method", "path"), ADMIN)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer " + "x" * 32},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": KEY},
        {"authorization": "Bearer \u00e9".encode().decode("latin-1")},
    ],
)
def test_nothing_is_told_or_done_without_the_key(
    client: Client, worker: Worker, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, path, headers={k: v.encode("latin-1") for k, v in headers.items()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert worker.told == []


def test_a_request_without_the_key_waits_and_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(admin.asyncio, "sleep", sleep)
    with capture_logs() as lines:
        for _ in range(3):
            client.get("/admin/status")
    assert waited == [admin.REFUSED_SECONDS] * 3
    assert lines == [
        {"event": "admin.refused", "log_level": "warning", "path": "/admin/status", "refused": 1}
    ]


def test_with_the_key_the_whole_status_is_told(client: Client, worker: Worker) -> None:
    worker.now = replace(worker.now, balance=0)
    document = client.get("/admin/status", headers=WITH_KEY).json()
    assert document["ready"] is False
    assert document["reasons"][0].startswith("key without funds")
    assert document["head"] == 5


def test_votings_are_limited(client: Client) -> None:
    assert len(client.get("/admin/votings?limit=3", headers=WITH_KEY).json()["votings"]) == 3


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "", "9" * 9])
def test_a_limit_that_is_none_is_refused(client: Client, limit: str) -> None:
    assert client.get(f"/admin/votings?limit={limit}", headers=WITH_KEY).status_code == 400


def test_one_voting_is_explained(client: Client) -> None:
    path = f"/admin/voting?voting=0x{VOTING.hex()}"
    assert client.get(path, headers=WITH_KEY).json() == {"voting": f"0x{VOTING.hex()}", "reasons": []}
    assert client.get(f"/admin/voting?voting=0x{bytes(32).hex()}", headers=WITH_KEY).status_code == 404
    assert client.get("/admin/voting?voting=hourly", headers=WITH_KEY).status_code == 400


def test_what_was_set_aside_is_told_by_reason(client: Client) -> None:
    (aside,) = client.get("/admin/aside", headers=WITH_KEY).json()["aside"]
    assert aside == {"workflow": "hourly", "dataset": "meters", "reason": "no JSON", "count": 3}


def test_an_admin_drains_resumes_and_retries(client: Client, worker: Worker) -> None:
    for path in ("/admin/drain", "/admin/resume", f"/admin/retry?voting=0x{VOTING.hex()}"):
        assert client.post(path, headers=WITH_KEY).status_code == 200
    assert worker.told == ["drain", "resume", "retry"]


def test_reading_does_nothing(client: Client, worker: Worker) -> None:
    for path in ("/admin/drain", "/admin/resume", "/admin/retry"):
        assert client.get(path, headers=WITH_KEY).status_code == 405
    assert worker.told == []


def test_a_voting_that_the_worker_does_not_know_is_not_retried(client: Client) -> None:
    assert client.post(f"/admin/retry?voting=0x{bytes(32).hex()}", headers=WITH_KEY).status_code == 404
    assert client.post("/admin/retry?voting=hourly", headers=WITH_KEY).status_code == 400
