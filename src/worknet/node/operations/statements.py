"""`GET /statements/VOTING/ATTEMPT`: this worker's own sealed statement, for whoever may connect.

Only the members that it is sealed to can read it; who else asks learns that it exists, and about how large.
"""

import re
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from worknet.node.journal import Journal

_VOTING = re.compile(r"0x[0-9a-f]{64}")
_ATTEMPT = re.compile(r"[1-9][0-9]{0,2}")


def statement_routes(journal: Journal, me: Callable[[], int | None]) -> list[BaseRoute]:
    """The route; `me` gives the worker's index, None if it has none."""

    def content(voting_id: bytes, attempt: int) -> bytes | None:
        worker = me()
        return None if worker is None else journal.statements.get(voting_id, attempt, worker)

    async def statement(request: Request) -> Response:
        voting, attempt = request.path_params["voting"], request.path_params["attempt"]
        if not _VOTING.fullmatch(voting) or not _ATTEMPT.fullmatch(attempt):
            raise HTTPException(404, "a statement is named by voting id and attempt")
        found = await run_in_threadpool(content, bytes.fromhex(voting[2:]), int(attempt))
        if found is None:
            raise HTTPException(404, "this worker has no statement on this attempt")
        return Response(found, media_type="application/octet-stream")

    return [Route("/statements/{voting}/{attempt}", statement, methods=["GET"])]
