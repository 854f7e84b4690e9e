"""What happens in the histories of votings: facts, the policies they go by, and beginnings that many share.

Written for three workers, needed 2, and the windows of `POLICY`, unless a history says otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from tools.vectors.form import sample
from tools.vectors.policies import OPEN, POLICY

from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Cast, Fact, Opened, Reopened, Reported, Revealed, Sealed, Settled
from worknet.protocol.words import Fallback

Policies: TypeAlias = Sequence[Policy]
"""A workflow's policies, version 1 first."""

Good: TypeAlias = dict[str, tuple[Policies, list[Fact], int]]
"""By its name: a lawful history, and the time at which the voting is looked at."""

Bad: TypeAlias = dict[str, tuple[Policies, list[Fact], str]]
"""By its name: a history whose last fact is refused, and the rule."""

Impossible: TypeAlias = dict[str, tuple[Policies, list[Fact]]]
"""By its name: a history whose last fact no contract tells, whoever calls it: only who alters events."""

A, B, C = (Pair(sample(f"input {name}"), sample(f"result {name}")) for name in "ABC")
T = 10_000
CAST_END = T + 600
REVEAL_END = CAST_END + 300
SEALED, OPENLY = [Policy(**POLICY)], [Policy(**OPEN)]


def falling_back(policies: Policies, fallback: Fallback, stall: int = 1800) -> Policies:
    """The policies with another fallback."""
    return [replace(policy, fallback=fallback, stall=stall) for policy in policies]


def opens(
    time: int = T, attempt: int = 1, members: int = 0b111, n: int = 3, version: int = 1, standbys: int = 0
) -> Opened:
    """An attempt opens; two thirds of n are needed."""
    return Opened(time, attempt, version, members, n, SEALED[0].needed(n), standbys)


def seals(worker: int, time: int = T, attempt: int = 1) -> Sealed:
    """A worker's seal is stored."""
    return Sealed(time, attempt, worker, sample(f"seal {worker} {attempt}", 30) + b"\0\0")


def casts(worker: int, pair: Pair, time: int = T, attempt: int = 1) -> Cast:
    """A worker's open ballot is counted."""
    return Cast(time, attempt, worker, pair)


def reveals(workers: int, pair: Pair, time: int = T + 10, attempt: int = 1) -> Revealed:
    """A batch is revealed."""
    return Revealed(time, attempt, pair, workers)


def reports(
    participants: int, voters: int, signers: int, pair: Pair = A, time: int = T, attempt: int = 1
) -> Reported:
    """A report is taken."""
    return Reported(time, attempt, pair, participants, voters, signers)


def settles(time: int, pair: Pair = A) -> Settled:
    """A plurality is recorded."""
    return Settled(time, pair)


def reopens(time: int, attempt: int = 4, wait: int = 1800) -> Reopened:
    """The owner allows one more attempt."""
    return Reopened(time, attempt, time + wait)


def cast_all(pairs: Sequence[Pair], time: int = T, attempt: int = 1) -> list[Fact]:
    """Open ballots of workers 0, 1, 2, ... for these pairs."""
    return [casts(worker, pair, time, attempt) for worker, pair in enumerate(pairs)]


ALL_SEALED: list[Fact] = [opens(), seals(0), seals(1, T + 1), seals(2, T + 2)]
TWO_SEALED = ALL_SEALED[:3]
SPLIT: list[Fact] = [*ALL_SEALED, reveals(1, A), reveals(2, B), reveals(4, C)]
SECOND: list[Fact] = [*SPLIT, opens(T + 50, 2), *(seals(worker, T + 50, 2) for worker in range(3))]
OPEN_SPLIT: list[Fact] = [opens(), casts(0, A), casts(1, B), casts(2, C, T + 5)]
