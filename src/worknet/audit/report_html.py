"""The report as a page: one file that holds all it shows, runs nothing and asks nobody for anything.

Whatever others wrote (a network's name, a summary, an address) is text: all that the templates are given is
made visible by `plain` and then escaped. The page itself tells the browser to load and run nothing.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from worknet.audit import pictures
from worknet.audit.foreign import fields, plain
from worknet.audit.report import Published, RecordLine, Report
from worknet.audit.report_text import head_text, money, origin_text, place_of, verdict_text

MOST_RECORDS = 500
"""Records in the table: the newest ones."""
MOST_FINDINGS = 200
MOST_LINES = 200
"""Gaps, votings that are not over, policies and changes of members."""
MOST_PUBLISHED = 100
MOST_PARENTS = 12
"""Parents of one result that are drawn."""

_DEEPEST = 4
_HASH = re.compile("0x[0-9a-f]{64}")


def page(report: Report) -> str:
    """The report as HTML."""
    environment = _environment()
    # The style is the template's own, so it needs no escaping; its hash lets the browser take no other.
    style = environment.get_template("style.css").render()
    by = pictures.spans(report)
    positions = {each.voting: each for each in report.records}
    return environment.get_template(
        "page.html"
    ).render(
        report=report,
        verdict=verdict_text(report),
        origin=origin_text(report),
        style=Markup(style),  # noqa: S704 - a file of this package
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
        width=pictures.WIDTH,
        growth=pictures.growth(report),
        outcomes=None if by is None else pictures.outcomes(report, by),
        grid=None if by is None or not report.records else pictures.parts(report, by),
        amounts=pictures.amounts(report),
        heads=pictures.heads(report),
        records=list(reversed(report.records[-MOST_RECORDS:])),
        findings=report.findings[:MOST_FINDINGS],
        published=[each for each in reversed(report.records) if each.published][:MOST_PUBLISHED],
        published_count=sum(each.published is not None for each in report.records),
        tree=lambda published: tree(published, positions),
        most=MOST_LINES,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("worknet.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_visible,
    )
    environment.filters.update(
        plain=plain,
        fields=fields,
        brief=brief,
        short=short,
        amount=money,
        grouped=lambda number: f"{number:,}",
        workers=_workers,
        head=head_text,
        place=place_of,
    )
    return environment


def short(name: str) -> str:
    """A voting's name as a table shows it: an event's trigger id shortened."""
    return _HASH.sub(lambda found: brief(found[0]), name)


def _visible(value: object) -> object:
    """What any expression of the templates comes to; markup is what they made themselves."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else plain(value)


def brief(root: str) -> str:
    """A hash as a picture shows it."""
    return f"{root[:8]}…{root[-4:]}"


@dataclass(frozen=True)
class Branch:
    """A result in the tree of parents, and what it was made from in turn."""

    label: str
    parents: list["Branch"]


def tree(published: Published, known: Mapping[str, RecordLine], depth: int = 0) -> list[Branch]:
    """The parents of a result, each with its own, as far as they are published and seen in this audit."""
    branches = []
    for parent in published.parents[:MOST_PARENTS]:
        record = known.get(parent)
        if record is None:
            branches.append(Branch(f"{brief(parent)}, not among the records of this audit", []))
            continue
        own = record.published if depth < _DEEPEST else None
        label = f"{record.name}, by {record.how}, position {record.position:,}"
        branches.append(Branch(label, tree(own, known, depth + 1) if own else []))
    if len(published.parents) > MOST_PARENTS:
        branches.append(Branch(f"and {len(published.parents) - MOST_PARENTS:,} more", []))
    return branches


def _workers(indices: Sequence[int]) -> str:
    """Indices as people write them: `0, 2, 5-7`."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in runs) or "–"
