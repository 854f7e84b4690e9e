"""A network, its pool and two receivers on an in-process EVM, called with raw call data: many calls a second.

Calls go round boa's wrappers: arguments are encoded as words, logs and reasons are read off the EVM's
computation. Everything that is called is counted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boa
import boa.vm.py_evm
from boa.util.abi import Address
from eth.vm.code_stream import CodeStream
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from tests.contracts.network import NO_PREDECESSOR, NOW, deploy

from worknet.contracts import artifact
from worknet.protocol.words import words

RECEIVER = Path(__file__).parents[1] / "Receiver.vy"
PERIOD = 1000
OWNER = b"\x0a" * 20
POOL_CALLS = frozenset({"fund", "set_rewards", "claim"})
POOL_VIEWS = frozenset({"owed", "claimed_of_voting", "claimed_of_period", "amounts_in"})
# A log as the EVM has it: address, topics, data.
Log = tuple[bytes, tuple[int, ...], bytes]


@dataclass(frozen=True)
class Transaction:
    """A call of the network or, by its name, of the pool."""

    sender: bytes
    name: str
    arguments: tuple[Any, ...]
    value: int = 0


@dataclass(frozen=True)
class Answer:
    """What came of a transaction: the reason of its revert, or else its logs."""

    reason: str | None
    logs: tuple[Log, ...]


class Chain:
    """The contracts as they are deployed, nobody enrolled. `calls` counts transactions and views."""

    def __init__(self) -> None:
        boa.env.timestamp = NOW
        boa.env.set_balance(Address(OWNER), 0)
        types = ["uint256", "uint256", "(uint256,address,uint256,bytes32)"]
        with boa.env.prank(Address(OWNER)):
            self._network = deploy("WorkerNetwork", types, 12, PERIOD, NO_PREDECESSOR).address
            self._pool = deploy("Rewards", ["address"], self._network).address
        self._contracts = [boa.load(str(RECEIVER)) for _ in range(2)]
        self.network, self.pool = self._network.canonical_address, self._pool.canonical_address
        self.receivers = [one.address.canonical_address for one in self._contracts]
        self.chain_id: int = boa.env.evm.patch.chain_id
        self.calls: Counter[str] = Counter()
        self._selectors: dict[str, bytes] = {}
        self._events: dict[str, tuple[bytes, int, list[bool]]] = {}
        for name, address in (("WorkerNetwork", self.network), ("Rewards", self.pool)):
            for entry in artifact(name).abi:
                if entry["type"] == "function":
                    self._selectors[entry["name"]] = function_abi_to_4byte_selector(entry)
                elif entry["type"] == "event":
                    topic = int.from_bytes(event_abi_to_log_topic(entry), "big")
                    fields = [one["indexed"] for one in entry["inputs"]]
                    self._events[entry["name"]] = (address, topic, fields)

    @property
    def event_kinds(self) -> set[str]:
        """The names of all events that the contracts have."""
        return set(self._events)

    @property
    def now(self) -> int:
        """The time of the next block."""
        return int(boa.env.timestamp)

    @now.setter
    def now(self, time: int) -> None:
        boa.env.timestamp = time

    def behave(self, receiver: int, manner: int, nested: Transaction | None) -> None:
        """What a receiver does from now on when it is paid, see `Receiver.vy`."""
        self._contracts[receiver].behave(manner)
        if nested is not None:
            to = self._pool if nested.name in POOL_CALLS else self._network
            self._contracts[receiver].prepare(to, self.data(nested.name, nested.arguments))

    def send(self, transaction: Transaction) -> Answer:
        """Executes a transaction; one that reverts leaves nothing behind."""
        self.calls["transactions"] += 1
        to = self._pool if transaction.name in POOL_CALLS else self._network
        sender = Address(transaction.sender)
        if transaction.value:
            boa.env.set_balance(sender, boa.env.get_balance(sender) + transaction.value)
        done = self._execute(
            to, sender, self.data(transaction.name, transaction.arguments), transaction.value
        )
        if done.is_error:
            output = bytes(done.output)
            assert output[:4] == bytes.fromhex("08c379a0"), (transaction.name, done.error)
            length = int.from_bytes(output[36:68], "big")
            return Answer(output[68 : 68 + length].decode(), ())
        return Answer(None, done.get_log_entries())

    def view(self, name: str, *arguments: Any) -> list[int]:
        """The words that a view returns; of one that refuses none."""
        self.calls["views"] += 1
        to = self._pool if name in POOL_VIEWS else self._network
        done = self._execute(to, Address(OWNER), self.data(name, arguments), 0)
        if done.is_error:
            return []
        output = bytes(done.output)
        return [int.from_bytes(output[at : at + 32], "big") for at in range(0, len(output), 32)]

    def balance(self) -> int:
        """What the pool holds."""
        return int(boa.env.get_balance(self._pool))

    def data(self, name: str, arguments: Sequence[Any]) -> bytes:
        """The call data: static words, tuples of them, and lists of static tuples."""
        return self._selectors[name] + encode(arguments)

    def log(self, name: str, *values: Any) -> Log:
        """The log that an event with these values, in the order of its declaration, leaves."""
        address, topic, fields = self._events[name]
        topics, rest = [topic], []
        for value, indexed in zip(values, fields, strict=True):
            if indexed:
                topics.append(int.from_bytes(words(value), "big"))
            else:
                rest.append(value)
        return address, tuple(topics), encode(rest)

    def _execute(self, to: Address, sender: Address, data: bytes, value: int) -> Any:
        return boa.env.execute_code(to_address=to, sender=sender, data=data, value=value)


def encode(values: Sequence[Any]) -> bytes:
    """`abi.encode` of static words, flat tuples of them, lists of either, and strings of at most a word."""
    heads: list[bytes] = []
    tails: list[tuple[int, bytes]] = []
    for value in values:
        if isinstance(value, tuple):
            heads.append(words(*value))
        elif isinstance(value, list):
            items = b"".join(words(*(one if isinstance(one, tuple) else (one,))) for one in value)
            tails.append((len(heads), words(len(value)) + items))
            heads.append(bytes(32))
        elif isinstance(value, str):
            tails.append((len(heads), words(len(value)) + value.encode().ljust(32, b"\0")))
            heads.append(bytes(32))
        else:
            heads.append(words(value))
    offset = sum(len(head) for head in heads)
    for place, tail in tails:
        heads[place] = words(offset)
        offset += len(tail)
    return b"".join(heads) + b"".join(tail for _, tail in tails)


@contextmanager
def shared_code_streams() -> Iterator[None]:
    """Lets all messages share what the EVM learns of a code, which bytes are opcodes: a fifth faster."""
    learnt: dict[bytes, tuple[set[int], set[int]]] = {}
    usual = boa.vm.py_evm.TracingCodeStream

    class SharedCodeStream(CodeStream):
        def __init__(self, code: bytes, **_: Any) -> None:
            super().__init__(code)
            self._trace: list[int] = []
            self.valid_positions, self.invalid_positions = learnt.setdefault(code, (set(), set()))

    boa.vm.py_evm.TracingCodeStream = SharedCodeStream
    try:
        yield
    finally:
        boa.vm.py_evm.TracingCodeStream = usual
