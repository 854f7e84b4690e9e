"""When the chain was away, in its own time: from the last look before a failed one to the next after it."""

from collections import deque

REMEMBERED = 64
"""How many outages are remembered: what ended longer ago than some windows is asked for by nobody."""


class Outages:
    """The spans of the chain's time in which a worker could not read it."""

    def __init__(self) -> None:
        self._spans: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self._last: int | None = None
        self._has_failed = False

    def failed(self) -> None:
        """The chain could not be read."""
        self._has_failed = True

    def seen(self, now: int) -> None:
        """The chain was read; its newest block has this time."""
        if self._has_failed and self._last is not None:
            self._spans.append((self._last, now))
        self._last, self._has_failed = now, False

    def at(self, time: int) -> tuple[int, int] | None:
        """The outage in which this moment lies, by its beginning and its end; None if there was none then."""
        return next((span for span in self._spans if span[0] < time <= span[1]), None)
