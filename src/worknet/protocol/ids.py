"""Identifiers of workflows, votings and triggers, and the slots behind interval triggers (section 2)."""

import hmac
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal, TypeAlias, get_args

from worknet.protocol.canonical import check_name, encode, from_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.keccak import Hash, keccak256
from worknet.protocol.words import WORD_BYTES, voting_words, words

SLOT_BOUND = 1 << 64

EventKind = Literal["message", "webhook", "poll", "log"]


class TriggerError(ProtocolError):
    """A trigger that names no slot or no event."""


@dataclass(frozen=True, order=True)
class Window:
    """The half-open span `[start, end)` in Unix seconds that a trigger is about."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise TriggerError(f"no window runs from {self.start} to {self.end}")


@dataclass(frozen=True, order=True)
class Slot:
    """Slot number `number` of an interval trigger with a length of `every` seconds."""

    every: int
    number: int

    def __post_init__(self) -> None:
        if not 0 < self.every < 1 << 128:
            raise TriggerError(f"{self.every} is no length of a slot in seconds")
        if not 0 <= self.number < SLOT_BOUND:
            raise TriggerError(f"{self.number} is no number of a slot (0 to 2^64 - 1)")

    @classmethod
    def at(cls, every: int, time: int) -> "Slot":
        """The slot in which the Unix time lies."""
        if every <= 0:
            raise TriggerError(f"{every} is no length of a slot in seconds")
        return cls(every, time // every)

    @classmethod
    def of_trigger(cls, trigger_id: bytes) -> "Slot":
        """The slot that an interval trigger's id names."""
        _check_trigger_id(trigger_id)
        word = int.from_bytes(trigger_id, "big")
        return cls(word >> 128, word & ((1 << 128) - 1))

    @property
    def window(self) -> Window:
        """The span that the slot covers."""
        return Window(self.number * self.every, (self.number + 1) * self.every)

    @property
    def trigger_id(self) -> bytes:
        """`bytes32(every << 128 | number)`."""
        return words(self.every << 128 | self.number)

    def due(self, delay: int) -> int:
        """The Unix time from which a voting about the slot may open."""
        return self.window.end + delay


@dataclass(frozen=True, order=True)
class Event:
    """An external event, by the trigger id that `event_trigger_id` gave it: nothing else of it is public."""

    trigger_id: bytes

    def __post_init__(self) -> None:
        _check_trigger_id(self.trigger_id)

    @property
    def window(self) -> None:
        """An event covers no span."""
        return


Trigger: TypeAlias = Slot | Event
"""What starts a voting."""


def trigger_of(trigger_id: bytes, every: int) -> Trigger:
    """The trigger behind an id, of a workflow whose slots are `every` seconds long; 0: of events."""
    return Slot.of_trigger(trigger_id) if every else Event(trigger_id)


@lru_cache(maxsize=256)
def workflow_id(name: str, keccak: Hash = keccak256) -> bytes:
    """`keccak256(utf8 name)`."""
    return keccak(check_name(name, "workflow").encode())


def voting_id(
    chain_id: int, contract: bytes, workflow_id: bytes, trigger_id: bytes, keccak: Hash = keccak256
) -> bytes:
    """The id of the voting about a trigger of a workflow in the network (chain id, contract address)."""
    return keccak(voting_words(chain_id, contract, workflow_id, trigger_id))


def event_trigger_id(
    trigger_key: bytes, workflow: str, trigger: str, kind: EventKind, *identity: str | int
) -> bytes:
    """The id of an external event: an HMAC, so that outsiders cannot guess events from ids.

    `identity` is what the publisher calls the event: one string for `message`, `webhook` and `poll`;
    chain id, transaction hash (`0x` and 64 lower-case hex digits) and index for `log`.
    """
    if kind not in get_args(EventKind):
        raise TriggerError(f"{kind!r} is no kind of event", f"the kinds are {', '.join(get_args(EventKind))}")
    expected: tuple[type, ...] = (int, str, int) if kind == "log" else (str,)
    if tuple(type(part) for part in identity) != expected:
        raise TriggerError(f"the identity of a {kind} is {', '.join(part.__name__ for part in expected)}")
    if kind == "log":
        from_hex(identity[1], WORD_BYTES)
    names = [check_name(workflow, "workflow"), check_name(trigger, "trigger")]
    return hmac.digest(trigger_key, encode([*names, kind, *identity]), sha256)


def _check_trigger_id(trigger_id: bytes) -> None:
    if len(trigger_id) != WORD_BYTES:
        raise TriggerError(f"a trigger id has {WORD_BYTES} bytes, this one {len(trigger_id)}")
