"""Forgets the rows behind ballots whose votings have long been over, a few at a time, so that disks last.

So it does with why there was no ballot or a handler failed, which may hold rows too, and with statements.
Roots, manifests and salts stay for ever: they are small, and seals are opened with nothing else.
"""

import time
from collections.abc import Callable

import structlog

from worknet.chain.index import NetworkIndex
from worknet.node.journal import Journal

PAUSE_SECONDS = 60.0
"""Between two looks."""
SHORT_PAUSE_SECONDS = 1.0
"""Between two looks while there is more to forget."""
AGAIN_SECONDS = 3600.0
"""How often the oldest are looked at again: their votings may have ended since."""
FAILURES_KEPT_SECONDS = 400 * 86_400
"""For how long why there was no ballot, and statements, are kept where rows are kept for ever."""
AT_ONCE = 20
"""How many ballots are looked at each time: what is forgotten is one step each, and holds nothing else up."""

log = structlog.get_logger()


class Retention:
    """Keeps rows for `keep` seconds after they were prepared, and at least until their voting is over; for
    ever if that is None."""

    def __init__(
        self,
        journal: Journal,
        index: NetworkIndex,
        keep: int | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal, self._index, self._keep, self._clock = journal, index, keep, clock
        self._after: tuple[int, bytes] = (0, b"")
        self._began = self._next_look = time.monotonic()

    def look(self) -> None:
        """Forgets what is due, if the last look is long enough ago. Raises `JournalError`."""
        now = time.monotonic()
        if now < self._next_look:
            return
        time_now = int(self._clock())
        kept = FAILURES_KEPT_SECONDS if self._keep is None else self._keep
        self._journal.failures.forget(time_now - kept, AT_ONCE)
        self._journal.handlings.forget_details(time_now - kept, AT_ONCE)
        self._journal.statements.forget(time_now - kept, AT_ONCE)
        self._next_look = now + PAUSE_SECONDS
        if self._keep is not None and self._forget_rows(now, time_now - self._keep):
            self._next_look = now + SHORT_PAUSE_SECONDS

    def _forget_rows(self, now: float, before: int) -> bool:
        """Forgets the rows of some votings of before that time; whether there may be more of them."""
        if now - self._began >= AGAIN_SECONDS:
            self._after, self._began = (0, b""), now
        votings = self._journal.ballots.prepared_between(self._after, before, AT_ONCE)
        # A voting comes once for each of its ballots; the first time all of its rows go.
        over = {voting_id for _, voting_id in votings if self._index.has_ended(voting_id)}
        tables = [count for voting_id in over if (count := self._journal.ballots.forget_rows(voting_id))]
        if tables:
            log.info("journal.rows_forgotten", tables=sum(tables), votings=len(tables))
        self._after = votings[-1] if votings else self._after
        return len(votings) == AT_ONCE
