"""What starts a workflow's votings: a slot of time, or an external event of one of four kinds.

Authors declare it, so that all members derive the same trigger ids (section 2 of the protocol); where the
events come from, each operator says for himself.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeAlias

from worknet.protocol.canonical import Value, check_name
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import SLOT_BOUND, EventKind
from worknet.workflow.errors import DeclarationError

EVENT_DATASET = "event"
"""The dataset that an event's payload is: one row."""


@dataclass(frozen=True)
class Window:
    """The half-open span `[start, end)` the trigger is about, RFC 3339 in UTC: `2026-01-31T09:00:00Z`."""

    start: str
    end: str


@dataclass(frozen=True)
class Every:
    """A trigger in time: one voting per slot of `seconds`, due `delay` seconds after the slot's end."""

    seconds: int
    delay: int = 0

    def __post_init__(self) -> None:
        _check_seconds(self.seconds, "length of a slot", 1)
        _check_seconds(self.delay, "delay of a slot", 0)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return {"every": self.seconds, "delay": self.delay}


@dataclass(frozen=True)
class OnMessage:
    """A voting per message of a broker. `key` is the column of dataset `event` that tells messages apart:
    what their publisher calls them, never a number that a broker gave."""

    kind: ClassVar[EventKind] = "message"
    name: str
    key: str

    def __post_init__(self) -> None:
        _check_names(self.name, self.key)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return _document(self)


@dataclass(frozen=True)
class OnWebhook:
    """A voting per call of the worker's webhook; the `Idempotency-Key` header tells events apart."""

    kind: ClassVar[EventKind] = "webhook"
    name: str

    def __post_init__(self) -> None:
        _check_names(self.name)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return _document(self)


@dataclass(frozen=True)
class OnPoll:
    """A voting per new row of a source that is asked every `every` seconds; `key` is the column of dataset
    `event` that tells rows apart."""

    kind: ClassVar[EventKind] = "poll"
    name: str
    key: str
    every: int = 60

    def __post_init__(self) -> None:
        _check_names(self.name, self.key)
        _check_seconds(self.every, "pause between polls", 1)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return _document(self)


@dataclass(frozen=True)
class OnLog:
    """A voting per event of a contract on any chain. `event` is its declaration as Solidity writes it, with
    the parameters' names: `Transfer(address indexed from, address indexed to, uint256 value)`."""

    kind: ClassVar[EventKind] = "log"
    name: str
    event: str

    def __post_init__(self) -> None:
        _check_names(self.name)
        if not isinstance(self.event, str) or "(" not in self.event:
            hint = "write Transfer(address indexed from, address indexed to, uint256 value)"
            raise DeclarationError(f"{self.event!r} declares no event of a contract", hint)

    def document(self) -> dict[str, Value]:
        """The declaration as a JSON document."""
        return _document(self)


OnEvent: TypeAlias = OnMessage | OnWebhook | OnPoll | OnLog
Trigger: TypeAlias = Every | OnEvent

_KINDS: dict[str, type[OnMessage] | type[OnWebhook] | type[OnPoll] | type[OnLog]] = {
    declared.kind: declared for declared in (OnMessage, OnWebhook, OnPoll, OnLog)
}


def of_document(document: Mapping[str, Any]) -> Trigger:
    """The trigger that a document stands for; KeyError, TypeError or DeclarationError for anything else."""
    if "kind" not in document:
        return Every(document["every"], document["delay"])
    return _KINDS[document["kind"]](**{key: value for key, value in document.items() if key != "kind"})


def _document(trigger: OnEvent) -> dict[str, Value]:
    return {"kind": trigger.kind, **asdict(trigger)}


def _check_seconds(number: object, what: str, least: int) -> None:
    if type(number) is not int or not least <= number < SLOT_BOUND:
        raise DeclarationError(f"{number!r} is no {what} in whole seconds")


def _check_names(name: object, key: object = None) -> None:
    for what, given in (("trigger", name), ("column", key)):
        if given is None and what == "column":
            continue
        if not isinstance(given, str):
            raise DeclarationError(f"{given!r} is no name of a {what}")
        try:
            check_name(given, what)
        except ProtocolError as error:
            raise DeclarationError(str(error), error.hint) from None
