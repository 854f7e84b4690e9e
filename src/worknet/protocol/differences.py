"""What differs between one's own statement and that of another member (appendix F, "Comparing").

Nothing of the other's values comes to light: rows are named by one's own keys, and what only the other has is
counted. A row that the other states as equal is proven so by its leaf, and one that it states as another is
proven not to be equal; which column of it differs is its own word.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from worknet.protocol import merkle, salts
from worknet.protocol.canonical import Value
from worknet.protocol.fingerprints import OwnStatement
from worknet.protocol.leaves import salts_of
from worknet.protocol.statement import Fingerprints, Statement, StatementError, TableStatement
from worknet.protocol.tables import Kind, Row, Salter, Schema, row_leaf_at

MOST_NAMED = 20
"""How many rows of a table are named, the first in key order; all are counted."""

RowKey: TypeAlias = tuple[tuple[str, Value], ...]
"""The key of one of this worker's own rows: column and value, in the order of the schema's key."""


@dataclass(frozen=True)
class RowDifference:
    """A row that both have and that differs, by this worker's key of it; `columns` ascend."""

    key: RowKey = field(repr=False)
    columns: tuple[str, ...]


@dataclass(frozen=True)
class TableDifference:
    """A dataset or table whose roots differ. `mine` and `theirs` count its rows; None: has none such.

    What follows is known only if `known`: both told the fingerprints of its rows. `differing` counts the
    rows that both have, by their key, and that differ, of which `rows` are the first; `columns` says in how
    many of them each column differs. `only_mine` and `only_theirs` count the rows whose key the other has
    not; `only_mine_keys` are the first of them. Keys hold values, and are for the operator's own eyes.
    """

    kind: Kind
    name: str
    mine: int | None
    theirs: int | None
    known: bool = False
    differing: int = 0
    rows: tuple[RowDifference, ...] = ()
    columns: Mapping[str, int] = field(default_factory=dict)
    only_mine: int = 0
    only_mine_keys: tuple[RowKey, ...] = field(default=(), repr=False)
    only_theirs: int = 0


@dataclass(frozen=True)
class Difference:
    """What differs between this worker and the one with the index `worker`.

    `manifest` names the manifest's parts that differ, if both told their fingerprints. `tables` has those
    with other roots only: datasets in name order, then result tables.
    """

    worker: int
    same_inputs: bool
    same_result: bool
    same_manifest: bool
    manifest: tuple[str, ...]
    tables: tuple[TableDifference, ...]


def compare(mine: OwnStatement, theirs: Statement, most: int = MOST_NAMED) -> Difference:
    """What differs between two statements on the same attempt, both checked against their ballots.

    Raises `StatementError` where theirs contradicts itself: it states a row as another that its leaf proves
    to be equal, or the other way round.
    """
    own = mine.statement
    differing = tuple(_tables(mine, theirs, most))
    same_manifest = own.manifest_leaf == theirs.manifest_leaf
    return Difference(
        worker=theirs.worker,
        same_inputs=not any(each.kind == "dataset" for each in differing),
        same_result=same_manifest and not any(each.kind == "table" for each in differing),
        same_manifest=same_manifest,
        manifest=_manifest_parts(own, theirs),
        tables=differing,
    )


def _manifest_parts(own: Statement, theirs: Statement) -> tuple[str, ...]:
    if "roots" in {own.level, theirs.level}:
        return ()
    ours, others = own.manifest_parts, theirs.manifest_parts
    # What the other calls its keys would come before people, who are to read none of its words.
    if ours.keys() != others.keys():
        raise StatementError("the keys of its manifest are others than a manifest has")
    parts = tuple(sorted(name for name in ours if ours[name] != others[name]))
    if (own.manifest_leaf == theirs.manifest_leaf) != (not parts):
        raise StatementError("of the manifest it states otherwise than its leaf proves")
    return parts


def _tables(mine: OwnStatement, theirs: Statement, most: int) -> Iterator[TableDifference]:
    own = mine.statement
    named = {(each.kind, each.name): None for each in (*own.all_tables(), *theirs.all_tables())}
    for kind, name in sorted(named):
        ours, others = own.table(kind, name), theirs.table(kind, name)
        if ours is None or others is None:
            yield TableDifference(kind, name, ours.rows if ours else None, others.rows if others else None)
        elif (ours.rows, ours.root) != (others.rows, others.root):
            yield _Compared(mine, ours, others).difference(most)


class _Compared:
    """A table of which both have told something."""

    def __init__(self, mine: OwnStatement, ours: TableStatement, theirs: TableStatement) -> None:
        self._ours, self._theirs = ours, theirs
        self._schema: Schema = mine.schemas[ours.kind, ours.name]
        self._rows: Sequence[Row] = mine.rows.get((ours.kind, ours.name), ())
        self._salter: Salter = mine.salter
        self._salts: list[bytes] = []

    def difference(self, most: int) -> TableDifference:
        ours, theirs = self._ours, self._theirs
        if ours.details is None or theirs.details is None:
            return TableDifference(ours.kind, ours.name, ours.rows, theirs.rows)
        if ours.details.columns.keys() != theirs.details.columns.keys():
            raise self._error("its columns are others than the workflow declares")
        document_key = self._salter.document_key(salts.rows(ours.kind, ours.name))
        self._salts = salts_of(document_key, theirs.rows)
        places = {key: place for place, key in enumerate(ours.details.keys)}
        named: list[RowDifference] = []
        columns: dict[str, int] = dict.fromkeys(sorted(ours.details.columns), 0)
        met: set[int] = set()
        differing, last = 0, -1
        for place, own_place in enumerate(places.get(key) for key in theirs.details.keys):
            if own_place is None:
                continue
            if own_place < last:
                raise self._error("its rows are not in the order of their keys")
            met.add(own_place)
            last = own_place
            changed = self._changed(ours.details, theirs.details, own_place, place)
            if (self._leaf(own_place, place) == theirs.details.leaves[place]) != (not changed):
                raise self._error(f"of row {place} it states otherwise than its leaf proves")
            for name in changed:
                columns[name] += 1
            differing += bool(changed)
            if changed and len(named) < most:
                named.append(RowDifference(self._key(own_place), changed))
        only_mine = [place for place in range(ours.rows) if place not in met]
        return TableDifference(
            kind=ours.kind,
            name=ours.name,
            mine=ours.rows,
            theirs=theirs.rows,
            known=True,
            differing=differing,
            rows=tuple(named),
            columns={name: count for name, count in columns.items() if count},
            only_mine=len(only_mine),
            only_mine_keys=tuple(self._key(place) for place in only_mine[:most]),
            only_theirs=theirs.rows - len(met),
        )

    @staticmethod
    def _changed(ours: Fingerprints, theirs: Fingerprints, own_place: int, place: int) -> tuple[str, ...]:
        """The columns of a row that both have in which it differs."""
        return tuple(
            name
            for name in sorted(ours.columns)
            if ours.columns[name][own_place] != theirs.columns[name][place]
        )

    def _leaf(self, own_place: int, place: int) -> bytes:
        """The leaf hash that the own row would have at that place: salts belong to places."""
        if own_place == place and self._ours.details is not None:
            return self._ours.details.leaves[place]
        kind, name = self._ours.kind, self._ours.name
        leaf = row_leaf_at(
            kind, name, self._schema, self._rows[own_place], place, self._salts[place], self._salter
        )
        return merkle.leaf_hash(leaf)

    def _key(self, place: int) -> RowKey:
        return tuple((name, self._rows[place][name]) for name in self._schema.key)

    def _error(self, message: str) -> StatementError:
        return StatementError(f"{self._ours.kind} {self._ours.name}: {message}")
