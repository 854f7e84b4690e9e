"""Text that others wrote, made fit to be looked at: no character of it reorders, hides or breaks what stands
around it, and it does not go on for ever."""

import json

LONGEST = 2_000
"""Characters of one foreign text that are shown."""


def plain(text: str, longest: int = LONGEST) -> str:
    """The text on one line: what cannot be seen (controls, marks of direction) as its escape, and cut.

    For terminals and pages alike; a page escapes it besides, as all that it shows.
    """
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: longest + 1]
    )
    return shown if len(text) <= longest else f"{shown[:longest]} … ({len(text):,} characters)"


def as_text(value: object) -> str:
    """A JSON value as people read it: strings as they are, all else as JSON."""
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def fields(value: object) -> list[tuple[str, str]]:
    """A value as lines of name and text: one for each field of an object, else one without a name."""
    if isinstance(value, dict) and value:
        return [(plain(name, 200), as_text(each)) for name, each in value.items()]
    return [("", as_text(value))]
