"""The form of an evidence file, declared, and the reading of a file by it (`docs/reference/evidence.md`).

Whether what stands in a file fits together is the business of `rules` and `contents`.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from worknet.protocol.canonical import NAME, decode, from_hex, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.words import POLICY, RECORD, VERSION, Ballots, Fallback, How, named
from worknet.verify.errors import EvidenceError

Members = Mapping[str, Any]

MAX_BYTES = 64 << 20
"""No evidence file is longer: a verifier must not be flooded."""

_DAMAGED = "the file was changed after it was made: ask for it again"
_HEAD = re.compile(r"([1-9][0-9]{0,15}):(?:0x)?([0-9a-fA-F]{64})")

# What the texts of a kind look like, and what they stand for.
_TEXTS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "hash": ("0x[0-9a-f]{64}", from_hex),
    "address": ("0x[0-9a-f]{40}", from_hex),
    "salt": ("0x[0-9a-f]{32}", from_hex),
    "bitmap": ("0x[0-9a-f]{64}", lambda text: int(text, 16)),
    "amount": ("0|[1-9][0-9]{0,77}", int),
    "name": (NAME.pattern, str),
    "format": ("worknet/evidence", str),
    "what": ("table|dataset", str),
    "by": ("row|field", str),
    "type": ("int|bigint|decimal|str|bool|bytes|time", str),
    "how": ("quorum|plurality|report", lambda text: How[text.upper()]),
    "ballots": ("open|sealed", lambda text: Ballots[text.upper()]),
    "fallback": ("alert|plurality|failover|failover_then_plurality", lambda text: Fallback[text.upper()]),
}
_PATTERNS = {kind: re.compile(pattern) for kind, (pattern, _) in _TEXTS.items()}
_TYPES: Mapping[str, type] = {"natural": int, "version": int, "text": str, "boolean": bool, "object": dict}

# A form is a kind, the members of an object (* stands for all names), a list of one form, or a choice: of the
# forms that are objects that which has the most members in common with the value.
_COLUMN = named("natural digits, name name, boolean nullable, type type")
_SCHEMA = named("by disclosure") | {"columns": [_COLUMN], "key": ["name"]}
_MANIFEST = named("version protocol, name workflow, hash bundle, hash trigger, object parameters") | {
    "summary": "object",
    "window": (None, named("text start, text end")),
    "tables": {"*": named("natural rows, hash schema")},
    "parents": ["hash"],
}
_ROW = named("natural index, path path, salt salt")
_DISCLOSURE = {
    "kind": "what",
    "name": "name",
    "schema": (None, _SCHEMA, _SCHEMA | named("natural decoys")),
    "header": named("salt salt, natural rows, hash root, natural index, natural count, path path"),
    "shown": (
        _ROW | {"values": {"*": "any"}},
        _ROW | named("hash root, natural count") | {"fields": [_ROW | named("name name, any value")]},
        named("hash key, natural decoys") | {"field_keys": (None, ["hash"]), "rows": [{"*": "any"}]},
    ),
}
_FORM = named("format format, version protocol, natural position, path path, hash checksum") | {
    "network": named("natural chain_id, address contract"),
    "record": RECORD,
    "head": named("natural size, hash root"),
    "ballots": [named("natural worker, address key, address operator, hash input_root, hash result_root")],
    "policy": POLICY,
    "manifest": (None, named("salt salt, path path") | {"document": _MANIFEST}),
    "disclosure": (None, _DISCLOSURE),
}


class Head(NamedTuple):
    """A tree head of the result log: the number of its leaves and their root."""

    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.size}:{to_hex(self.root)}"


class Evidence(NamedTuple):
    """What one file holds: its object as decoded, and the members of that with values in place of texts.

    Hashes, salts, keys and addresses are bytes; bitmaps and amounts integers; choices enumerations.
    """

    document: Members
    network: Members
    record: Members
    position: int
    path: list[bytes]
    head: Head
    ballots: list[Members]
    policy: Members
    manifest: Members | None
    disclosure: Members | None


def parse(data: bytes) -> Evidence:
    """The evidence that these bytes are the file of; `EvidenceError` for any other bytes."""
    if len(data) > MAX_BYTES:
        raise EvidenceError("$", f"longer than {MAX_BYTES} bytes")
    if not data.endswith(b"\n"):
        raise EvidenceError("$", "the newline at the end is missing", "the file was cut off")
    try:
        document = decode(data[:-1])
    except ProtocolError as error:
        raise EvidenceError("$", str(error).removeprefix("$: "), error.hint or _DAMAGED) from error
    values = _read(_FORM, document, "$")
    # Before it stand the ballots alone, which have no such member: this is the file's own checksum.
    others = data[:-1].replace(b'"checksum":"%b",' % document["checksum"].encode(), b"", 1)
    if sha256(others).digest() != values.pop("checksum"):
        raise EvidenceError("$.checksum", "not the checksum of the contents", _DAMAGED)
    values["head"] = Head(**values["head"])
    return Evidence(document, *(values[name] for name in Evidence._fields[1:]))


def parse_head(text: str) -> Head:
    """The tree head of a text `SIZE:ROOT`: a decimal number and 64 hex digits, with or without `0x`."""
    match = _HEAD.fullmatch(text)
    if not match:
        raise EvidenceError("head", "not of the form SIZE:ROOT", "such as 24:0x followed by 64 hex digits")
    return Head(int(match.group(1)), bytes.fromhex(match.group(2)))


def _read(form: Any, value: Any, where: str) -> Any:
    """What stands at a place of the file, if it has the form; else `EvidenceError` with the place."""
    if isinstance(form, tuple):
        if value is None and None in form:
            return None
        members = set(value) if isinstance(value, dict) else set()
        form = max((choice for choice in form if choice), key=lambda choice: len(members & set(choice)))
    if isinstance(form, str) and form != "path":
        return _one(form, value, where)
    if not isinstance(value, dict if isinstance(form, dict) else list):
        raise EvidenceError(where, "not an object" if isinstance(form, dict) else "not a list")
    if not isinstance(form, dict):
        inner = "hash" if form == "path" else form[0]
        return [_read(inner, element, f"{where}[{number}]") for number, element in enumerate(value)]
    if "*" in form:
        form = {_one("name", name, where): form["*"] for name in value}
    if missing := [name for name in form if name not in value]:
        raise EvidenceError(where, f"the member {missing[0]!r} is missing")
    if len(value) != len(form):
        raise EvidenceError(where, "a member that no evidence has")
    return {name: _read(inner, value[name], f"{where}.{name}") for name, inner in form.items()}


def _one(kind: str, value: Any, where: str) -> Any:
    """What a value of a kind stands for."""
    if kind in _TEXTS:
        if not isinstance(value, str) or not _PATTERNS[kind].fullmatch(value):
            raise EvidenceError(where, f"not {_TEXTS[kind][0]}")
        return _TEXTS[kind][1](value)
    is_one = kind == "any" or type(value) is _TYPES[kind]
    if not is_one or (kind == "natural" and value < 0) or (kind == "version" and value != VERSION):
        raise EvidenceError(where, f"no {kind} that is known here")
    return value
