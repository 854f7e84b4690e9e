"""The evidence file as those who write it need it (section 9, `docs/reference/evidence.md`).

An evidence file is the JCS of one object and a newline. Here the parts of that object are made from the
protocol's values; `worknet.verify` reads the file without anything of this module.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from hashlib import sha256

from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import Value, encode, to_hex
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.words import POLICY, RECORD, VERSION, words

FORMAT = "worknet/evidence"

Document = dict[str, Value]


def document(
    record: Record,
    position: int,
    path: Sequence[bytes],
    size: int,
    root: bytes,
    ballots: Sequence[Value],
    policy: Policy,
    manifest: Value = None,
    disclosure: Value = None,
) -> Document:
    """The object without its checksum: a record at `position` of the log whose head has this size and root.

    `ballots` are the counted ones, ascending by worker, each made by `ballot_document`; manifest and
    disclosure have the form of the file already.
    """
    return {
        "format": FORMAT,
        "protocol": VERSION,
        "network": {"chain_id": record.chain_id, "contract": to_hex(record.contract)},
        "record": record_document(record),
        "position": position,
        "path": path_document(path),
        "head": {"size": size, "root": to_hex(root)},
        "ballots": ballots,
        "policy": policy_document(policy),
        "manifest": manifest,
        "disclosure": disclosure,
    }


def sealed(document: Mapping[str, Value]) -> bytes:
    """The file of an object: with its checksum, in canonical form, and a newline.

    Raises `CanonicalError` for values that have no such form.
    """
    rest = {name: value for name, value in document.items() if name != "checksum"}
    return encode(rest | {"checksum": to_hex(sha256(encode(rest)).digest())}) + b"\n"


def record_document(record: Record) -> Document:
    """The words of a record by name."""
    return {name: _word(kind, getattr(record, name)) for name, kind in RECORD.items()}


def policy_document(policy: Policy) -> Document:
    """The fields of a policy by name."""
    return {name: _word(kind, getattr(policy, name)) for name, kind in POLICY.items()}


def ballot_document(worker: int, key: bytes, operator: bytes, pair: Pair) -> Document:
    """A counted ballot; key and operator are those of the worker when its ballot came."""
    return {
        "worker": worker,
        "key": to_hex(key),
        "operator": to_hex(operator),
        "input_root": to_hex(pair.input_root),
        "result_root": to_hex(pair.result_root),
    }


def path_document(path: Sequence[bytes]) -> list[Value]:
    """A path, nearest the leaf first."""
    return [to_hex(sibling) for sibling in path]


def _word(kind: str, value: int | bytes) -> Value:
    if isinstance(value, bytes):
        return to_hex(value)
    if isinstance(value, IntEnum):
        return value.name.lower()
    if kind == "bitmap":
        return to_hex(words(value))
    # Amounts are in the chain's smallest unit, far beyond 2^53: text, as section 3 says.
    return str(value) if kind == "amount" else value
