"""The votings that a voting consumed, those that they consumed, and so on: drawn as a tree, within bounds.

What manifests name as parents may be anything, also the voting itself: each voting is opened once, and no
more are drawn than somebody can read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from worknet.chain.index import NetworkIndex
from worknet.chain.index_facts import IndexedRecord, IndexedVoting
from worknet.node.explaining.words import moment, printable
from worknet.protocol.canonical import Value, to_hex
from worknet.protocol.ids import Window
from worknet.protocol.manifest import Manifest

DEPTH = 5
"""How many generations are drawn."""
WIDTH = 12
"""How many parents of one voting are drawn."""
MOST = 500
"""How many votings are drawn at all."""
_HEADLINE = 3
_VALUE_CHARACTERS = 40

Manifests = Callable[[Sequence[IndexedRecord]], Mapping[bytes, Manifest]]
"""The manifests that records commit to, by voting id; those that are not known are left out."""


_Found = tuple[bytes, IndexedVoting | None]


class Rest(StrEnum):
    """Why the parents of a voting are not drawn."""

    UNKNOWN = "parents not known"
    """Nobody has shown its manifest."""
    DRAWN = "drawn elsewhere"
    """It stands in the tree elsewhere; perhaps it is even its own ancestor."""
    DEEPER = "has parents that are not drawn"
    """The tree is deep, or large, enough."""


@dataclass(frozen=True)
class Ancestor:
    """A voting of the tree, with those it consumed in the order of time.

    `entry` is None where the network has no such voting. `parents` are as many of `count` as are drawn;
    `rest` says why they are not, None where they are. `summary` is the manifest's.
    """

    voting_id: bytes
    entry: IndexedVoting | None
    workflow: str
    summary: Mapping[str, Value] | None
    count: int
    parents: tuple["Ancestor", ...] = ()
    rest: Rest | None = None

    @property
    def window(self) -> Window | None:
        """What the voting is about; None of an event, and where it is not known."""
        return None if self.entry is None else self.entry.trigger.window

    @property
    def left_out(self) -> int:
        """How many of its parents are not drawn, of those that are known."""
        return self.count - len(self.parents)


@dataclass
class Ancestry:
    """Draws trees from an index, as votings stand at the time `now`.

    `names` are workflows by their ids; `manifests` gives what is known of several at once.
    """

    index: NetworkIndex
    names: Mapping[bytes, str]
    manifests: Manifests
    now: int
    _drawn: set[bytes] = field(default_factory=set)

    def of(self, voting_id: bytes) -> Ancestor:
        """The tree of one voting."""
        self._drawn = set()
        (root,) = self._opened([(voting_id, self.index.entry(voting_id, now=self.now))], DEPTH)
        return root

    def _opened(self, votings: Sequence[_Found], depth: int) -> tuple[Ancestor, ...]:
        """Each voting with its ancestors, as far as they are drawn."""
        new = [each for each, _ in votings if each not in self._drawn]
        self._drawn.update(new)
        records = [record for each in new if (record := self.index.record_of(each)) is not None]
        manifests = self.manifests(records)
        return tuple(
            self._open(each, entry, manifests.get(each), depth)
            if each in new
            else Ancestor(each, entry, self._name(entry), None, 0, rest=Rest.DRAWN)
            for each, entry in votings
        )

    def _open(
        self, voting_id: bytes, entry: IndexedVoting | None, manifest: Manifest | None, depth: int
    ) -> Ancestor:
        name = self._name(entry)
        if manifest is None:
            has_record = entry is not None and entry.voting.recorded is not None
            return Ancestor(voting_id, entry, name, None, 0, rest=Rest.UNKNOWN if has_record else None)
        count = len(manifest.parents)
        if count and (not depth or len(self._drawn) >= MOST):
            return Ancestor(voting_id, entry, name, manifest.summary, count, rest=Rest.DEEPER)
        found = [(each, self.index.entry(each, now=self.now)) for each in manifest.parents]
        parents = self._opened(sorted(found, key=_place)[:WIDTH], depth - 1)
        return Ancestor(voting_id, entry, name, manifest.summary, count, parents)

    def _name(self, entry: IndexedVoting | None) -> str:
        return "" if entry is None else self.names.get(entry.workflow_id, "")


def _place(found: _Found) -> tuple[bool, int, bytes]:
    """By time; what the network does not have, or what is about an event, comes last."""
    voting_id, entry = found
    window = None if entry is None else entry.trigger.window
    return window is None, 0 if window is None else window.start, voting_id


def lines(root: Ancestor) -> Iterator[str]:
    """The tree as text, a line for each voting."""
    yield _line(root)
    yield from _below(root, "")


def _below(ancestor: Ancestor, indent: str) -> Iterator[str]:
    more = ancestor.left_out if ancestor.rest is None else 0
    for place, parent in enumerate(ancestor.parents, start=1):
        is_last = place == len(ancestor.parents) and not more
        yield f"{indent}{'`-- ' if is_last else '|-- '}{_line(parent)}"
        yield from _below(parent, f"{indent}{'    ' if is_last else '|   '}")
    if more:
        yield f"{indent}`-- and {more} more"


def _line(ancestor: Ancestor) -> str:
    parts = [f"{_name(ancestor)}  {_outcome(ancestor)}"]
    if ancestor.summary:
        parts.append(headline(ancestor.summary))
    if ancestor.rest is not None:
        number = f" ({ancestor.count})" if ancestor.count else ""
        parts.append(f"{ancestor.rest}{number}")
    return "; ".join(part for part in parts if part)


def _name(ancestor: Ancestor) -> str:
    window = ancestor.window
    if ancestor.workflow and window is not None:
        return f"{ancestor.workflow}@{moment(window.start)}"
    return " ".join(filter(None, (ancestor.workflow, to_hex(ancestor.voting_id))))


def _outcome(ancestor: Ancestor) -> str:
    if ancestor.entry is None:
        return "the network has no such voting"
    recorded = ancestor.entry.voting.recorded
    if recorded is None:
        return ancestor.entry.voting.state.name.lower()
    how = recorded.how.name.lower()
    return f"recorded by {how}, attempt {recorded.attempt}, position {ancestor.entry.position}"


def headline(summary: Mapping[str, Value]) -> str:
    """The first few plain values of a summary, which may be anybody's text."""
    plain = [(name, value) for name, value in summary.items() if isinstance(value, str | int | bool)]
    shown = (
        f"{printable(name, _VALUE_CHARACTERS)} {printable(str(value), _VALUE_CHARACTERS)}"
        for name, value in plain[:_HEADLINE]
    )
    return ", ".join(shown)


def document(ancestor: Ancestor) -> dict[str, object]:
    """The tree as a JSON document; what is not known is None."""
    entry, window = ancestor.entry, ancestor.window
    recorded = None if entry is None else entry.voting.recorded
    return {
        "voting": to_hex(ancestor.voting_id),
        "workflow": ancestor.workflow or None,
        "start": None if window is None else moment(window.start),
        "end": None if window is None else moment(window.end),
        "state": None if entry is None else entry.voting.state.name.lower(),
        "how": None if recorded is None else recorded.how.name.lower(),
        "attempt": None if recorded is None else recorded.attempt,
        "position": None if entry is None else entry.position,
        "summary": ancestor.summary,
        "count": ancestor.count,
        "parents": [document(parent) for parent in ancestor.parents],
        "rest": None if ancestor.rest is None else ancestor.rest.value,
    }
