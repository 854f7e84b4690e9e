"""A dataset that is fed from recorded results: the rows of this worker's own ballots that were recorded.

Which results they are stands in the occasion; the rows come from the journal alone, and only from ballots
that are the recorded pair: what the record commits to, and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from worknet.node.errors import ParentMissing
from worknet.node.journal.ballots import Ballots
from worknet.node.preparing import unpack
from worknet.protocol.canonical import to_hex
from worknet.protocol.columns import Column
from worknet.protocol.parents import SlotResult
from worknet.protocol.records import Record
from worknet.protocol.tables import Schema
from worknet.protocol.times import time_text
from worknet.sources.errors import NonsenseError, Origin, SchemaViolationError
from worknet.sources.occasion import Occasion
from worknet.sources.source import source_names, violation
from worknet.tables import DataError, empty, validate
from worknet.tables.schema import polars_schema
from worknet.workflow import Table

SLOT_FIELDS: Final[Mapping[str, Column]] = {
    "slot.start": Column("start", "time"),
    "slot.end": Column("end", "time"),
    "slot.voting": Column("voting", "bytes"),
    "slot.outcome": Column("outcome", "str", nullable=True),
}
"""What is known of a slot itself, as a source's names: `outcome` is quorum, plurality or report, null where
there is no record."""


@dataclass(frozen=True)
class ResultsSource:
    """A dataset from the results of a workflow: the rows of one of its tables, or the slots themselves.

    `columns` maps a column of the schema to a column of that table or a field of the slot, where the names
    differ. Rows without a ballot of this worker for the record are a `ParentMissing`.
    """

    dataset: str
    schema: Schema
    ballots: Ballots
    workflow: str
    table: str | None
    columns: Mapping[str, str]

    def check(self, table: Table | None) -> None:
        """Raises `SourceError` unless the schema's columns are there, with these types, in the table that the
        other workflow declares, or among what is known of a slot."""
        found = {column.name: column for column in table.schema.columns} if table is not None else {}
        known = {**SLOT_FIELDS, **found}
        for name, source in self._names().items():
            column = self.schema.column(name)
            theirs = known.get(source)
            if theirs is None:
                hint = f"there are {', '.join(sorted(known))}"
                raise SchemaViolationError(self._origin, f"the results have no {source}", hint, column=name)
            # Rows are of recorded slots, whose outcome is never null.
            is_null = theirs.nullable and not (table is not None and source in SLOT_FIELDS)
            if (column.type, column.digits) != (theirs.type, theirs.digits) or is_null > column.nullable:
                shown = f"{theirs.type}{', nullable' if is_null else ''}"
                raise SchemaViolationError(
                    self._origin, f"{source} is of another type there", f"it is {shown}", column=name
                )

    def read(self, occasion: Occasion) -> pl.DataFrame:
        """The rows of all results in the occasion; see `worknet.sources.Source`."""
        if self.workflow not in occasion.results:
            raise NonsenseError(self._origin, "it is read for no window of slots")
        slots = occasion.results[self.workflow]
        try:
            frames = [empty(self.schema), *(self._slots(slots) if self.table is None else self._rows(slots))]
            return validate(self.dataset, self.schema, pl.concat(frames))
        except DataError as error:
            raise violation(self._origin, error) from None

    def _slots(self, slots: Sequence[SlotResult]) -> Sequence[pl.DataFrame]:
        names = self._names()
        columns = {name: [_field(each, source) for each in slots] for name, source in names.items()}
        return [pl.DataFrame(columns, schema=polars_schema(self.schema))]

    def _rows(self, slots: Sequence[SlotResult]) -> Sequence[pl.DataFrame]:
        return [self._rows_of(each, each.record) for each in slots if each.record is not None]

    def _rows_of(self, slot: SlotResult, record: Record) -> pl.DataFrame:
        frame, types = self._recorded(slot, record), polars_schema(self.schema)
        chosen = []
        for name, source in self._names().items():
            if source in SLOT_FIELDS:
                chosen.append(pl.lit(_field(slot, source), dtype=types[name]).alias(name))
                continue
            # What an earlier version of the workflow gave may have had other columns.
            if source not in frame.columns or frame.schema[source] != types[name]:
                wrong = "of another type" if source in frame.columns else "not there"
                message = f"in the results of {time_text(slot.window.start)}, {source} is {wrong}"
                raise SchemaViolationError(self._origin, message, column=name)
            chosen.append(pl.col(source).alias(name))
        # Literals alone would be one row, however many there are.
        return frame.with_columns(chosen).select(list(types)) if frame.height else empty(self.schema)

    def _recorded(self, slot: SlotResult, record: Record) -> pl.DataFrame:
        """The table as this worker voted for it, which is the recorded one."""
        named = f"{self.workflow}@{time_text(slot.window.start)}, voting {to_hex(slot.voting_id)}"
        mine = self.ballots.of_record(record)
        if not mine:
            raise ParentMissing(
                f"of {named}, this worker holds no ballot that is the recorded one",
                hint="it did not vote there, or otherwise: it votes again on windows in which it holds all",
            )
        content = self.ballots.rows(slot.voting_id, mine[0], "table", self.table or "")
        if content is None:
            raise ParentMissing(
                f"of {named}, this worker no longer holds the rows of {self.table}",
                hint="[journal] keep in node.toml is to be longer than the windows that consume results",
            )
        return unpack(content)

    def _names(self) -> dict[str, str]:
        return source_names(self.schema, self.columns, self._origin)

    @property
    def _origin(self) -> Origin:
        return Origin(self.dataset, f"the results of {self.workflow}")


def _field(slot: SlotResult, field: str) -> str | None:
    match field:
        case "slot.start":
            return time_text(slot.window.start)
        case "slot.end":
            return time_text(slot.window.end)
        case "slot.voting":
            return to_hex(slot.voting_id)
        case _:
            return None if slot.record is None else slot.record.how.name.lower()
