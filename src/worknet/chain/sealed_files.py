"""Files sealed to one reader, such as an auditor, so that they can go by any way (appendix G).

HPKE (RFC 9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305) to the reader's X25519
key. A header in the open says what the file is about and whose key opens it; it is bound to what is sealed.
Who sealed a file is not shown: what is in it must prove itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from worknet.chain.errors import SealedFileError
from worknet.chain.keyfiles import X25519_BYTES, public_key_of
from worknet.chain.sealing import SUITE, padded
from worknet.protocol.canonical import decode, encode, from_hex, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.words import PREFIX, VERSION

FORMAT = "worknet/sealed-file"
SUFFIX = ".sealed"
MAX_BYTES = 96 << 20
"""Bytes of a sealed file at most: an evidence file, padded, and its header."""

_MAX_HEADER = 1 << 12
_INFO = f"{PREFIX}file/".encode()
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,127}")
_END = b"\x80"
"""Stands behind the content, so that the padding's zeros are told from the content's."""


def seal_file(name: str, voting_id: bytes, content: bytes, reader: bytes) -> bytes:
    """The content, readable with the private key of `reader`, an X25519 public key, alone.

    Raises `SealedFileError` for a key that nothing can be sealed to.
    """
    header = encode(
        {
            "format": FORMAT,
            "name": name,
            "protocol": VERSION,
            "reader": to_hex(reader),
            "voting": to_hex(voting_id),
        }
    )
    try:
        key = X25519PublicKey.from_public_bytes(reader)
        return header + b"\n" + SUITE.encrypt(padded(content + _END), key, _INFO + header)
    except ValueError:
        raise SealedFileError(
            "nothing can be sealed to this key", "a reader's key is what `worknet key FILE` printed"
        ) from None


@dataclass(frozen=True)
class SealedFile:
    """A sealed file of the right form. What it says in the open is proven when it is opened."""

    name: str
    voting_id: bytes
    reader: bytes
    header: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def parse(cls, content: bytes) -> "SealedFile":
        """What these bytes are; `SealedFileError` for anything that is no sealed file."""
        end = content.find(b"\n", 0, _MAX_HEADER + 1)
        if end < 0 or len(content) > MAX_BYTES:
            raise SealedFileError("no sealed file: it has no header, or is too long")
        header = content[:end]
        try:
            document = _header(decode(header))
            voting_id, reader = from_hex(document["voting"], 32), from_hex(document["reader"], X25519_BYTES)
        except ProtocolError as error:
            raise SealedFileError(f"no sealed file: {error}") from None
        return cls(document["name"], voting_id, reader, header, content[end + 1 :])

    def open(self, private_key: bytes) -> bytes:
        """The content, for who holds this X25519 private key of 32 bytes.

        Raises `SealedFileError` where it is sealed to another key, or was altered.
        """
        if public_key_of(private_key) != self.reader:
            raise SealedFileError(
                f"it is sealed to the key {to_hex(self.reader)}, not to yours",
                "ask for it again, with the key that `worknet key FILE --show` prints",
            )
        try:
            key = X25519PrivateKey.from_private_bytes(private_key)
            text = SUITE.decrypt(self.body, key, _INFO + self.header).rstrip(b"\0")
        except (InvalidTag, ValueError):
            raise SealedFileError("it was altered after it was sealed", "ask for it again") from None
        if not text.endswith(_END):
            raise SealedFileError("it is not padded as the protocol says")
        return text[: -len(_END)]


def _header(document: Any) -> Mapping[str, Any]:
    keys = {"format", "name", "protocol", "reader", "voting"}
    if not isinstance(document, dict) or document.keys() != keys or document["format"] != FORMAT:
        raise SealedFileError("no sealed file: its header is another")
    if document["protocol"] != VERSION or isinstance(document["protocol"], bool):
        raise SealedFileError("of another version of the protocol")
    if not isinstance(document["name"], str) or not _NAME.fullmatch(document["name"]):
        raise SealedFileError("no sealed file: it has no name")
    return document
