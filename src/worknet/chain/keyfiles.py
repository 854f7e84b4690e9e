"""New files with secrets: keystores with their password beside them, encryption keys, tokens.

Every file is for its owner's eyes (mode 0600) and none is ever overwritten.
"""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from worknet.chain.errors import KeystoreError
from worknet.chain.signers import create_keystore

PASSWORD_BYTES = 24
X25519_BYTES = 32


def write_secret(path: Path, secret: str) -> None:
    """Writes a secret on a line of its own into a new file; raises KeystoreError where that cannot be."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeystoreError(f"{path} exists already", hint="secrets are never overwritten") from None
    except OSError as error:
        raise KeystoreError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())


def create_key(folder: Path, name: str, *, light: bool = False) -> bytes:
    """Makes NAME.json, a keystore with a fresh key, and NAME.password beside it; returns the key's address.

    `light` as in `create_keystore`.
    """
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    write_secret(folder / f"{name}.password", password)
    return create_keystore(folder / f"{name}.json", password, light=light)


def create_encryption_key(path: Path) -> bytes:
    """Makes a file with a fresh X25519 private key in hex (RFC 7748); returns the public key."""
    key = X25519PrivateKey.generate()
    write_secret(path, key.private_bytes_raw().hex())
    return key.public_key().public_bytes_raw()


def encryption_public_key(path: Path) -> bytes:
    """The public key to the X25519 private key in this file; raises KeystoreError where there is none."""
    try:
        private = bytes.fromhex(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        private = b""
    if len(private) != X25519_BYTES:
        raise KeystoreError(f"{path} holds no X25519 private key", hint="it should be 64 hex digits")
    return public_key_of(private)


def public_key_of(encryption_key: bytes) -> bytes:
    """The X25519 public key to a private key of 32 bytes (RFC 7748)."""
    return X25519PrivateKey.from_private_bytes(encryption_key).public_key().public_bytes_raw()
