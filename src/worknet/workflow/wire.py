"""The messages between a runner and its child, over pipes. Each direction has a form of its own.

To the child: uint64be length of the head, head (JSON), then each dataset as Arrow IPC, of the sizes that the
head lists. To the parent: uint64be length of an `Answer`, the answer (JSON), then the tables that it names,
column by column in the schema's order, in pieces: uint32be length, a JSON list of values. What a child sends
comes from a stranger: it is decoded by the declared types, never by Polars, and its size is bounded before
and while it is decoded.
"""

import io
import json
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from worknet.protocol.canonical import INTEGER_BOUND
from worknet.protocol.columns import Column, ColumnType
from worknet.protocol.tables import Schema
from worknet.workflow.errors import RunnerError
from worknet.workflow.surroundings import Watched

if TYPE_CHECKING:
    import polars as pl

_LENGTH_BYTES = 8

MOST_ANSWER = 4 << 20
"""Bytes of an answer without its tables; the summary, or a handler's actions, are in it."""
MOST_PIECE = 8 << 20
"""Bytes of one piece of a column. Decoded it takes 17 times that at worst, until it is in the column."""
MOST_TEXT = 1 << 20
"""Bytes of one value: in a piece it takes at most six times that."""
_PIECE_LENGTH_BYTES = 4
_PIECE_VALUES = 1 << 16
_VALUE_BYTES = 16  # what Polars keeps of a text at least; of other values less

_Int = Annotated[int, msgspec.Meta(gt=-INTEGER_BOUND, lt=INTEGER_BOUND)]
_INTS: Final = msgspec.json.Decoder(list[_Int | None])
_BOOLS: Final = msgspec.json.Decoder(list[bool | None])
_TEXTS: Final = msgspec.json.Decoder(list[str | None])
_OTHERS: Final[dict[ColumnType, "msgspec.json.Decoder[Any]"]] = {"int": _INTS, "bool": _BOOLS}

Count = Annotated[int, msgspec.Meta(ge=0, lt=INTEGER_BOUND)]


class WireError(RunnerError):
    """A message that ends early, is larger than allowed, or has not the form."""


class Answer(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What a child says: that it is ready, or what came of its job. Nothing in it is true for that reason.

    `network` is why the child's network is not cut, or empty. `error` is empty, or says what kind of error
    the other texts are about. `summary` and `actions` are canonical JSON; `tables` are the tables that
    follow, with their numbers of rows.
    """

    network: str = "unknown"
    error: Literal["", "memory", "float", "table", "actions", "workflow", "raised"] = ""
    message: str = ""
    hint: str = ""
    table: str = ""
    column: str = ""
    row: Count | None = None
    declaration: Any = None
    summary: str = ""
    actions: str = ""
    tables: dict[str, Count] = {}
    watched: Watched | None = None


_ANSWERS: Final = msgspec.json.Decoder(Answer)


def send(stream: IO[bytes], head: Mapping[str, Any], frames: Mapping[str, "pl.DataFrame"]) -> None:
    """Writes a message to the child; `head` must not use the key `frames`."""
    bodies = {name: _packed(frame) for name, frame in frames.items()}
    sizes = [[name, len(body)] for name, body in bodies.items()]
    text = json.dumps({**head, "frames": sizes}).encode()
    stream.write(len(text).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(text)
    for body in bodies.values():
        stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, "pl.DataFrame"]]:
    """Reads the message of the parent, which is trusted; `WireError` if it ends early."""
    import polars as pl

    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    head = json.loads(_exactly(stream, length))
    bodies = [(name, _exactly(stream, size)) for name, size in head.pop("frames")]
    return head, {name: pl.read_ipc_stream(io.BytesIO(body)) for name, body in bodies}


def send_answer(stream: IO[bytes], answer: Answer, tables: Mapping[str, "pl.DataFrame"]) -> None:
    """Writes an answer to the parent with its tables, which are valid and hold no text above `MOST_TEXT`."""
    answer.tables = {name: frame.height for name, frame in tables.items()}
    text = msgspec.json.encode(answer)
    stream.write(len(text).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(text)
    for frame in tables.values():
        for values in frame.get_columns():
            for piece in _pieces(values):
                stream.write(len(piece).to_bytes(_PIECE_LENGTH_BYTES, "big"))
                stream.write(piece)
    stream.flush()


def receive_answer(
    stream: IO[bytes], schemas: Mapping[str, Schema], most: int
) -> tuple[Answer, dict[str, "pl.DataFrame"]]:
    """Reads an answer with its tables: none of them, or those of the schemas.

    Raises `WireError` for tables that take more than `most` bytes of memory together, and for anything else
    that does not fit. The tables' columns have the right types, no more: `validate` them.
    """
    import polars as pl

    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    if length > MOST_ANSWER:
        raise WireError("an answer with too large a head")
    answer = _decoded(_ANSWERS, _exactly(stream, length))
    if answer.tables and answer.tables.keys() != schemas.keys():
        raise WireError("an answer with other tables than are declared")
    left = most
    frames = {}
    for name, rows in answer.tables.items():
        left -= rows * len(schemas[name].columns) * _VALUE_BYTES
        if left < 0:
            raise WireError("an answer with too large a body")
        columns = []
        for column in schemas[name].columns:
            values, size = _column(stream, column, rows, left)
            columns.append(values)
            left -= size
        frames[name] = pl.DataFrame(columns)
    return answer, frames


def _column(stream: IO[bytes], column: Column, rows: int, most: int) -> tuple["pl.Series", int]:
    """So many values of a column, and the bytes that they came in."""
    import polars as pl

    from worknet.tables.schema import DTYPES

    whole = pl.Series(column.name, [], DTYPES[column.type])
    size = 0
    while whole.len() < rows:
        length = int.from_bytes(_exactly(stream, _PIECE_LENGTH_BYTES), "big")
        size += length
        if length > MOST_PIECE or size > most:
            raise WireError("an answer with too large a body")
        values = _decoded(_OTHERS.get(column.type, _TEXTS), _exactly(stream, length))
        if not 0 < len(values) <= rows - whole.len():
            raise WireError("an answer with another number of rows than it says")
        try:
            whole.append(pl.Series(column.name, values, DTYPES[column.type]))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError) as error:
            raise WireError(f"an answer without the form ({type(error).__name__})") from None
    return whole, size


def _pieces(values: "pl.Series") -> Iterator[bytes]:
    for start in range(0, values.len(), _PIECE_VALUES):
        yield from _halved(values.slice(start, _PIECE_VALUES))


def _halved(values: "pl.Series") -> Iterator[bytes]:
    """The values in as few pieces as their length allows."""
    piece = msgspec.json.encode(values.to_list())
    if len(piece) <= MOST_PIECE:
        yield piece
        return
    half = values.len() // 2
    yield from _halved(values.slice(0, half))
    yield from _halved(values.slice(half))


def _decoded(decoder: "msgspec.json.Decoder[Any]", body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # The error's own text may quote what it could not read.
        raise WireError(f"an answer without the form ({type(error).__name__})") from None


def _packed(frame: "pl.DataFrame") -> bytes:
    body = io.BytesIO()
    frame.write_ipc_stream(body)
    return body.getvalue()


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise WireError("the message ends early")
    return data
