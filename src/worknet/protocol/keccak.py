"""Keccak-256 as the EVM has it (the padding of the Keccak submission, not of SHA-3).

Written in pure Python so that the protocol needs the standard library only. Who hashes many values
hands a faster function to whatever takes a `Hash`.
Source: The Keccak reference, version 3.0, sections 1.2 (rounds) and 1.1.2 (sponge); rate 1088 bits.
"""

from collections.abc import Callable
from itertools import pairwise

Hash = Callable[[bytes], bytes]

_RATE = 136
_MASK = (1 << 64) - 1


def _round_constants() -> list[int]:
    """The 24 constants of the step iota, from the LFSR x^8 + x^6 + x^5 + x^4 + 1."""
    constants = []
    register = 1
    for _ in range(24):
        constant = 0
        for power in range(7):
            if register & 1:
                constant |= 1 << ((1 << power) - 1)
            register = (register << 1) ^ (0x171 if register >> 7 else 0)
        constants.append(constant)
    return constants


def _lane_walk() -> list[tuple[int, int]]:
    """The lanes in the order of the steps rho and pi, each with its rotation."""
    x, y, rotation = 1, 0, 0
    walk = []
    for step in range(24):
        rotation = (rotation + step + 1) % 64
        walk.append((x + 5 * y, rotation))
        x, y = y, (2 * x + 3 * y) % 5
    return walk


_CONSTANTS = _round_constants()
_WALK = _lane_walk()
_MOVES = [(here, there, turn) for (here, turn), (there, _) in pairwise([*_WALK, _WALK[0]])]


def _permute(lanes: list[int]) -> list[int]:
    for constant in _CONSTANTS:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        for x in range(5):
            right = parity[(x + 1) % 5]
            effect = parity[(x - 1) % 5] ^ ((right << 1 | right >> 63) & _MASK)
            for y in range(0, 25, 5):
                lanes[x + y] ^= effect
        moved = [0] * 25
        moved[0] = lanes[0]
        for here, there, turn in _MOVES:
            lane = lanes[here]
            moved[there] = (lane << turn | lane >> (64 - turn)) & _MASK
        lanes = [
            moved[y + x] ^ (~moved[y + (x + 1) % 5] & _MASK & moved[y + (x + 2) % 5])
            for y in range(0, 25, 5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of keccak-256 over `data`."""
    padding = _RATE - len(data) % _RATE
    padded = bytearray(data + bytes(padding))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for block in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = block + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])
