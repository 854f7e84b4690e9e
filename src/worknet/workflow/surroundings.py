"""What a run finds around it, where an author's desk changes that to see whether the result stays the same.

A node changes none of it: its runs all have `Surroundings()`. Watched runs tell what the workflow's code
depended on; such a run computes the same, only slower.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import msgspec

MOST_PLACES = 1000
_MOST_TEXT = 400
_Number = Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)]
_Text = Annotated[str, msgspec.Meta(max_length=_MOST_TEXT)]


@dataclass(frozen=True)
class Surroundings:
    """What is otherwise in one run: variables of its `environment`, the name of its machine (`host`).

    `watched`: the run tells what it depended on. With `order`, 1 or 2, it is given another order wherever
    none is promised (sets, groups, joins, folders); with `later`, clocks are so many seconds ahead.
    `pieces`: in how many pieces the datasets' columns lie in memory.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    watched: bool = False
    order: int = 0
    later: int = 0
    pieces: int = 1

    @property
    def is_watched(self) -> bool:
        """Whether the bundle's code is watched: what it is given otherwise is given there too."""
        return self.watched or bool(self.order or self.later)

    def head(self) -> dict[str, Any]:
        """What the process is told of it along with its job: nothing in a node."""
        told = {**asdict(self), "environment": {}}
        return {} if told == {**asdict(UNCHANGED), "environment": {}} else {"surroundings": told}


UNCHANGED = Surroundings()
"""What every run of a node has around it."""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a watched run depended on what it must not: a place of the bundle's code, the kind and what."""

    file: _Text
    line: _Number
    column: _Number
    kind: _Text
    what: _Text


class Watched(msgspec.Struct, forbid_unknown_fields=True):
    """What a watched run tells: such places, and by file which lines it came to."""

    places: Annotated[list[Place], msgspec.Meta(max_length=MOST_PLACES)] = []
    lines: dict[str, list[_Number]] = {}


def place(file: str, line: int, column: int, kind: str, what: str) -> Place:
    """A place whose texts are no longer than may be told."""
    return Place(file[:_MOST_TEXT], line, column, kind, what[:_MOST_TEXT])
