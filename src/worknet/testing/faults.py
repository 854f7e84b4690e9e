"""Faults: what goes wrong in a simulation, as a text says it, and which worker it befalls.

The text is a list such as `late:1,wrong:2,skew:2s,partition:2|5,crash:p=0.01`. The first six faults are of so
many workers, one fault to a worker, for the whole run; the others befall the world. Who gets which is drawn
from the seed alone, so that the same seed is the same run.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

from worknet.testing.errors import FaultsError

LONGEST_SKEW = 3600
"""Seconds: more than an hour is no skew but another time."""

_UNITS = {"s": 1, "m": 60, "h": 3600}
_COUNT = re.compile(r"0|[1-9][0-9]{0,2}")
_SECONDS = re.compile(r"(0|[1-9][0-9]{0,4})([smh])")
_PROBABILITY = re.compile(r"p=([01](\.[0-9]{1,9})?)")


class Role(StrEnum):
    """What a worker is in a simulation."""

    HONEST = "honest"
    LATE = "late"
    """Honest, but acts in the last part of each window only."""
    SILENT = "silent"
    """Never does anything."""
    WRONG = "wrong"
    """Votes for a wrong result, the same one as all other wrong workers: the worst that they can do."""
    COPY = "copy"
    """Computes nothing: sends another worker's seal as its own, or with open ballots another's pair."""
    EQUIVOCATE = "equivocate"
    """Tries a second, other ballot in the same attempt, and to open its seal with another pair and salt."""
    WITHHOLD = "withhold"
    """Seals, and never reveals."""

    @property
    def computes(self) -> bool:
        """Whether the worker does all that the protocol asks of it: its ballots are what honest ones are."""
        return self in {Role.HONEST, Role.LATE}

    @property
    def is_malicious(self) -> bool:
        """Whether the worker breaks the protocol on purpose; a silent one only fails."""
        return self in {Role.WRONG, Role.COPY, Role.EQUIVOCATE, Role.WITHHOLD}


COUNTED = tuple(role for role in Role if role is not Role.HONEST)
"""The faults that a number of workers have."""


@dataclass(frozen=True)
class Faults:
    """The faults of a simulation; by default none.

    `skew` is by how many seconds a worker's clock, and its look at the chain, may be off. `partition` holds
    the sizes of the groups between which the network breaks; the largest, of several the first, has the
    chain. `crash` is the probability with which a worker dies at each of its steps.
    """

    late: int = 0
    silent: int = 0
    wrong: int = 0
    copy: int = 0
    equivocate: int = 0
    withhold: int = 0
    skew: int = 0
    partition: tuple[int, ...] = ()
    crash: Decimal = Decimal(0)

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """The faults that a text names; none for an empty one. `FaultsError` says what is wrong with it."""
        found: dict[str, Any] = {}
        for part in text.split(",") if text.strip() else ():
            name, colon, value = (piece.strip() for piece in part.partition(":"))
            if name not in _READERS:
                raise FaultsError(f"--faults: there is no fault {name!r}", hint=f"there are {_known()}")
            if name in found:
                raise FaultsError(f"--faults: {name} stands there twice", hint="name each fault once")
            read, example = _READERS[name]
            found[name] = read(value) if colon else None
            if found[name] is None:
                raise FaultsError(f"--faults: {name}:{value} makes no sense", hint=f"write {example}")
        return cls(**found)

    def __str__(self) -> str:
        """The text that `parse` reads: equal faults have equal texts."""
        told = [f"{role}:{self.count(role)}" for role in COUNTED if self.count(role)]
        told += [f"skew:{_span(self.skew)}"] if self.skew else []
        told += ["partition:" + "|".join(map(str, self.partition))] if self.partition else []
        told += [f"crash:p={self.crash.normalize():f}"] if self.crash else []
        return ",".join(told)

    def count(self, role: Role) -> int:
        """How many workers have this fault."""
        found: int = getattr(self, role.value)
        return found

    @property
    def malicious(self) -> int:
        """How many workers break the protocol on purpose."""
        return sum(self.count(role) for role in COUNTED if role.is_malicious)

    def check(self, workers: int) -> None:
        """`FaultsError` unless so many active workers can have these faults."""
        faulty = sum(self.count(role) for role in COUNTED)
        if faulty > workers:
            raise FaultsError(
                f"--faults: {faulty} workers are to be faulty, and there are {workers}",
                hint="a worker has one fault at the most: fewer faults, or more --workers",
            )
        if self.partition and sum(self.partition) != workers:
            sizes = "|".join(map(str, self.partition))
            raise FaultsError(
                f"--faults: partition:{sizes} is of {sum(self.partition)} workers, and there are {workers}",
                hint="the groups together are all active workers; standbys stay with the largest",
            )

    def roles(self, workers: int, standbys: int, seed: int) -> tuple[Role, ...]:
        """What each worker is, by its index: first the active ones, then the standbys, who are honest."""
        self.check(workers)
        drawn: list[Role] = [role for role in COUNTED for _ in range(self.count(role))]
        drawn += [Role.HONEST] * (workers - len(drawn))
        Random(f"roles {seed}").shuffle(drawn)
        return (*drawn, *[Role.HONEST] * standbys)

    def groups(self, workers: int, standbys: int, seed: int) -> tuple[frozenset[int], ...]:
        """The groups between which the network breaks, the one that has the chain first; one if it never
        does. Standbys are in that group."""
        self.check(workers)
        sizes = sorted(self.partition or (workers,), reverse=True)
        indices = list(range(workers))
        Random(f"groups {seed}").shuffle(indices)
        groups = []
        for size in sizes:
            groups.append(frozenset(indices[:size]))
            indices = indices[size:]
        return (groups[0] | set(range(workers, workers + standbys)), *groups[1:])


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _skew(text: str) -> int | None:
    found = _SECONDS.fullmatch(text)
    if found is None:
        return None
    seconds = int(found[1]) * _UNITS[found[2]]
    return seconds if seconds <= LONGEST_SKEW else None


def _span(seconds: int) -> str:
    """A span of time in the largest unit of which it is a whole number."""
    unit = max((unit for unit in _UNITS if seconds % _UNITS[unit] == 0), key=_UNITS.__getitem__)
    return f"{seconds // _UNITS[unit]}{unit}"


def _sizes(text: str) -> tuple[int, ...] | None:
    sizes = [_count(part.strip()) for part in text.split("|")]
    return tuple(size or 0 for size in sizes) if len(sizes) > 1 and all(sizes) else None


def _probability(text: str) -> Decimal | None:
    found = _PROBABILITY.fullmatch(text.replace(" ", ""))
    if found is None or Decimal(found[1]) > 1:
        return None
    return Decimal(found[1])


_COUNTS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    role.value: (_count, f"{role.value}:1, the number of workers") for role in COUNTED
}
_READERS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    **_COUNTS,
    "skew": (_skew, "skew:2s: whole seconds (s), minutes (m) or hours (h), an hour at the most"),
    "partition": (_sizes, "partition:2|5: the sizes of two or more groups, none of them empty"),
    "crash": (_probability, "crash:p=0.01: a probability from 0 to 1"),
}


def _known() -> str:
    return ", ".join(_READERS)
