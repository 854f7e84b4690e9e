"""Values as canonical documents, and back, by their types: what an audit remembers is kept in this form.

Dataclasses become objects, bytes 0x hex, whole numbers themselves or from 2^53 on their decimal text, enums
their values, lists and tuples arrays; sets become arrays and mappings arrays of pairs, ascending.
"""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from worknet.audit.errors import AuditError
from worknet.protocol.canonical import Value
from worknet.protocol.errors import ProtocolError

_EXACT = 1 << 53

_BOUND = 1 << 272
"""More than any sum of what contracts count in words of 256 bits."""

Kind = TypeVar("Kind")


def written(value: Any) -> Value:
    """The document of a value."""
    if is_dataclass(value):
        return {field.name: written(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return written(value.value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -_EXACT < value < _EXACT else str(value)
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, Mapping):
        return [[written(key), written(value[key])] for key in sorted(value)]
    return [written(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]


def read(kind: type[Kind], document: Value, where: str = "the remembered state") -> Kind:
    """The value of this type that the document is of; AuditError, which says where, if it is of none."""
    value: Kind = _read(kind, document, where)
    return value


def _read(kind: Any, document: Any, where: str) -> Any:
    origin = get_origin(kind)
    try:
        if origin in (Union, types.UnionType):
            (some,) = (each for each in get_args(kind) if each is not type(None))
            return None if document is None else _read(some, document, where)
        if origin is not None:
            return _collection(origin, get_args(kind), document, where)
        if is_dataclass(kind):
            return _object(kind, document, where)
        if issubclass(kind, Enum):
            return kind(document)
        if kind is bytes:
            return _bytes(document)
        if kind is int:
            return _number(document)
        return _exactly(kind, document)
    except (ValueError, TypeError, KeyError, ProtocolError) as error:
        raise AuditError(
            f"{where} is not what an audit remembers: {error}", hint="start the audit anew"
        ) from None


def _object(kind: Any, document: Any, where: str) -> Any:
    hints = _hints(kind)
    if not isinstance(document, dict) or set(document) != set(hints):
        raise ValueError(f"an object with the members {', '.join(hints)} is due")
    values = {name: _read(each, document[name], f"{where}, {name}") for name, each in hints.items()}
    return kind(**values)


def _collection(origin: Any, arguments: tuple[Any, ...], document: Any, where: str) -> Any:
    items = _exactly(list, document)
    if issubclass(origin, Mapping):
        key, value = arguments
        pairs = [_pair(item) for item in items]
        found = {_read(key, name, where): _read(value, each, where) for name, each in pairs}
        if len(found) != len(items):
            raise ValueError("a key stands twice")
        return found
    if issubclass(origin, tuple) and arguments[-1] is not Ellipsis:
        return tuple(_read(each, item, where) for each, item in zip(arguments, items, strict=True))
    return origin(_read(arguments[0], item, where) for item in items)


def _pair(document: Any) -> tuple[Any, Any]:
    if not isinstance(document, list) or len(document) != 2:
        raise ValueError("an array of two is due")
    return document[0], document[1]


def _number(document: Any) -> int:
    number = int(document) if isinstance(document, str) else _exactly(int, document)
    if not 0 <= number < _BOUND:
        raise ValueError(f"a number from 0 to 2^{_BOUND.bit_length() - 1} is due")
    return int(number)


def _bytes(document: Any) -> bytes:
    if not isinstance(document, str) or document[:2] != "0x":
        raise ValueError("bytes are 0x and hex digits")
    return bytes.fromhex(document[2:])


def _exactly(kind: type[Any], document: Any) -> Any:
    if type(document) is not kind:
        raise ValueError(f"{kind.__name__} is due, this is {type(document).__name__}")
    return document


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, in their order."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
