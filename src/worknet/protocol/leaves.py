"""What leaves are made of: the salts of a document, and the leaf data of fields and headers (section 4).

The leaf data of a row is `salt ‖ JCS(row)`, or `salt ‖ root of its fields`; of a manifest `salt ‖ JCS`.
"""

from collections.abc import Mapping
from hashlib import sha256, shake_256

from worknet.protocol import merkle
from worknet.protocol.canonical import Value, check_name, encode

SALT_BYTES = 16


def salts_of(document_key: bytes, count: int) -> list[bytes]:
    """Salts 0 to `count - 1` of a document, 16 bytes each, from the stream of its 32-byte key."""
    stream = shake_256(document_key).digest(SALT_BYTES * count)
    return [stream[at : at + SALT_BYTES] for at in range(0, len(stream), SALT_BYTES)]


def field_leaf(salt: bytes, name: str, value: Value) -> bytes:
    """Leaf data of one field: `salt ‖ JCS([name, value])`."""
    return salt + encode([name, value])


def fields_of(row: Mapping[str, Value], document_key: bytes, decoys: int = 0) -> list[bytes]:
    """Leaf data of a row's fields in their order, salted from the row's own document key.

    They are sorted by name; with decoys, whose leaf data is a salt alone, all are sorted by leaf hash.
    """
    salts = salts_of(document_key, len(row) + decoys)
    leaves = [field_leaf(salt, name, row[name]) for name, salt in zip(sorted(row), salts, strict=False)]
    return sorted(leaves + salts[len(row) :], key=merkle.leaf_hash) if decoys else leaves


def header_leaf(salt: bytes, name: str, rows: int, root: bytes) -> bytes:
    """Leaf data of a dataset or table: `header salt ‖ SHA256(utf8 name) ‖ uint64be(rows) ‖ root`."""
    return salt + sha256(check_name(name, "table").encode()).digest() + rows.to_bytes(8, "big") + root
