"""What nats-py and the network raise, as the fault of a feed."""

import contextlib
import ssl
from collections.abc import Iterator

import nats.errors
import nats.js.errors

from worknet.sources.feed_link import FaultError


@contextlib.contextmanager
def faults() -> Iterator[None]:
    """What the library and the network raise in it, as a FaultError."""
    try:
        yield
    except (nats.errors.Error, OSError) as error:
        raise FaultError(why(error)) from None


def why(error: BaseException) -> str:
    """An error in a few words that hold no secret."""
    if isinstance(error, nats.errors.Error) and "authorization violation" in str(error).lower():
        return "the server refuses the credentials"
    if isinstance(error, nats.js.errors.ServiceUnavailableError):
        return "the server has no JetStream, or not for this account"
    if isinstance(error, nats.js.errors.APIError):
        return f"the server answers {error.code}: {error.description}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, nats.errors.UnexpectedEOF | nats.errors.StaleConnectionError | ConnectionError):
        return (
            "connection refused"
            if isinstance(error, ConnectionRefusedError)
            else "the connection was cut off"
        )
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'no TLS'}"
    if isinstance(error, FaultError | nats.errors.Error):
        return str(error).removeprefix("nats: ")[:300]
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "what answers there is no NATS server"
