"""What sealed statements and sealed files have in common: the suite of HPKE, and how lengths are hidden."""

from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
"""RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305."""


def padded(text: bytes) -> bytes:
    """The text with zero bytes behind it, so that its length tells little.

    Padmé (Nikitin et al., Reducing Metadata Leakage from Encrypted Files and Communication with PURBs, 2019,
    section 4): at most 12 % more, and of the length no more than its magnitude shows.
    """
    magnitude = len(text).bit_length() - 1
    free = max(0, magnitude - magnitude.bit_length())
    return text + bytes(-len(text) % (1 << free))
