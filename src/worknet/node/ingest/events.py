"""The events of one workflow's trigger: what arrives is given its trigger id, journalled, and told.

Nothing of an event is ever told but its trigger id, which outsiders cannot tie to what happened.
"""

import json
from collections.abc import Mapping, Sequence

import polars as pl
import structlog

from worknet.node.errors import NodeError
from worknet.node.inbox import Aside
from worknet.node.journal.events import Cursor, Events, Fate, Happening
from worknet.node.journal.inbox import Inbox
from worknet.protocol.canonical import Value, encode, to_hex
from worknet.protocol.ids import event_trigger_id
from worknet.protocol.tables import Schema
from worknet.sources.errors import Origin
from worknet.sources.source import violation
from worknet.tables import DataError, frame_of_rows, validate
from worknet.workflow.triggers import EVENT_DATASET, OnEvent

log = structlog.get_logger()

KEEP_ASIDES = 35 * 86_400
"""For how many seconds what is no event is kept."""


class UnknownEvent(NodeError):
    """An event that the worker's journal does not hold."""


class EventBook:
    """Where the events of one workflow are written down, however they arrive."""

    def __init__(
        self,
        events: Events,
        inbox: Inbox,
        workflow: str,
        trigger: OnEvent,
        trigger_key: bytes,
    ) -> None:
        self.workflow, self.trigger = workflow, trigger
        self._events, self._inbox, self._trigger_key = events, inbox, trigger_key

    def happening(self, identity: Sequence[str | int], payload: bytes) -> Happening:
        """The event of that identity, whose row has these canonical bytes."""
        trigger_id = event_trigger_id(
            self._trigger_key, self.workflow, self.trigger.name, self.trigger.kind, *identity
        )
        return Happening(trigger_id, self.trigger.kind, encode(list(identity)), payload)

    def take(
        self,
        happenings: Sequence[Happening],
        asides: Sequence[Aside] = (),
        *,
        cursor: Cursor | None = None,
    ) -> list[Fate]:
        """Journals events and what could not become one, and tells of them; the fate of each event."""
        about = {"workflow": self.workflow, "kind": self.trigger.kind}
        if asides:
            self._inbox.set_aside(self.workflow, EVENT_DATASET, asides)
            self._inbox.purge(self.workflow, EVENT_DATASET, oldest=0, keep=KEEP_ASIDES)
            for aside in asides:
                log.warning("event.set_aside", reason=aside.reason, **about)
        if not happenings and cursor is None:
            return []
        fates = self._events.take(self.workflow, happenings, cursor=cursor)
        for happening, fate in zip(happenings, fates, strict=True):
            if fate is Fate.NEW:
                log.info("event.seen", trigger=to_hex(happening.trigger_id), **about)
            elif fate is Fate.CONFLICT:
                log.warning("event.conflict", trigger=to_hex(happening.trigger_id), **about)
        if again := fates.count(Fate.DUPLICATE):
            log.debug("event.duplicates", count=again, **about)
        return fates

    def cursor(self, watched: bytes) -> Cursor | None:
        """Up to where a chain was read for these events."""
        return self._events.cursor(self.workflow, watched)


def event_row(events: Events, workflow: str, trigger_id: bytes) -> Mapping[str, Value]:
    """The row that an event's payload is; `UnknownEvent` if the journal does not hold the event."""
    payload = events.payload(workflow, trigger_id)
    if payload is None:
        hint = "this worker has not seen the event; see that its trigger's source is the members' one"
        raise UnknownEvent(f"the journal holds no event {to_hex(trigger_id)} of {workflow}", hint)
    row: dict[str, Value] = json.loads(payload)
    return row


def event_frame(events: Events, workflow: str, trigger_id: bytes, schema: Schema) -> pl.DataFrame:
    """The dataset `event` of an event's voting: its one row. `UnknownEvent` as above, and `SourceError` if
    the row was journalled under another schema and does not fit this one."""
    row = event_row(events, workflow, trigger_id)
    try:
        return validate(EVENT_DATASET, schema, frame_of_rows(EVENT_DATASET, schema, [row]))
    except DataError as error:
        found = violation(Origin(EVENT_DATASET, "the journal"), error)
        found.hint = "the event came under another schema: its voting cannot be voted on under this one"
        raise found from None
