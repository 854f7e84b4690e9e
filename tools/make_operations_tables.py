"""Writes the tables of `docs/guides/operations.md` from the code: events, metrics, outcomes, causes, reasons.

    python tools/make_operations_tables.py [--check]

Each stands between `<!-- NAME -->` and `<!-- end -->`; with --check nothing is written, and a difference is
an error.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from worknet.node.operations.events import EVENTS
from worknet.node.operations.metrics import MEASURES

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guides" / "operations.md"
NODE = ROOT / "src" / "worknet" / "node"

_PART = re.compile(r"(<!-- (?!end)(\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> int:
    """Writes the guide anew, or compares; returns the exit code."""
    before = GUIDE.read_text()
    after = filled(before)
    if "--check" not in sys.argv[1:]:
        GUIDE.write_text(after)
    elif after != before:
        print(f"{GUIDE.relative_to(ROOT)} differs from the code: run python tools/make_operations_tables.py")
        return 1
    return 0


def filled(text: str) -> str:
    """The guide's text with every table as the code has it."""
    return _PART.sub(lambda found: found[1] + TABLES[found[2]](), text)


def _events() -> str:
    rows = (
        (f"`{name}`", ", ".join(told.levels), told.meaning, ", ".join(f"`{each}`" for each in told.fields))
        for name, told in EVENTS.items()
    )
    return _table(("event", "level", "meaning", "fields"), rows)


def _metrics() -> str:
    rows = (
        (f"`{each.name}`", each.kind, ", ".join(f"`{label}`" for label in each.labels), each.meaning)
        for each in MEASURES
    )
    return _table(("metric", "kind", "labels", "meaning"), rows)


def _words(file: str, name: str, head: str) -> Callable[[], str]:
    """The table of an enumeration's words, with the text that stands below each."""

    def table() -> str:
        module = ast.parse((NODE / file).read_text())
        found = next(each for each in module.body if isinstance(each, ast.ClassDef) and each.name == name)
        return _table((head, "meaning"), _members(found))

    return table


def _members(enumeration: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Each member's word, and the text below it."""
    texts = [_text(each.value) for each in enumeration.body if isinstance(each, ast.Assign | ast.Expr)]
    if isinstance(enumeration.body[0], ast.Expr):
        del texts[0]
    for word, meaning in zip(texts[::2], texts[1::2], strict=True):
        yield f"`{word}`", " ".join(meaning.split())


def _text(value: ast.expr) -> str:
    assert isinstance(value, ast.Constant)
    assert isinstance(value.value, str)
    return value.value


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


TABLES: dict[str, Callable[[], str]] = {
    "events": _events,
    "metrics": _metrics,
    "outcomes": _words("operations/outcomes.py", "Outcome", "outcome"),
    "causes": _words("causes.py", "Cause", "cause"),
    "reasons": _words("operations/status.py", "Unready", "reason"),
}

if __name__ == "__main__":
    sys.exit(main())
