"""Canonical values: JSON in the form of RFC 8785 (JCS), narrowed as section 3 of the protocol says.

No floating point, integers below 2^53, no duplicate keys, no lone surrogates. What is read must
already stand in canonical form, so that one value has one text and one hash.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from worknet.protocol.errors import ProtocolError

Value: TypeAlias = bool | int | str | Sequence["Value"] | Mapping[str, "Value"] | None

_Place: TypeAlias = tuple[()] | tuple["_Place", str | int]  # the way to a value, its last step last

INTEGER_BOUND = 1 << 53
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")
_MAX_DEPTH = 64
# All but the brackets outside of texts. Possessive: a long text is no stack of choices to come back to.
_NO_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)
_DECIMALS = "write decimals as text with a fixed number of digits"
_text = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


class CanonicalError(ProtocolError):
    """A value or text without canonical form; `where` is the path inside it, such as `$.rows[3].wh`."""

    def __init__(self, message: str, where: str = "$", hint: str = "") -> None:
        super().__init__(f"{where}: {message}", hint)
        self.where = where


def check_name(name: str, what: str) -> str:
    """The name, if a workflow, dataset, table or column may have it (section 1)."""
    if not NAME.fullmatch(name):
        hint = "a name is a lower-case letter followed by at most 62 lower-case letters, digits or _"
        raise CanonicalError(f"{name!r} is no name of a {what}", hint=hint)
    return name


def encode(value: Value) -> bytes:
    """The canonical bytes of a value (RFC 8785 section 3.2, narrowed)."""
    try:
        return _text(_ordered(value)).encode()
    except UnicodeEncodeError as error:
        raise CanonicalError("a lone surrogate") from error


def decode(data: bytes) -> Any:
    """The value that these canonical bytes stand for; anything else raises `CanonicalError`."""
    try:
        text = data.decode()
        _check_depth(text)
        value = _read(text)
        is_canonical = _text(value).encode() == data
    except UnicodeError as error:
        raise CanonicalError("the text is not UTF-8, or holds a lone surrogate") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise CanonicalError(f"the text is no JSON ({type(error).__name__})") from error
    if not is_canonical:
        raise CanonicalError("the JSON is not in canonical form", hint="see RFC 8785: no spaces or escapes")
    return value


def to_hex(data: bytes) -> str:
    """Bytes as the protocol writes them: `0x` and lower-case hex digits."""
    return "0x" + data.hex()


def from_hex(text: object, size: int | None = None) -> bytes:
    """The bytes that a lower-case `0x` text stands for; `size` in bytes is checked if given."""
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise CanonicalError("not a text of 0x and lower-case hex digits, two for a byte")
    data = bytes.fromhex(text[2:])
    if size is not None and len(data) != size:
        raise CanonicalError(f"{len(data)} bytes where {size} are due")
    return data


def _ordered(value: Value, place: _Place = (), depth: int = 0) -> Any:
    """The value with the keys of its objects in order, if it has a canonical form."""
    if value is None or value is True or value is False or isinstance(value, str):
        return value
    if isinstance(value, int):
        if not -INTEGER_BOUND < value < INTEGER_BOUND:
            raise _refused("an integer of 2^53 or more", place, "write larger integers as text")
        return int(value)
    if depth > _MAX_DEPTH:
        raise _refused(f"nested deeper than {_MAX_DEPTH} levels", place)
    if isinstance(value, list | tuple):
        return [_ordered(element, (place, at), depth + 1) for at, element in enumerate(value)]
    if isinstance(value, Mapping):
        return {key: _ordered(value[key], (place, key), depth + 1) for key in sorted(value, key=_key_order)}
    hint = _DECIMALS if isinstance(value, float) else ""
    raise _refused(f"a {type(value).__name__} has no canonical form", place, hint)


def _refused(message: str, place: _Place, hint: str = "") -> CanonicalError:
    where = ""
    while place:
        place, part = place
        where = (f".{part}" if isinstance(part, str) else f"[{part}]") + where
    return CanonicalError(message, f"${where}", hint)


def _key_order(key: object) -> bytes:
    """Keys are sorted by their UTF-16 code units (RFC 8785 section 3.2.3)."""
    if not isinstance(key, str):
        raise CanonicalError(f"a key that is a {type(key).__name__}")
    return key.encode("utf-16-be")


def _no_float(text: str) -> NoReturn:
    raise CanonicalError("a number that is no integer", hint=_DECIMALS)


def _integer(text: str) -> int:
    # A bound on the digits first: int() takes quadratic time on long texts.
    if len(text) > 17 or not -INTEGER_BOUND < int(text) < INTEGER_BOUND:
        raise CanonicalError("an integer of 2^53 or more", hint="write larger integers as text")
    return int(text)


def _check_depth(text: str) -> None:
    """Refuses deep nesting before the decoder sees it, which crashes where the recursion limit was raised."""
    depth = 0
    for bracket in _NO_BRACKET.sub("", text):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAX_DEPTH:
            raise CanonicalError(f"nested deeper than {_MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CanonicalError("an object with a key that occurs twice")
    if list(members) != sorted(members, key=_key_order):
        raise CanonicalError("an object whose keys are not in order", hint="see RFC 8785")
    return members


_read = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
).decode
