"""What a workflow's fallback handlers may decide: a stated set of actions, checked wherever they come from.

A handler is a pure function of (context, evidence): the same evidence, the same actions. It does nothing
itself: the worker does what it decided, notes that in its journal, and does so once per voting and moment.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, get_args

from worknet.protocol.canonical import Value, check_name, decode, encode
from worknet.protocol.errors import ProtocolError
from worknet.workflow.errors import ActionError
from worknet.workflow.evidence import Evidence, When

if TYPE_CHECKING:
    from worknet.workflow.declare import Context

Level = Literal["info", "warning", "failure"]

MOST_ACTIONS = 16
"""Actions that one handler may give at one moment."""
MOST_BYTES = 64 << 10
"""Bytes of all actions that a handler gives, as canonical JSON."""
MOST_TITLE = 200
"""Characters of an alert's title."""

_TITLE = re.compile(rf"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{{1,{MOST_TITLE}}}")
_BODY = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*")


@dataclass(frozen=True)
class Alert:
    """Tells the operator, through the channels of `[alerts]` in his configuration."""

    kind: ClassVar[str] = "alert"
    title: str
    body: str = ""
    level: Level = "warning"

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not _TITLE.fullmatch(self.title):
            raise ActionError(f"Alert: a title is one line of 1 to {MOST_TITLE} characters")
        if not isinstance(self.body, str) or not _BODY.fullmatch(self.body):
            raise ActionError("Alert: the body is no text", "it may hold line breaks, no control characters")
        if self.level not in get_args(Level):
            hint = f"it is {_either(get_args(Level))}"
            raise ActionError(f"Alert: no level is called {self.level!r}", hint)
        _canonical(self.document(), "Alert")

    def document(self) -> dict[str, Value]:
        """The action as a JSON document."""
        return _document(self)


@dataclass(frozen=True)
class CallWebhook:
    """Posts the payload, a JSON object of canonical values, to the webhook that the operator calls `name`."""

    kind: ClassVar[str] = "call_webhook"
    name: str
    payload: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            check_name(self.name if isinstance(self.name, str) else "", "webhook")
        except ProtocolError as error:
            raise ActionError(f"CallWebhook: {error}", error.hint) from None
        if not isinstance(self.payload, Mapping):
            raise ActionError("CallWebhook: the payload is no mapping", "a webhook is sent a JSON object")
        # What the handler does to its own mapping later changes nothing here.
        payload = decode(_canonical(self.payload, f"CallWebhook {self.name}: payload"))
        object.__setattr__(self, "payload", payload)

    def document(self) -> dict[str, Value]:
        """The action as a JSON document."""
        return _document(self)


@dataclass(frozen=True)
class SettlePlurality:
    """Lets this worker settle the pair that leads; any one worker's `settle` is enough."""

    kind: ClassVar[str] = "settle_plurality"
    at: ClassVar[When] = When.PLURALITY

    def document(self) -> dict[str, Value]:
        """The action as a JSON document."""
        return _document(self)


@dataclass(frozen=True)
class StartFailover:
    """Lets this worker take part in attempt 3, in which the standbys vote too."""

    kind: ClassVar[str] = "start_failover"
    at: ClassVar[When] = When.FAILOVER

    def document(self) -> dict[str, Value]:
        """The action as a JSON document."""
        return _document(self)


Action: TypeAlias = Alert | CallWebhook | SettlePlurality | StartFailover
Handler: TypeAlias = "Callable[[Context, Evidence], Iterable[Action]]"

_KINDS: dict[str, type[Action]] = {
    action.kind: action for action in (Alert, CallWebhook, SettlePlurality, StartFailover)
}


def checked_actions(given: object) -> tuple[Action, ...]:
    """What a handler gave, as actions; `ActionError` if one is none, or if they are more than it may give."""
    # A set has no order to do them in.
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping | Set):
        raise ActionError(f"not a list of actions but a {type(given).__name__}", "nothing to do is []")
    # A generator may have no end.
    actions = tuple(islice(given, MOST_ACTIONS + 1))
    if len(actions) > MOST_ACTIONS:
        raise ActionError(f"more than {MOST_ACTIONS} actions")
    for position, action in enumerate(actions):
        if type(action) not in _KINDS.values():
            names = _either([kind.__name__ for kind in _KINDS.values()])
            raise ActionError(f"action {position} is a {type(action).__name__}", f"an action is {names}")
    _canonical(actions_document(actions), "all actions")
    return actions


def actions_document(actions: Iterable[Action]) -> list[Value]:
    """The JSON document of actions."""
    return [action.document() for action in actions]


def actions_of_document(document: object) -> tuple[Action, ...]:
    """The actions that a document stands for; `ActionError` for any that `actions_document` never gives."""
    if not isinstance(document, list):
        raise ActionError("the document of actions is no list")
    # Before anything is made of it, for it may come from a stranger.
    if len(document) > MOST_ACTIONS:
        raise ActionError(f"more than {MOST_ACTIONS} actions")
    actions = []
    for position, entry in enumerate(document):
        try:
            actions.append(_KINDS[entry["kind"]](**{key: entry[key] for key in entry if key != "kind"}))
        except (KeyError, TypeError) as error:
            raise ActionError(f"action {position} is none ({type(error).__name__})") from None
        except ActionError as error:
            raise ActionError(f"action {position}: {error}", error.hint) from None
    checked = checked_actions(actions)
    if actions_document(checked) != document:
        raise ActionError("not the document of actions")
    return checked


def default_actions(evidence: Evidence) -> tuple[Action, ...]:
    """What is done where the workflow has no handler for the moment, or where it failed for good."""
    match evidence.when:
        case When.FAILOVER:
            return (StartFailover(),)
        case When.PLURALITY:
            return (SettlePlurality(),)
        case When.UNRESOLVED:
            about = evidence.window.start if evidence.window else evidence.trigger_id
            title = f"{evidence.workflow}: the voting about {about} is unresolved"
            return (Alert(title, f"{evidence.text()}\nvoting {evidence.voting_id}"),)


def _document(action: Action) -> dict[str, Value]:
    return {"kind": action.kind, **asdict(action)}


def _canonical(value: Any, what: str) -> bytes:
    """The canonical bytes, of as many as a handler's actions may have."""
    try:
        content = encode(value)
    except ProtocolError as error:
        raise ActionError(f"{what}: {error}", error.hint) from None
    if len(content) > MOST_BYTES:
        raise ActionError(f"{what}: {len(content)} bytes, more than {MOST_BYTES}")
    return content


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"
