"""One POST to an HTTP server: what a worker tells, to that server alone, bounded in time."""

import asyncio
import ssl
from collections.abc import Mapping

import httpx

from worknet import __version__
from worknet.sources.errors import NonsenseError, Origin, RefusedError, UnavailableError
from worknet.sources.fetching import address, failed_with, server_of, untrusted
from worknet.sources.waiting import run


def post(what: str, url: str, body: bytes, headers: Mapping[str, str], timeout: float = 10) -> None:
    """Posts the body to that address; `what` it is, for the error.

    It is tried once, for at most `timeout` seconds: who has something to tell asks again. Any status of 200
    to 299 says that it was taken; no redirect is followed, since the body is for that server. Nothing of the
    answer is read. `SourceError` where it was not taken.
    """
    origin = Origin(what, server_of(what, url))
    run(_post(origin, address(url, origin), body, headers, timeout))


async def _post(
    origin: Origin, target: httpx.URL, body: bytes, headers: Mapping[str, str], seconds: float
) -> None:
    # Reading the certificates of the authorities takes a while, and is for nothing without TLS.
    verify: ssl.SSLContext | bool = target.scheme == "https" and httpx.create_ssl_context()
    named = {"User-Agent": f"worknet/{__version__}", **headers}
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(headers=named, verify=verify, trust_env=False, timeout=seconds) as client,
            client.stream("POST", target, content=body) as response,
        ):
            _check(response, origin)
    except (TimeoutError, httpx.TimeoutException):
        raise UnavailableError(origin, f"no answer within {seconds} s", "is the server up?") from None
    except httpx.TransportError as error:
        if untrusted(error):
            hint = "its authority is to be one that this machine trusts"
            raise RefusedError(origin, "the server's certificate is not trusted", hint) from None
        # Their texts may repeat what the server sent.
        wrong = f"the connection failed ({type(error).__name__})"
        raise UnavailableError(origin, wrong, "is the server up, and the address right?") from None


def _check(response: httpx.Response, origin: Origin) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_redirect:
        message = f"the server redirects (status {status}), which is not followed"
        raise NonsenseError(origin, message, "set the address to the right place")
    if status == 429 or status >= 500:
        raise UnavailableError(origin, failed_with(status))
    raise RefusedError(origin, f"the server refused it (status {status})", "check the address and the secret")
