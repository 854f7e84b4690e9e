"""An external signer for the tests: web3signer's eth1 methods over real HTTP, which misbehaves on demand.

Moods: see `_MOODS`. Whoever asks without the token is refused.
"""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import uvicorn
from eth_account import Account
from eth_account.messages import encode_typed_data
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

OTHER_KEY = b"\x77" * 32
_QUANTITIES = ("gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "nonce", "value", "chainId")

Change = Callable[[dict[str, Any]], None]
MOODS: dict[str, Change] = {
    "another nonce": lambda asked: asked.update(nonce=asked["nonce"] + 1),
    "another chain": lambda asked: asked.update(chainId=asked["chainId"] + 1),
    "another receiver": lambda asked: asked.update(to="0x" + "66" * 20),
    "no receiver": lambda asked: asked.pop("to"),
    "another value": lambda asked: asked.update(value=asked["value"] + 1),
    "other data": lambda asked: asked.update(data=asked["data"][:-2] + "ff"),
    "another gas limit": lambda asked: asked.update(gas=asked["gas"] * 2),
    "other fees": lambda asked: asked.update(
        {name: 2 * fee for name, fee in asked.items() if "Price" in name or "Fee" in name}
    ),
    "another kind": lambda asked: asked.update(_other_kind(asked)),
    "an access list": lambda asked: asked.update(
        accessList=[{"address": "0x" + "66" * 20, "storageKeys": []}], type=1 if "gasPrice" in asked else 2
    ),
}
"""What the signer signs in place of what it is asked for."""


def _other_kind(asked: dict[str, Any]) -> dict[str, Any]:
    if "gasPrice" in asked:
        fee = asked.pop("gasPrice")
        return {"maxFeePerGas": fee, "maxPriorityFeePerGas": fee}
    del asked["maxPriorityFeePerGas"]
    return {"gasPrice": asked.pop("maxFeePerGas")}


class SignerServer:
    """A running signer with one key. `mood` "" is a good one; `asked` are the methods it was asked for."""

    def __init__(
        self,
        key: bytes,
        *,
        token: str | None = None,
        tls: tuple[str, str] | None = None,
        clients: str | None = None,
        port: int = 0,
    ) -> None:
        """`tls`: the files of its certificate and key; `clients`: of those it lets in; `port` 0: any."""
        self.account = Account.from_key(key)
        self.address = bytes.fromhex(self.account.address[2:])
        self.mood = ""
        self.asked: list[str] = []
        self._token = token
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        app = Starlette(routes=[Route("/", self._answer, methods=["POST"])])
        certificate, certificate_key = tls or (None, None)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="error",
                lifespan="off",
                ssl_certfile=certificate,
                ssl_keyfile=certificate_key,
                ssl_version=ssl.PROTOCOL_TLS_SERVER,
                ssl_ca_certs=clients,
                ssl_cert_reqs=ssl.CERT_REQUIRED if clients else ssl.CERT_NONE,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        """Stops it; its port is free afterwards."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _answer(self, request: Request) -> Response:
        if self._token is not None and request.headers.get("authorization") != f"Bearer {self._token}":
            return Response("hunter2", 401)
        asked = await request.json()
        self.asked.append(asked["method"])
        match self.mood:
            case "down":
                return Response("hunter2 is not well", 500)
            case "garbage":
                return Response(b"\x00hunter2{")
            case "slow":
                await asyncio.sleep(5)
            case "dripping":
                return StreamingResponse(_drips(), media_type="application/json")
            case "endless":
                return Response(b" " * (3 << 20))
            case "redirecting":
                return RedirectResponse("http://127.0.0.1:1/")
            case "locked":
                error = {"code": -32000, "message": "hunter2 is locked"}
                return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "error": error}, 400)
            case "answering another":
                return JSONResponse({"jsonrpc": "2.0", "id": asked["id"] + 1, "result": "0x00"})
            case "nonsense":
                return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": {"raw": "hunter2"}})
            case "no transaction":
                return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": "0x02ff"})
        return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": self._result(asked)})

    def _result(self, asked: dict[str, Any]) -> object:
        account = Account.from_key(OTHER_KEY) if self.mood == "another key" else self.account
        match asked["method"]:
            case "eth_accounts":
                # Also web3signer gives them in lower case.
                return [account.address.lower()]
            case "eth_signTransaction":
                (wanted,) = asked["params"]
                assert wanted.pop("from") == f"0x{self.address.hex()}"
                wanted = {k: int(v, 16) if k in _QUANTITIES else v for k, v in wanted.items()}
                if "to" in wanted:
                    # In any case of letters, as web3signer takes it.
                    wanted["to"] = bytes.fromhex(wanted["to"][2:])
                MOODS.get(self.mood, lambda _: None)(wanted)
                return "0x" + bytes(account.sign_transaction(wanted).raw_transaction).hex()
            case "eth_signTypedData":
                _, document = asked["params"]
                message = json.loads(document)
                if self.mood == "another message":
                    message["domain"]["chainId"] += 1
                signable = encode_typed_data(full_message=message)
                return "0x" + bytes(account.sign_message(signable).signature).hex()
        raise AssertionError(asked["method"])


async def _drips() -> Any:
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.05)
