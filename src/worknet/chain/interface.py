"""The ABI: calls into bytes, outputs and events into values, by the names in the shipped artifacts.

Integers stay integers, bytes32 and addresses are bytes, tuples stay tuples, arrays are tuples too. What the
values mean stands in `events`, `client` and `pool`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.grammar import ABIType, BasicType, TupleType, parse
from eth_utils.crypto import keccak

from worknet.chain.answers import Log
from worknet.chain.errors import ChainError
from worknet.contracts import artifact
from worknet.protocol.words import ADDRESS_BYTES, WORD_BYTES

Contract: TypeAlias = Literal["WorkerNetwork", "Rewards", "RowProofs"]
"""A network's own contract, its pool, and the one that checks rows for other contracts."""

_ERROR_STRING = bytes.fromhex("08c379a0")
_REVERT_PREFIX = "execution reverted: "


@dataclass(frozen=True)
class Function:
    """A function of a contract: selector and types."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class EventType:
    """An event of a contract: its topic, and its fields in declared order."""

    name: str
    topic: bytes
    fields: tuple[tuple[str, str, bool], ...]


def call_data(name: str, *values: object, contract: Contract = "WorkerNetwork") -> bytes:
    """The input that calls the function with these values; ChainError for values that do not fit."""
    function = functions(contract)[name]
    return function.selector + _encode(name, function.inputs, values)


def creation_data(*values: object, contract: Contract = "WorkerNetwork") -> bytes:
    """The input that creates the contract with these arguments of its constructor."""
    built = artifact(contract)
    constructors = [entry["inputs"] for entry in built.abi if entry["type"] == "constructor"]
    types = tuple(_type(parameter) for inputs in constructors for parameter in inputs)
    return built.bytecode + _encode("the constructor", types, values)


def output(name: str, data: bytes, *, contract: Contract = "WorkerNetwork") -> Any:
    """What the function returned, several values as a tuple; ChainError when these bytes are none of it."""
    types = functions(contract)[name].outputs
    try:
        found = _decoded(types, data)
    except (DecodingError, ValueError):
        raise ChainError(
            f"the contract's answer to {name} is no {', '.join(types)}",
            hint="is there a worknet contract at this address, on this chain?",
        ) from None
    return found[0] if len(found) == 1 else found


def event(log: Log, contract: Contract = "WorkerNetwork") -> tuple[str, dict[str, Any]] | None:
    """Name and fields of an event, None for one that this contract does not have."""
    kind = events(contract).get(log.topics[0]) if log.topics else None
    if kind is None:
        return None
    indexed = [field for field in kind.fields if field[2]]
    rest = [field for field in kind.fields if not field[2]]
    try:
        topics = [
            _decoded((type_,), topic)[0] for (_, type_, _), topic in zip(indexed, log.topics[1:], strict=True)
        ]
        body = _decoded(tuple(type_ for _, type_, _ in rest), log.data)
    except (DecodingError, ValueError):
        raise ChainError(f"the chain gave a malformed event {kind.name} in block {log.block}") from None
    names = (name for name, _, _ in (*indexed, *rest))
    return kind.name, dict(zip(names, (*topics, *body), strict=True))


def revert_reason(data: bytes, text: str = "") -> str:
    """The rule that a revert names (`module: rule`), from its data or else the node's message; or empty."""
    if data[:4] == _ERROR_STRING:
        try:
            return str(decode(("string",), data[4:])[0])
        except (DecodingError, ValueError):
            return ""
    return text.partition(_REVERT_PREFIX)[2].strip()


def selected(data: bytes, contract: Contract = "WorkerNetwork") -> tuple[str, tuple[Any, ...]] | None:
    """Function and values that this input calls, None for one that this contract does not have."""
    for function in functions(contract).values():
        if data[:4] == function.selector:
            try:
                return function.name, _decoded(function.inputs, data[4:])
            except (DecodingError, ValueError):
                return None
    return None


@cache
def functions(contract: Contract = "WorkerNetwork") -> dict[str, Function]:
    """All functions by name; the contracts overload none."""
    found = {}
    for entry in artifact(contract).abi:
        if entry["type"] == "function":
            inputs = tuple(_type(parameter) for parameter in entry["inputs"])
            outputs = tuple(_type(parameter) for parameter in entry["outputs"])
            selector = bytes(keccak(text=f"{entry['name']}({','.join(inputs)})")[:4])
            found[entry["name"]] = Function(entry["name"], selector, inputs, outputs)
    return found


@cache
def events(contract: Contract = "WorkerNetwork") -> dict[bytes, EventType]:
    """All events by their topic."""
    found = {}
    for entry in artifact(contract).abi:
        if entry["type"] == "event":
            fields = tuple((field["name"], _type(field), bool(field["indexed"])) for field in entry["inputs"])
            topic = bytes(keccak(text=f"{entry['name']}({','.join(type_ for _, type_, _ in fields)})"))
            found[topic] = EventType(entry["name"], topic, fields)
    return found


def _decoded(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    """The values of these types; DecodingError or ValueError for bytes that are none.

    Words alone, as nearly all are, need no general decoder, which takes ten times as long.
    """
    readers = [_WORDS.get(type_) for type_ in types]
    if None in readers:
        values = decode(types, data)
        return tuple(_as_bytes(type_, value) for type_, value in zip(types, values, strict=True))
    if len(data) < WORD_BYTES * len(types):
        raise ValueError("too few bytes")
    words = (data[at : at + WORD_BYTES] for at in range(0, WORD_BYTES * len(types), WORD_BYTES))
    return tuple(read(word) for read, word in zip(readers, words, strict=True) if read is not None)


def _address(word: bytes) -> bytes:
    if any(word[:-ADDRESS_BYTES]):
        raise ValueError("an address with more than 20 bytes")
    return word[-ADDRESS_BYTES:]


def _bool(word: bytes) -> bool:
    number = _uint(word)
    if number > 1:
        raise ValueError("a bool that is neither 0 nor 1")
    return bool(number)


def _uint(word: bytes) -> int:
    return int.from_bytes(word, "big")


_WORDS: dict[str, Callable[[bytes], Any]] = {
    "bytes32": bytes,
    "uint256": _uint,
    "address": _address,
    "bool": _bool,
}


def _encode(name: str, types: tuple[str, ...], values: tuple[object, ...]) -> bytes:
    try:
        return bytes(encode(types, values))
    except (EncodingError, ValueError, TypeError, OverflowError):
        # The library's message quotes the values, which may be salts.
        pass
    raise ChainError(f"these values are no arguments of {name}: it takes ({', '.join(types)})")


def _type(parameter: dict[str, Any]) -> str:
    if parameter["type"].startswith("tuple"):
        components = ",".join(_type(component) for component in parameter["components"])
        return f"({components}){parameter['type'][len('tuple') :]}"
    return str(parameter["type"])


def _as_bytes(type_: str, value: Any) -> Any:
    """Addresses as 20 bytes, wherever they stand in a value."""
    return _converted(parse(type_), value) if "address" in type_ else value


def _converted(kind: ABIType, value: Any) -> Any:
    if kind.is_array:
        return tuple(_converted(kind.item_type, item) for item in value)
    if isinstance(kind, TupleType):
        return tuple(_converted(part, item) for part, item in zip(kind.components, value, strict=True))
    is_address = isinstance(kind, BasicType) and kind.base == "address"
    return bytes.fromhex(value[2:]) if is_address else value
