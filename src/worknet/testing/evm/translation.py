"""Bytecode to Python: every basic block of a contract becomes one function, compiled once.

Within a block the stack is followed at translation time, so that most of it never exists: values are local
variables. A block charges the gas of its instructions at once, before those that look at the gas left; what
depends on values (memory, storage, hashes) is charged where it occurs. So the gas used is exactly the EVM's.
Source: Yellow Paper (Paris, appendix H), EIP-2929 and EIP-3529 for storage, in `frames`.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeAlias

from worknet.testing.evm import frames
from worknet.testing.evm.errors import Halt

WORD = (1 << 256) - 1

Step: TypeAlias = Callable[[frames.Frame], "Step | None"]
"""A basic block: does its work in a frame and gives the next one, None at the end."""

_JUMP, _JUMPI, _JUMPDEST, _GAS, _SSTORE, _CALL, _STATICCALL = 0x56, 0x57, 0x5B, 0x5A, 0x55, 0xF1, 0xFA
_STOP, _RETURN, _REVERT, _INVALID = 0x00, 0xF3, 0xFD, 0xFE
_POP, _MLOAD, _MSTORE, _PC = 0x50, 0x51, 0x52, 0x58
_ENDS = {_STOP, _JUMP, _JUMPI, _RETURN, _REVERT}
_LOOKS_AT_GAS = {_GAS, _SSTORE, _CALL, _STATICCALL}

# Instructions with one result: how many values they take, their gas, and the result in Python. {0} is the
# value that was on top. M is the largest word.
_VALUES: dict[int, tuple[int, int, str]] = {
    0x01: (2, 3, "{0} + {1} & M"),
    0x02: (2, 5, "{0} * {1} & M"),
    0x03: (2, 3, "{0} - {1} & M"),
    0x04: (2, 5, "{0} // {1} if {1} else 0"),
    0x05: (2, 5, "signed_division({0}, {1})"),
    0x06: (2, 5, "{0} % {1} if {1} else 0"),
    0x07: (2, 5, "signed_remainder({0}, {1})"),
    0x08: (3, 8, "({0} + {1}) % {2} if {2} else 0"),
    0x09: (3, 8, "{0} * {1} % {2} if {2} else 0"),
    0x0A: (2, 10, "f.power({0}, {1})"),
    0x0B: (2, 5, "extended({0}, {1})"),
    0x10: (2, 3, "+({0} < {1})"),
    0x11: (2, 3, "+({0} > {1})"),
    0x12: (2, 3, "+(signed({0}) < signed({1}))"),
    0x13: (2, 3, "+(signed({0}) > signed({1}))"),
    0x14: (2, 3, "+({0} == {1})"),
    0x15: (1, 3, "+(not {0})"),
    0x16: (2, 3, "{0} & {1}"),
    0x17: (2, 3, "{0} | {1}"),
    0x18: (2, 3, "{0} ^ {1}"),
    0x19: (1, 3, "M ^ {0}"),
    0x1A: (2, 3, "{1} >> (31 - {0}) * 8 & 255 if {0} < 32 else 0"),
    0x1B: (2, 3, "{1} << {0} & M if {0} < 256 else 0"),
    0x1C: (2, 3, "{1} >> {0} if {0} < 256 else 0"),
    0x1D: (2, 3, "signed({1}) >> min({0}, 256) & M"),
    0x20: (2, 30, "f.hashed({0}, {1})"),
    0x30: (0, 2, "word(f.address)"),
    0x31: (1, 0, "f.balance_of({0})"),
    0x32: (0, 2, "word(f.context.origin)"),
    0x33: (0, 2, "word(f.caller)"),
    0x34: (0, 2, "f.value"),
    0x35: (1, 3, "f.input_word({0})"),
    0x36: (0, 2, "len(f.input)"),
    0x38: (0, 2, "len(f.code)"),
    0x3A: (0, 2, "f.context.gas_price"),
    0x3B: (1, 0, "f.size_of_code({0})"),
    0x3D: (0, 2, "len(f.returned)"),
    0x41: (0, 2, "word(f.context.coinbase)"),
    0x42: (0, 2, "f.context.time"),
    0x43: (0, 2, "f.context.number"),
    0x44: (0, 2, "word(f.context.mix_hash)"),
    0x45: (0, 2, "f.context.gas_limit"),
    0x46: (0, 2, "f.context.chain_id"),
    0x47: (0, 5, "f.own_balance()"),
    0x48: (0, 2, "f.context.base_fee"),
    0x54: (1, 0, "f.load({0})"),
    0x59: (0, 2, "len(f.memory)"),
    0x5A: (0, 2, "f.gas"),
    0xF1: (7, 0, "f.call({0}, {1}, {2}, {3}, {4}, {5}, {6})"),
    0xFA: (6, 0, "f.call_static({0}, {1}, {2}, {3}, {4}, {5})"),
}

# The gas of the others that this EVM knows, but for DUP and SWAP.
_GAS_OF = {_POP: 2, _MLOAD: 3, _MSTORE: 3, _PC: 2, _JUMP: 8, _JUMPI: 10, _JUMPDEST: 1}

# Instructions without a result.
_DEEDS: dict[int, tuple[int, int, str]] = {
    0x37: (3, 3, "f.copy({0}, f.input, {1}, {2})"),
    0x39: (3, 3, "f.copy({0}, f.code, {1}, {2})"),
    0x3E: (3, 3, "f.copy_returned({0}, {1}, {2})"),
    0x53: (2, 3, "f.store_byte({0}, {1})"),
    0x55: (2, 0, "f.store({0}, {1})"),
    0x00: (0, 0, "f.output = b''"),
    0xF3: (2, 0, "f.output = f.read({0}, {1})"),
    0xFD: (2, 0, "f.revert({0}, {1})"),
    0xA0: (2, 375, "f.log({0}, {1})"),
    0xA1: (3, 750, "f.log({0}, {1}, {2})"),
    0xA2: (4, 1125, "f.log({0}, {1}, {2}, {3})"),
    0xA3: (5, 1500, "f.log({0}, {1}, {2}, {3}, {4})"),
    0xA4: (6, 1875, "f.log({0}, {1}, {2}, {3}, {4}, {5})"),
}


def run(frame: frames.Frame) -> None:
    """Executes a frame to its end. Raises Halt and Reverted."""
    step: Step | None = _begin(frame.code)
    while step is not None:
        step = step(frame)


@cache
def _begin(code: bytes) -> Step:
    """The function with which the execution of this code begins."""
    return _Translation(code).step(0)


class _Translation:
    """One code; its blocks are compiled when they are first reached."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._destinations = frozenset(_destinations(code))
        self._steps: dict[int, Step] = {}
        self._names: dict[str, Any] = {
            "M": WORD,
            "word": int.from_bytes,
            "unsupported": frames.unsupported,
            "signed": frames.signed,
            "signed_division": frames.signed_division,
            "signed_remainder": frames.signed_remainder,
            "extended": frames.extended,
            "Halt": Halt,
            "jump": self._jump,
            "go": self.step,
        }

    def _jump(self, destination: int) -> Step:
        if destination not in self._destinations:
            raise Halt
        return self.step(destination)

    def step(self, start: int) -> Step:
        """The block that begins there."""
        step = self._steps.get(start)
        if step is None:
            names = dict(self._names)
            source = "\n".join(_Block(self._code, start).lines())
            exec(compile(source, f"<block {start}>", "exec"), names)  # noqa: S102 - written here, of numbers
            step = self._steps[start] = names["block"]
        return step


class _Block:
    """One basic block on its way to Python."""

    def __init__(self, code: bytes, start: int) -> None:
        self._code, self._start = code, start
        self._body: list[str] = []
        self._stack: list[str] = []
        self._count = 0
        self._gas = 0
        self._charge_at = 0

    def lines(self) -> Iterator[str]:
        """The source of a function `block`."""
        self._translate()
        yield "def block(f):"
        yield "    s, m = f.stack, f.memory"
        for line in self._body:
            yield f"    {line}"

    def _translate(self) -> None:
        at = self._start
        while True:
            operation = self._code[at] if at < len(self._code) else _STOP
            if operation == _JUMPDEST and at != self._start:
                self._charge()
                self._give_back()
                self._emit(f"return go({at})")
                return
            if 0x60 <= operation <= 0x7F:
                size = operation - 0x5F
                literal = self._code[at + 1 : at + 1 + size].ljust(size, b"\0")
                self._gas += 3
                self._stack.append(hex(int.from_bytes(literal, "big")))
                at += 1 + size
                continue
            self._one(operation, at)
            if operation in _ENDS or not _is_known(operation):
                self._charge()
                return
            at += 1

    def _one(self, operation: int, at: int) -> None:
        """Translates an instruction other than a push."""
        self._gas += _gas_of(operation)
        if operation in _LOOKS_AT_GAS:
            self._charge()
        if operation in _VALUES:
            taken, _, form = _VALUES[operation]
            self._result(form.format(*[self._take() for _ in range(taken)]))
        elif operation in _DEEDS:
            taken, _, form = _DEEDS[operation]
            self._emit(form.format(*[self._take() for _ in range(taken)]))
        elif operation in {_MLOAD, _MSTORE}:
            self._use_memory(operation)
        elif operation in {_JUMP, _JUMPI}:
            self._leave(operation, at)
        elif 0x80 <= operation <= 0x9F:
            self._move(operation)
        elif operation == _POP:
            self._take()
        elif operation == _PC:
            self._stack.append(hex(at))
        elif operation != _JUMPDEST:
            self._emit("raise Halt" if operation == _INVALID else f"unsupported({operation}, {at})")

    def _move(self, operation: int) -> None:
        """DUP1 to DUP16, and SWAP1 to SWAP16."""
        depth = (operation & 0x0F) + 1
        if operation <= 0x8F:
            self._reach(depth)
            self._stack.append(self._stack[-depth])
        else:
            self._reach(depth + 1)
            self._stack[-1], self._stack[-1 - depth] = self._stack[-1 - depth], self._stack[-1]

    def _leave(self, operation: int, at: int) -> None:
        destination = self._take()
        line = f"return jump({destination})"
        if operation == _JUMPI:
            line += f" if {self._take()} else go({at + 1})"
        self._give_back()
        self._emit(line)

    def _use_memory(self, operation: int) -> None:
        begin = self._take()
        if begin.startswith("0x"):
            end = hex(int(begin, 16) + 32)
        else:
            end = self._name()
            self._emit(f"{end} = {begin} + 32")
        value = self._take() if operation == _MSTORE else ""
        self._emit(f"if len(m) < {end}: f.grow({end})")
        if operation == _MSTORE:
            self._emit(f"m[{begin}:{end}] = ({value}).to_bytes(32)")
        else:
            self._result(f"word(m[{begin}:{end}])")

    def _result(self, expression: str) -> None:
        name = self._name()
        self._emit(f"{name} = {expression}")
        self._stack.append(name)

    def _take(self) -> str:
        self._reach(1)
        return self._stack.pop()

    def _reach(self, depth: int) -> None:
        """Takes values from the frame's stack until so many are known here."""
        while len(self._stack) < depth:
            name = self._name()
            self._emit(f"{name} = s.pop()")
            self._stack.insert(0, name)

    def _give_back(self) -> None:
        """What later blocks may take goes to the frame's stack."""
        if self._stack:
            self._emit(f"s += ({', '.join(self._stack)},)")
        self._stack = []

    def _charge(self) -> None:
        """Charges what has come together, where its instructions begin."""
        if self._gas:
            line = [f"f.gas -= {self._gas}", "if f.gas < 0: raise Halt"]
            self._body[self._charge_at : self._charge_at] = line
        self._gas, self._charge_at = 0, len(self._body)

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _emit(self, line: str) -> None:
        self._body.append(line)


def _gas_of(operation: int) -> int:
    """What an instruction costs at the least; what it costs besides depends on its values."""
    if 0x80 <= operation <= 0x9F:
        return 3
    known = _VALUES.get(operation) or _DEEDS.get(operation)
    return known[1] if known else _GAS_OF.get(operation, 0)


def _is_known(operation: int) -> bool:
    return operation in _VALUES or operation in _DEEDS or operation in _GAS_OF or 0x80 <= operation <= 0x9F


def _destinations(code: bytes) -> Iterator[int]:
    """Where jumps may go: the JUMPDESTs that are no data of a push."""
    at = 0
    while at < len(code):
        operation = code[at]
        if operation == _JUMPDEST:
            yield at
        at += operation - 0x5E if 0x60 <= operation <= 0x7F else 1
