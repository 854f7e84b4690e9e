"""Statements encrypted to the members' keys, as they stand on channels and in files (appendix F, "Sealing").

The statement is encrypted once, under a key made for it alone, and that key to each recipient by HPKE (RFC
9180, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305). Who sealed it is not shown by
this, but by where the statement leads: to a ballot on chain.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from worknet.chain.errors import SealedStatementError
from worknet.chain.sealing import SUITE, padded
from worknet.protocol.canonical import decode, encode, from_hex, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.statement import LARGEST_STATEMENT, PLACE_KEYS, Statement, StatementPlace
from worknet.protocol.words import PREFIX, VERSION

KEY_BYTES = 32
TAG_BYTES = 16
WRAPPED_BYTES = 32 + KEY_BYTES + TAG_BYTES
"""A recipient's part: HPKE's encapsulated key, and the statement's key encrypted."""
LARGEST_HEADER = 1 << 16
LARGEST_SEALED = LARGEST_HEADER + 1 + LARGEST_STATEMENT * 9 // 8
"""Bytes of a sealed statement at most."""

_ONCE = bytes(12)
"""The nonce: each key encrypts one statement and nothing else."""


def seal(statement: Statement, recipients: Mapping[int, bytes]) -> bytes:
    """The statement, readable by these recipients only: worker indices and their X25519 public keys.

    A recipient whose announced key is none that can be encrypted to is left out.
    """
    key = secrets.token_bytes(KEY_BYTES)
    wrapped = {}
    for recipient, public_key in sorted(recipients.items()):
        info = wrapping_info(statement.place, recipient)
        try:
            wrapped[recipient] = SUITE.encrypt(key, X25519PublicKey.from_public_bytes(public_key), info)
        except ValueError:
            continue
    header = header_of(statement.place, wrapped)
    return header + b"\n" + ChaCha20Poly1305(key).encrypt(_ONCE, padded(statement.to_bytes()), header)


def header_of(place: StatementPlace, wrapped: Mapping[int, bytes]) -> bytes:
    """The part in the open: whose statement it is, on what, and each recipient's part."""
    recipients = {str(recipient): to_hex(part) for recipient, part in wrapped.items()}
    return encode({"protocol": VERSION, **place.document(), "recipients": recipients})


def wrapping_info(place: StatementPlace, recipient: int) -> bytes:
    """HPKE's `info`: nothing that is encrypted for one place and recipient opens for another."""
    return f"{PREFIX}statement/".encode() + encode({**place.document(), "recipient": recipient})


@dataclass(frozen=True)
class SealedStatement:
    """A sealed statement of the right form. What it says in the open proves nothing before it is opened."""

    place: StatementPlace
    recipients: Mapping[int, bytes] = field(repr=False)
    header: bytes = field(repr=False)
    body: bytes = field(repr=False)

    @classmethod
    def parse(cls, content: bytes) -> "SealedStatement":
        """What these bytes are; `SealedStatementError` for anything that is no sealed statement."""
        if len(content) > LARGEST_SEALED:
            raise SealedStatementError(f"a sealed statement of more than {LARGEST_SEALED} bytes")
        end = content.find(b"\n", 0, LARGEST_HEADER + 1)
        if end < 0:
            raise SealedStatementError("no sealed statement: it has no header")
        header = content[:end]
        try:
            place, recipients = _read_header(decode(header))
        except ProtocolError as error:
            raise SealedStatementError(f"no sealed statement: {error}") from None
        return cls(place, recipients, header, content[end + 1 :])

    def open(self, encryption_key: bytes, me: int) -> Statement:
        """The statement, for the recipient with the index `me` and this X25519 private key of 32 bytes.

        Raises `SealedStatementError` where it was not sealed to this key, was altered, or is no statement on
        what its header says.
        """
        if me not in self.recipients:
            raise SealedStatementError(
                f"it is not sealed to worker {me}", "it goes to those that were members when it was made"
            )
        private = X25519PrivateKey.from_private_bytes(encryption_key)
        try:
            key = SUITE.decrypt(self.recipients[me], private, wrapping_info(self.place, me))
            text = ChaCha20Poly1305(key).decrypt(_ONCE, self.body, self.header)
        except (InvalidTag, ValueError):
            # One message for all: who altered what is not told.
            hint = "is the encryption key the one that was enrolled, and the file whole?"
            raise SealedStatementError("it cannot be opened with this worker's key", hint) from None
        content = text.rstrip(b"\0")
        if not content or padded(content) != text:
            raise SealedStatementError("it is not padded as the protocol says")
        try:
            statement = Statement.parse(content)
        except ProtocolError as error:
            raise SealedStatementError(str(error), error.hint) from None
        if statement.place != self.place:
            raise SealedStatementError("its header is that of another statement")
        return statement


def _read_header(document: Any) -> tuple[StatementPlace, dict[int, bytes]]:
    if not isinstance(document, dict) or document.keys() != {"protocol", "recipients", *PLACE_KEYS}:
        raise SealedStatementError("no sealed statement: its header has other keys")
    if document["protocol"] != VERSION or isinstance(document["protocol"], bool):
        raise SealedStatementError("of another version of the protocol")
    recipients = {}
    if not isinstance(document["recipients"], dict):
        raise SealedStatementError("no sealed statement: its recipients are no object")
    for name, part in document["recipients"].items():
        if not name.isascii() or not name.isdigit() or len(name) > 3 or name != str(int(name)):
            raise SealedStatementError("no sealed statement: a recipient is no worker index")
        recipients[int(name)] = from_hex(part, WRAPPED_BYTES)
    return StatementPlace.of_document(document), recipients
