"""One file from an HTTP server, whole in memory: what a worker fetches that is no dataset."""

import ssl

import httpx

from worknet import __version__
from worknet.sources.errors import Origin
from worknet.sources.fetching import Fetching, address, server_of
from worknet.sources.waiting import run


def download(what: str, url: str, max_bytes: int, timeout: float = 30) -> bytes:
    """The file at that address; `what` it is, for the error.

    It is tried once, for at most `timeout` seconds: who needs the file asks again. Only the server of the
    address is asked, wherever it redirects to. `SourceError` where the file cannot be had.
    """
    origin = Origin(what, server_of(what, url))
    return run(_download(origin, address(url, origin), max_bytes, timeout))


async def _download(origin: Origin, target: httpx.URL, max_bytes: int, seconds: float) -> bytes:
    headers = {"Accept-Encoding": "identity", "User-Agent": f"worknet/{__version__}"}
    # Reading the certificates of the authorities takes a while, and is for nothing without TLS.
    verify: ssl.SSLContext | bool = target.scheme == "https" and httpx.create_ssl_context()
    async with httpx.AsyncClient(headers=headers, verify=verify, trust_env=False, timeout=seconds) as client:
        fetching = Fetching(client, seconds, retries=0, backoff=0)
        return (await fetching.get(target, max_bytes, origin)).body
