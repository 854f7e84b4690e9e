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

INTEGER_BOUND = 1 << 53
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")
_MAX_DEPTH = 64
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_ESCAPED = re.compile('["\\\\\x00-\x1f]')


class CanonicalError(ProtocolError):
    """A value or text without canonical form; `where` is the path inside it, such as `$.rows[3].wh`."""

    def __init__(self, message: str, where: str = "$", hint: str = "") -> None:
        super().__init__(f"{where}: {message}", hint)
        self.where = where


def check_name(name: str, what: str) -> str:
    """The name, if a workflow, dataset, table or column may have it (section 1)."""
    if not NAME.fullmatch(name):
        raise CanonicalError(
            f"{name!r} is no name of a {what}",
            hint="a name is a lower-case letter followed by at most 62 lower-case letters, digits or _",
        )
    return name


def encode(value: Value) -> bytes:
    """The canonical bytes of a value (RFC 8785 section 3.2, narrowed)."""
    parts: list[str] = []
    _write(value, "$", 0, parts)
    return "".join(parts).encode()


def decode(data: bytes) -> Any:
    """The value that these canonical bytes stand for; anything else raises `CanonicalError`."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CanonicalError("the text is not UTF-8") from error
    _check_depth(text)
    try:
        value = json.loads(
            text,
            parse_float=_no_float,
            parse_constant=_no_float,
            object_pairs_hook=_object,
            parse_int=_integer,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise CanonicalError(f"the text is no JSON ({type(error).__name__})") from error
    if encode(value) != data:
        raise CanonicalError(
            "the JSON is not in canonical form", hint="see RFC 8785: no spaces, keys in order"
        )
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


def _write(value: Value, where: str, depth: int, parts: list[str]) -> None:
    if depth > _MAX_DEPTH:
        raise CanonicalError(f"nested deeper than {_MAX_DEPTH} levels", where)
    if value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, int):
        parts.append(_integer_text(value, where))
    elif isinstance(value, str):
        parts.append(_string(value, where))
    elif isinstance(value, Mapping):
        parts.append("{")
        for position, key in enumerate(sorted(value, key=lambda key: _key_order(key, where))):
            parts.append("," if position else "")
            parts.append(_string(key, where))
            parts.append(":")
            _write(value[key], f"{where}.{key}", depth + 1, parts)
        parts.append("}")
    elif isinstance(value, list | tuple):
        parts.append("[")
        for position, element in enumerate(value):
            parts.append("," if position else "")
            _write(element, f"{where}[{position}]", depth + 1, parts)
        parts.append("]")
    else:
        hint = "write decimals as text with a fixed number of digits" if isinstance(value, float) else ""
        raise CanonicalError(f"a {type(value).__name__} has no canonical form", where, hint)


def _integer_text(value: int, where: str) -> str:
    if not -INTEGER_BOUND < value < INTEGER_BOUND:
        raise CanonicalError("an integer of 2^53 or more", where, hint="write larger integers as text")
    return str(int(value))


def _string(text: str, where: str) -> str:
    if _has_surrogate(text):
        raise CanonicalError("a lone surrogate", where)
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"


def _key_order(key: object, where: str) -> bytes:
    """Keys are sorted by their UTF-16 code units (RFC 8785 section 3.2.3)."""
    if not isinstance(key, str):
        raise CanonicalError(f"a key that is a {type(key).__name__}", where)
    if _has_surrogate(key):
        raise CanonicalError("a lone surrogate in a key", where)
    return key.encode("utf-16-be")


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _no_float(text: str) -> NoReturn:
    raise CanonicalError(
        "a number that is no integer", hint="write decimals as text with a fixed number of digits"
    )


def _integer(text: str) -> int:
    # A bound on the digits first: int() takes quadratic time on long texts.
    if len(text) > len(str(INTEGER_BOUND)) + 1:
        raise CanonicalError("an integer of 2^53 or more", hint="write larger integers as text")
    return int(text)


def _check_depth(text: str) -> None:
    """Refuses deep nesting before the decoder sees it, which crashes where the recursion limit was raised."""
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAX_DEPTH:
            raise CanonicalError(f"nested deeper than {_MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CanonicalError("an object with a key that occurs twice")
    return members
