"""Keccak-256 as the EVM has it (the padding of the Keccak submission, not of SHA-3), in pure Python.

The state is one integer: lane x + 5y of 64 bits at bit 64(x + 5y), so that one operation serves all lanes.
Lanes turn by whole bytes and change places in one translation of the state's bytes; before it by 1, 2 and 4
bits. Who hashes many values hands a faster function to whatever takes a `Hash`.
Source: The Keccak reference, version 3.0, sections 1.2 (rounds) and 1.1.2 (sponge); rate 1088 bits.
"""

from collections.abc import Callable

Hash = Callable[[bytes], bytes]

_RATE = 136
_PLANE = (1 << 320) - 1
_EACH_PLANE = sum(1 << 320 * y for y in range(5))
_LOWEST_BITS = sum(1 << 64 * x for x in range(5))
_ROUNDS = (
    "1 8082 800000000000808a 8000000080008000 808b 80000001 8000000080008081 8000000000008009 8a 88 "
    "80008009 8000000a 8000808b 800000000000008b 8000000000008089 8000000000008003 8000000000008002 "
    "8000000000000080 800a 800000008000000a 8000000080008081 8000000000008080 80000001 8000000080008008"
)
_CONSTANTS = [int(constant, 16) for constant in _ROUNDS.split()]  # of the step iota
_TURNS, _SOURCES = [0] * 25, [0] * 25  # by how many bits rho turns a lane, from which lane pi fills one
_x, _y = 1, 0
for _step in range(24):
    _TURNS[_x + 5 * _y] = (_step + 1) * (_step + 2) // 2 % 64
    _SOURCES[_y + 5 * ((2 * _x + 3 * _y) % 5)] = _x + 5 * _y
    _x, _y = _y, (2 * _x + 3 * _y) % 5


def _turned(bits: int) -> tuple[int, int, int, int]:
    """How far some lanes turn, and masks: of the lanes that do not, of the high and the low bits of those."""
    lanes = sum(1 << 64 * lane for lane, turn in enumerate(_TURNS) if turn & bits)
    all_bits, low = lanes * ((1 << 64) - 1), lanes * ((1 << bits) - 1)
    return bits, ((1 << 1600) - 1) ^ all_bits, all_bits ^ low, low


def _places(right: int) -> bytes:
    """For each byte of the state which one comes there, if all look at the lane `right` of their own."""
    sources = [_SOURCES[lane - lane % 5 + (lane + right) % 5] for lane in range(25)]
    return bytes(8 * source + (byte - _TURNS[source] // 8) % 8 for source in sources for byte in range(8))


_BIT_TURNS = [_turned(bits) for bits in (1, 2, 4)]
_OWN, _NEXT, _SECOND = _places(0), _places(1), _places(2)


def _permute(state: int) -> int:
    for constant in _CONSTANTS:
        parity = (state ^ state >> 320 ^ state >> 640 ^ state >> 960 ^ state >> 1280) & _PLANE
        parity |= parity << 320  # its lanes in a circle
        right = parity >> 63 & ~_LOWEST_BITS | parity >> 127 & _LOWEST_BITS
        state ^= ((parity >> 256 ^ right) & _PLANE) * _EACH_PLANE
        for bits, stay, high, low in _BIT_TURNS:
            state = state & stay | state << bits & high | state >> (64 - bits) & low
        lanes = state.to_bytes(256, "little")
        own, second = (int.from_bytes(places.translate(lanes), "little") for places in (_OWN, _SECOND))
        state = own ^ second & ~int.from_bytes(_NEXT.translate(lanes), "little") ^ constant
    return state


def keccak256(data: bytes) -> bytes:
    """The 32 bytes of keccak-256 over `data`."""
    padded = bytearray(data + bytes(_RATE - len(data) % _RATE))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = 0
    for block in range(0, len(padded), _RATE):
        state = _permute(state ^ int.from_bytes(padded[block : block + _RATE], "little"))
    return state.to_bytes(200, "little")[:32]
