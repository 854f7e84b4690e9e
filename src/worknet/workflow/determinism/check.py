"""Runs a workflow many times, each time with something else around it, and says where it is not the same.

The runs are those of a worker: the same runner, isolated processes. The first is as a node's; another one is
watched; each further one varies one thing, so that a difference has its reason. The result has no rows but
those that differ, and these are the author's own, on his desk.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from worknet.protocol.canonical import Value, encode, to_hex
from worknet.protocol.ids import Trigger
from worknet.protocol.tables import Salter
from worknet.tables import validate
from worknet.tables.differences import Difference, first_difference
from worknet.workflow.declare import Declaration
from worknet.workflow.determinism.findings import ONLY_POSSIBLE, Finding, Kind
from worknet.workflow.determinism.handling import sample_evidence
from worknet.workflow.determinism.static import static_findings
from worknet.workflow.determinism.variations import (
    AGAIN,
    FIRST,
    RUNS,
    SEEDED,
    WATCHED,
    Variation,
    not_tried,
    variations,
)
from worknet.workflow.errors import (
    FloatRefusedError,
    MemoryExceededError,
    NotIsolatedError,
    RunnerError,
    TimedOutError,
    WorkflowError,
)
from worknet.workflow.evidence import When
from worknet.workflow.folder import ENTRY, Bundle
from worknet.workflow.handlers import actions_document
from worknet.workflow.process import Limits
from worknet.workflow.roots import commit_inputs, commit_result
from worknet.workflow.runner import Outcome, Runner
from worknet.workflow.surroundings import Watched

AT_ONCE: Final = 2
_MOST_TOLD: Final = 400
"""Characters that are told of what a handler decided."""
LIMITS: Final = Limits(wall_seconds=120, cpu_seconds=240, memory_bytes=4 << 30)
"""Those of a node leave no room for several threads; what a run needs in a node, `workflow run` shows."""

_DESK: Final = Salter(data_key=bytes(32), voting_id=bytes(32), attempt=1)
_SETTLED_BY_RUNS: Final = frozenset({Kind.FLOAT, Kind.ORDER, Kind.RANDOM, Kind.FILES, Kind.IDENTITY})
"""Kinds of which a run that came past and saw nothing shows that a place is harmless."""
_HANDLERS_TRY: Final = ("hash seed 1", "sets, groups, joins and folders in reverse order",
                        "another user, home and machine's name")  # fmt: skip


@dataclass(frozen=True)
class Differs:
    """What was not as in the first run, and by which variation: a row, or in `text` what has no rows."""

    variation: str
    text: str = field(repr=False)
    difference: Difference | None = field(default=None, repr=False)

    def document(self) -> dict[str, Value]:
        """The difference as a JSON document."""
        row = self.difference.document() if self.difference else None
        return {"variation": self.variation, "text": self.text, "row": row}


@dataclass(frozen=True)
class Report:
    """What a check found. `tried` are all runs by name; roots are the first run's, "" where it has none."""

    workflow: str
    bundle: str
    input_root: str
    result_root: str
    tried: tuple[str, ...]
    not_tried: Mapping[str, str]
    handlers: tuple[str, ...]
    findings: tuple[Finding, ...] = field(repr=False)
    differences: tuple[Differs, ...] = field(repr=False)
    failure: str = field(default="", repr=False)

    @property
    def is_fine(self) -> bool:
        """Whether nothing is certain to make workers differ."""
        return not self.failure and not self.differences and not any(one.certain for one in self.findings)

    def document(self) -> dict[str, Value]:
        """The report as a JSON document."""
        return {
            "workflow": self.workflow,
            "bundle": self.bundle,
            "fine": self.is_fine,
            "desk_input_root": self.input_root,
            "desk_result_root": self.result_root,
            "runs": len(self.tried),
            "tried": list(self.tried),
            "not_tried": dict(self.not_tried),
            "handlers": list(self.handlers),
            "findings": [finding.document() for finding in self.findings],
            "differences": [one.document() for one in self.differences],
            "failure": self.failure,
        }


class NoResultError(WorkflowError):
    """The workflow fails on this data, so that no run could be held against another; what its text shows all
    the same stands in `findings`."""

    def __init__(self, message: str, hint: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(message, hint)
        self.findings = findings


@dataclass(frozen=True)
class _Ran:
    """What came of one run: an outcome with its roots, or why there is none; and what was watched."""

    variation: Variation
    outcome: Outcome | None = None
    roots: tuple[bytes, bytes] = (b"", b"")
    error: RunnerError | None = None
    watched: tuple[Watched, ...] = ()


def check(
    bundle: Bundle,
    datasets: Callable[[Declaration], tuple[Trigger, Mapping[str, pl.DataFrame]]],
    *,
    runs: int = RUNS,
    allow_unisolated: bool = False,
    limits: Limits = LIMITS,
) -> Report:
    """Checks a bundle on what `datasets` gives for its declaration: a trigger, and its datasets.

    Raises `WorkflowError` where nothing can be checked: a bundle that does not load or declares differently
    each time is found out, datasets that do not fit and runs that cannot be isolated are not. It is a
    `NoResultError` where the workflow fails on this data and no finding is certain.
    """
    desk = _Desk(bundle, allow_unisolated, limits)
    found = set(static_findings(bundle.files))
    try:
        declaration = desk.declaration(FIRST)
    except NotIsolatedError:
        raise
    except RunnerError as error:
        seen = _seen(desk.declaring(WATCHED))
        if not seen and not any(finding.certain for finding in found):
            raise
        return _unloadable(bundle, _settled(found, seen, {}, orders_settled=False), error)
    trigger, frames = datasets(declaration)
    job = _Job(desk, declaration, trigger, frames)
    first = job.run(FIRST)
    chosen = variations(runs)
    with ThreadPoolExecutor(AT_ONCE) as executor:
        others = list(executor.map(job.run, [WATCHED, *chosen]))
        handled = list(executor.map(job.handle, declaration.handlers))
    watched = [*others[0].watched, *(told for _, seen in handled for told in seen)]
    unwatched = _unwatched(first, others[0])
    compared = others[1:] if unwatched else others
    found_in_runs = [differs for ran in compared if (differs := job.compare(first, ran)) is not None]
    if chance := [differs for differs in found_in_runs if differs.variation == AGAIN.name]:
        found_in_runs = chance  # what differs by itself differs with everything
    differences = [
        *(desk.declared_otherwise(declaration) if SEEDED in chosen else ()),
        *found_in_runs,
        *(differs for differing, _ in handled for differs in differing),
    ]
    seen = _seen(watched)
    if isinstance(first.error, FloatRefusedError):
        seen.add(Finding(ENTRY, 1, 1, Kind.FLOAT, str(first.error)))
    lines = _lines(watched)
    is_ordered = not differences and any(one.surroundings.order for one in chosen)
    findings = _settled(found, seen, lines, orders_settled=is_ordered)
    failure = str(first.error) if first.error else ""
    if first.error and not differences and not any(finding.certain for finding in findings):
        raise NoResultError(
            f"the workflow gives no result on this data: {failure}",
            first.error.hint or "give data that it takes: --dataset NAME=FILE, or tests/data/NAME.csv",
            findings,
        )
    return Report(
        workflow=declaration.name,
        bundle=to_hex(bundle.digest),
        input_root=to_hex(first.roots[0]) if first.outcome else "",
        result_root=to_hex(first.roots[1]) if first.outcome else "",
        tried=tuple(ran.variation.name for ran in (first, *others)),
        not_tried={**not_tried(), **unwatched},
        handlers=tuple(when.value for when in declaration.handlers),
        findings=findings,
        differences=tuple(differences),
        failure=failure,
    )


class _Desk:
    """Where the runs are made."""

    def __init__(self, bundle: Bundle, allow_unisolated: bool, limits: Limits) -> None:
        self.bundle, self._allow_unisolated, self._limits = bundle, allow_unisolated, limits

    def runner(self, variation: Variation) -> Runner:
        """A runner of this variation, for a few jobs."""
        return Runner(
            self.bundle,
            self._limits,
            allow_unisolated=self._allow_unisolated,
            any_runtime=True,
            waiting=0,
            surroundings=variation.surroundings,
        )

    def declaration(self, variation: Variation) -> Declaration:
        """What the bundle declares in such surroundings."""
        with self.runner(variation) as runner:
            return runner.declaration

    def declaring(self, variation: Variation) -> list[Watched]:
        """What a bundle that does not load depended on until it failed."""
        with self.runner(variation) as runner:
            with suppress(RunnerError):
                _ = runner.declaration
            return runner.watched

    def declared_otherwise(self, declaration: Declaration) -> list[Differs]:
        """What is declared otherwise with another hash seed."""
        try:
            other = self.declaration(SEEDED)
        except RunnerError as error:
            return [Differs(SEEDED.name, f"the workflow cannot be loaded: {error}")]
        said = "the workflow declares something else"
        return [] if other == declaration else [Differs(SEEDED.name, said)]


@dataclass(frozen=True)
class _Job:
    """What is run each time."""

    desk: _Desk
    declaration: Declaration
    trigger: Trigger
    frames: Mapping[str, pl.DataFrame]

    def run(self, variation: Variation) -> _Ran:
        """One run, committed to as a worker would."""
        delivered = variation.delivered(self.frames)
        with self.desk.runner(variation) as runner:
            runner.declaration = self.declaration
            try:
                outcome = runner.run(delivered, self.trigger.window)
            except NotIsolatedError:
                raise
            except RunnerError as error:
                return _Ran(variation, error=error, watched=tuple(runner.watched))
            read = {
                dataset.name: validate(dataset.name, dataset.schema, delivered[dataset.name])
                for dataset in self.declaration.datasets
            }
            inputs = commit_inputs(self.declaration, read, _DESK)
            result = commit_result(self.declaration, self.desk.bundle, self.trigger, outcome, _DESK)
            return _Ran(variation, outcome, (inputs.root, result.root), watched=tuple(runner.watched))

    def handle(self, when: When) -> tuple[list[Differs], list[Watched]]:
        """Where a fallback handler decides otherwise, and what it depended on."""
        evidence = sample_evidence(self.declaration, self.trigger, when)
        tried = [one for one in variations(RUNS) if one.name in _HANDLERS_TRY]
        first, differing, watched = "", [], []
        for variation in (FIRST, WATCHED, *tried):
            with self.desk.runner(variation) as runner:
                runner.declaration = self.declaration
                try:
                    actions = runner.handle(evidence)
                    decided = encode(actions_document(actions or ())).decode()
                except RunnerError as error:
                    decided = f"failed: {error}"[:_MOST_TOLD]
                watched += runner.watched
            if variation is FIRST:
                first = decided
                if decided.startswith("failed: "):
                    differing.append(Differs(variation.name, f"the handler for {when} {decided}"))
            elif decided != first:
                text = f"the handler for {when} decides {_at_difference(first, decided)}"
                differing.append(Differs(variation.name, text))
        return differing, watched

    def compare(self, first: _Ran, other: _Ran) -> Differs | None:
        """What differs first between two runs; None if nothing does."""
        name = other.variation.name
        if first.outcome is None or other.outcome is None:
            if (str(first.error), first.outcome is None) == (str(other.error), other.outcome is None):
                return None
            told = [str(ran.error) if ran.error else "a result" for ran in (first, other)]
            return Differs(name, f"{told[0]}, then {told[1]}")
        if first.roots == other.roots:
            return None
        for table in self.declaration.tables:
            row = first_difference(
                "table",
                table.name,
                table.schema,
                first.outcome.tables[table.name],
                other.outcome.tables[table.name],
            )
            if row is not None:
                return Differs(name, row.text(), row)
        return Differs(name, _summaries(first.outcome.summary, other.outcome.summary))


def _unwatched(first: _Ran, watched: _Ran) -> dict[str, str]:
    """Why a run could not be watched that ends by itself; to watch takes longer, and more memory."""
    if first.outcome is None or not isinstance(watched.error, TimedOutError | MemoryExceededError):
        return {}
    return {"a watched run to its end": f"{watched.error}; give it more --seconds, or less data"}


def _at_difference(first: str, other: str) -> str:
    """Two texts from where they differ on, with a little of what is before; not more than people read."""
    same = next(
        (place for place, pair in enumerate(zip(first, other, strict=False)) if pair[0] != pair[1]),
        min(len(first), len(other)),
    )
    begin = max(0, same - _MOST_TOLD // 8)
    shown = [("..." if begin else "") + text[begin : begin + _MOST_TOLD // 2] for text in (first, other)]
    return f"{shown[0] or 'nothing'}, then {shown[1] or 'nothing'}"


def _summaries(first: Mapping[str, Value], other: Mapping[str, Value]) -> str:
    """What differs first between two summaries, or that the inputs do."""
    for name in sorted(first.keys() | other.keys()):
        one, two = first.get(name), other.get(name)
        if one != two:
            return f"summary, {name}: {one!r}, then {two!r}"
    return "the input roots differ"


def _seen(watched: Sequence[Watched]) -> set[Finding]:
    """What watched runs told, of a bundle's code: kinds that there are, and no others."""
    kinds = {kind.value for kind in Kind}
    return {
        Finding(
            place.file,
            place.line,
            place.column,
            Kind(place.kind),
            place.what,
            place.kind not in ONLY_POSSIBLE,
        )
        for told in watched
        for place in told.places
        if place.kind in kinds
    }


def _lines(watched: Sequence[Watched]) -> dict[str, set[int]]:
    lines: dict[str, set[int]] = {}
    for told in watched:
        for file, numbers in told.lines.items():
            lines.setdefault(file, set()).update(numbers)
    return lines


def _settled(
    found: set[Finding], seen: set[Finding], lines: Mapping[str, set[int]], *, orders_settled: bool
) -> tuple[Finding, ...]:
    """One finding for each place and kind: what was seen counts more than what may be; what may be and was
    tried without harm is none. Orders were not, if there are differences or no other order was tried."""
    kept: dict[tuple[str, int, Kind], Finding] = {}
    for finding in sorted(seen | found, key=lambda one: (not one.certain, one not in found, one)):
        place = (finding.file, finding.line, finding.kind)
        known = kept.setdefault(place, finding)
        if known in seen and finding in found and known is not finding:
            # The text says what it is that the run saw the outcome of.
            kept[place] = replace(finding, what=f"{finding.what}: {known.what}", certain=known.certain)

    def is_harmless(finding: Finding) -> bool:
        came_past = finding.line in lines.get(finding.file, ())
        settles = finding.kind in _SETTLED_BY_RUNS and (orders_settled or finding.kind is not Kind.ORDER)
        return not finding.certain and came_past and settles

    return tuple(sorted(finding for finding in kept.values() if not is_harmless(finding)))


def _unloadable(bundle: Bundle, findings: tuple[Finding, ...], error: RunnerError) -> Report:
    return Report("", to_hex(bundle.digest), "", "", (), {}, (), findings, (), str(error))
