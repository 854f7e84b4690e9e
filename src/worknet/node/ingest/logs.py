"""Events that are logs of a contract, on any chain: read up to a depth, from a journalled cursor."""

import asyncio
from collections.abc import Mapping

import structlog

from worknet.chain.errors import ChainError
from worknet.chain.watch import Found, LogWatch, Seen
from worknet.node.inbox import Aside, Kind
from worknet.node.ingest.events import EventBook
from worknet.node.ingest.rows import MalformedError, RowForm
from worknet.node.ingest.writing import Writing, in_thread
from worknet.node.journal.events import Cursor, Happening
from worknet.protocol.canonical import encode, to_hex
from worknet.protocol.times import time_text
from worknet.sources.feed_link import Link
from worknet.workflow.triggers import EVENT_DATASET

log = structlog.get_logger()

ABOUT_LOGS = ("block", "time", "transaction", "index", "contract")
"""The columns of dataset `event` that say where a log stands, beside the event's own parameters."""

_LONGEST_PAUSE = 60.0


class LogInlet:
    """Looks for new logs every `every` seconds."""

    kind = "log"

    def __init__(
        self,
        watch: LogWatch,
        chain_id: int,
        book: EventBook,
        form: RowForm,
        every: float,
        writing: Writing,
    ) -> None:
        self.workflow, self.name = book.workflow, EVENT_DATASET
        self._watch, self._chain_id, self._book, self._form = watch, chain_id, book, form
        self._every, self._writing = every, writing
        self._link = Link("the chain", 1.0, _LONGEST_PAUSE)

    @property
    def fault(self) -> str:
        """Why the chain was not read, if so."""
        return self._link.fault

    async def run(self) -> None:
        """Reads logs until cancelled; what cannot be read now is read later, after pauses that grow."""
        while True:
            cursor = await in_thread(self._book.cursor, self._watch.watched)
            try:
                found = await in_thread(self._watch.next, (cursor.block, cursor.hash) if cursor else None)
            except ChainError as error:
                await self._link.down(str(error))
                continue
            if found is not None:
                await self._writing.do(self._journal, found, cursor)
            self._link.up()
            if found is None or found.at_head:
                await asyncio.sleep(self._every)

    def _journal(self, found: Found, cursor: Cursor | None) -> None:
        if found.moved:
            # Events that were taken stay taken: their votings may be over.
            log.error("log.reorganised", workflow=self.workflow, block=cursor.block if cursor else 0)
        happenings: list[Happening] = []
        asides: list[Aside] = []
        for seen in found.logs:
            identity: tuple[int, str, int] = (self._chain_id, to_hex(seen.transaction), seen.index)
            reason = seen.fault
            try:
                payload = encode(self._form.row(_fields(seen, self._form)))
            except MalformedError as error:
                reason = reason or str(error)
            if reason:
                asides.append(Aside(Kind.MALFORMED, reason, encode(identity), str(seen.block)))
            else:
                happenings.append(self._book.happening(identity, payload))
        self._book.take(happenings, asides, cursor=Cursor(self._watch.watched, found.block, found.block_hash))


def _fields(seen: Seen, form: RowForm) -> Mapping[str, object]:
    """What a log says, by the names of the parameters and of ABOUT_LOGS; the parameters come first."""
    values: dict[str, object] = {
        "block": seen.block,
        "time": seen.time,
        "transaction": to_hex(seen.transaction),
        "index": seen.index,
        "contract": to_hex(seen.contract),
        **seen.values,
    }
    for column in form.schema.columns:
        name = form.columns.get(column.name, column.name)
        value = values.get(name)
        if type(value) is int and column.type == "bigint":
            values[name] = str(value)
        elif name == "time" and type(value) is int and column.type == "time":
            values[name] = time_text(value)
    return values
