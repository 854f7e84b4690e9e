"""Runs all trials and writes what was seen: `python -m tests.chaos --write`, in some minutes, all as root."""

import sys
import tempfile
from pathlib import Path

import pytest
from tests.chaos.audit import KINDS
from tests.chaos.scenarios import UNREACHED, Result, points, points_outside
from tests.chaos.trials import TRIALS

FILE = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "faults.md"
BEGIN, END = "<!-- seen: begin -->", "<!-- seen: end -->"


def main() -> int:
    """Prints the table, or puts it into the document; 1 if anything was lost or said twice."""
    results = [_run(name) for name in TRIALS]
    table = "\n".join(_lines(results))
    print(table)
    if "--write" in sys.argv[1:]:
        text = FILE.read_text()
        before, rest = text.split(BEGIN)
        _, after = rest.split(END)
        FILE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
    return int(any(isinstance(result, Result) and +result.audit.faults for result in results))


def _run(name: str) -> Result | str:
    print(f"{name} ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return TRIALS[name](Path(folder))
        except pytest.skip.Exception as skipped:
            return f"{name}: not tried here, {skipped.msg}"


def _lines(results: list[Result | str]) -> list[str]:
    lines = [
        "| fault | times | votings | ballots | lost, twice, wrong | refused |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for result in results:
        if isinstance(result, str):
            lines.append(f"| {result} | | | | | |")
            continue
        found = result.audit
        wrong = sum(found.faults[kind] for kind in KINDS)
        lines.append(
            f"| {result.fault} | {result.times} | {found.votings} | {found.ballots} "
            f"| {wrong} | {found.refused} |"
        )
    places = sorted({point.place for point in [*points(), *points_outside()]})
    lines += ["", f"Places to die at ({len(places)}): {', '.join(f'`{place}`' for place in places)}.", ""]
    lines += [f"Not reached: `{place}` ({reason})." for place, reason in UNREACHED.items()]
    return lines


if __name__ == "__main__":
    sys.exit(main())
