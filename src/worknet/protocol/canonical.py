"""Canonical values: JSON in the form of RFC 8785 (JCS), narrowed as section 3 of the protocol says.

No floating point, integers below 2^53, no duplicate keys, no lone surrogates. What is read must
already stand in canonical form, so that one value has one text and one hash.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from worknet.protocol.errors import ProtocolError

Value: TypeAlias = bool | int | str | Sequence["Value"] | Mapping[str, "Value"] | None

INTEGER_BOUND = 1 << 53
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")
_MAX_DEPTH = 64
# All but the brackets outside of texts. Possessive: a long text is no stack of choices to come back to.
_NO_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)
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
        value = json.loads(text)
    except UnicodeDecodeError as error:
        raise CanonicalError("the text is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise CanonicalError(f"the text is no JSON ({type(error).__name__})") from error
    # One value has one text: another order, a key that stands twice, white space or escapes show here.
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


def _ordered(value: Value, where: str = "$", depth: int = 0) -> Any:
    """The value with the keys of its objects in order, if it has a canonical form."""
    if value is None or value is True or value is False or isinstance(value, str):
        return value
    if isinstance(value, int):
        if not -INTEGER_BOUND < value < INTEGER_BOUND:
            raise CanonicalError("an integer of 2^53 or more", where, "write larger integers as text")
        return int(value)
    if depth > _MAX_DEPTH:
        raise CanonicalError(f"nested deeper than {_MAX_DEPTH} levels", where)
    if isinstance(value, list | tuple):
        return [_ordered(element, f"{where}[{at}]", depth + 1) for at, element in enumerate(value)]
    if isinstance(value, Mapping):
        keys = sorted(value, key=_key_order)
        return {key: _ordered(value[key], f"{where}.{key}", depth + 1) for key in keys}
    hint = "write decimals as text with a fixed number of digits" if isinstance(value, float) else ""
    raise CanonicalError(f"a {type(value).__name__} has no canonical form", where, hint)


def _key_order(key: object) -> bytes:
    """Keys are sorted by their UTF-16 code units (RFC 8785 section 3.2.3)."""
    if not isinstance(key, str):
        raise CanonicalError(f"a key that is a {type(key).__name__}")
    return key.encode("utf-16-be")


def _check_depth(text: str) -> None:
    """Refuses deep nesting before the decoder sees it, which crashes where the recursion limit was raised."""
    depth = 0
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return
    for bracket in _NO_BRACKET.sub("", text):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAX_DEPTH:
            raise CanonicalError(f"nested deeper than {_MAX_DEPTH} levels")
