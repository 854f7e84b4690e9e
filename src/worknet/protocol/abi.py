"""`abi.encode` of static words, the only ABI encoding that the protocol hashes.

Source: Solidity ABI specification, "Formal Specification of the Encoding", static types.
"""

from worknet.protocol.errors import ProtocolError

ADDRESS_BYTES = 20
WORD_BYTES = 32


class EncodingError(ProtocolError):
    """A value is no static word: a negative or too large integer, or bytes of another length."""


def words(*values: int | bytes) -> bytes:
    """`abi.encode` of the values, 32 bytes each: of a uint256 (an integer), a bytes32, or an address."""
    return b"".join(_word(value) for value in values)


def _word(value: int | bytes) -> bytes:
    if isinstance(value, int):
        if not 0 <= value < 1 << 256:
            raise EncodingError(f"{value} does not fit into a uint256")
        return value.to_bytes(WORD_BYTES, "big")
    if len(value) not in {WORD_BYTES, ADDRESS_BYTES}:
        raise EncodingError(f"{len(value)} bytes are neither a word (32) nor an address (20)")
    return value.rjust(WORD_BYTES, b"\0")
