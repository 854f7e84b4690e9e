"""What becomes of the rows that brokers bring: one rule that sorts them. Pure: no clock, journal or broker.

A row belongs to the window of its own time and is known by that window and its schema key, whatever order and
number it arrives in. Of different contents under one key the least counts, byte by byte, so that the order of
arrival does not matter there either. What comes after its window was read is for later attempts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias


class Kind(StrEnum):
    """What was made of a thing that arrived, as it is counted and told."""

    ACCEPTED = "accepted"
    LATE = "late"
    """A row of a window that an attempt has read already: only later attempts read it."""
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    """The key of a row that is there, with another content: the lesser counts, the other is set aside."""
    MALFORMED = "malformed"
    """No JSON, no row, no time, or a row that breaks the schema: set aside."""
    TOO_OLD = "too_old"
    """A row of a window that is kept no longer: set aside."""
    MARKER = "marker"
    """Word that a window is complete."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that fits its schema: `start` is the start of its window in Unix seconds, `key` the digest of its
    schema key, `content` its canonical bytes."""

    start: int
    key: bytes
    content: bytes = field(repr=False)
    where: str = ""


@dataclass(frozen=True, slots=True)
class Marker:
    """Word that the window that starts at `start` is complete."""

    start: int


@dataclass(frozen=True, slots=True)
class Aside:
    """Something kept apart. `reason` never holds a row's value, `body` may; `where` is the broker's."""

    kind: Kind
    reason: str
    body: bytes = field(repr=False)
    where: str = ""

    @property
    def digest(self) -> bytes:
        """What tells two asides of one dataset apart: the same one delivered again is kept once."""
        return sha256(self.kind.encode() + b"\0" + self.body).digest()


Arrival: TypeAlias = Row | Marker | Aside
Place: TypeAlias = tuple[int, bytes]
"""Window start and key of a row."""
Contents: TypeAlias = Mapping[int, bytes]
"""The contents under one key that some attempt may read, by the last attempt that had read the window when
each came (0: none). Each is less than those before it: an attempt reads the last that came before it read."""


@dataclass(frozen=True)
class Sorted:
    """What is to be journalled, and how many there were of each kind.

    Each row stands with the last attempt that had read its window when it came (0: none), and takes the place
    of what came under its key after that same attempt; `markers` are the starts of the windows that are
    complete.
    """

    rows: Sequence[tuple[Row, int]]
    markers: frozenset[int]
    asides: Sequence[Aside]
    counts: Counter[Kind]


def sort(
    arrivals: Sequence[Arrival],
    held: Mapping[Place, Contents],
    reads: Mapping[int, int],
    *,
    oldest: int,
    newest: int,
) -> Sorted:
    """Sorts what arrived, in its order.

    `held` are the contents that are there already, at least under the keys that arrive again; `reads` is the
    last attempt that has read each window, by its start. Rows whose window starts before `oldest` are too
    old; one that starts after `newest` cannot be.
    """
    known: dict[Place, dict[int, bytes]] = {}
    rows: dict[Place, tuple[Row, int]] = {}
    markers: set[int] = set()
    asides: list[Aside] = []
    counts: Counter[Kind] = Counter()
    for arrival in arrivals:
        aside: Aside | None = None
        if isinstance(arrival, Row):
            if (aside := _out_of_reach(arrival, oldest, newest)) is not None:
                kind = aside.kind
            else:
                place = arrival.start, arrival.key
                contents = known.setdefault(place, dict(held.get(place, {})))
                kind, aside = _among(contents, arrival, late=arrival.start in reads)
                if not contents or arrival.content < min(contents.values()):
                    after = reads.get(arrival.start, 0)
                    contents[after] = arrival.content
                    rows[place] = arrival, after
        elif isinstance(arrival, Marker):
            kind = Kind.MARKER
            markers.add(arrival.start)
        else:
            kind, aside = arrival.kind, arrival
        asides += [aside] if aside is not None else []
        counts[kind] += 1
    return Sorted(list(rows.values()), frozenset(markers), asides, counts)


def _out_of_reach(row: Row, oldest: int, newest: int) -> Aside | None:
    """The row set aside, if its window is one that no row can be taken for."""
    if row.start < oldest:
        return Aside(Kind.TOO_OLD, "its window is kept no longer", row.content, row.where)
    if row.start > newest:
        reason = "its time lies far ahead: are these seconds?"
        return Aside(Kind.MALFORMED, reason, row.content, row.where)
    return None


def _among(contents: Contents, row: Row, *, late: bool) -> tuple[Kind, Aside | None]:
    """What a row is beside the contents under its key, and which of the two that differ is set aside."""
    if not contents:
        return (Kind.LATE if late else Kind.ACCEPTED), None
    if row.content in contents.values():
        return Kind.DUPLICATE, None
    least = min(contents.values())
    reason = "another row has its key, and lesser bytes"
    if row.content > least:
        return Kind.CONFLICT, Aside(Kind.CONFLICT, reason, row.content, row.where)
    # Where the broker had the one that gives way was not kept.
    return Kind.CONFLICT, Aside(Kind.CONFLICT, reason, least)
