"""Events that a broker's messages are: one row each, or several in an array."""

from collections.abc import Sequence

from worknet.node.inbox import Aside, Kind
from worknet.node.ingest.events import EventBook
from worknet.node.ingest.rows import MalformedError, RowForm, elements_of, identity_of, malformed
from worknet.node.ingest.writing import Writing
from worknet.node.journal.events import Happening
from worknet.protocol.canonical import encode
from worknet.sources.feed import Feed, Message
from worknet.workflow.triggers import EVENT_DATASET


class MessageInlet:
    """Feeds the events of one workflow; `key` is the column that tells them apart."""

    def __init__(
        self, kind: str, feed: Feed, book: EventBook, form: RowForm, key: str, writing: Writing
    ) -> None:
        self.kind, self.workflow, self.name = kind, book.workflow, EVENT_DATASET
        self._feed, self._book, self._form, self._key, self._writing = feed, book, form, key, writing

    @property
    def fault(self) -> str:
        """Why nothing arrives, if so."""
        return self._feed.fault

    async def run(self) -> None:
        """Reads the feed until cancelled."""
        await self._feed.run(self._take)

    async def _take(self, messages: Sequence[Message]) -> None:
        await self._writing.do(self._journal, messages)

    def _journal(self, messages: Sequence[Message]) -> None:
        happenings: list[Happening] = []
        asides: list[Aside] = []
        for message in messages:
            try:
                elements = elements_of(message.body)
            except MalformedError as error:
                asides.append(Aside(Kind.MALFORMED, str(error), message.body, message.where))
                continue
            for element in elements:
                try:
                    row = self._form.row(element)
                    identity = identity_of(row, self._key)
                except MalformedError as error:
                    asides.append(malformed(error, element, message))
                else:
                    happenings.append(self._book.happening([identity], encode(row)))
        self._book.take(happenings, asides)
