"""How a window gets into a path or address, and how the time of a row is read."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from worknet.protocol.ids import Window
from worknet.sources.errors import NonsenseError, Origin

_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_PLACEHOLDER = re.compile(r"\{(start|end)(?::((?:[^%{}]|%[YmdHMSjy%])+))?\}")


def fill(template: str, window: Window, origin: Origin, quote: Callable[[str], str] = str) -> str:
    """The template with its placeholders filled in.

    `{start}` and `{end}` are Unix seconds; `{start:%Y-%m-%d}` is the time in UTC, with %Y %m %d %H %M %S %j.
    `quote` is applied to what is filled in.
    """

    def value(found: re.Match[str]) -> str:
        placeholder = _PLACEHOLDER.fullmatch(found.group())
        if placeholder is None:
            hint = "use {start} and {end}, or {start:%Y-%m-%d}"
            raise NonsenseError(origin, f"{found.group()} is no placeholder", hint)
        seconds = window.start if placeholder[1] == "start" else window.end
        form = placeholder[2]
        return quote(str(seconds) if form is None else datetime.fromtimestamp(seconds, UTC).strftime(form))

    return _BRACES.sub(value, template)


def unix_seconds(text: str) -> int | None:
    """The Unix time, rounded down, of seconds as text or ISO 8601 with its zone; None for anything else."""
    if re.fullmatch(r"-?[0-9]{1,15}", text, re.ASCII):
        return int(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
