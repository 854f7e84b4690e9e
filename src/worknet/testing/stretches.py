"""A long simulation in stretches: each is a network of its own of the same companies, for so many votings.

Stretches know nothing of each other, so that a machine's cores play them side by side. How a simulation is
cut does not depend on the machine: the same seed is the same report everywhere.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from worknet.testing.report import Report, report_of, together
from worknet.testing.run import Setup
from worknet.testing.simulation import simulate, unheard

STRETCH = 25
"""So many votings at most has one network: founding it takes as long as two of them."""


def play(setup: Setup, processes: int | None = None) -> Report:
    """The report of all votings, in stretches, side by side in so many processes (default: one for each core
    that this process may use).

    Raises what `simulate` raises.
    """
    parts = list(stretches(setup))
    at_once = min(len(parts), processes or _cores())
    if at_once == 1:
        return together([played(part) for part in parts])
    # Polars does not survive a fork.
    with ProcessPoolExecutor(at_once, get_context("spawn")) as pool:
        return together(list(pool.map(played, parts)))


def _cores() -> int:
    """How many cores this process may use; where the system does not say it, how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stretches(setup: Setup) -> Iterator[Setup]:
    """The simulation, cut into stretches."""
    for begun in range(0, setup.votings, STRETCH):
        votings = min(STRETCH, setup.votings - begun)
        yield replace(setup, votings=votings, first=setup.first + begun)


def played(setup: Setup) -> Report:
    """The report of one stretch."""
    with unheard(), simulate(setup) as run:
        return report_of(run)
