"""The report for a terminal: the verdict first, then what it rests on. Short, however long the log is."""

from collections.abc import Iterator
from textwrap import wrap

from worknet.audit import ballots
from worknet.audit.foreign import fields, plain
from worknet.audit.report import FindingLine, GapLine, Head, Report
from worknet.config.amounts import amount_text

MOST_FINDINGS = 5
"""Findings of one rule that are told; the others are counted."""
MOST_LINES = 12
"""Gaps, policies, changes of members and published results that are told."""

_LABEL = 12
_WIDTH = 100
_MILLIONTH = 10**12


def text(report: Report) -> str:
    """The report as lines, each ended."""
    return "".join(f"{plain(line)}\n" for line in _lines(report))


def place_of(finding: FindingLine) -> str:
    """Where a finding was made, in words."""
    parts = [] if finding.position is None else [f"position {finding.position}"]
    parts += [] if finding.voting is None else [f"voting {finding.voting}"]
    parts += [] if finding.block is None else [f"block {finding.block}"]
    return ", ".join(parts) or "the whole log"


def head_text(head: Head) -> str:
    """A head as people write it down."""
    return f"{head.size}:{head.root}"


def gap_text(gap: GapLine) -> str:
    """A run of slots without a record, in words."""
    if gap.count == 1:
        return f"{gap.workflow}@{gap.first}: {gap.why}"
    return f"{gap.workflow}@{gap.first} to {gap.last}, {gap.count:,} slots: {gap.why}"


def verdict_text(report: Report) -> str:
    """The verdict in a sentence, which says so if more than half of the ballots were unseen."""
    seen = sum(each.count for each in report.checked if each.what == ballots.SEEN)
    unseen = sum(each.count for each in report.unseen if each.what == ballots.UNSEEN)
    if unseen <= seen:
        return _verdict(report)
    return (
        f"{_verdict(report)}; but most of the ballots ({unseen:,} of {seen + unseen:,}) came through other"
        " contracts, where nothing shows what was sent, and by whom"
    )


def _verdict(report: Report) -> str:
    if report.log.is_rewritten:
        verdict = "THE LOG WAS REWRITTEN: it is not the one that was seen before"
        if report.log.origin == "given":
            verdict += "; or the head that was given has a slip in it, or the RPC lags"
        return verdict
    if report.findings:
        return f"FINDINGS: {_many(len(report.findings), 'thing is', 'things are')} not as they must be"
    return "nothing found: everything that was checked is as it must be"


def origin_text(report: Report) -> str:
    """From where the audit went to where, in a sentence."""
    begun = {
        "beginning": "no head was remembered: the audit began at the beginning",
        "remembered": f"from the remembered head, size {report.log.before.size:,}",
        "given": f"from the beginning, held to the head that was given, size {report.log.before.size:,}",
    }[report.log.origin]
    after = report.log.after
    seen = "" if after.block is None else f", block {after.block:,}"
    seen += "" if after.time is None else f" of {after.time}"
    return f"{begun}, to size {after.size:,}{seen}"


def money(wei: int) -> str:
    """An amount as it is read at a glance, to a millionth of the currency; the JSON report has the wei."""
    if 0 < wei < _MILLIONTH:
        return f"{wei:,} wei"
    shown = amount_text(wei - wei % _MILLIONTH)
    return f"{shown}…" if wei % _MILLIONTH else shown


def _lines(report: Report) -> Iterator[str]:
    yield verdict_text(report)
    yield _line("network", f"{plain(report.network.name, 200)}, {report.network.contract}")
    yield _line("", f"chain id {report.network.chain_id}, pool {report.network.pool or 'none'}")
    yield _line("log", origin_text(report))
    yield _line("head", head_text(report.log.after))
    counts = ", ".join(f"{each.count:,} {each.what}" for each in report.checked) or "nothing"
    for number, line in enumerate(wrap(counts, _WIDTH)):
        yield _line("" if number else "checked", line)
    yield from _some("not seen", [f"{each.count:,} {each.what}" for each in report.unseen])
    yield from _some("not read", [f"{plain(each.where)}: {plain(each.why)}" for each in report.unread])
    yield from _findings(report)
    yield from _records(report)
    yield from _some("no record", [gap_text(each) for each in report.without_record])
    yield from _some(
        "not over",
        [
            f"{each.name}: {each.state} since {each.since}, attempt {each.attempt}"
            for each in report.open_votings
        ],
    )
    yield from _workers(report)
    yield from _some(
        "policies",
        [
            f"{each.workflow} version {each.version} from {each.start}: {each.threshold}, "
            f"{each.ballots} ballots, fallback {each.fallback}"
            for each in report.policies
        ],
    )
    yield from _some(
        "members",
        [f"{each.time} worker {each.index} {each.act}, {each.role}" for each in report.members],
    )
    yield from _published(report)


def _findings(report: Report) -> Iterator[str]:
    by_rule: dict[str, list[FindingLine]] = {}
    for finding in report.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule, found in by_rule.items():
        yield ""
        yield _line("rule", f"{rule}: {found[0].sentence}")
        for finding in found[:MOST_FINDINGS]:
            yield _line("found", plain(finding.what))
            yield _line("where", place_of(finding))
            for name, value in finding.evidence.items():
                yield _line("", f"{plain(name, 200)}: {'; '.join(_named(*each) for each in fields(value))}")
        if len(found) > MOST_FINDINGS:
            yield _line("", f"and {len(found) - MOST_FINDINGS:,} more of this rule; the JSON report has all")
    if by_rule:
        yield ""


def _records(report: Report) -> Iterator[str]:
    hows = [sum(each.how == how for each in report.records) for how in ("quorum", "report", "plurality")]
    told = f"{len(report.records):,} new"
    if report.records:
        told += f": {hows[0]:,} by quorum, {hows[1]:,} by report, {hows[2]:,} by plurality"
    yield _line("records", told)


def _workers(report: Report) -> Iterator[str]:
    yield ""
    yield f"{'worker':<8}{'role':<10}{'agreed':>8}{'outvoted':>10}{'missing':>9}  paid, owed, unclaimed"
    for each in report.workers:
        yield (
            f"{each.index:<8}{each.role:<10}{each.agreed:>8}{each.outvoted:>10}{each.missing:>9}"
            f"  {', '.join(money(int(wei)) for wei in (each.paid, each.owed, each.unclaimed))}"
        )
    yield ""


def _published(report: Report) -> Iterator[str]:
    told = []
    for record in report.records:
        if record.published is not None:
            summary = "; ".join(_named(*each) for each in fields(record.published.summary))
            consumed = len(record.published.parents)
            told.append(f"{record.name}: {summary}" + (f" (from {consumed} results)" if consumed else ""))
    yield from _some("published", told)


def _some(label: str, told: list[str]) -> Iterator[str]:
    """The first of many lines, and how many more there are."""
    for number, line in enumerate(told[:MOST_LINES]):
        yield _line("" if number else label, line)
    if len(told) > MOST_LINES:
        yield _line("", f"and {len(told) - MOST_LINES:,} more; the JSON report has all")


def _named(name: str, shown: str) -> str:
    return f"{name} {shown}" if name else shown


def _line(label: str, told: str) -> str:
    return f"{label:<{_LABEL}}{told}"


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
