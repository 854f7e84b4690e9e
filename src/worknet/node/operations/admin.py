"""What the worker's HTTP server answers: health for everyone who may connect, `/admin` only with the key."""

import asyncio
import hmac
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worknet.config.operations import HealthSection
from worknet.node.errors import UnknownVoting
from worknet.node.operations.control import Control, Records
from worknet.node.operations.metrics import CONTENT_TYPE, Metrics
from worknet.node.operations.status import Status, lives, readiness
from worknet.protocol.canonical import from_hex, to_hex

REFUSED_SECONDS = 0.5
"""How long a request with a wrong key waits for its answer, so that keys cannot be tried quickly."""
MOST_VOTINGS = 500
LEAST_KEY = 32

_VOTING_ID = re.compile(r"0x[0-9a-f]{64}")

T = TypeVar("T")

log = structlog.get_logger()


def health_routes(status: Callable[[], Status], limits: HealthSection, metrics: Metrics) -> list[BaseRoute]:
    """/healthz, /readyz and /metrics."""

    async def healthz(_: Request) -> Response:
        now = status()
        document = {"alive": lives(now, limits), "step_age": round(now.step_age, 1)}
        return JSONResponse(document, 200 if document["alive"] else 503)

    async def readyz(_: Request) -> Response:
        reasons = readiness(status(), limits)
        document = {
            "ready": not reasons,
            "reasons": [{"reason": each.kind.value, "detail": each.detail} for each in reasons],
        }
        return JSONResponse(document, 503 if reasons else 200)

    async def exposition(_: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposition)]


def admin_routes(
    key: str, status: Callable[[], Status], control: Control, records: Records, limits: HealthSection
) -> list[BaseRoute]:
    """The routes of the admin API, each of which wants `Authorization: Bearer <key>`."""
    gate = _Gate(key)

    async def whole_status(_: Request) -> Any:
        now = status()
        reasons = [str(reason) for reason in readiness(now, limits)]
        return {"ready": not reasons, "reasons": reasons, **now.document()}

    async def votings(request: Request) -> Any:
        limit = _number(request.query_params.get("limit", "50"))
        return {"votings": await run_in_threadpool(lambda: list(records.votings(limit)))}

    async def voting(request: Request) -> Any:
        return await run_in_threadpool(_known, records.voting, _voting_of(request))

    async def aside(_: Request) -> Any:
        return {"aside": await run_in_threadpool(lambda: list(records.aside()))}

    async def drain(_: Request) -> Any:
        control.drain()
        log.info("worker.draining")
        return {"draining": True}

    async def resume(_: Request) -> Any:
        control.resume()
        log.info("worker.resumed")
        return {"draining": False}

    async def retry(request: Request) -> Any:
        voting_id = _voting_of(request)
        await run_in_threadpool(_known, control.retry, voting_id)
        log.info("admin.retry", voting=to_hex(voting_id))
        return {"retried": to_hex(voting_id)}

    def guarded(path: str, method: str, answer: Callable[[Request], Any]) -> BaseRoute:
        async def endpoint(request: Request) -> Response:
            await gate.check(request)
            return JSONResponse(await answer(request))

        return Route(path, endpoint, methods=[method])

    return [
        guarded("/admin/status", "GET", whole_status),
        guarded("/admin/votings", "GET", votings),
        guarded("/admin/voting", "GET", voting),
        guarded("/admin/aside", "GET", aside),
        guarded("/admin/drain", "POST", drain),
        guarded("/admin/resume", "POST", resume),
        guarded("/admin/retry", "POST", retry),
    ]


class _Gate:
    """Lets requests with the key through; others are counted, told at most once a second, and wait."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._refused = 0
        self._told = 0.0

    async def check(self, request: Request) -> None:
        """Raises 401 for a request without the key, after a while."""
        given = request.headers.get("authorization", "")
        scheme, _, key = given.partition(" ")
        # Both are compared, always: how long it takes says nothing of the key.
        if hmac.compare_digest(key.encode(), self._key) and scheme.lower() == "bearer":
            return
        self._refused += 1
        if time.monotonic() - self._told >= 1:
            self._told = time.monotonic()
            log.warning("admin.refused", path=request.url.path, refused=self._refused)
        await asyncio.sleep(REFUSED_SECONDS)
        raise HTTPException(401, "the admin API wants its key", {"WWW-Authenticate": "Bearer"})


def _voting_of(request: Request) -> bytes:
    voting = request.query_params.get("voting", "")
    if not _VOTING_ID.fullmatch(voting):
        raise HTTPException(400, "voting is to be 0x and 64 lower-case hex digits")
    return from_hex(voting, 32)


def _known(ask: Callable[[bytes], T], voting_id: bytes) -> T:
    """What is asked of a voting; 404 for one that is not known here."""
    try:
        return ask(voting_id)
    except UnknownVoting:
        raise HTTPException(404, "this worker knows nothing about this voting") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_VOTINGS:
        raise HTTPException(400, f"limit is to be a number from 1 to {MOST_VOTINGS}")
    return int(text)
