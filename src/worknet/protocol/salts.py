"""Salts: they make leaves unguessable to outsiders, yet equal at every worker of one attempt (section 4).

Every document (manifest, header, table, the fields of a row) has a key of its own, derived from the
data key that the members share; salt number i of the document is a slice of its SHAKE256 stream. The keys of
fingerprints (appendix F) are derived beside them.
"""

import hmac
from hashlib import sha256, shake_256

from worknet.protocol.errors import ProtocolError
from worknet.protocol.tags import PREFIX, tag

DATA_KEY_BYTES = 32
VOTING_ID_BYTES = 32
SALT_BYTES = 16

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
    return _derived(data_key, voting_id, attempt, f"salt/{info}")


def fingerprint_key(data_key: bytes, voting_id: bytes, attempt: int, info: Info) -> bytes:
    """The 32-byte key of the fingerprints of `rows(...)` or `MANIFEST` (appendix F)."""
    return _derived(data_key, voting_id, attempt, f"statement/{info}")


def salts(document_key: bytes, count: int) -> list[bytes]:
    """Salts 0 to `count - 1` of a document, 16 bytes each."""
    stream = shake_256(document_key).digest(SALT_BYTES * count)
    return [stream[at : at + SALT_BYTES] for at in range(0, len(stream), SALT_BYTES)]


def salt(document_key: bytes, number: int = 0) -> bytes:
    """Salt `number` of a document; manifests and headers use salt 0."""
    return shake_256(document_key).digest(SALT_BYTES * (number + 1))[-SALT_BYTES:]


def _derived(data_key: bytes, voting_id: bytes, attempt: int, info: str) -> bytes:
    if len(voting_id) != VOTING_ID_BYTES:
        raise SaltError(f"a voting id has {VOTING_ID_BYTES} bytes, this one {len(voting_id)}")
    if not 0 < attempt < 1 << 64:
        raise SaltError(f"{attempt} is no number of an attempt")
    context = sha256(voting_id + attempt.to_bytes(8, "big")).digest()
    extracted = hmac.digest(context, check_data_key(data_key), sha256)
    return hmac.digest(extracted, f"{PREFIX}{info}".encode() + b"\x01", sha256)
