"""Events that somebody tells over HTTP: `POST /hooks/<workflow>`, signed, journalled before the answer.

The request is signed as "Standard Webhooks" has it (standardwebhooks.com), so that its libraries fit:
HMAC-SHA256 over `<id>.<timestamp>.<body>`, the id being what tells events apart, in the header
`Idempotency-Key` (or the standard's own `Webhook-Id`, which is the same here). Nothing of a body is looked at
before the signature is right.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from worknet.node.errors import JournalError
from worknet.node.inbox import Aside, Kind
from worknet.node.ingest.events import EventBook
from worknet.node.ingest.rows import MalformedError, RowForm, elements_of
from worknet.node.ingest.writing import in_thread
from worknet.node.journal.events import Fate
from worknet.protocol.canonical import encode, to_hex

log = structlog.get_logger()

LEAST_SECRET = 24
"""How many bytes a secret has at the least, as the standard says."""

TELL_SECONDS = 1.0
"""How often refused requests are told of at the most: anybody who may connect can send such."""

_IDENTITY = re.compile(r"[!-~]{1,255}", re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class RefusalError(Exception):
    """A request that is not taken: the HTTP status, and the reason that the sender is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class SecretFormError(Exception):
    """A secret that cannot be one. The text says why and nothing of the secret."""


@dataclass(frozen=True)
class Webhook:
    """The webhook of one workflow.

    `secrets` are all taken at once, so that one can be renewed; `tolerance` is by how many seconds the
    timestamp of a request may be off, `most_bytes` how large its body may be.
    """

    book: EventBook
    form: RowForm
    secrets: Sequence[bytes] = field(repr=False)
    tolerance: int = 300
    most_bytes: int = 1 << 16
    clock: Callable[[], float] = time.time


def secret_of(text: str) -> bytes:
    """The key that a secret's text stands for: after `whsec_` base64, else the text itself.

    Raises `SecretFormError` for one that is too short to be guessed by nobody.
    """
    prefix, found, encoded = text.partition("whsec_")
    if found and not prefix:
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise SecretFormError("what follows whsec_ is no base64") from None
    else:
        key = text.encode()
    if len(key) < LEAST_SECRET:
        raise SecretFormError(f"a secret of {len(key)} bytes, where at least {LEAST_SECRET} are due")
    return key


def signature(secret: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """What the header `Webhook-Signature` holds for a request."""
    signed = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, sha256)).decode()


def webhook_routes(hooks: Mapping[str, Webhook]) -> list[Route]:
    """The routes of the webhooks by workflow, for the worker's HTTP server."""
    refusals = _Refusals()

    async def receive(request: Request) -> Response:
        workflow = request.path_params["workflow"]
        try:
            return await _receive(hooks.get(workflow), request)
        except RefusalError as refusal:
            known = workflow if workflow in hooks else ""
            refusals.tell(known, refusal)
            return JSONResponse({"error": refusal.reason}, refusal.status)

    return [Route("/hooks/{workflow}", receive, methods=["POST"])]


class _Refusals:
    """Counts the requests that were refused, and tells of them now and then."""

    def __init__(self) -> None:
        self._refused = 0
        self._told = -inf

    def tell(self, workflow: str, refusal: RefusalError) -> None:
        self._refused += 1
        if time.monotonic() - self._told >= TELL_SECONDS:
            self._told = time.monotonic()
            log.warning(
                "webhook.refused",
                workflow=workflow,
                status=refusal.status,
                reason=refusal.reason,
                refused=self._refused,
            )


async def _receive(hook: Webhook | None, request: Request) -> Response:
    if hook is None:
        raise RefusalError(404, "there is no webhook of that name")
    identity, timestamp, signatures = _headers(request)
    if abs(hook.clock() - timestamp) > hook.tolerance:
        raise RefusalError(401, f"the timestamp is more than {hook.tolerance} s off")
    body = await _body(request, hook.most_bytes)
    expected = [signature(secret, identity, timestamp, body) for secret in hook.secrets]
    # All are compared, and in constant time, so that the time taken says nothing.
    matches = [
        hmac.compare_digest(mine.encode(), given.encode()) for mine in expected for given in signatures
    ]
    if not any(matches):
        raise RefusalError(401, "the signature is not right")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusalError(415, "the content type is not application/json")
    try:
        fate, trigger_id = await in_thread(_journal, hook, identity, body)
    except MalformedError as error:
        raise RefusalError(422, str(error)) from None
    except JournalError:
        # The worker's own loop meets the same journal, and stops.
        raise RefusalError(503, "the event could not be journalled: send it again later") from None
    if fate in {Fate.CONFLICT, Fate.KNOWN_CONFLICT}:
        raise RefusalError(409, "an event with this key came before, with another content")
    answer = {"trigger": to_hex(trigger_id), "fate": fate.value}
    return JSONResponse(answer, 202 if fate is Fate.NEW else 200)


def _journal(hook: Webhook, identity: str, body: bytes) -> tuple[Fate, bytes]:
    """Takes a request whose sender is known. What is no row is set aside, and `MalformedError` raised."""
    try:
        # An array has no identity of its own, even one of one element.
        row = hook.form.row(body if body.lstrip()[:1] == b"[" else elements_of(body)[0])
    except MalformedError as error:
        hook.book.take([], [Aside(Kind.MALFORMED, str(error), body)])
        raise
    happening = hook.book.happening([identity], encode(row))
    return hook.book.take([happening])[0], happening.trigger_id


def _headers(request: Request) -> tuple[str, int, list[str]]:
    """The identity, the timestamp and the signatures that a request's headers hold."""
    # The draft of Idempotency-Key has it in quotes, and many leave them out: both mean the same event.
    given = {_unquoted(name) for name in request.headers.getlist("idempotency-key")}
    given |= set(request.headers.getlist("webhook-id"))
    if len(given) != 1:
        raise RefusalError(400, "the header Idempotency-Key is missing, or there are several that differ")
    identity = given.pop()
    if not _IDENTITY.fullmatch(identity) or "." in identity or '"' in identity:
        raise RefusalError(
            400, "Idempotency-Key is not 1 to 255 visible ASCII characters without . and quotes"
        )
    timestamp = request.headers.get("webhook-timestamp", "")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise RefusalError(400, "the header Webhook-Timestamp is not in Unix seconds")
    signatures = request.headers.get("webhook-signature", "").split()
    if not 1 <= len(signatures) <= 10:
        raise RefusalError(401, "the header Webhook-Signature is missing, or holds more than ten")
    return identity, int(timestamp), signatures


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 2 and value[0] == value[-1] == '"' else value


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > most:
                raise RefusalError(413, f"the body is larger than {most} bytes")
    except ClientDisconnect:
        raise RefusalError(400, "the sender went away") from None
    return bytes(body)
