"""Times as text: RFC 3339 in UTC with `Z` and whole seconds, as all documents of the protocol have them."""

import re
from datetime import UTC, datetime

from worknet.protocol.errors import ProtocolError

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)
LATEST = 253402300799
"""The last second that has a text, at the end of the year 9999."""


class TimeError(ProtocolError):
    """A text that is no time, or a time that has no text."""


def time_text(seconds: int) -> str:
    """Unix seconds as `2026-01-31T09:00:00Z`."""
    if not 0 <= seconds <= LATEST:
        raise TimeError(f"{seconds} seconds have no text as a time")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: object) -> int:
    """The Unix seconds of a text like `2026-01-31T09:00:00Z`, from 1970 on."""
    if not isinstance(text, str) or not _TIME.fullmatch(text) or text < "1970":
        raise TimeError("not a time like 2026-01-31T09:00:00Z, or one before 1970")
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise TimeError("a time that does not exist") from error
