"""Salts: they make leaves unguessable to outsiders, yet equal at every worker of one attempt (section 4).

Every document (manifest, header, table, the fields of a row) has a key of its own, derived from the
data key that the members share; salt number i of the document is a slice of its SHAKE256 stream. The keys of
fingerprints (appendix F) are derived beside them.
"""

import hmac
from hashlib import sha256

from worknet.protocol.errors import ProtocolError
from worknet.protocol.leaves import salts_of
from worknet.protocol.words import PREFIX, tag

DATA_KEY_BYTES = 32
VOTING_ID_BYTES = 32

Info = str
MANIFEST: Info = "manifest"


class SaltError(ProtocolError):
    """A data key, voting id or attempt of the wrong form. Never holds the key itself."""


def header(kind: str, name: str) -> Info:
    """The document of a header: `kind` is `dataset` or `table`."""
    return f"header/{kind}/{name}"


def rows(kind: str, name: str) -> Info:
    """The document of all rows of a dataset or table."""
    return f"{kind}/{name}"


def fields(kind: str, name: str, row: int) -> Info:
    """The document of the fields of one row, counted from 0."""
    return f"fields/{kind}/{name}/{row}"


def check_data_key(data_key: bytes) -> bytes:
    """The data key, if it has 32 bytes; else `SaltError`."""
    if len(data_key) != DATA_KEY_BYTES:
        raise SaltError(f"a data key has {DATA_KEY_BYTES} bytes, this one {len(data_key)}")
    return data_key


def data_key_commitment(data_key: bytes) -> bytes:
    """`SHA256(TAG("datakey") ‖ data key)`, which the policy names."""
    return sha256(tag("datakey") + check_data_key(data_key)).digest()


def document_key(data_key: bytes, voting_id: bytes, attempt: int, info: Info) -> bytes:
    """The 32-byte key of a document: HKDF-SHA256 (RFC 5869) of the data key."""
    return key_of(attempt_key(data_key, voting_id, attempt), info)


def attempt_key(data_key: bytes, voting_id: bytes, attempt: int) -> bytes:
    """The first half of that derivation (extract), which all documents of an attempt have in common."""
    if len(voting_id) != VOTING_ID_BYTES:
        raise SaltError(f"a voting id has {VOTING_ID_BYTES} bytes, this one {len(voting_id)}")
    if not 0 < attempt < 1 << 64:
        raise SaltError(f"{attempt} is no number of an attempt")
    context = sha256(voting_id + attempt.to_bytes(8, "big")).digest()
    return hmac.digest(context, check_data_key(data_key), "sha256")


def key_of(attempt_key: bytes, info: Info) -> bytes:
    """The second half (expand): the key of one document of the attempt."""
    return _expanded(attempt_key, f"salt/{info}")


def fingerprint_key(data_key: bytes, voting_id: bytes, attempt: int, info: Info) -> bytes:
    """The 32-byte key of the fingerprints of `rows(...)` or `MANIFEST` (appendix F)."""
    return _expanded(attempt_key(data_key, voting_id, attempt), f"statement/{info}")


def salt(document_key: bytes, number: int = 0) -> bytes:
    """Salt `number` of a document; manifests and headers use salt 0."""
    return salts_of(document_key, number + 1)[number]


def _expanded(attempt_key: bytes, info: str) -> bytes:
    return hmac.digest(attempt_key, f"{PREFIX}{info}".encode() + b"\x01", "sha256")
