"""Parents: what published results say they were made from, held against the log (section 6, "Parents").

Only what is published says of its parents at all. A record whose manifest nobody shows breaks no rule; it is
counted, and where the public could follow a result no further, it is named.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from worknet.audit.findings import Finding, shown
from worknet.audit.lines import RecordLine
from worknet.audit.openings import trigger
from worknet.audit.policies import PolicyLine
from worknet.protocol.ids import Slot, Window
from worknet.protocol.manifest import Manifest
from worknet.protocol.policy import version_at


@dataclass(frozen=True)
class Parents:
    """What came of it: `of` are the parents that published manifests name, by the child's voting id, of those
    that have any; `unknown` are parents whose own manifest is not published, so that nobody knows theirs;
    `unpublished` is of how many records there is no manifest, `earlier` how many parents were recorded before
    the audit's part of the log: of what window they are, is not known."""

    of: Mapping[bytes, tuple[bytes, ...]]
    unknown: tuple[bytes, ...]
    unpublished: int
    earlier: int
    findings: tuple[Finding, ...]


def check_parents(
    records: Sequence[RecordLine],
    manifests: Mapping[bytes, Manifest],
    policies: Iterable[PolicyLine],
    is_earlier: Callable[[bytes], bool] = lambda _: False,
) -> Parents:
    """Holds the parents of each record whose manifest is published to the rules.

    `records` are those of the audit's part of the log, `manifests` are proven by their records, by voting id,
    `policies` all versions of all workflows. `is_earlier` says of a voting that is not among the records
    whether it had a record before them.

    A parent stands before its child in the log, so that none is its own ancestor: that no manifest names a
    later record, nor its own, is all that it takes.
    """
    log = _Log.of(records, policies)
    is_earlier = cache(is_earlier)
    named = {
        line.record.voting_id: manifests[line.record.voting_id].parents
        for line in records
        if line.record.voting_id in manifests and manifests[line.record.voting_id].parents
    }
    findings = [
        finding for child, parents in named.items() for finding in _findings(log, child, parents, is_earlier)
    ]
    all_parents = dict.fromkeys(parent for parents in named.values() for parent in parents)
    unknown = tuple(parent for parent in all_parents if parent in log.lines and parent not in manifests)
    unpublished = sum(line.record.voting_id not in manifests for line in records)
    earlier = sum(parent not in log.lines and is_earlier(parent) for parent in all_parents)
    return Parents(named, unknown, unpublished, earlier, tuple(findings))


@dataclass
class _Log:
    """The records by voting id, and those about slots by workflow, in the order of their slots."""

    lines: dict[bytes, RecordLine]
    policies: dict[bytes, list[PolicyLine]]
    slots: dict[bytes, list[tuple[int, RecordLine]]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[RecordLine], policies: Iterable[PolicyLine]) -> "_Log":
        announced: defaultdict[bytes, list[PolicyLine]] = defaultdict(list)
        for policy in policies:
            announced[policy.workflow_id].append(policy)
        log = cls({line.record.voting_id: line for line in records}, dict(announced))
        by_workflow: defaultdict[bytes, list[tuple[int, RecordLine]]] = defaultdict(list)
        for line in log.lines.values():
            if (window := log.window(line)) is not None:
                by_workflow[line.record.workflow_id].append((window.start, line))
        log.slots = {name: sorted(found, key=_start) for name, found in by_workflow.items()}
        return log

    def window(self, line: RecordLine) -> Window | None:
        """What a record is about; None of an event."""
        slot = self.slot(line)
        return None if slot is None else slot.window

    def slot(self, line: RecordLine) -> Slot | None:
        """The slot that a record is about; None of an event, and where its trigger is no slot of it."""
        versions = self.policies.get(line.record.workflow_id)
        about = trigger(line.record.trigger_id, versions[0].policy.every) if versions else None
        return about if isinstance(about, Slot) else None

    def due(self, line: RecordLine) -> int | None:
        """When the slot of a record was due; None of an event."""
        versions, slot = self.policies.get(line.record.workflow_id, []), self.slot(line)
        if slot is None:
            return None
        version = version_at([each.policy.start for each in versions], slot.window.start) or 1
        return slot.due(versions[version - 1].policy.delay)

    def within(self, workflow_id: bytes, window: Window) -> Iterator[RecordLine]:
        """The workflow's records about slots that lie whole in the window, ascending."""
        found = self.slots.get(workflow_id, [])
        for start, line in found[bisect_left(found, window.start, key=_start) :]:
            if start >= window.end:
                return
            mine = self.window(line)
            if mine is not None and mine.end <= window.end:
                yield line


def _start(found: tuple[int, RecordLine]) -> int:
    return found[0]


def _findings(
    log: _Log, child: bytes, parents: Sequence[bytes], is_earlier: Callable[[bytes], bool]
) -> Iterator[Finding]:
    """What is wrong with one record's parents: a finding for each rule, with the first and how many."""
    line = log.lines[child]
    known = [log.lines[parent] for parent in parents if parent in log.lines]
    absent = [parent for parent in parents if parent not in log.lines and not is_earlier(parent)]
    if absent:
        yield _finding("parents.record", line, absent, "of its parents have no record in this log")
    later = [each.record.voting_id for each in known if each.position >= line.position]
    if later:
        yield _finding("parents.before", line, later, "of its parents do not stand before it in the log")
    window = log.window(line)
    if window is None:
        return
    outside = [each.record.voting_id for each in known if not _lies_in(log.window(each), window)]
    if outside:
        yield _finding("parents.window", line, outside, "of its parents are about no slot of its window")
    # Whatever else it waited for, what was recorded when its slot was due counts.
    due, named = log.due(line), set(parents)
    consumed = dict.fromkeys(each.record.workflow_id for each in known if log.window(each) is not None)
    left_out = [
        each.record.voting_id
        for workflow_id in consumed
        if workflow_id != line.record.workflow_id
        for each in log.within(workflow_id, window)
        if due is not None and each.record.time <= due and each.record.voting_id not in named
    ]
    if left_out:
        wrong = "results of its window were recorded when it was due, and are not among its parents"
        yield _finding("parents.complete", line, left_out, wrong)


def _lies_in(inner: Window | None, outer: Window) -> bool:
    return inner is not None and outer.start <= inner.start and inner.end <= outer.end


def _finding(rule: str, line: RecordLine, votings: Sequence[bytes], what: str) -> Finding:
    return Finding(
        rule,
        f"{len(votings)} {what}",
        line.record.voting_id,
        line.position,
        line.block,
        shown(first=votings[0], count=len(votings)),
    )
