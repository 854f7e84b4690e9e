"""Each attempt as it stands on chain: who voted for which pair, and who is missing, and how. Pure.

Pairs that were voted for are named A, B, C, ... within their attempt, the one with the most ballots first.
Roots of different attempts say nothing of each other: each attempt has salts of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from worknet.protocol.ballots import Pair, without_time
from worknet.protocol.voting import Attempt, State, Voting
from worknet.protocol.words import Ballots


class Lack(StrEnum):
    """How a member's ballot is missing."""

    NOT_YET = "may still come"
    NEVER_CAST = "never cast"
    NOT_OPENED = "sealed, never opened"
    COPIED = "sealed what another sealed, never opened"


@dataclass(frozen=True)
class Absence:
    """A member without a counted ballot; `same_as` is the worker whose seal is the same, if there is one."""

    worker: int
    lack: Lack
    same_as: int | None = None


@dataclass(frozen=True)
class Group:
    """The workers that voted for one pair."""

    letter: str
    pair: Pair
    workers: tuple[int, ...]


@dataclass(frozen=True)
class AttemptView:
    """One attempt that opened. `over` says that no ballot can come any more, `recorded` that the record is of
    this attempt. `otherwise` are workers of which a report says that they took part, and not for its pair.
    """

    number: int
    opened: int
    cast_end: int
    end: int
    policy_version: int
    members: tuple[int, ...]
    n: int
    needed: int
    over: bool
    recorded: bool
    groups: tuple[Group, ...]
    missing: tuple[Absence, ...]
    otherwise: tuple[int, ...]

    @property
    def counted(self) -> int:
        """How many ballots were counted."""
        return sum(len(group.workers) for group in self.groups)

    def group_of(self, worker: int) -> Group | None:
        """The group that a worker voted with; None without a counted ballot."""
        return next((group for group in self.groups if worker in group.workers), None)

    def lacking(self, lack: Lack) -> tuple[int, ...]:
        """The workers whose ballots are missing in that way."""
        return tuple(absence.worker for absence in self.missing if absence.lack is lack)


def attempts_of(voting: Voting, now: int) -> tuple[AttemptView, ...]:
    """The attempts that opened, in their order; `voting` is at the time `now`."""
    return tuple(_view(voting, attempt, now) for attempt in voting.attempts)


def workers_of(bitmap: int) -> tuple[int, ...]:
    """The worker indices of a bitmap, ascending."""
    return tuple(index for index in range(bitmap.bit_length()) if bitmap >> index & 1)


def _view(voting: Voting, attempt: Attempt, now: int) -> AttemptView:
    is_last = attempt is voting.current
    open_states = (State.CASTING, State.REVEALING, State.CONSENSUS)
    over = not (is_last and voting.state in open_states) or voting.closed
    groups = _groups(attempt)
    missing = () if is_last and voting.is_record_only else tuple(_missing(voting, attempt, over, now))
    told = attempt.participants & ~(attempt.report.voters if attempt.report else 0)
    counted = {worker for group in groups for worker in group.workers}
    return AttemptView(
        number=attempt.number,
        opened=attempt.opened,
        cast_end=attempt.cast_end,
        end=attempt.end,
        policy_version=attempt.policy_version,
        members=workers_of(attempt.members),
        n=attempt.n,
        needed=attempt.needed,
        over=over,
        recorded=voting.recorded is not None and voting.recorded.attempt == attempt.number,
        groups=groups,
        missing=missing,
        otherwise=tuple(worker for worker in workers_of(told) if worker not in counted),
    )


def _groups(attempt: Attempt) -> tuple[Group, ...]:
    """By their size, then by their first worker: the letters are the same at every worker."""
    voters = attempt.tally()
    if attempt.report:
        voters[attempt.report.pair] = voters.get(attempt.report.pair, 0) | attempt.report.voters
    ordered = sorted(voters.items(), key=lambda each: (-each[1].bit_count(), workers_of(each[1])))
    return tuple(
        Group(_letter(number), pair, workers_of(bitmap)) for number, (pair, bitmap) in enumerate(ordered)
    )


def _letter(number: int) -> str:
    """A to Z, then AA to ZZ: an attempt has at most 120 pairs."""
    first, last = divmod(number, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + last)


def _missing(voting: Voting, attempt: Attempt, over: bool, now: int) -> Iterator[Absence]:
    sealed = voting.policies[attempt.policy_version].ballots is Ballots.SEALED
    for worker in workers_of(attempt.missing()):
        has_sealed = worker in attempt.seals
        if not over and now < (attempt.end if has_sealed or not sealed else attempt.cast_end):
            yield Absence(worker, Lack.NOT_YET, _same_seal(attempt, worker))
        elif not has_sealed:
            yield Absence(worker, Lack.NEVER_CAST)
        else:
            same = _same_seal(attempt, worker)
            yield Absence(worker, Lack.NOT_OPENED if same is None else Lack.COPIED, same)


def _same_seal(attempt: Attempt, worker: int) -> int | None:
    """Another worker that sent the same seal: one that opened it, else the first to send it.

    None for that first one itself: nothing on chain says that it copied.
    """
    if worker not in attempt.seals:
        return None
    mine = without_time(attempt.seals[worker].seal)
    alike = [each for each, sealed in attempt.seals.items() if without_time(sealed.seal) == mine]
    opened = [each for each in alike if each in attempt.ballots]
    original = (opened or alike)[0]
    return None if original == worker else original
