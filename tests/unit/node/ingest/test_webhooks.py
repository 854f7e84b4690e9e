"""Webhooks over real HTTP: who may tell an event, what is answered, what a replay or forgery comes to."""

import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import httpx
import pytest
from structlog.testing import capture_logs
from tests.unit.node.ingest.given import FORM, KEY, book

from worknet.node.errors import JournalError
from worknet.node.ingest import webhooks
from worknet.node.ingest.webhooks import SecretFormError, Webhook, secret_of, webhook_routes
from worknet.node.journal import Journal
from worknet.node.operations.server import HttpServer, application
from worknet.protocol.ids import event_trigger_id
from worknet.workflow.triggers import OnWebhook

NOW = 1_700_000_000
SECRET, RENEWED = b"s" * 32, b"t" * 32
BODY = b'{"batch": "b1", "wh": 7}'
KEYED = "8e03978e-40d5-43dd-bc93-6894a57f9324"


class Sender:
    """Sends requests to the webhook of workflow `billing`, well signed if a test does not say otherwise."""

    def __init__(self, port: int, hooks: dict[str, Webhook]) -> None:
        self.hooks = hooks
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    def send(
        self,
        body: bytes = BODY,
        *,
        key: str = KEYED,
        at: int = NOW,
        secret: bytes = SECRET,
        path: str = "/hooks/billing",
        **headers: str | None,
    ) -> httpx.Response:
        signed = hmac.digest(secret, f"{key}.{at}.".encode() + body, sha256)
        given: dict[str, str | None] = {
            "idempotency_key": key,
            "webhook_timestamp": str(at),
            "webhook_signature": "v1," + base64.b64encode(signed).decode(),
            "content_type": "application/json",
            **headers,
        }
        sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
        return self.client.post(path, content=body, headers=sent)


@pytest.fixture
def hook(journal: Journal) -> Webhook:
    return Webhook(book(journal, OnWebhook("order")), FORM, [SECRET], most_bytes=1000, clock=lambda: NOW)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[dict[str, Webhook], int]]:
    """One server for all tests, and the hooks that it serves."""
    hooks: dict[str, Webhook] = {}
    server = HttpServer(application(webhook_routes(hooks)), "127.0.0.1", 0)
    server.start()
    yield hooks, server.port
    server.close()


@pytest.fixture
def sender(hook: Webhook, server: tuple[dict[str, Webhook], int]) -> Iterator[Sender]:
    hooks, port = server
    hooks["billing"] = hook
    sender = Sender(port, hooks)
    yield sender
    sender.client.close()


def opened(journal: Journal) -> list[bytes]:
    return [event.trigger_id for event in journal.events.open("billing")]


def test_a_signed_event_is_journalled_and_accepted(journal: Journal, sender: Sender) -> None:
    answer = sender.send()
    trigger_id = event_trigger_id(KEY, "billing", "order", "webhook", KEYED)
    assert (answer.status_code, answer.json()) == (202, {"trigger": "0x" + trigger_id.hex(), "fate": "new"})
    assert opened(journal) == [trigger_id]
    assert json.loads(journal.events.payload("billing", trigger_id) or b"") == {"batch": "b1", "wh": 7}


def test_the_same_event_again_is_answered_as_a_duplicate(journal: Journal, sender: Sender) -> None:
    sender.send()
    assert sender.send(at=NOW + 5).status_code == 200
    assert len(opened(journal)) == 1


def test_the_same_key_with_another_content_is_a_conflict(journal: Journal, sender: Sender) -> None:
    sender.send()
    for _ in range(2):
        assert sender.send(b'{"batch": "b1", "wh": 8}').status_code == 409
    (trigger_id,) = opened(journal)
    assert journal.events.conflicts("billing", trigger_id) == [b'{"batch":"b1","wh":8}']


@pytest.mark.parametrize(
    "headers",
    [
        {"idempotency_key": f'"{KEYED}"'},
        {"idempotency_key": None, "webhook_id": KEYED},
        {"webhook_id": KEYED},
    ],
)
def test_the_key_may_be_quoted_or_called_as_standard_webhooks_do(
    journal: Journal, sender: Sender, headers: dict[str, str | None]
) -> None:
    sender.send()
    assert sender.send(**headers).status_code == 200  # type: ignore[arg-type]  # headers only
    assert len(opened(journal)) == 1


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"idempotency_key": None}, 400, "Idempotency-Key is missing"),
        ({"idempotency_key": "another"}, 401, "signature"),
        ({"webhook_id": "another"}, 400, "several that differ"),
        ({"key": "a.b"}, 400, "visible ASCII characters"),
        ({"key": "x" * 256}, 400, "visible ASCII characters"),
        ({"webhook_timestamp": None}, 400, "Webhook-Timestamp"),
        ({"webhook_timestamp": "now"}, 400, "Webhook-Timestamp"),
        ({"webhook_timestamp": str(NOW + 1)}, 401, "signature"),
        ({"at": NOW - 301}, 401, "timestamp"),
        ({"at": NOW + 301}, 401, "timestamp"),
        ({"webhook_signature": None}, 401, "Webhook-Signature is missing"),
        ({"webhook_signature": "v1,AAAA"}, 401, "signature"),
        ({"webhook_signature": "v1," + "A" * 43 + "="}, 401, "signature"),
        ({"webhook_signature": " ".join(["v1,AAAA"] * 11)}, 401, "more than ten"),
        ({"secret": b"x" * 32}, 401, "signature"),
        ({"body": b" " * 1001}, 413, "larger than 1000 bytes"),
        ({"content_type": "text/plain"}, 415, "application/json"),
        ({"content_type": None}, 415, "application/json"),
        ({"body": b"{"}, 422, "no JSON"),
        ({"body": b"[%s]" % BODY}, 422, "no object"),
        ({"body": b'{"batch": "b1", "wh": 1.5}'}, 422, "column wh"),
        ({"body": b'{"batch": "b1"}'}, 422, "the field is missing"),
        ({"path": "/hooks/other"}, 404, "no webhook of that name"),
    ],
)
def test_what_is_not_taken_is_answered_with_the_reason(
    journal: Journal, sender: Sender, changed: dict[str, str], status: int, reason: str
) -> None:
    answer = sender.send(**changed)  # type: ignore[arg-type]  # of several types
    assert (answer.status_code, reason in answer.json()["error"]) == (status, True), answer.text
    assert opened(journal) == []


def test_only_a_request_whose_signature_is_right_is_set_aside_when_it_is_malformed(
    journal: Journal, sender: Sender
) -> None:
    sender.send(b"{", secret=b"x" * 32)
    assert journal.inbox.asides("billing", "event") == []
    sender.send(b"{")
    (aside,) = journal.inbox.asides("billing", "event")
    assert aside.body == b"{"


def test_while_a_secret_is_renewed_both_are_taken(hook: Webhook, sender: Sender) -> None:
    sender.hooks["billing"] = replace(hook, secrets=[SECRET, RENEWED])
    assert sender.send(secret=SECRET).status_code == 202
    assert sender.send(secret=RENEWED).status_code == 200


def test_of_several_signatures_one_must_be_right(sender: Sender) -> None:
    signed = "v1," + base64.b64encode(hmac.digest(SECRET, f"{KEYED}.{NOW}.".encode() + BODY, sha256)).decode()
    assert sender.send(webhook_signature=f"v1,AAAA {signed}").status_code == 202
    assert sender.send(webhook_signature="v1,AAAA v1a,BBBB").status_code == 401


def test_an_event_that_cannot_be_journalled_is_to_be_sent_again(
    journal: Journal, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> object:
        raise JournalError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(journal.events, "take", fails)
        assert sender.send().status_code == 503
    assert sender.send().status_code == 202


def test_nothing_but_post_is_answered(sender: Sender) -> None:
    assert sender.client.get("/hooks/billing").status_code == 405


def test_requests_that_anybody_may_send_fill_no_log(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    with capture_logs() as logs:
        for seconds, path in [(0, "billing"), *[(60, "billing")] * 5, (0, "other")]:
            monkeypatch.setattr(webhooks, "TELL_SECONDS", seconds)
            sender.send(path=f"/hooks/{path}", secret=b"x" * 32)
    assert [(told["workflow"], told["status"]) for told in logs] == [("billing", 401), ("", 404)]
    assert logs[1]["refused"] - logs[0]["refused"] == 6


def test_neither_secret_nor_content_nor_key_is_ever_told(
    sender: Sender, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TELL_SECONDS", 0)
    with capture_logs() as logs:
        sender.send(b'{"batch": "hush", "wh": 1}')
        sender.send(b'{"batch": "hush", "wh": "hush"}')
        sender.send(path="/hooks/hush")
    said = str(logs) + repr(hook)
    assert len(logs) >= 3
    assert not any(secret in said for secret in ("hush", KEYED, "ssss"))


def test_a_secret_is_text_or_base64_after_whsec() -> None:
    assert secret_of("a" * 24) == b"a" * 24
    assert secret_of("whsec_" + base64.b64encode(b"\xff" * 24).decode()) == b"\xff" * 24


@pytest.mark.parametrize("text", ["short", "whsec_" + "AAAA", "whsec_!!" + "A" * 40])
def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SecretFormError) as caught:
        secret_of(text)
    assert text not in str(caught.value)
