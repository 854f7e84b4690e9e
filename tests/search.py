"""Searches for a broken promise: many simulated networks, each of another seed, size, policy and faults.

    python -m tests.search --votings 2000 --seed 1

All that a network is follows from its number, so that what is found is found again: `--only NUMBER` simulates
that one alone and shows its report.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import structlog

from worknet.protocol.words import Ballots, Fallback, needed
from worknet.testing.datasets import DeskData, desk_data
from worknet.testing.faults import Faults
from worknet.testing.inline import InlineRunner
from worknet.testing.report import Report, report_of
from worknet.testing.simulation import Setup, simulate
from worknet.workflow.folder import Bundle, read_bundle

LIGHT = Path(__file__).parent / "unit" / "testing" / "light"
EVENTS = LIGHT.with_name("light_events")

VOTINGS = 10
"""How many votings each network has."""

SHOWN_EACH = 20
"""The figures so far are shown after so many networks each."""


@dataclass(frozen=True)
class Mix:
    """One network of the search, all of it drawn from its number."""

    number: int
    folder: Path
    settings: dict[str, Any]

    def report(self) -> Report:
        """What came of it."""
        bundle, data = desk(self.folder)
        with simulate(Setup(bundle=bundle, data=data.frames, seed=self.number, **self.settings)) as run:
            return report_of(run)

    def __str__(self) -> str:
        shown = {**self.settings, "faults": str(self.settings["faults"]) or "none"}
        shown = {name: getattr(value, "name", value) for name, value in shown.items()}
        told = ", ".join(f"{name} {value}" for name, value in shown.items())
        return f"network {self.number} ({self.folder.name}): {told}"


@cache
def desk(folder: Path) -> tuple[Bundle, DeskData]:
    """A workflow and its data."""
    bundle = read_bundle(folder)
    with InlineRunner(bundle) as runner:
        return bundle, desk_data(folder, runner.declaration)


def mix(number: int) -> Mix:
    """The network of that number: fewer than `needed` of its workers are malicious.

    Where a plurality may be settled those who vote for the wrong result are a third at the most, which leads
    nowhere (section 6): with more of them it is theirs as soon as enough honest workers are missing.
    """
    dice = Random(f"search {number}")
    workers, standbys = dice.randint(3, 9), dice.choice([0, 0, 1, 2])
    ballots = dice.choice([Ballots.SEALED, Ballots.SEALED, Ballots.OPEN])
    fallback = dice.choice(list(Fallback))
    threshold = dice.choice([(0, 1), (0, 1), (2, 3), (3, 4)])
    malicious = needed(workers, *threshold) - 1
    settles = fallback in {Fallback.PLURALITY, Fallback.FAILOVER_THEN_PLURALITY}
    liars = min(malicious, workers // 3) if settles else malicious
    counts = _shared(dice, workers, malicious, liars, ballots)
    faults = Faults(
        **counts,
        skew=dice.choice([0, 0, 1, 2, 5, 10]),
        partition=_partition(dice, workers),
        crash=Decimal(dice.choice(["0", "0", "0.002", "0.01", "0.05"])),
    )
    settings = {
        "workers": workers,
        "standbys": standbys,
        "votings": VOTINGS,
        "faults": faults,
        "ballots": ballots,
        "threshold": threshold,
        "fallback": fallback,
    }
    folder = EVENTS if dice.random() < 0.2 else LIGHT
    return Mix(number, folder, {**settings, "confirmations": dice.choice([0, 0, 1, 3])})


def _shared(dice: Random, workers: int, malicious: int, liars: int, ballots: Ballots) -> dict[str, int]:
    """How many workers have each fault. With open ballots a copier may copy the liars, and counts as one."""
    counts = Counter[str]()
    for _ in range(dice.randint(0, malicious)):
        can_lie = liars > counts["wrong"] + (counts["copy"] if ballots is Ballots.OPEN else 0)
        honest_copies = ["copy"] if ballots is Ballots.SEALED or can_lie else []
        counts[
            dice.choice(["equivocate", "withhold", *honest_copies, *(["wrong"] * 2 if can_lie else [])])
        ] += 1
    for _ in range(dice.randint(0, min(3, workers - counts.total()))):
        counts[dice.choice(["late", "silent"])] += 1
    return dict(counts)


def _partition(dice: Random, workers: int) -> tuple[int, ...]:
    if dice.random() < 0.6:
        return ()
    cut = dice.randint(1, workers // 2)
    return (cut, workers - cut)


def networks(first: int, votings: int) -> Iterator[Mix]:
    """Networks, from that number on, that together have so many votings."""
    return (mix(first + number) for number in range(-(-votings // VOTINGS)))


def main() -> int:
    """Prints figures of the search, and each broken promise with its network; 1 if there is any."""
    parser = argparse.ArgumentParser(prog="python -m tests.search", description=__doc__)
    parser.add_argument("--votings", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="number of the first network")
    parser.add_argument("--only", type=int, help="simulate this network alone, and show its report")
    given = parser.parse_args()
    # Of every worker's every step nobody wants to read here.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if given.only is not None:
        print(mix(given.only))
        print(mix(given.only).report().text())
        return 0
    figures: Counter[str] = Counter()
    begun = time.monotonic()
    for each in networks(given.seed, given.votings):
        found = each.report()
        figures.update(
            networks=1, votings=found.votings, consensus=found.consensus, plurality=found.plurality
        )
        figures.update(unresolved=found.unresolved, ballots=found.ballots, violations=len(found.violations))
        figures.update(found.happened)
        if found.violations:
            print(f"{each}\n{found.text()}\n", flush=True)
        if not figures["networks"] % SHOWN_EACH:
            _show(figures, begun)
    _show(figures, begun)
    return int(bool(figures["violations"]))


def _show(figures: Counter[str], begun: float) -> None:
    figures["seconds"] = round(time.monotonic() - begun)
    print(", ".join(f"{name} {count}" for name, count in figures.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
