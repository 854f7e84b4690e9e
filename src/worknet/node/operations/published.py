"""`GET /published/`: this worker's publications, for everybody, on a listener that answers nothing else.

Each is a file that never changes, but by a reorganisation that is deeper than the network's confirmations.
"""

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worknet.chain.index import NetworkIndex
from worknet.node.published import PublishedFolder
from worknet.protocol.canonical import to_hex
from worknet.protocol.publications import publication_name, published_voting

MOST_LISTED = 100
"""How many publications one answer lists."""
MOST_LOOKED_AT = 500
"""How many records are looked at for one answer: of a log with many others, a page may be short, or empty."""

_PUBLIC = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
_FILE = {**_PUBLIC, "Cache-Control": "public, max-age=3600"}
_LISTING = {**_PUBLIC, "Cache-Control": "public, max-age=5"}


def published_routes(
    folder: PublishedFolder, index: NetworkIndex, names: Mapping[bytes, str]
) -> list[BaseRoute]:
    """The routes; `names` are the workflows by their ids whose publications are listed."""

    # A listing asks the worker's own index hundreds of times; however many want one, the worker has its turn.
    turn = asyncio.Lock()

    async def file(request: Request) -> Response:
        voting_id = published_voting(request.path_params["name"])
        found = None if voting_id is None else await run_in_threadpool(folder.content, voting_id)
        if found is None:
            raise HTTPException(404, "this worker has no such publication", _PUBLIC)
        headers = {**_FILE, "ETag": f'"{sha256(found).hexdigest()}"'}
        known = request.headers.get("if-none-match", "").replace("W/", "").split(",")
        if headers["ETag"] in {each.strip() for each in known}:
            return Response(status_code=304, headers=headers)
        return Response(found, media_type="application/json", headers=headers)

    async def listing(request: Request) -> Response:
        before = _before(request.query_params.get("before", ""))
        async with turn:
            found = await run_in_threadpool(_listed, folder, index, names, before)
        return JSONResponse(found, headers=_LISTING)

    return [
        Route("/published", listing, methods=["GET"]),
        Route("/published/", listing, methods=["GET"]),
        Route("/published/{name}", file, methods=["GET"]),
    ]


def _listed(
    folder: PublishedFolder, index: NetworkIndex, names: Mapping[bytes, str], before: int | None
) -> dict[str, Any]:
    """Publications of records below that position of the log, the newest first, and where to go on, if
    anywhere."""
    size = index.log_size()
    position = size if before is None else min(before, size)
    last = max(0, position - MOST_LOOKED_AT)
    found: list[dict[str, Any]] = []
    while position > last and len(found) < MOST_LISTED:
        position -= 1
        record = index.record_at(position)
        if record is None or record.record.workflow_id not in names:
            continue
        voting_id = record.record.voting_id
        if folder.has(voting_id):
            found.append(
                {
                    "voting": to_hex(voting_id),
                    "workflow": names[record.record.workflow_id],
                    "position": position,
                    "file": publication_name(voting_id),
                }
            )
    return {"publications": found, "before": position or None}


def _before(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise HTTPException(400, "before is to be a position in the log", _PUBLIC)
    return int(text)
