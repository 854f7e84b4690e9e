"""Frames: one contract at work on one message, with its memory, gas, storage and calls to others.

What a frame changes is in the state's journal, so that a failure undoes it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NoReturn

from coincurve import PublicKey
from eth_utils.crypto import keccak

from worknet.testing.evm.errors import Halt, Reverted, UnsupportedError
from worknet.testing.evm.state import State

_SIGN = 1 << 255
_MODULUS = 1 << 256
_MOST_MEMORY = 1 << 32
_DEPTH = 1024
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

_COLD_SLOT, _COLD_ACCOUNT, _WARM = 2100, 2600, 100
_STORE_NEW, _STORE_CHANGED, _STORE_STIPEND, _CLEARED = 20_000, 2900, 2300, 4800
_VALUE_SENT, _ACCOUNT_MADE, _STIPEND = 9000, 25_000, 2300


@dataclass
class Context:
    """What all frames of a transaction share: the block's words, the sender, and what was touched."""

    chain_id: int
    number: int
    time: int
    base_fee: int
    gas_limit: int
    coinbase: bytes
    mix_hash: bytes
    origin: bytes
    gas_price: int
    warm: dict[object, bool] = field(default_factory=dict)
    originals: dict[tuple[bytes, int], int] = field(default_factory=dict)
    refund: int = 0
    logs: list[tuple[bytes, tuple[bytes, ...], bytes]] = field(default_factory=list)


class Frame:
    """A message on its way through a contract."""

    def __init__(
        self,
        state: State,
        context: Context,
        run: "Callable[[Frame], None]",
        *,
        code: bytes,
        address: bytes,
        caller: bytes,
        value: int,
        message: bytes,
        gas: int,
        static: bool = False,
        depth: int = 0,
    ) -> None:
        """`run` executes a frame."""
        self.state, self.context, self._run = state, context, run
        self.code, self.address, self.caller = code, address, caller
        self.value, self.input, self.gas = value, message, gas
        self.static, self.depth = static, depth
        self.stack: list[int] = []
        self.memory = bytearray()
        self.returned = b""
        self.output = b""
        self._memory_cost = 0

    # Gas and memory

    def pay(self, gas: int) -> None:
        """Takes gas; Halt where there is not enough."""
        self.gas -= gas
        if self.gas < 0:
            raise Halt

    def grow(self, end: int) -> None:
        """Makes the memory reach at least so far."""
        if end > _MOST_MEMORY:
            raise Halt
        words = (end + 31) >> 5
        cost = 3 * words + (words * words >> 9)
        self.pay(cost - self._memory_cost)
        self._memory_cost = cost
        self.memory.extend(bytes(words * 32 - len(self.memory)))

    def read(self, begin: int, size: int) -> bytes:
        """A part of the memory."""
        if not size:
            return b""
        if len(self.memory) < begin + size:
            self.grow(begin + size)
        return bytes(self.memory[begin : begin + size])

    def copy(self, to: int, source: bytes, begin: int, size: int) -> None:
        """Copies a part of the source into memory, with zeros behind its end."""
        self.pay(3 * ((size + 31) >> 5))
        if not size:
            return
        if len(self.memory) < to + size:
            self.grow(to + size)
        self.memory[to : to + size] = source[begin : begin + size].ljust(size, b"\0")

    def copy_returned(self, to: int, begin: int, size: int) -> None:
        """Copies a part of what the last call returned, which must be there."""
        if begin + size > len(self.returned):
            raise Halt
        self.copy(to, self.returned, begin, size)

    def store_byte(self, place: int, value: int) -> None:
        """MSTORE8."""
        if len(self.memory) < place + 1:
            self.grow(place + 1)
        self.memory[place] = value & 0xFF

    def input_word(self, begin: int) -> int:
        """A word of the message."""
        return int.from_bytes(self.input[begin : begin + 32].ljust(32, b"\0"), "big")

    def hashed(self, begin: int, size: int) -> int:
        """SHA3."""
        self.pay(6 * ((size + 31) >> 5))
        return int.from_bytes(keccak(self.read(begin, size)), "big")

    def power(self, base: int, exponent: int) -> int:
        """EXP."""
        self.pay(50 * ((exponent.bit_length() + 7) >> 3))
        return pow(base, exponent, _MODULUS)

    # State

    def load(self, slot: int) -> int:
        """SLOAD (EIP-2929)."""
        key = (self.address, slot)
        self.pay(_WARM if self._touch(key) else _COLD_SLOT)
        return self.state.words.get(key, 0)

    def store(self, slot: int, value: int) -> None:
        """SSTORE (EIP-2200, 2929, 3529)."""
        if self.static or self.gas <= _STORE_STIPEND:
            raise Halt
        key = (self.address, slot)
        current = self.state.words.get(key, 0)
        original = self.context.originals.setdefault(key, current)
        cost = 0 if self._touch(key) else _COLD_SLOT
        if value == current:
            self.pay(cost + _WARM)
            return
        if current == original:
            self.pay(cost + (_STORE_CHANGED if original else _STORE_NEW))
            if original and not value:
                self.context.refund += _CLEARED
        else:
            self.pay(cost + _WARM)
            if original:
                self.context.refund += _CLEARED * (+(not value) - +(not current))
            if value == original:
                self.context.refund += (_STORE_CHANGED if original else _STORE_NEW) - _WARM
        self.state.put(self.state.words, key, value)

    def own_balance(self) -> int:
        """SELFBALANCE."""
        return self.state.balances.get(self.address, 0)

    def balance_of(self, account: int) -> int:
        """BALANCE."""
        address = _address(account)
        self.pay(_WARM if self._touch(address) else _COLD_ACCOUNT)
        return self.state.balances.get(address, 0)

    def size_of_code(self, account: int) -> int:
        """EXTCODESIZE."""
        address = _address(account)
        self.pay(_WARM if self._touch(address) else _COLD_ACCOUNT)
        return len(self.state.codes.get(address, b""))

    def log(self, begin: int, size: int, *topics: int) -> None:
        """LOG0 to LOG4."""
        if self.static:
            raise Halt
        self.pay(8 * size)
        data = self.read(begin, size)
        words = tuple(topic.to_bytes(32, "big") for topic in topics)
        self.context.logs.append((self.address, words, data))

    def revert(self, begin: int, size: int) -> NoReturn:
        """REVERT."""
        raise Reverted(self.read(begin, size))

    # Calls

    def call(self, gas: int, account: int, value: int, begin: int, size: int, to: int, room: int) -> int:
        """CALL; 1 if it went well, else 0."""
        if self.static and value:
            raise Halt
        return self._call(gas, _address(account), value, (begin, size), (to, room), static=self.static)

    def call_static(self, gas: int, account: int, begin: int, size: int, to: int, room: int) -> int:
        """STATICCALL."""
        return self._call(gas, _address(account), 0, (begin, size), (to, room), static=True)

    def _call(
        self,
        gas: int,
        address: bytes,
        value: int,
        given: tuple[int, int],
        place: tuple[int, int],
        *,
        static: bool,
    ) -> int:
        message = self.read(*given)
        to, room = place
        if room and len(self.memory) < to + room:
            self.grow(to + room)
        is_precompile = int.from_bytes(address, "big") < 10
        cost = _WARM if self._touch(address) or is_precompile else _COLD_ACCOUNT
        if value:
            cost += _VALUE_SENT + (0 if self.state.is_there(address) or is_precompile else _ACCOUNT_MADE)
        self.pay(cost)
        granted = min(gas, self.gas - self.gas // 64)
        self.pay(granted)
        granted += _STIPEND if value else 0
        self.returned = b""
        if self.depth >= _DEPTH or value > self.own_balance():
            self.gas += granted
            return 0
        mark, refund, logs = self.state.mark(), self.context.refund, len(self.context.logs)
        self.state.transfer(self.address, address, value)
        went_well, self.returned, left = self._deliver(address, message, value, granted, static=static)
        if not went_well:
            self.state.undo(mark)
            self.context.refund = refund
            del self.context.logs[logs:]
        self.gas += left
        shown = self.returned[:room]
        self.memory[to : to + len(shown)] = shown
        return +went_well

    def _deliver(
        self, address: bytes, message: bytes, value: int, gas: int, *, static: bool
    ) -> tuple[bool, bytes, int]:
        """Whether the message was taken, what came back, and the gas left."""
        number = int.from_bytes(address, "big")
        if 0 < number < 10:
            cost, output = _precompiled(number, message)
            return (True, output, gas - cost) if cost <= gas else (False, b"", 0)
        code = self.state.codes.get(address, b"")
        if not code:
            return True, b"", gas
        frame = Frame(
            self.state,
            self.context,
            self._run,
            code=code,
            address=address,
            caller=self.address,
            value=value,
            message=message,
            gas=gas,
            static=static,
            depth=self.depth + 1,
        )
        try:
            self._run(frame)
        except Reverted as reverted:
            return False, reverted.output, frame.gas
        except Halt:
            return False, b"", 0
        return True, frame.output, frame.gas

    def _touch(self, key: object) -> bool:
        """Whether an account or slot was touched before in this transaction (EIP-2929)."""
        if key in self.context.warm:
            return True
        self.state.put(self.context.warm, key, True)
        return False


def signed(word: int) -> int:
    """A word as a number in two's complement."""
    return word - _MODULUS if word & _SIGN else word


def signed_division(a: int, b: int) -> int:
    """SDIV: rounded towards zero."""
    if not b:
        return 0
    a, b = signed(a), signed(b)
    return (abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1)) % _MODULUS


def signed_remainder(a: int, b: int) -> int:
    """SMOD: with the sign of the first."""
    if not b:
        return 0
    a, b = signed(a), signed(b)
    return (abs(a) % abs(b) * (-1 if a < 0 else 1)) % _MODULUS


def extended(size: int, value: int) -> int:
    """SIGNEXTEND of a number of `size` + 1 bytes."""
    if size > 30:
        return value
    bit = 1 << (size * 8 + 7)
    rest = bit - 1
    return (value | (_MODULUS - 1) ^ rest) if value & bit else value & rest


def unsupported(operation: int | None = None, place: int = 0) -> NoReturn:
    """Raises UnsupportedError."""
    raise UnsupportedError(f"no instruction {operation} at {place} here")


def _address(word: int) -> bytes:
    return (word & ((1 << 160) - 1)).to_bytes(20, "big")


def _precompiled(number: int, message: bytes) -> tuple[int, bytes]:
    """Gas and output of a precompiled contract."""
    words = (len(message) + 31) >> 5
    if number == 1:
        return 3000, _recovered(message)
    if number == 2:
        return 60 + 12 * words, sha256(message).digest()
    if number == 4:
        return 15 + 3 * words, message
    raise UnsupportedError(f"no precompiled contract {number} here")


def _recovered(message: bytes) -> bytes:
    """ECRECOVER: the account behind a signature; nothing where there is none."""
    padded = message[:128].ljust(128, b"\0")
    digest, v, r, s = (padded[start : start + 32] for start in range(0, 128, 32))
    kind = int.from_bytes(v, "big") - 27
    if kind not in {0, 1} or not all(0 < int.from_bytes(each, "big") < _CURVE_ORDER for each in (r, s)):
        return b""
    try:
        key = PublicKey.from_signature_and_message(r + s + bytes([kind]), digest, hasher=None)
    except ValueError:
        return b""
    return bytes(12) + keccak(key.format(compressed=False)[1:])[12:]
