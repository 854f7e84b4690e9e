"""Small tables of several members, and statements on them, for the tests of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worknet.protocol import merkle
from worknet.protocol.ballots import Pair
from worknet.protocol.columns import Column
from worknet.protocol.fingerprints import OwnStatement, OwnTable, state
from worknet.protocol.ids import Window
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.statement import Level, StatementPlace
from worknet.protocol.tables import Kind, Row, Salter, Schema, row_leaves, sort_rows

VOTING = b"\x11" * 32
SALTER = Salter(b"\x22" * 32, VOTING, 1)
METERS = Schema(
    (
        Column("meter", "str"),
        Column("slot", "int"),
        Column("wh", "int"),
        Column("note", "str", nullable=True),
    ),
    ("meter", "slot"),
)
MATCHES = Schema((Column("meter", "str"), Column("matched", "int")), ("meter",), field_disclosure=True)


def place(worker: int = 0, attempt: int = 1, voting_id: bytes = VOTING) -> StatementPlace:
    return StatementPlace(246, b"\x33" * 20, voting_id, attempt, worker)


def meter(name: str, slot: int = 0, wh: int = 5, note: str | None = None) -> Row:
    return {"meter": name, "slot": slot, "wh": wh, "note": note}


def table(kind: Kind, name: str, schema: Schema, rows: Sequence[Row], salter: Salter = SALTER) -> OwnTable:
    """A committed table of these rows, given in any order."""
    ordered = sort_rows(name, schema, rows)
    leaves = [merkle.leaf_hash(leaf) for leaf in row_leaves(kind, name, schema, ordered, salter)]
    return OwnTable(kind, name, schema, len(rows), merkle.root_of_hashes(leaves), lambda: (ordered, leaves))


@dataclass(frozen=True)
class Work:
    """What one member has read and computed."""

    load: Sequence[Row] = (meter("a"), meter("b"), meter("c"))
    matches: Sequence[Row] = ({"meter": "a", "matched": 1}, {"meter": "b", "matched": 2})
    summary: Mapping[str, int] = field(default_factory=lambda: {"matched": 3})
    parents: tuple[bytes, ...] = ()

    def manifest(self) -> Manifest:
        entry = TableEntry(MATCHES.digest(), len(self.matches))
        about = "hourly", b"\x44" * 32, b"\x55" * 32, Window(0, 3600), {}
        return Manifest(*about, {"matches": entry}, dict(self.summary), self.parents)

    def own(self, worker: int = 0, level: Level = "rows", salter: Salter = SALTER) -> OwnStatement:
        """The statement on this work."""
        return state(
            place(worker, salter.attempt, salter.voting_id),
            level,
            [table("dataset", "load", METERS, self.load, salter)],
            [table("table", "matches", MATCHES, self.matches, salter)],
            self.manifest(),
            salter,
        )

    def pair(self, salter: Salter = SALTER) -> Pair:
        """The ballot on this work."""
        return self.own(salter=salter).statement.pair(salter)
