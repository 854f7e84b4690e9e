"""HPKE's base mode with a given ephemeral key, for vectors that are the same in every run.

RFC 9180 sections 4.1, 5.1 and 5.2 for DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20-Poly1305. The
node uses the implementation of a library; that opens what is made here, so each is held against the other.
"""

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_KEM = b"KEM" + (0x0020).to_bytes(2, "big")
_SUITE = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0003))


def seal(plaintext: bytes, public_key: bytes, info: bytes, ephemeral: bytes) -> bytes:
    """`enc ‖ ciphertext` for the owner of an X25519 public key, by this ephemeral private key."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = private.public_key().public_bytes_raw()
    dh = private.exchange(X25519PublicKey.from_public_bytes(public_key))
    shared = _expand(_KEM, _extract(_KEM, b"", b"eae_prk", dh), b"shared_secret", enc + public_key, 32)
    hashes = _extract(_SUITE, b"", b"psk_id_hash", b"") + _extract(_SUITE, b"", b"info_hash", info)
    secret = _extract(_SUITE, shared, b"secret", b"")
    key = _expand(_SUITE, secret, b"key", b"\x00" + hashes, 32)
    nonce = _expand(_SUITE, secret, b"base_nonce", b"\x00" + hashes, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plaintext, b"")


def public_key_of(private_key: bytes) -> bytes:
    """The X25519 public key to a private one."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, sha256)


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\x01", sha256)[:length]
