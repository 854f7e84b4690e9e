"""Events that are found by asking: each new key among the rows of a source is one.

The whole list is read each time, so what was missed while the worker or the source was down is found later.
A source that hangs is told of as one that fails; the thread that hangs in it is left behind, and never are
more than a few (`worknet.node.reading`).
"""

import asyncio

from worknet.node.errors import SourceTimeout
from worknet.node.inbox import Aside, Kind
from worknet.node.ingest.events import EventBook
from worknet.node.ingest.rows import MalformedError, identity_of
from worknet.node.ingest.writing import Writing, in_thread
from worknet.node.journal.events import Happening
from worknet.node.reading import Reader
from worknet.sources import Source, SourceError
from worknet.sources.feed_link import Link
from worknet.sources.occasion import Occasion
from worknet.tables import encode_rows
from worknet.workflow.triggers import EVENT_DATASET

_LONGEST_PAUSE = 300.0


class PollInlet:
    """Asks a source every `every` seconds; `key` is the column that tells its rows apart as events.

    `longest` is how many seconds an answer may take: more than what the source itself gives up after.
    """

    kind = "poll"

    def __init__(
        self, source: Source, book: EventBook, key: str, every: float, longest: float, writing: Writing
    ) -> None:
        self.workflow, self.name = book.workflow, EVENT_DATASET
        self._reader = Reader({EVENT_DATASET: source})
        self._book, self._key, self._every, self._longest, self._writing = book, key, every, longest, writing
        self._link = Link("the poll", min(every, 1.0), max(every, _LONGEST_PAUSE))
        self._known: frozenset[bytes] = frozenset()

    @property
    def fault(self) -> str:
        """Why the last poll failed, if so."""
        return self._link.fault

    async def run(self) -> None:
        """Polls until cancelled. One that fails is repeated after pauses that grow."""
        while True:
            try:
                payloads, happenings, asides = await in_thread(self._ask)
            except (SourceError, SourceTimeout) as error:
                await self._link.down(str(error))
                continue
            await self._writing.do(self._book.take, happenings, asides)
            self._known = payloads
            self._link.up()
            await asyncio.sleep(self._every)

    def _ask(self) -> tuple[frozenset[bytes], list[Happening], list[Aside]]:
        """The rows' payloads, and what those are that were not there the last time."""
        frame = self._reader.read(Occasion(), self._longest)[EVENT_DATASET]
        payloads = encode_rows(frame)
        happenings: list[Happening] = []
        asides: list[Aside] = []
        for row, payload in zip(frame.iter_rows(named=True), payloads, strict=True):
            if payload in self._known:
                continue
            try:
                happenings.append(self._book.happening([identity_of(row, self._key)], payload))
            except MalformedError as error:
                asides.append(Aside(Kind.MALFORMED, str(error), payload))
        return frozenset(payloads), happenings, asides
