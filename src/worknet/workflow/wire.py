"""The messages between a runner and its child, over pipes: a JSON head and the data frames that it names.

    uint64be length of the head, head (JSON), then each frame as Arrow IPC, of the sizes that the head lists

The parent trusts nothing in a message but its form, and bounds its size.
"""

import io
import json
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from worknet.workflow.errors import RunnerError

if TYPE_CHECKING:
    import polars as pl

_LENGTH_BYTES = 8
_MOST_HEAD = 64 << 20


class WireError(RunnerError):
    """A message that ends early, is larger than allowed, or has not the form."""


def send(stream: IO[bytes], head: Mapping[str, Any], frames: Mapping[str, "pl.DataFrame"]) -> None:
    """Writes a message; `head` must not use the key `frames`."""
    bodies = {name: _packed(frame) for name, frame in frames.items()}
    sizes = [[name, len(body)] for name, body in bodies.items()]
    text = json.dumps({**head, "frames": sizes}).encode()
    stream.write(len(text).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(text)
    for body in bodies.values():
        stream.write(body)
    stream.flush()


def receive(stream: IO[bytes], most: int) -> tuple[dict[str, Any], dict[str, "pl.DataFrame"]]:
    """Reads a message whose frames have at most `most` bytes together; `WireError` for anything else."""
    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    if length > _MOST_HEAD:
        raise WireError("a message with too large a head")
    try:
        head = json.loads(_exactly(stream, length))
        sizes = [(str(name), int(size)) for name, size in head.pop("frames")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError(f"a message without the form ({type(error).__name__})") from None
    if any(size < 0 for _, size in sizes) or sum(size for _, size in sizes) > most:
        raise WireError("a message with too large a body")
    return head, {name: _unpacked(_exactly(stream, size)) for name, size in sizes}


def _packed(frame: "pl.DataFrame") -> bytes:
    body = io.BytesIO()
    frame.write_ipc_stream(body)
    return body.getvalue()


def _unpacked(body: bytes) -> "pl.DataFrame":
    import polars as pl

    try:
        return pl.read_ipc_stream(io.BytesIO(body))
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise WireError(f"a frame that is no Arrow IPC ({type(error).__name__})") from None


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise WireError("the message ends early")
    return data
