"""What a dataset is read for, how that gets into a path or address, and how the time of a row is read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from worknet.protocol.canonical import NAME
from worknet.protocol.ids import Window
from worknet.protocol.parents import SlotResult
from worknet.sources.errors import NonsenseError, Origin, RefusedError

EventValue = str | int | bool | None

_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_PLACEHOLDER = re.compile(
    rf"\{{(?:(start|end)(?::((?:[^%{{}}]|%[YmdHMSjy%])+))?|event\.({NAME.pattern}))\}}", re.ASCII
)
_PATH_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}", re.ASCII)


@dataclass(frozen=True)
class Occasion:
    """What a dataset is read for: the window of a slot, or an event with the columns of its row.

    `attempt` is the voting's: a source that keeps what arrives gives each attempt what had come by then.
    `results` are those of other workflows that the voting consumes, by their names, in the order of time.
    """

    window: Window | None = None
    event: Mapping[str, EventValue] = field(default_factory=dict, repr=False)
    attempt: int = 1
    results: Mapping[str, Sequence[SlotResult]] = field(default_factory=dict, repr=False)


def fill(template: str, occasion: Occasion, origin: Origin, quote: Callable[[str], str] | None = None) -> str:
    """The template with its placeholders filled in.

    `{start}` and `{end}` are Unix seconds; `{start:%Y-%m-%d}` is the time in UTC, with %Y %m %d %H %M %S %j.
    `{event.NAME}` is a value of the event's row. `quote` is applied to what is filled in; without it the
    template is a path, into which an event may put letters, digits and `. _ -` only, no dot first.

    Raises `NonsenseError` for a placeholder that there is not, or that the occasion has no value for, and
    `RefusedError` for a value of an event that would change where the template points to.
    """

    def value(found: re.Match[str]) -> str:
        placeholder = _placeholder(found.group(), origin)
        if placeholder[3] is not None:
            return _event_text(placeholder[3], occasion, origin, quote)
        if occasion.window is None:
            hint = "an event has no window: use {event.NAME}"
            raise NonsenseError(origin, f"{found.group()} where there is no window", hint)
        seconds = occasion.window.start if placeholder[1] == "start" else occasion.window.end
        form = placeholder[2]
        text = str(seconds) if form is None else datetime.fromtimestamp(seconds, UTC).strftime(form)
        return text if quote is None else quote(text)

    return _BRACES.sub(value, template)


def check_template(template: str, origin: Origin) -> None:
    """Raises `NonsenseError` for braces that are no placeholder, whatever the occasion."""
    for found in _BRACES.finditer(template):
        _placeholder(found.group(), origin)


def _placeholder(text: str, origin: Origin) -> re.Match[str]:
    placeholder = _PLACEHOLDER.fullmatch(text)
    if placeholder is None:
        hint = "use {start} and {end}, or {start:%Y-%m-%d}, or {event.NAME}"
        raise NonsenseError(origin, f"{text} is no placeholder", hint)
    return placeholder


def _event_text(name: str, occasion: Occasion, origin: Origin, quote: Callable[[str], str] | None) -> str:
    """The text of an event's value. Whoever sends the event must not choose another file or resource."""
    value = occasion.event.get(name)
    if value is None:
        known = ", ".join(sorted(occasion.event)) or "nothing: the dataset is read for a window"
        raise NonsenseError(origin, f"the event has no {name}", f"it has {known}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if quote is None:
        if not _PATH_PART.fullmatch(text):
            hint = "only letters, digits and . _ - may come into a path, no dot first"
            raise RefusedError(origin, f"the event's {name} does not fit into a path", hint)
        return text
    try:
        if not text.strip("."):
            raise RefusedError(origin, f"the event's {name} is empty, or nothing but dots")
        return quote(text)
    except UnicodeEncodeError:
        raise RefusedError(origin, f"the event's {name} is no text that can be sent") from None


def unix_seconds(text: str, bare_zone: tzinfo | None = None) -> int | None:
    """The Unix time, rounded down, of seconds as text or ISO 8601 with its zone; None for anything else.

    A date and time without a zone is in `bare_zone`, if there is one.
    """
    if re.fullmatch(r"-?[0-9]{1,15}", text, re.ASCII):
        return int(text)
    try:
        time = with_zone(text, bare_zone)
    except ValueError:
        return None
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def with_zone(text: str, bare_zone: tzinfo | None) -> datetime:
    """The time of a text in ISO 8601, which names its zone or is in `bare_zone`; `ValueError` for others."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is not None:
        return time
    if bare_zone is None or len(text) <= len("2026-01-31"):
        raise ValueError("no zone, or a date alone")
    return time.replace(tzinfo=bare_zone)
