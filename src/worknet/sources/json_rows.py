"""The rows in a JSON answer, decoded strictly: no floating point, no repeated keys, nothing guessed."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from worknet.sources.errors import NonsenseError, Origin, SchemaViolationError
from worknet.sources.source import violation
from worknet.sources.tabular import Layout
from worknet.tables.errors import DataError
from worknet.tables.rows import frame_of_rows
from worknet.tables.validate import validate

_DEEPEST = 64
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


class _Ambiguous(dict[str, Any]):
    """An object in which a key stands twice; whether that matters is seen when the object is used."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Ambiguous(members)


def json_rows(document: Any, rows: str, layout: Layout, origin: Origin) -> pl.DataFrame:
    """The validated rows of a JSON text that was `decoded`.

    `rows` is where the array of rows stands: empty: the whole text; else a key or JSON pointer (RFC 6901).
    Fields of a row that `layout` does not name are left out.
    """
    schema, names = layout.schema, layout.names
    mended = [column for column in schema.columns if layout.forms.takes(column)]
    chosen = []
    for number, row in enumerate(_array(document, rows, origin)):
        if not isinstance(row, dict):
            raise SchemaViolationError(origin, "not an object", row=number)
        if isinstance(row, _Ambiguous):
            raise SchemaViolationError(origin, "an object in which a key stands twice", row=number)
        for column, name in names.items():
            if name not in row:
                hint = f"the source must give it as {name}, null where there is no value"
                raise SchemaViolationError(origin, "the field is missing", hint, row=number, column=column)
        values = {column: row[name] for column, name in names.items()}
        for other in mended:
            values[other.name] = layout.forms.value(other, values[other.name])
        chosen.append(values)
    try:
        frame = frame_of_rows(origin.dataset, schema, chosen)
        return validate(origin.dataset, schema, frame, layout.forms.repeated)
    except DataError as error:
        raise violation(origin, error) from None


def decoded(body: bytes, origin: Origin, *, decimals: bool = False) -> Any:
    """What a JSON text holds; `NonsenseError` if it is none. A key that stands twice is refused when used.

    `decimals`: a number with a point is what its digits say, and not the nearest floating point number.
    """
    if nested_too_deeply(body):
        raise NonsenseError(origin, "the answer is nested too deeply")
    # Floats and NaN are left to the validation of the rows, which names row and column.
    try:
        number = Decimal if decimals else float
        return json.loads(body.decode(), object_pairs_hook=_object, parse_float=number)
    except UnicodeDecodeError:
        raise NonsenseError(origin, "the answer is not UTF-8") from None
    except json.JSONDecodeError as error:
        message = f"the answer is no JSON (line {error.lineno}, column {error.colno})"
        raise NonsenseError(origin, message, _hint(body)) from None
    except ValueError:
        raise NonsenseError(origin, "the answer has an integer of thousands of digits") from None
    except InvalidOperation:
        raise NonsenseError(origin, "the answer has a number far too large or too small") from None


def nested_too_deeply(body: bytes) -> bool:
    """Whether brackets stand in each other more than 64 deep.

    Python's decoder would find out too, but where a library has raised the recursion limit it crashes first.
    """
    brackets = _STRING.sub(b"", body).translate(None, delete=_NO_BRACKETS)
    for _ in range(_DEEPEST):
        outer = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    return len(brackets) > _DEEPEST


def _hint(body: bytes) -> str:
    start = body.lstrip()[:1]
    if start == b"<":
        return "it looks like an HTML page: is the address that of the API?"
    return "it looks cut off" if start in {b"[", b"{"} else ""


def member(document: Any, pointer: str, origin: Origin) -> Any:
    """What stands at a key or JSON pointer (RFC 6901), whose last key may be missing: None.

    Raises `NonsenseError` where it does not lead there.
    """
    around, last = _keys(pointer)[:-1], _keys(pointer)[-1]
    here = _descend(document, around, pointer, origin)
    if isinstance(here, dict) and not isinstance(here, _Ambiguous):
        return here.get(last)
    hint = f"{pointer!r}: where in the answer does the next page stand?"
    raise NonsenseError(origin, f"the answer has no object around {last!r}", hint)


def _keys(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        return [pointer] if pointer else []
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _descend(document: Any, keys: list[str], pointer: str, origin: Origin) -> Any:
    here = document
    for key in keys:
        if isinstance(here, _Ambiguous):
            raise NonsenseError(origin, "an object around the rows has a key twice")
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and re.fullmatch(r"0|[1-9][0-9]{0,8}", key) and int(key) < len(here):
            here = here[int(key)]
        else:
            hint = f"{pointer!r} leads nowhere: what stands where in the answer?"
            raise NonsenseError(origin, f"the answer has no {key!r}", hint)
    return here


def _array(document: Any, rows: str, origin: Origin) -> list[Any]:
    """The array of rows in the answer."""
    here = _descend(document, _keys(rows), rows, origin)
    if not isinstance(here, list):
        # Not its keys: an API may name its objects by customer.
        found = f"an object with {len(here)} keys" if isinstance(here, dict) else "no array"
        hint = "`rows` names where in the answer the array of rows stands"
        raise NonsenseError(origin, f"where the rows are due stands {found}", hint)
    return here
