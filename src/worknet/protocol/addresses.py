"""Addresses as people write them: `0x` and 40 hex digits, the case a checksum where it is mixed (EIP-55)."""

import re

from worknet.protocol.errors import ProtocolError
from worknet.protocol.keccak import keccak256

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HALF = 8
"""From this nibble of the hash on, the letter at its place is a capital."""


class AddressError(ProtocolError):
    """A text that is no address, or one with a slip in it."""


def read_address(text: str) -> bytes:
    """The 20 bytes of an address. Letters all small or all capital are taken as they are.

    Raises AddressError where letters of both kinds do not make the checksum of EIP-55.
    """
    if not _ADDRESS.fullmatch(text):
        raise AddressError("no address", hint="0x and 40 hex digits")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and digits != _with_checksum(digits.lower()):
        raise AddressError(
            "a digit or the case of a letter is wrong, by the checksum that the case makes (EIP-55)",
            hint="copy the address anew; written in small letters alone it is not checked",
        )
    return bytes.fromhex(digits)


def _with_checksum(digits: str) -> str:
    nibbles = keccak256(digits.encode()).hex()
    pairs = zip(digits, nibbles, strict=False)  # 40 digits, 64 nibbles: the first 40 count
    return "".join(digit.upper() if int(nibble, 16) >= _HALF else digit for digit, nibble in pairs)
