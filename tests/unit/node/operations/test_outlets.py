"""Where errands go, over real HTTP: what a webhook is told, and what is refused in which words."""

import base64
import hmac
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.unit.config.test_operations import load

from worknet.config import ConfigError
from worknet.node.errands import Call, Outlets
from worknet.node.operations import outlets as module
from worknet.node.operations.outlets import open_outlets

SECRET = b"0123456789abcdef0123456789abcdef"
TOKEN = "s3cret-token"
NOW = 1_800_000_000
IDENTITY = "0x" + "ab" * 32
BODY = b'{"n":1}'


class Receiver(ThreadingHTTPServer):
    """A desk's server: it answers with `status`, after `pause` seconds, and notes what came."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805 - `self` is the receiver
                body = handler.rfile.read(int(handler.headers["content-length"]))
                headers = {name.lower(): value for name, value in handler.headers.items()}
                self.came.append((handler.path, headers, body))
                time.sleep(self.pause)
                handler.send_response(self.status)
                handler.send_header("Location", self.url + "elsewhere")
                handler.end_headers()

            def log_message(self, *_: object) -> None:
                """Not onto the tests' output."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        self.status, self.pause = 204, 0.0
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
        running.shutdown()


def opened(folder: Path, url: str, secret: str = SECRET.decode()) -> Outlets:
    """The outlets of a worker with one webhook, `desk` of the workflow `hourly`."""
    for name, content in (("desk.url", url), ("desk.secret", secret)):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    hook = 'url = { file = "desk.url" }\nsecret = { file = "desk.secret" }'
    return open_outlets(load(folder, f"[workflows.hourly.webhooks.desk]\n{hook}"), lambda: NOW + 0.5)


def desk(folder: Path, url: str, **more: Any) -> Call:
    return opened(folder, url, **more).hooks["hourly"]["desk"]


def test_a_call_carries_id_time_and_signature_of_standard_webhooks(
    tmp_path: Path, receiver: Receiver
) -> None:
    assert desk(tmp_path, receiver.url + TOKEN)(IDENTITY, BODY) == ""
    ((path, headers, body),) = receiver.came
    assert (path, body, headers["content-type"]) == (f"/{TOKEN}", BODY, "application/json")
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (IDENTITY, str(NOW))
    signed = hmac.digest(SECRET, f"{IDENTITY}.{NOW}.".encode() + BODY, sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()


def test_a_renewed_secret_and_address_are_found(tmp_path: Path, receiver: Receiver) -> None:
    call = desk(tmp_path, "http://127.0.0.1:9/")
    renewed = b"f" * 32
    (tmp_path / "desk.url").write_text(receiver.url)
    (tmp_path / "desk.secret").write_text("whsec_" + base64.b64encode(renewed).decode())
    assert call(IDENTITY, BODY) == ""
    signed = hmac.digest(renewed, f"{IDENTITY}.{NOW}.".encode() + BODY, sha256)
    assert receiver.came[0][1]["webhook-signature"] == "v1," + base64.b64encode(signed).decode()


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (307, "the server redirects (status 307), which is not followed"),
        (400, "the server refused it (status 400)"),
        (410, "the server refused it (status 410)"),
        (429, "the server answered with status 429"),
        (503, "the server answered with status 503"),
    ],
)
def test_only_what_the_server_took_is_done(
    tmp_path: Path, receiver: Receiver, status: int, fault: str
) -> None:
    receiver.status = status
    told = desk(tmp_path, receiver.url + TOKEN)(IDENTITY, BODY)
    assert told == f"http://127.0.0.1:{receiver.server_port}: {fault}"
    assert len(receiver.came) == 1


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_allowed(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALL_SECONDS", 0.2)
    receiver.pause = 1.0
    assert "no answer within 0.2 s" in desk(tmp_path, receiver.url + TOKEN)(IDENTITY, BODY)


def test_a_server_that_is_not_there_is_told_without_the_rest_of_its_address(tmp_path: Path) -> None:
    told = desk(tmp_path, f"http://user:{TOKEN}@127.0.0.1:9/{TOKEN}")(IDENTITY, BODY)
    assert told == "http://127.0.0.1:9: the connection failed (ConnectError)"


@pytest.mark.parametrize("url", ["ftp://host/", "desk", "http://", "http://host:99999/"])
def test_what_is_no_address_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"workflows.hourly.webhooks.desk.url: no http"):
        opened(tmp_path, url)


def test_a_secret_that_could_be_guessed_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"webhooks.desk.secret: a secret of 5 bytes") as caught:
        opened(tmp_path, "http://host/", secret="s3crt")
    assert "s3crt" not in str(caught.value)


def test_a_secret_that_is_gone_later_is_told_and_ends_no_worker(tmp_path: Path, receiver: Receiver) -> None:
    call = desk(tmp_path, receiver.url)
    (tmp_path / "desk.secret").unlink()
    assert "desk.secret" in call(IDENTITY, BODY)
    assert receiver.came == []


def test_a_reference_is_due_and_never_the_address_or_secret_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a reference to a secret") as caught:
        load(tmp_path, f'[workflows.hourly.webhooks.desk]\nurl = "http://h/{TOKEN}"\nsecret = "{TOKEN}"')
    assert TOKEN not in str(caught.value)


def test_alerts_are_told_under_the_workers_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr("worknet.node.operations.alerts.send_apart", lambda alert: told.append(alert) or "")
    (tmp_path / "u").write_text("json://127.0.0.1:9/")
    (tmp_path / "u").chmod(0o600)
    found = open_outlets(load(tmp_path, '[alerts]\nurls = [{ file = "u" }]\nevery = "1m"'))
    assert found.every == 60
    assert found.send is not None
    assert found.send("it came to nothing", "see to it", "failure") == ""
    assert told == [
        {
            "urls": ["json://127.0.0.1:9/"],
            "title": "worknet alpha: it came to nothing",
            "body": "see to it",
            "kind": "failure",
        }
    ]


def test_without_alerts_and_webhooks_there_are_no_outlets(tmp_path: Path) -> None:
    assert open_outlets(load(tmp_path, "")) == Outlets()
