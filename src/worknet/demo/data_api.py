"""The companies' data: an HTTP API that gives the recorded profiles, read only, to whoever has a token.

`GET /consumption?start=2016-06-01T00:00:00Z&end=...` and `GET /generation?...` answer `{"rows": [...]}`.
Run as `python -m worknet.demo.data_api --port 9000 --tokens FILE --parent PID`; it listens on loopback only.
"""

import argparse
import hmac
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from worknet.demo.profiles import Profiles, ProfilesError, load_profiles
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Window
from worknet.protocol.times import parse_time

HOST = "127.0.0.1"

Rows = Sequence[Mapping[str, object]]


def application(profiles: Profiles, tokens: Sequence[str]) -> Starlette:
    """The API over these profiles, for the bearers of these tokens."""
    accepted = [_digest(token) for token in tokens]

    def route(path: str, rows_of: Callable[[Window], Rows]) -> Route:
        def answer(request: Request) -> JSONResponse:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not any(
                hmac.compare_digest(_digest(given), token) for token in accepted
            ):
                return _refusal(401, "a token is due: Authorization: Bearer TOKEN")
            try:
                window = Window(*(parse_time(request.query_params.get(end)) for end in ("start", "end")))
            except ProtocolError as error:
                return _refusal(400, f"start and end: {error}")
            try:
                return JSONResponse({"rows": list(rows_of(window))})
            except ProfilesError as error:
                return _refusal(404, str(error))

        return Route(path, answer, methods=["GET"])

    return Starlette(
        routes=[route("/consumption", profiles.consumption), route("/generation", profiles.generation)]
    )


def main() -> None:
    """Serves until told to stop, or until the parent is gone."""
    parser = argparse.ArgumentParser(prog="python -m worknet.demo.data_api", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=Path, required=True, help="a file with one token on each line")
    parser.add_argument("--parent", type=int, help="end when this process ends")
    options = parser.parse_args()
    app = application(load_profiles(), options.tokens.read_text().split())
    server = uvicorn.Server(
        uvicorn.Config(app, host=HOST, port=options.port, log_level="warning", access_log=False)
    )
    if options.parent:
        threading.Thread(target=_stop_with, args=(server, options.parent), daemon=True).start()
    server.run()


def _stop_with(server: uvicorn.Server, parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    server.should_exit = True


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _refusal(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)


if __name__ == "__main__":
    main()
