"""What a value of a column may be, by the column's type (section 3)."""

import re
from datetime import UTC, datetime

from worknet.protocol.canonical import INTEGER_BOUND

_NATIVE = {"int": (int, "an integer"), "bool": (bool, "true or false")}
_TEXTS = {
    "str": re.compile(".*", re.DOTALL),
    "bigint": re.compile(r"0|-?[1-9][0-9]*"),
    "decimal": re.compile(r"-?(0|[1-9][0-9]*)(\.(?P<fraction>[0-9]+))?"),
    "bytes": re.compile(r"0x([0-9a-f]{2})*"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.(?P<fraction>[0-9]+))?Z"),
}


def wrong(value: object, type_: str, nullable: bool, digits: int) -> str:
    """What is wrong with a value in such a column, in words that do not hold it; empty if nothing."""
    if value is None:
        return "" if nullable else "null where a value is due"
    native, due = _NATIVE.get(type_, (str, "text"))
    if type(value) is not native:
        return f"a {type(value).__name__} where {due} is due"
    if isinstance(value, int):
        return "" if -INTEGER_BOUND < value < INTEGER_BOUND else "an integer of 2^53 or more"
    return _wrong_text(str(value), type_, digits)


def _wrong_text(text: str, type_: str, digits: int) -> str:
    match = _TEXTS[type_].fullmatch(text)
    if not match or len(match.groupdict().get("fraction") or "") != digits:
        return f"not the text of a {type_}" + (f" with {digits} digits" if digits else "")
    if type_ == "decimal" and text.startswith("-") and not text.strip("-0."):
        return "a negative zero"
    try:
        text.encode()
        if type_ == "time":
            # The calendar repeats itself; `datetime` knows no year 0.
            month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(5, 19, 3))
            datetime(2000 + int(text[:4]) % 400, month, day, hour, minute, second, tzinfo=UTC)
    except UnicodeEncodeError:
        return "a lone surrogate"
    except ValueError:
        return "a time that does not exist"
    return ""
