"""Why a voting failed, in few words: what `Cause` says of one worker's ballot, `Finding` says of the voting.

Words and advice are bounded and say nothing of rows. Each has its case in
`docs/guides/why-did-my-voting-fail.md`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from worknet.node.causes import Cause


class Finding(StrEnum):
    """What the chain, and the members' statements, tell of a voting that failed or was not unanimous."""

    NEVER_OPENED = "never opened"
    """No worker cast a first ballot, so there is no voting."""
    PAUSED = "opening paused"
    """The owner has paused the opening of votings."""
    TOO_OLD = "too old to open"
    """Nobody opened the voting while its slot was young enough."""
    TOO_FEW = "too few ballots"
    """Fewer ballots were counted than had to be equal."""
    NEVER_CAST = "never cast"
    """A member sent no ballot and no seal."""
    NOT_OPENED = "sealed, never opened"
    """A member's seal is on chain, and its ballot was never revealed."""
    COPIED_SEAL = "copied seal"
    """Two members sent the same seal: only the one who made it can open it."""
    INPUTS_DIFFER = "inputs differ"
    """Members voted on different input data."""
    RESULTS_DIFFER = "same inputs, other results"
    """Members computed different results from the same input data."""
    SEVERAL_GROUPS = "several groups"
    """The ballots are scattered over three or more pairs."""
    MEMBERS_GONE = "members removed"
    """So few members are still enrolled that no pair can have enough ballots."""
    STALLED = "stalled"
    """A next attempt was due, and nobody opened it in time."""
    NO_PLURALITY = "no plurality"
    """The policy would have recorded a plurality, but no pair leads as it must."""
    PLURALITY = "decided by plurality"
    """No attempt brought a consensus; the pair that led was recorded, which pays nothing."""
    OUTVOTED = "outvoted"
    """This worker's ballot was for another pair than the recorded one."""
    LOST = "ballot lost"
    """This worker sent its ballot, but no block held it before the window ended."""
    SEAL_NOT_OPENED = "own seal not opened"
    """This worker's seal is on chain, but it did not reveal the ballot in time."""
    FALLBACK_FAILED = "fallback failed"
    """An action of the fallback was refused or failed for good, or the workflow's handler for it failed."""
    DATA_COMPARED = "data compared"
    """What another member told this worker says which datasets, rows and columns differ."""


ABOUT_PEOPLE = frozenset({Finding.NEVER_CAST, Finding.NOT_OPENED, Finding.COPIED_SEAL, Finding.MEMBERS_GONE})
"""Findings after which somebody has to be asked: their workers are shown with the accounts behind them."""


@dataclass(frozen=True)
class Reason:
    """One reason: what, in which attempts (none: it concerns the voting), in words, and who it is about.

    `own` says that it is known to this worker only. `private` are lines with keys of its own rows: they are
    for its operator's terminal, and never leave it. `tries` is how often a preparation failed so, 0 where it
    is about none.
    """

    about: Finding | Cause
    attempts: tuple[int, ...]
    text: str
    workers: tuple[int, ...] = ()
    own: bool = False
    private: tuple[str, ...] = field(default=(), repr=False)
    tries: int = 0
