"""Notation and form of evidence files, written from docs/reference/evidence.md alone, without worknet.

Part of the second verifier; see second_verifier.
"""

import json
import re
from hashlib import sha256, shake_256
from typing import Any

from eth_utils.crypto import keccak


class Refused(Exception):
    """`malformed` tells form from rules; the argument is what the text has in brackets, or the place."""

    def __init__(self, field: str, *, malformed: bool = False) -> None:
        super().__init__(field)
        self.field, self.malformed = field, malformed


def due(holds: object, field: str) -> None:
    if not holds:
        raise Refused(field)


# Notation


def tag(name: str) -> bytes:
    return keccak(b"worknet/v1/" + name.encode())


def abi(*values: int | bytes) -> bytes:
    return b"".join(
        value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0") for value in values
    )


def jcs(value: Any, depth: int = 0) -> bytes:
    if isinstance(value, dict | list) and depth == 65:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return b"{" + b",".join(jcs(key) + b":" + jcs(value[key], depth + 1) for key in keys) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(jcs(element, depth + 1) for element in value) + b"]"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) >= 2**53):
        raise ValueError("a number without canonical form")
    return json.dumps(value, ensure_ascii=False).encode()


def leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf(leaves[0])
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node(mth(leaves[:k]), mth(leaves[k:]))


def is_at(data: bytes, index: int, size: int, path: list[str], root: str) -> bool:
    """RFC 9162 section 2.1.3.2, step by step."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf(data)
    for element in path:
        p = unhex(element)
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            if not fn & 1:
                while not (fn & 1 or fn == 0):
                    fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == unhex(root)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def salt_of(key: str, number: int) -> bytes:
    return shake_256(unhex(key)).digest(16 * number + 16)[16 * number :]


# Form

HASH, ADDRESS, SALT = "0x[0-9a-f]{64}", "0x[0-9a-f]{40}", "0x[0-9a-f]{32}"
NAME, AMOUNT = "[a-z][a-z0-9_]{0,62}", "0|[1-9][0-9]*"
NATURAL, BOOLEAN, TEXT, ANY, OBJECT = int, bool, str, object, dict
RECORD = {
    **{"chain_id": NATURAL, "contract": ADDRESS, "workflow_id": HASH, "voting_id": HASH, "trigger_id": HASH},
    **{"attempt": NATURAL, "policy_hash": HASH, "input_root": HASH, "result_root": HASH, "members": HASH},
    **{"n": NATURAL, "needed": NATURAL, "voters": HASH, "how": "quorum|plurality|report", "time": NATURAL},
}
POLICY = {
    **{"bundle_digest": HASH, "data_key_epoch": NATURAL, "data_key_commitment": HASH, "every": NATURAL},
    **{"delay": NATURAL, "start": NATURAL, "max_age": NATURAL, "threshold_num": NATURAL},
    **{"threshold_den": NATURAL, "ballots": "open|sealed", "cast_window": NATURAL, "reveal_window": NATURAL},
    **{"stall": NATURAL, "fallback": "alert|plurality|failover|failover_then_plurality"},
    **{"accuracy": AMOUNT, "speed": AMOUNT},
}
BALLOT = {"worker": NATURAL, "key": ADDRESS, "operator": ADDRESS, "input_root": HASH, "result_root": HASH}
MANIFEST = {
    **{"protocol": 1, "workflow": NAME, "bundle": HASH, "trigger": HASH, "parameters": OBJECT},
    **{"summary": OBJECT, "tables": {"*": {"rows": NATURAL, "schema": HASH}}, "parents": [HASH]},
    "window": (None, {"start": TEXT, "end": TEXT}),
}
COLUMN = {
    **{"name": NAME, "type": "int|bigint|decimal|str|bool|bytes|time", "nullable": BOOLEAN},
    "digits": NATURAL,
}
SCHEMA = {"columns": [COLUMN], "key": [NAME], "disclosure": "row|field"}
HEADER = {"salt": SALT, "rows": NATURAL, "root": HASH, "index": NATURAL, "count": NATURAL, "path": [HASH]}
PLACE = {"index": NATURAL, "path": [HASH], "salt": SALT}
FIELD = PLACE | {"name": NAME, "value": ANY}
ROW = PLACE | {"values": {"*": ANY}}
FIELDS = PLACE | {"root": HASH, "count": NATURAL, "fields": [FIELD]}
WHOLE = {"key": HASH, "rows": [{"*": ANY}], "field_keys": (None, [HASH]), "decoys": NATURAL}
DISCLOSURE = {
    **{"kind": "table|dataset", "name": NAME, "header": HEADER, "shown": (ROW, FIELDS, WHOLE)},
    "schema": (None, SCHEMA, SCHEMA | {"decoys": NATURAL}),
}
FILE = {
    **{"format": "worknet/evidence", "protocol": 1, "network": {"chain_id": NATURAL, "contract": ADDRESS}},
    **{"record": RECORD, "position": NATURAL, "path": [HASH], "head": {"size": NATURAL, "root": HASH}},
    **{"ballots": [BALLOT], "policy": POLICY, "disclosure": (None, DISCLOSURE), "checksum": HASH},
    "manifest": (None, {"document": MANIFEST, "salt": SALT, "path": [HASH]}),
}


def check_form(form: Any, value: Any, place: str) -> None:
    def has(holds: object) -> None:
        if not holds:
            raise Refused(place, malformed=True)

    if isinstance(form, tuple):
        if value is None and None in form:
            return
        choices = [choice for choice in form if choice is not None]
        # Of several objects the one that is meant is the nearest, so that the place of a fault is told.
        nearest = max(
            choices, key=lambda choice: len(set(choice) & set(value)) if isinstance(value, dict) else 0
        )
        check_form(nearest, value, place)
    elif isinstance(form, list):
        has(isinstance(value, list))
        for number, element in enumerate(value):
            check_form(form[0], element, f"{place}[{number}]")
    elif isinstance(form, dict):
        has(isinstance(value, dict))
        free = form.get("*")
        has(all(re.fullmatch(NAME, key) for key in value) if free else value.keys() == form.keys())
        for key in value:
            check_form(free or form[key], value[key], f"{place}.{key}")
    elif isinstance(form, str):
        has(isinstance(value, str) and re.fullmatch(form, value))
        has(form != AMOUNT or int(value) < 2**256)
    elif form == 1:
        has(value == 1 and type(value) is int)
    elif form is NATURAL:
        has(type(value) is int and value >= 0)
    else:
        has(isinstance(value, form))


def read(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data.decode())
        is_one_text = jcs(document) + b"\n" == data and len(data) <= 64 << 20
    except (ValueError, RecursionError) as error:
        raise Refused("$", malformed=True) from error
    if not is_one_text:
        raise Refused("$", malformed=True)
    check_form(FILE, document, "$")
    rest = {key: value for key, value in document.items() if key != "checksum"}
    if sha256(jcs(rest)).digest() != unhex(document["checksum"]):
        raise Refused("$.checksum", malformed=True)
    return document
