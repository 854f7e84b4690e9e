"""The values in configuration files: durations, sizes, instants, hashes, URLs, paths, each with its message.

Every type here reads what TOML gives (strict: no guessing between types), refuses with a sentence that
says what is wrong and what would be right, and has its JSON schema beside it. Only values that cannot be
secret are repeated in a message.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from worknet.config import amounts
from worknet.config.errors import ConfigError
from worknet.protocol.canonical import NAME, CanonicalError, from_hex
from worknet.protocol.policy import EPOCH_BOUND

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_LONGEST = 1 << 32
_EPOCH_DIGITS = "[1-9][0-9]{0,9}"
_EPOCHS = "the number of a data key's epoch: 1, 2, ..."
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17}) ?([A-Za-z]+)")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|[{}]")
_FILLED = re.compile(
    rf"\{{(?:(?:start|end)(?::(?:[^%{{}}]|%[YmdHMSjy%])+)?|event\.{NAME.pattern})\}}", re.ASCII
)


def refuse(wrong: str, right: str = "") -> NoReturn:
    """Refuse a value: what is wrong with it, and what would be right."""
    raise PydanticCustomError("worknet", "{wrong}", {"wrong": wrong, "right": right})


def kind(value: object) -> str:
    """What TOML calls the type of a value, with its article."""
    for kinds, name in _KINDS:
        if isinstance(value, kinds):
            return name
    return f"a {type(value).__name__}"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (dict, "a table"),
    (list, "an array"),
    ((datetime, date), "a date"),
)


def shown(value: object) -> str:
    """A value for a message: short strings as they are, other things by their type. Not for secrets."""
    return repr(value) if isinstance(value, str | int) and len(str(value)) <= 80 else kind(value)


def _amount(value: object, units: dict[str, int], right: str) -> int:
    """A whole number, or a text of a whole number and a unit."""
    if isinstance(value, bool | float) or not isinstance(value, int | str):
        refuse(f"is {kind(value)}", right)
    if isinstance(value, int):
        amount = value
    else:
        found = _AMOUNT.fullmatch(value)
        if not found or found.group(2) not in units:
            refuse(f"{shown(value)} is not understood", right)
        amount = int(found.group(1)) * units[found.group(2)]
    if amount < 0:
        refuse(f"{amount} is negative", right)
    return amount


def _duration(value: object) -> int:
    seconds = _amount(value, _SECONDS, 'whole seconds such as 90, or a text such as "90s", "5m", "2h", "1d"')
    if seconds >= _LONGEST:
        refuse(f"{seconds} seconds is longer than any duration here", f"less than {_LONGEST} seconds")
    return seconds


def _some(what: str) -> Callable[[int], int]:
    def check(value: int) -> int:
        if value == 0:
            refuse("is 0", f"a {what} of more than 0")
        return value

    return check


def _size(value: object) -> int:
    return _amount(value, _BYTES, 'whole bytes such as 1073741824, or a text such as "512MiB", "1GiB"')


def _instant(value: object) -> int:
    right = "seconds since 1970, or a time with its zone such as 2026-01-01T00:00:00Z"
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            refuse(f"{shown(value)} is no time", right)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            refuse("is a time without a zone", "write Z after it for UTC")
        if value.microsecond:
            refuse("has a fraction of a second", "whole seconds")
        value = int((value - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(f"is {kind(value)}", right)
    if not 0 <= value < 1 << 40:
        refuse(f"{value} is out of range", right)
    return value


def _hex_of(size: int, what: str) -> Callable[[object], bytes]:
    def read(value: object) -> bytes:
        right = f"{what}: 0x and {size * 2} hex digits, in quotes"
        if not isinstance(value, str):
            refuse(f"is {kind(value)}", right)
        try:
            return from_hex(value[:2] + value[2:].lower(), size)
        except CanonicalError:
            refuse(f"{shown(value)} is no {what}", right)

    return read


def _name(value: object) -> str:
    right = "a lower-case letter followed by at most 62 lower-case letters, digits or _"
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", right)
    if not NAME.fullmatch(value):
        refuse(f"{shown(value)} is no name", right)
    return value


def _label(value: object) -> str:
    right = "a letter or digit followed by at most 62 letters, digits or . _ -"
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", right)
    if not _LABEL.fullmatch(value):
        refuse(f"{shown(value)} is no name", right)
    return value


def _epoch(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(f"is {kind(value)}", _EPOCHS)
    if not 1 <= value < EPOCH_BOUND:
        refuse(f"{value} is no epoch", _EPOCHS)
    return value


def _epoch_key(value: object) -> int:
    # As many digits as the highest has: no text is made a number that is longer.
    if not isinstance(value, str) or not re.fullmatch(_EPOCH_DIGITS, value):
        refuse("is no epoch", _EPOCHS)
    return _epoch(int(value))


def _currency(value: object) -> int:
    # A number is refused: people would write currency, and tools wei.
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", amounts.RIGHT)
    try:
        return amounts.wei_of(value)
    except ConfigError as error:
        refuse(str(error), error.hint)


def _threshold(value: object) -> tuple[int, int]:
    right = '"majority", or a fraction such as "2/3"'
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", right)
    if value == "majority":
        return 0, 1
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", value)
    if not found:
        refuse(f"{shown(value)} is no threshold", right)
    numerator, denominator = int(found.group(1)), int(found.group(2))
    if denominator == 0 or Fraction(numerator, denominator) > 1:
        refuse(f"{value} is no part of the members", right)
    return numerator, denominator


def text_path(value: object) -> str:
    """A path as text: not empty, without a zero byte."""
    if isinstance(value, Path):
        return str(value)
    right = "a path in quotes; a relative one is relative to this file"
    if not isinstance(value, str):
        refuse(f"is {kind(value)}", right)
    if not value or "\0" in value:
        refuse("is no path", right)
    return value


def _beside_file(path: str, info: ValidationInfo) -> Path:
    """The path, a relative one taken from the folder of the configuration file that names it."""
    folder = getattr(info.context, "folder", None)
    return Path(path) if folder is None else Path(folder) / path


def path_of(value: object, info: ValidationInfo) -> Path:
    """A path, a relative one beside the configuration file; refuses anything else."""
    return _beside_file(text_path(value), info)


def _windowed_path(value: object, info: ValidationInfo) -> Path:
    return _beside_file(check_placeholders(text_path(value)), info)


def check_placeholders(text: str) -> str:
    """The text, if its placeholders are those of a window or an event: `{end:%Y-%m-%d}`, `{event.asset}`."""
    for found in _PLACEHOLDER.finditer(text):
        if not _FILLED.fullmatch(found.group()):
            refuse(
                f"{found.group()} is no placeholder",
                "{start} and {end} in seconds since 1970, {start:%Y-%m-%dT%H:%M:%SZ} in UTC, or {event.NAME}",
            )
    return text


@dataclass(frozen=True, repr=False)
class Url:
    """An HTTP address. It may hold credentials: only `value` is the whole, its texts show the server."""

    value: str

    def __str__(self) -> str:
        parts = urlsplit(self.value)
        port = f":{parts.port}" if parts.port is not None else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}{port}/..."

    __repr__ = __str__


def url_of(value: object) -> Url:
    """An HTTP address; refuses anything else."""
    right = 'an address such as "https://host.example/path"'
    if not isinstance(value, str):
        if isinstance(value, Url):
            return value
        refuse(f"is {kind(value)}", right)
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        refuse("is no address", right)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        refuse("is no http:// or https:// address", right)
    if not value.isascii() or not value.isprintable() or " " in value:
        refuse("has characters that no address has", "percent-encode them")
    return Url(value)


def _windowed_url(url: Url) -> Url:
    check_placeholders(url.value)
    return url


def _bundle_place(value: object, info: ValidationInfo) -> Path | Url:
    if not isinstance(value, str) or not value.startswith(("http://", "https://")):
        return path_of(value, info)
    url = url_of(value)
    has_place = urlsplit(url.value).path.count("{digest}") == 1
    if not has_place or _PLACEHOLDER.search(url.value.replace("{digest}", "", 1)):
        refuse("does not say where the digest belongs", '"https://host.example/bundles/{digest}.tar.gz"')
    return url


_SIZE_SCHEMA: dict[str, Any] = {
    "oneOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": "^[1-9][0-9]* ?(B|KiB|MiB|GiB)$"},
    ]
}
_INSTANT_SCHEMA: dict[str, Any] = {
    "oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}]
}

_EPOCH_SCHEMA: dict[str, Any] = {"type": "integer", "minimum": 1, "exclusiveMaximum": EPOCH_BOUND}


def _duration_schema(least: int) -> WithJsonSchema:
    number = {"type": "integer", "minimum": least, "exclusiveMaximum": _LONGEST}
    digits = "[1-9][0-9]*" if least else "(0|[1-9][0-9]*)"
    return WithJsonSchema({"oneOf": [number, {"type": "string", "pattern": f"^{digits} ?[smhd]$"}]})


def _text_schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


Duration = Annotated[int, BeforeValidator(_duration), _duration_schema(0)]
Span = Annotated[int, BeforeValidator(_duration), AfterValidator(_some("duration")), _duration_schema(1)]
"""A duration of at least a second."""
Size = Annotated[int, BeforeValidator(_size), AfterValidator(_some("size")), WithJsonSchema(_SIZE_SCHEMA)]
Instant = Annotated[int, BeforeValidator(_instant), WithJsonSchema(_INSTANT_SCHEMA)]
Hash32 = Annotated[bytes, BeforeValidator(_hex_of(32, "hash")), _text_schema("^0x[0-9a-fA-F]{64}$")]
Address = Annotated[bytes, BeforeValidator(_hex_of(20, "address")), _text_schema("^0x[0-9a-fA-F]{40}$")]
Name = Annotated[str, BeforeValidator(_name), _text_schema(f"^{NAME.pattern}$")]
"""The name of a workflow, dataset, table or column (protocol, section 1)."""
Label = Annotated[str, BeforeValidator(_label), _text_schema(f"^{_LABEL.pattern}$")]
Epoch = Annotated[int, BeforeValidator(_epoch), WithJsonSchema(_EPOCH_SCHEMA)]
EpochKey = Annotated[int, BeforeValidator(_epoch_key), _text_schema(f"^{_EPOCH_DIGITS}$")]
"""An epoch as the key of a table, where TOML has only texts."""
Currency = Annotated[int, BeforeValidator(_currency), _text_schema(f"^{amounts.PATTERN}$")]
"""An amount of the chain's currency, in wei."""
Threshold = Annotated[
    tuple[int, int], BeforeValidator(_threshold), _text_schema("^(majority|[0-9]+/[0-9]+)$")
]
FilePath = Annotated[Path, BeforeValidator(path_of), WithJsonSchema({"type": "string", "minLength": 1})]
WindowedPath = Annotated[
    Path, BeforeValidator(_windowed_path), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A path that may hold placeholders of window and event."""
BundlePlace = Annotated[
    Path | Url, BeforeValidator(_bundle_place), WithJsonSchema({"type": "string", "minLength": 1})
]
"""A folder, or an address with `{digest}` in its path."""
PrivateUrl = Annotated[Url, BeforeValidator(url_of), _text_schema("^https?://")]
WindowedUrl = Annotated[
    Url, BeforeValidator(url_of), AfterValidator(_windowed_url), _text_schema("^https?://")
]
