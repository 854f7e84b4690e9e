"""A network under the eyes of its operators, and of the public: health, metrics, admin API, alerts, log and
publications of workers that run.

Three companies vote on two slots. In the first only gamma cannot read its data; in the second only alpha
can, so that the voting comes to nothing, in both of its attempts, and the workflow's handler decides.
"""

import base64
import hmac
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.workflow.conftest import bundle_of

from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.network.local import LocalNetwork, free_port
from worknet.node.operations.events import EVENTS
from worknet.protocol.times import time_text
from worknet.verify import parse, verify

pytestmark = pytest.mark.long

MEMBERS = ("alpha", "beta", "gamma")
HOUR = 3600
FIRST = 1_900_000_800 // HOUR * HOUR
KEY = "operators-only-0123456789abcdef-0123"
PATIENCE = 90.0
PUBLIC = "public "
"""Before a member's name: the port at which it answers everybody."""
SECRET = "shared-with-the-desk-0123456789abcdef"
HANDLER = """
from worknet.workflow import Alert, CallWebhook

@run.on_unresolved
def tell(context, evidence):
    about = {"voting": evidence.voting_id, "missing": list(evidence.last.missing)}
    return [Alert(f"no result for {evidence.window.start}", level="failure"), CallWebhook("desk", about)]
"""


class Channel(ThreadingHTTPServer):
    """Where alerts go, and the calls of a webhook: a server that takes what apprise's `json://` sends."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805 - `self` is the channel
                body = handler.rfile.read(int(handler.headers["content-length"]))
                if handler.path == "/desk":
                    self.calls.append(({name.lower(): text for name, text in handler.headers.items()}, body))
                else:
                    self.received.append(json.loads(body))
                handler.send_response(200)
                handler.end_headers()

            def log_message(self, *_: object) -> None:
                """Not onto the tests' output."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[dict[str, str]] = []
        self.calls: list[tuple[dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


@dataclass
class Operated:
    """The network that runs, and what its operators see."""

    network: LocalNetwork
    ports: dict[str, int]
    channel: Channel

    @property
    def folder(self) -> NetworkFolder:
        return self.network.folder

    def ask(self, member: str, path: str, *, key: str = "", method: str = "GET") -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.request(
            method, f"http://127.0.0.1:{self.ports[member]}{path}", headers=headers, timeout=10
        )

    def published(self, member: str, name: str = "") -> httpx.Response:
        return self.ask(PUBLIC + member, f"/published/{name}")

    def is_ready(self, member: str) -> bool:
        try:
            return self.ask(member, "/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def reasons(self, member: str) -> list[str]:
        return [each["reason"] for each in self.ask(member, "/readyz").json()["reasons"]]

    def metrics(self, member: str) -> dict[tuple[str, ...], float]:
        """The samples that are not zero: name and label values."""
        text = self.ask(member, "/metrics").text
        return {
            (sample.name, *(value for value in sample.labels.values() if value)): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.value and not sample.name.endswith("_created")
        }

    def ballots(self, member: str) -> dict[str, float]:
        """`worknet_ballots_total` as the issue writes it: outcome, or outcome and cause."""
        found = {}
        for family in text_string_to_metric_families(self.ask(member, "/metrics").text):
            for sample in family.samples:
                if sample.name == "worknet_ballots_total":
                    words = (sample.labels["outcome"], sample.labels["cause"])
                    found[": ".join(filter(None, words))] = sample.value
        return found

    def errands(self, member: str) -> set[str]:
        """What of a handler's actions is counted: a worker counts after it has done and journalled one."""
        return {labels[1] for labels in self.metrics(member) if labels[0] == "worknet_fallbacks_total"}

    def log(self, member: str) -> list[dict[str, Any]]:
        files = sorted(self.folder.node(member).glob("worker.log*"), reverse=True)
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def status(self, member: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "worknet", "node", "status", "--json"]
        command.append(str(self.folder.node_file(member)))
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, {name: self.log(name)[-10:] for name in MEMBERS}
            time.sleep(0.1)


def make(path: Path, channel: Channel, ports: dict[str, int]) -> NetworkFolder:
    bundle = path / "tried"
    bundle.mkdir()
    body = "return Result({'out': meters}, {'rows': meters.height})"
    for name, content in bundle_of(body).files.items():
        (bundle / name).write_bytes(content.replace(b"@workflow(", b"@workflow(public_summary=True, "))
    with (bundle / "workflow.py").open("a") as file:
        file.write(HANDLER)
    meters = {"source": "file", "path": "meters-{start}.csv"}
    policy = {
        "start": time_text(FIRST),
        "threshold": "majority",
        "ballots": "open",
        "cast_window": "6s",
        "reveal_window": "10s",
        "stall": "10m",
        "fallback": "alert",
    }
    given = {
        "admin-key": KEY,
        "alert-url": f"json://127.0.0.1:{channel.server_address[1]}/hook",
        "desk-url": f"http://127.0.0.1:{channel.server_address[1]}/desk",
        "desk-secret": SECRET,
    }
    folder = create(
        path / "network",
        NetworkPlan(
            name="operated",
            members=MEMBERS,
            workflow=WorkflowPlan("tried", bundle, policy, {"meters": meters}, is_public=True),
            chain_kind="builtin",
            chain_port=free_port(),
            genesis_time=FIRST + 2 * HOUR,
            allow_unisolated=True,
            secrets=dict.fromkeys(MEMBERS, given),
        ),
    )
    for name in MEMBERS:
        with folder.node_file(name).open("a") as file:
            file.write(f'\n[http]\nlisten = "127.0.0.1:{ports[name]}"\n')
            file.write('\n[admin]\nkey = { file = "admin-key" }\n')
            file.write('\n[log]\nfile = "worker.log"\nmax_size = "2KiB"\nkeep = 100\n')
            file.write('\n[alerts]\nurls = [{ file = "alert-url" }]\n')
            file.write("\n[workflows.tried.webhooks.desk]\n")
            file.write('url = { file = "desk-url" }\nsecret = { file = "desk-secret" }\n')
        text = folder.node_file(name).read_text()
        public = f'[publishing]\nlisten = "127.0.0.1:{ports[PUBLIC + name]}"'
        folder.node_file(name).write_text(text.replace("[publishing]", public))
    for name, start in (("alpha", FIRST), ("beta", FIRST), ("alpha", FIRST + HOUR)):
        (folder.node(name) / f"meters-{start}.csv").write_text("id,wh\na,1\n")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """The network, when both votings are over for every worker, and counted."""
    ports = {name: free_port() for name in [*MEMBERS, *(PUBLIC + name for name in MEMBERS)]}
    with Channel() as channel:
        folder = make(tmp_path_factory.mktemp("operated"), channel, ports)
        with LocalNetwork(folder) as network:
            network.start(lambda _: None)
            operated = Operated(network, ports, channel)
            for name in MEMBERS:
                operated.until(lambda: operated.is_ready(name))  # noqa: B023 - asked at once
            for name in MEMBERS:
                operated.until(
                    lambda: any(each["event"] == "voting.unresolved" for each in operated.log(name))  # noqa: B023
                )
            operated.until(lambda: len(channel.received) == len(channel.calls) == len(MEMBERS))
            for name in MEMBERS:
                operated.until(lambda: operated.errands(name) == {"alert", "call_webhook"})  # noqa: B023
            yield operated
        channel.shutdown()


def test_ballots_are_counted_as_the_chain_has_them(run: Operated) -> None:
    assert run.ballots("alpha") == {"cast": 3, "in consensus": 1}
    assert run.ballots("beta") == {"cast": 1, "in consensus": 1, "not cast: source unavailable": 2}
    assert run.ballots("gamma") == {"not cast: source unavailable": 3}


def test_votings_are_counted_by_their_end(run: Operated) -> None:
    found = run.metrics("alpha")
    assert found["worknet_votings_total", "quorum", "tried"] == 1
    assert found["worknet_votings_total", "unresolved", "tried"] == 1


def test_what_is_measured_is_what_the_chain_says(run: Operated) -> None:
    found = run.metrics("alpha")
    assert found["worknet_ready",] == 1
    assert found["worknet_enrolled", "active"] == 1
    assert 0 < found["worknet_balance_wei",] <= 10**20
    assert found["worknet_policy_version", "tried"] == 1
    assert found["worknet_transactions_total", "cast", "sent"] == 3


def test_people_are_told_that_a_voting_came_to_nothing(run: Operated) -> None:
    titles = sorted(each["title"] for each in run.channel.received)
    assert titles == [f"worknet {name}: no result for {time_text(FIRST + HOUR)}" for name in MEMBERS]


def test_each_workers_handler_calls_the_webhook_under_one_id(run: Operated) -> None:
    assert len({headers["webhook-id"] for headers, _ in run.channel.calls}) == 1
    for headers, body in run.channel.calls:
        assert json.loads(body)["missing"] == [1, 2]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = base64.b64encode(hmac.digest(SECRET.encode(), signed, sha256)).decode()
        assert headers["webhook-signature"] == f"v1,{right}"


def test_what_the_handler_decided_and_what_became_of_it_is_shown(run: Operated) -> None:
    votings = run.ask("alpha", "/admin/votings", key=KEY).json()["votings"]
    ((handling,),) = [each["fallbacks"] for each in votings if each["fallbacks"]]
    assert (handling["when"], handling["attempt"], handling["by"]) == ("unresolved", 2, "handler")
    assert [(each["action"], each["state"]) for each in handling["actions"]] == [
        ("alert", "done"),
        ("call_webhook", "done"),
    ]
    assert run.metrics("alpha")["worknet_fallbacks_total", "alert", "done", "unresolved", "tried"] == 1


def test_the_log_is_rotated_and_has_the_events_of_the_list_alone(run: Operated) -> None:
    assert len(list(run.folder.node("alpha").glob("worker.log*"))) > 1
    told = run.log("alpha")
    assert {each["event"] for each in told} <= EVENTS.keys()
    assert {"worker.started", "worker.ready", "ballot.cast", "ballot.outcome"} <= {e["event"] for e in told}
    assert (run.folder.node("alpha") / "node.log").read_text() == ""


def test_an_admin_sees_votings_with_part_and_cause(run: Operated) -> None:
    votings = run.ask("gamma", "/admin/votings", key=KEY).json()["votings"]
    assert {each["slot"] for each in votings} == {time_text(FIRST), time_text(FIRST + HOUR)}
    assert {each["part"] for each in votings} == {"missing", None}
    assert {cause for each in votings for cause in each["causes"]} == {"source unavailable"}
    assert run.ask("gamma", "/admin/aside", key=KEY).json() == {"aside": []}


def test_the_public_gets_results_of_those_who_voted_for_them_and_of_nobody_else(run: Operated) -> None:
    for name in ("alpha", "beta"):
        run.until(lambda: len(run.published(name).json()["publications"]) == 1)  # noqa: B023 - asked at once
    (listed,) = run.published("alpha").json()["publications"]
    content = run.published("alpha", listed["file"]).content
    assert run.published("beta", listed["file"]).content == content
    assert verify(parse(content), rpc=run.network.url).level == 3
    told = json.loads(content)
    assert told["manifest"]["document"]["summary"] == {"rows": 1}
    assert told["disclosure"] is None
    # All share a folder here; that of a company that could not vote has nothing of its own in it.
    assert not any(each["event"] == "publication.made" for each in run.log("gamma"))
    assert run.ask(PUBLIC + "alpha", "/metrics").status_code == 404


def test_anybody_sees_the_public_result_with_the_network_s_file_alone(run: Operated) -> None:
    run.until(lambda: len(run.published("alpha").json()["publications"]) == 1)
    command = [sys.executable, "-m", "worknet", "voting", "show", str(run.folder.network_file)]
    command += [f"tried@{time_text(FIRST)}", "--rpc", run.network.url, "--json"]
    command += ["--published", f"http://127.0.0.1:{run.ports[PUBLIC + 'alpha']}/published"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)["published"]
    assert told["manifest"]["summary"] == {"rows": 1}
    assert (told["where"], told["wrong"]) == (str(run.folder.published), [])
    assert told["also"] == [command[-1]]


def test_nothing_of_the_admin_api_is_told_without_its_key(run: Operated) -> None:
    assert run.ask("alpha", "/admin/status", key=KEY[:-1] + "x").status_code == 401
    assert any(each["event"] == "admin.refused" for each in run.log("alpha"))


def test_a_worker_that_drains_is_not_ready_until_it_is_resumed(run: Operated) -> None:
    assert run.ask("beta", "/admin/drain", key=KEY, method="POST").status_code == 200
    assert run.reasons("beta") == ["draining"]
    assert run.ask("beta", "/admin/resume", key=KEY, method="POST").status_code == 200
    assert run.is_ready("beta")


def test_the_status_of_a_worker_that_runs_is_its_own(run: Operated) -> None:
    run.ask("beta", "/admin/drain", key=KEY, method="POST")
    ended = run.status("beta")
    run.ask("beta", "/admin/resume", key=KEY, method="POST")
    told = json.loads(ended.stdout)
    assert ended.returncode == 1, ended.stderr
    assert (told["running"], told["ready"]) == (True, False)
    assert told["reasons"][0].startswith("draining")
    assert told["status"]["role"] == "active"
    assert len(told["votings"]) == 2


def test_a_failed_preparation_is_tried_again_at_once(run: Operated) -> None:
    (voting,) = [
        each
        for each in run.ask("gamma", "/admin/votings", key=KEY).json()["votings"]
        if each["slot"] == time_text(FIRST)
    ]
    path = f"/admin/retry?voting={voting['voting']}"
    assert run.ask("gamma", path, key=KEY, method="POST").json() == {"retried": voting["voting"]}
    assert (
        run.ask("gamma", path.replace("0x", "0x" + "0" * 8)[:90], key=KEY, method="POST").status_code == 400
    )


def test_at_the_end_what_has_stopped_is_known_to_have_stopped(run: Operated) -> None:
    process = run.network.workers["gamma"].child
    process.terminate()
    assert process.wait(30) == 0
    events = [each["event"] for each in run.log("gamma") if each["event"].startswith("worker.")]
    assert events[-2:] == ["worker.stopping", "worker.stopped"]
    ended = run.status("gamma")
    told = json.loads(ended.stdout)
    assert ended.returncode == 1, ended.stderr
    assert told["reasons"] == ["not running"]
    assert told["failures"]["source unavailable"] >= 2
    assert told["status"]["role"] == "active"
    assert run.network._chain is not None
    run.network._chain.stop()
    run.until(lambda: run.reasons("alpha") == ["chain unreachable"])
    assert run.ask("alpha", "/healthz").status_code == 200
