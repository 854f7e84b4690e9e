"""The geometry of the report's pictures: where lines, bars and cells stand. Pure; the templates draw them.

Lengths are in units of a drawing that is `WIDTH` wide. However long the audited time was, it is cut into at
most `MOST` spans of equal length, and what lies in one span is drawn together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log2

from worknet.audit.report import GapLine, OpenLine, RecordLine, Report
from worknet.protocol.times import parse_time, time_text

WIDTH = 720
MOST = 62
OUTCOMES = ("quorum", "report", "plurality", "none")
PARTS = ("agreed", "outvoted", "missing")
SHARES = ("paid", "owed", "unclaimed")
UNRESOLVED = "unresolved"

_HOUR, _DAY = 3_600, 86_400
_SPANS = (
    (_HOUR, "hour"),
    (6 * _HOUR, "six hours"),
    (_DAY, "day"),
    (7 * _DAY, "week"),
    (28 * _DAY, "four weeks"),
    (364 * _DAY, "52 weeks"),
)
_MONDAY = 4 * _DAY
"""1970-01-05 was a Monday: weeks begin on Mondays."""


@dataclass(frozen=True)
class Spans:
    """The audited time in spans of equal length: `each` names one, such as `day`."""

    start: int
    length: int
    count: int
    each: str

    def of(self, time: int) -> int | None:
        """The span in which a time lies; None if it is drawn nowhere."""
        number = (time - self.start) // self.length
        return number if 0 <= number < self.count else None

    def label(self, number: int) -> str:
        """The beginning of a span, as short as is clear."""
        text = time_text(self.start + number * self.length)
        return text[:16].replace("T", " ") if self.length < _DAY else text[:10]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what stands beside it."""

    at: float
    label: str


@dataclass(frozen=True)
class Growth:
    """The log's size over time as a line through `points`."""

    points: list[tuple[float, float]]
    across: list[Tick]
    up: list[Tick]
    height: int


@dataclass(frozen=True)
class Piece:
    """A part of a bar or cell: what it stands for, how many, and where it begins and ends."""

    kind: str
    count: int
    at: float
    size: float


@dataclass(frozen=True)
class Bar:
    """What lies in one span."""

    label: str
    at: float
    width: float
    pieces: list[Piece]


@dataclass(frozen=True)
class Bars:
    """One bar for each span, with the axis beside them; `left_out` slots lie outside the spans."""

    each: str
    bars: list[Bar]
    across: list[Tick]
    up: list[Tick]
    height: int
    left_out: int


@dataclass(frozen=True)
class Row:
    """One worker's cells, from the top of its row."""

    worker: int
    at: float
    cells: list[Bar]


@dataclass(frozen=True)
class Grid:
    """What every worker did, span by span."""

    each: str
    rows: list[Row]
    across: list[Tick]
    size: float
    height: float


@dataclass(frozen=True)
class Node:
    """A subtree of the log: the leaves from `first` to before `end`, its hash, and its triangle's place."""

    first: int
    end: int
    root: str
    is_old: bool
    at: float
    width: float
    top: float


@dataclass(frozen=True)
class Heads:
    """The trees of the old head and the new one, as the consistency proof composes them: left to right."""

    nodes: list[Node]
    old_at: float
    new_at: float


def when(line: RecordLine | OpenLine) -> int:
    """The time that a voting is about: the start of its slot; of an event, when it ended."""
    if line.window:
        return parse_time(line.window[0])
    return parse_time(line.time if isinstance(line, RecordLine) else line.since)


def spans(report: Report) -> Spans | None:
    """The time from the first voting to the last; None where there was none."""
    times = [*map(when, report.records), *map(when, _unresolved_events(report))]
    if not times:
        times = [parse_time(text) for gap in report.without_record for text in (gap.first, gap.last)]
    if not times:
        return None
    first, last = min(times), max(times)
    for length, each in _SPANS:
        origin = _MONDAY if length > _DAY else 0
        start = max(first - (first - origin) % length, 0)
        count = (last - start) // length + 1
        if count <= MOST:
            return Spans(start, length, count, each)
    # Centuries: whatever length it takes.
    length = -(-(last - first + 1) // MOST)
    return Spans(first, length, MOST, "span")


def growth(report: Report, height: int = 200, left: int = 64) -> Growth | None:
    """The log's size at each record's time, thinned to what can be seen; None without new records."""
    if not report.records:
        return None
    times = [parse_time(each.time) for each in report.records]
    before, after = report.log.before, report.log.after
    low = report.records[0].position
    begun = parse_time(before.time) if before.time else min(times)
    ended = max(parse_time(after.time) if after.time else 0, *times)
    length, rise = max(ended - begun, 1), max(after.size - low, 1)
    step = -(-len(times) // 200)
    seen = [(begun, low)]
    kept = [*range(0, len(times), step), len(times) - 1]
    seen += [(times[number], report.records[number].position + 1) for number in kept]
    seen.append((ended, after.size))
    points = [
        (
            round(left + (WIDTH - left) * min(max((time - begun) / length, 0), 1), 1),
            round(height * (1 - (size - low) / rise), 1),
        )
        for time, size in seen
    ]
    across = [
        Tick(left + (WIDTH - left) * part / 2, time_text(begun + length * part // 2)[:16].replace("T", " "))
        for part in range(3)
    ]
    up = [Tick(height * (1 - part / rise), f"{low + part:,}") for part in sorted({0, rise // 2, rise})]
    return Growth(points, across, up, height)


def outcomes(report: Report, by: Spans, height: int = 180, left: int = 64) -> Bars:
    """How votings ended, span by span; slots without a record, and events without one, are `none`."""
    counts = [dict.fromkeys(OUTCOMES, 0) for _ in range(by.count)]
    left_out = 0
    for record in report.records:
        counts[_number(by, record)][record.how] += 1
    for voting in _unresolved_events(report):
        counts[_number(by, voting)]["none"] += 1
    for gap in report.without_record:
        drawn = 0
        for number in range(by.count):
            begin = by.start + number * by.length
            inside = _slots_between(gap, begin, begin + by.length)
            counts[number]["none"] += inside
            drawn += inside
        left_out += gap.count - drawn
    most = max(1, *(sum(each.values()) for each in counts))
    bars = [
        Bar(by.label(number), at, width, _stack(each, OUTCOMES, most, height))
        for (number, at, width), each in zip(_columns(by.count, left), counts, strict=True)
    ]
    up = [Tick(height * (1 - part / most), f"{part:,}") for part in sorted({0, most // 2, most})]
    return Bars(by.each, bars, _across(by, left), up, height, left_out)


def parts(report: Report, by: Spans, left: int = 64) -> Grid:
    """What each worker did in the recorded votings, span by span."""
    counts = {each.index: [dict.fromkeys(PARTS, 0) for _ in range(by.count)] for each in report.workers}
    for record in report.records:
        number = _number(by, record)
        for part in PARTS:
            for worker in getattr(record, part):
                if worker in counts:
                    counts[worker][number][part] += 1
    height, pace = 16.0, 19.0
    rows = []
    for place, (worker, spans_of) in enumerate(counts.items()):
        cells = [
            Bar(by.label(number), at, width, _stack(each, PARTS, 0, height))
            for (number, at, width), each in zip(_columns(by.count, left), spans_of, strict=True)
            if any(each.values())
        ]
        rows.append(Row(worker, place * pace, cells))
    return Grid(by.each, rows, _across(by, left), height, len(rows) * pace)


def amounts(report: Report, left: int = 64) -> list[Row]:
    """What each worker earned, as bars to one scale: paid, owed and unclaimed."""
    most = max((sum(int(getattr(each, kind)) for kind in SHARES) for each in report.workers), default=0)
    room = WIDTH - left - 140
    rows = []
    for number, each in enumerate(report.workers):
        pieces, at = [], float(left)
        for kind in SHARES:
            wei = int(getattr(each, kind))
            pieces.append(Piece(kind, wei, at, room * wei / most if most else 0.0))
            at += pieces[-1].size
        rows.append(Row(each.index, number * 24, [Bar("", left, at - left, pieces)]))
    return rows


def heads(report: Report, left: int = 20) -> Heads | None:
    """The subtrees of which the proof composes both heads; None where there is nothing to compose."""
    before, after = report.log.before, report.log.after
    if report.log.is_rewritten or not 0 < before.size < after.size:
        return None
    ranges = sorted(zip(_proof_ranges(before.size, after.size), _hashes(report), strict=True))
    # A subtree of a million leaves is not drawn a million times as wide as one leaf.
    weights = [1.5 + log2(end - first) for (first, end), _ in ranges]
    unit = (WIDTH - 2 * left) / sum(weights)
    nodes, at = [], float(left)
    for ((first, end), root), weight in zip(ranges, weights, strict=True):
        width = weight * unit
        height = min(26 + 6 * log2(end - first), 110)
        nodes.append(Node(first, end, root, end <= before.size, at + 3, width - 6, 250 - height))
        at += width
    old = [node for node in nodes if node.is_old]
    return Heads(nodes, (old[0].at + old[-1].at + old[-1].width) / 2, WIDTH / 2)


def _hashes(report: Report) -> list[str]:
    """The hashes of the subtrees; where the old log is one whole subtree the proof leaves its root out."""
    size = report.log.before.size
    is_whole = size & (size - 1) == 0
    return [report.log.before.root, *report.log.path] if is_whole else report.log.path


def _proof_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """The leaves under each hash of the consistency proof, in its order (RFC 9162, 2.1.4.1)."""

    def below(size: int, first: int, end: int) -> Iterator[tuple[int, int]]:
        if size == end - first:
            yield first, end
            return
        half = 1 << (end - first - 1).bit_length() - 1
        if size <= half:
            yield from below(size, first, first + half)
            yield first + half, end
        else:
            yield from below(size - half, first + half, end)
            yield first, first + half

    return list(below(old, 0, new))


def _unresolved_events(report: Report) -> list[OpenLine]:
    """Those about slots are among the slots without a record."""
    return [each for each in report.open_votings if each.window is None and each.state == UNRESOLVED]


def _number(by: Spans, line: RecordLine | OpenLine) -> int:
    number = by.of(when(line))
    assert number is not None, "the spans hold every voting"
    return number


def _slots_between(gap: GapLine, begin: int, end: int) -> int:
    """How many of a gap's slots start in `[begin, end)`."""
    first = parse_time(gap.first)
    low = max(0, -(-(begin - first) // gap.every))
    high = min(gap.count, -(-(end - first) // gap.every))
    return max(0, high - low)


def _columns(count: int, left: int) -> Iterable[tuple[int, float, float]]:
    """Number, place and width of each of so many bars."""
    step = min(40.0, (WIDTH - left) / count)
    return ((number, round(left + number * step, 2), round(step * 0.84, 2)) for number in range(count))


def _across(by: Spans, left: int) -> list[Tick]:
    places = list(_columns(by.count, left))
    chosen = sorted({0, by.count // 2, by.count - 1}) if by.count > 12 else [0, by.count - 1][: by.count]
    ticks = [Tick(places[number][1], by.label(number)) for number in chosen]
    return [tick for place, tick in enumerate(ticks) if not place or tick.at - ticks[place - 1].at > 110]


def _stack(counts: dict[str, int], kinds: Sequence[str], most: int, height: float) -> list[Piece]:
    """The pieces of a bar from its foot up, `most` being the full height (0: what it holds itself)."""
    unit = height / (most or sum(counts.values()) or 1)
    pieces, at = [], height
    for kind in kinds:
        if counts[kind]:
            at -= counts[kind] * unit
            pieces.append(Piece(kind, counts[kind], round(at, 2), round(counts[kind] * unit, 2)))
    return pieces
