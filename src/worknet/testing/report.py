"""What came of a simulation, for people and as JSON: the same for the same seed, on every machine."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from worknet.protocol.canonical import to_hex
from worknet.protocol.times import time_text
from worknet.protocol.voting import FAILOVER_ATTEMPT, State
from worknet.protocol.words import needed
from worknet.testing.faults import Role
from worknet.testing.history import History, VotingHistory
from worknet.testing.promises import PROMISES, Violation, audit
from worknet.testing.reading import read
from worknet.testing.simulation import Run

_LABEL = 18
_K = TypeVar("_K", int, str)


@dataclass(frozen=True)
class About:
    """What was simulated: a workflow, by how many workers, under which rules and faults, from which seed.

    `malicious` of the workers broke the protocol on purpose, of which `liars` all voted for the same wrong
    result; `needed` equal ballots make a result, which is more than `threshold` says where that `is_raised`.
    """

    workflow: str
    workers: int
    standbys: int
    ballots: str
    threshold: str
    fallback: str
    faults: str
    seed: int
    malicious: int = 0
    liars: int = 0
    needed: int = 0
    is_raised: bool = False


@dataclass(frozen=True)
class WorkerLine:
    """One worker: what it was, its ballots that were counted, those for the recorded pair, its wei earned."""

    index: int
    role: Role
    counted: int
    agreed: int
    earned: int


@dataclass(frozen=True)
class Report:
    """What came of a simulation.

    Every voting is counted once: `by_attempt` says in which attempts those with consensus had it, `plurality`
    were settled, `unresolved` have no result, of which nobody opened `unopened`. `ballots` were counted,
    `shut` are seals that were never opened; `repeats` counts the votings with a second attempt, `failovers`
    those with a third. `happened` counts what went wrong, by its name.
    """

    about: About
    by_attempt: Mapping[int, int]
    plurality: int
    unresolved: int
    unopened: int
    ballots: int
    shut: int
    repeats: int
    failovers: int
    happened: Mapping[str, int]
    workers: tuple[WorkerLine, ...]
    violations: tuple[Violation, ...] = ()
    names: Mapping[bytes, str] = field(default_factory=dict)

    @property
    def consensus(self) -> int:
        """How many votings were recorded by consensus."""
        return sum(self.by_attempt.values())

    @property
    def votings(self) -> int:
        """How many votings were simulated."""
        return self.consensus + self.plurality + self.unresolved

    def document(self) -> dict[str, Any]:
        """The report as a JSON object; `violations` is their number, `violated` says what they are."""
        return {
            "workflow": self.about.workflow,
            "workers": self.about.workers,
            "standbys": self.about.standbys,
            "ballots": self.about.ballots,
            "threshold": self.about.threshold,
            "fallback": self.about.fallback,
            "faults": self.about.faults,
            "seed": self.about.seed,
            "malicious": self.about.malicious,
            "liars": self.about.liars,
            "needed": self.about.needed,
            "votings": self.votings,
            "consensus": self.consensus,
            "plurality": self.plurality,
            "unresolved": self.unresolved,
            "unopened": self.unopened,
            "consensus_by_attempt": {str(number): count for number, count in self.by_attempt.items()},
            "counted_ballots": self.ballots,
            "unopened_seals": self.shut,
            "repeats": self.repeats,
            "failovers": self.failovers,
            "happened": dict(self.happened),
            "rewards": [
                {
                    "worker": line.index,
                    "role": line.role.value,
                    "counted_ballots": line.counted,
                    "agreed": line.agreed,
                    "earned_wei": str(line.earned),
                }
                for line in self.workers
            ],
            "violations": len(self.violations),
            "violated": [
                {
                    "promise": each.promise,
                    "what": each.what,
                    "voting": to_hex(each.voting_id) if each.voting_id else None,
                    "attempt": each.attempt or None,
                    "worker": each.worker,
                    "because": each.because,
                }
                for each in self.violations
            ],
        }

    def text(self) -> str:
        """The report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        about = self.about
        threshold = about.threshold + (" raised to a majority" if about.is_raised else "")
        yield (
            f"{self.votings} votings of {about.workflow} by {about.workers} workers and {about.standbys} "
            f"standbys, {about.ballots} ballots, threshold {threshold}, seed {about.seed}"
        )
        yield _line("faults", about.faults or "none")
        yield _line(
            "malicious",
            f"{about.malicious} of {about.workers}, of which {about.liars} vote for one wrong result; "
            f"{about.needed} equal ballots make a result",
        )
        attempts = ", ".join(f"{count} in attempt {number}" for number, count in self.by_attempt.items())
        yield _line("consensus", f"{self.consensus}" + (f" ({attempts})" if attempts else ""))
        yield _line("plurality", f"{self.plurality}")
        unopened = f" ({self.unopened} that nobody opened)" if self.unopened else ""
        yield _line("unresolved", f"{self.unresolved}{unopened}")
        yield _line("ballots", f"{self.ballots} counted, {self.shut} seals never opened")
        yield _line("repeats", f"{self.repeats} votings repeated, {self.failovers} with the standbys")
        happened = ", ".join(f"{name} {count}" for name, count in self.happened.items())
        yield _line("what happened", happened or "nothing")
        yield ""
        yield f"{'worker':<8}{'role':<12}{'ballots':>8}{'agreed':>8}  earned (wei)"
        for line in self.workers:
            yield f"{line.index:<8}{line.role.value:<12}{line.counted:>8}{line.agreed:>8}  {line.earned}"
        yield ""
        yield _line("violations", f"{len(self.violations)}")
        yield from self._told()

    def _told(self) -> Iterator[str]:
        """The violations, alike ones together: what was lost, why, and where it happened first."""
        sentences = {promise.name: promise.sentence for promise in PROMISES}
        alike: dict[tuple[str, str, str], list[Violation]] = {}
        for violation in self.violations:
            alike.setdefault((violation.promise, violation.what, violation.because), []).append(violation)
        for (promise, what, because), found in alike.items():
            yield ""
            yield _line("broken", f"{promise}: {sentences[promise]}")
            yield _line("what", f"{what}, {len(found)} times" if len(found) > 1 else what)
            yield _line("why", because or "a fault of worknet itself: please report it with the seed")
            yield _line("where", _where(found[0], self.names))


def report_of(run: Run) -> Report:
    """The report of a finished simulation. Claims all rewards, and so adds blocks to its chain."""
    setup = run.setup
    num, den = setup.threshold
    about = About(
        workflow=run.workflow,
        workers=setup.workers,
        standbys=setup.standbys,
        ballots=setup.ballots.name.lower(),
        threshold=f"{num}/{den}" if num else "majority",
        fallback=setup.fallback.name.lower(),
        faults=str(setup.faults),
        seed=setup.seed,
        malicious=setup.faults.malicious,
        liars=setup.faults.wrong,
        needed=needed(setup.workers, *setup.threshold),
        is_raised=num > 0 and needed(setup.workers, num, den) > -(-setup.workers * num // den),
    )
    return report(read(run), about)


def together(reports: Sequence[Report]) -> Report:
    """One report of the same workers' votings in several networks."""
    first = reports[0]
    return replace(
        first,
        by_attempt=_sum(each.by_attempt for each in reports),
        plurality=sum(each.plurality for each in reports),
        unresolved=sum(each.unresolved for each in reports),
        unopened=sum(each.unopened for each in reports),
        ballots=sum(each.ballots for each in reports),
        shut=sum(each.shut for each in reports),
        repeats=sum(each.repeats for each in reports),
        failovers=sum(each.failovers for each in reports),
        happened=_sum(each.happened for each in reports),
        workers=tuple(
            WorkerLine(
                lines[0].index,
                lines[0].role,
                sum(line.counted for line in lines),
                sum(line.agreed for line in lines),
                sum(line.earned for line in lines),
            )
            for lines in zip(*(each.workers for each in reports), strict=True)
        ),
        violations=tuple(violation for each in reports for violation in each.violations),
        names={voting: name for each in reports for voting, name in each.names.items()},
    )


def _sum(counts: Iterable[Mapping[_K, int]]) -> dict[_K, int]:
    return dict(sorted(sum((Counter(each) for each in counts), Counter()).items()))


def report(history: History, about: About) -> Report:
    """The report of what a simulation left behind, all promises audited."""
    votings = [each.voting for each in history.votings]
    recorded = [each for each in votings if each.recorded is not None]
    by_attempt = Counter(
        each.recorded.attempt for each in votings if each.state is State.CONSENSUS and each.recorded
    )
    attempts = [attempt for voting in votings for attempt in voting.attempts]
    settled = sum(each.state is State.SETTLED for each in votings)
    return Report(
        about=about,
        by_attempt=dict(sorted(by_attempt.items())),
        plurality=settled,
        unresolved=len(votings) - len(recorded),
        unopened=sum(not each.attempts for each in votings),
        ballots=sum(len(attempt.ballots) for attempt in attempts),
        shut=sum(attempt.unrevealed().bit_count() for attempt in attempts),
        repeats=sum(len(each.attempts) > 1 for each in votings),
        failovers=sum(each.attempt(FAILOVER_ATTEMPT) is not None for each in votings),
        happened=dict(sorted(history.happened.items())),
        workers=tuple(
            WorkerLine(
                worker.index,
                worker.role,
                sum(worker.index in attempt.ballots for attempt in attempts),
                sum(each.accurate >> worker.index & 1 for each in recorded),
                worker.claim.earned,
            )
            for worker in history.workers
        ),
        violations=tuple(audit(history)),
        names={each.voting_id: _name(about.workflow, each) for each in history.votings},
    )


def _name(workflow: str, voting: VotingHistory) -> str:
    window = voting.trigger.window
    if window is not None:
        return f"{workflow}@{time_text(window.start)}"
    return f"{workflow} of event {to_hex(voting.trigger.trigger_id)}"


def _where(violation: Violation, names: Mapping[bytes, str]) -> str:
    parts = [names.get(violation.voting_id, "")]
    parts += [f"attempt {violation.attempt}"] if violation.attempt else []
    parts += [f"worker {violation.worker}"] if violation.worker is not None else []
    return ", ".join(part for part in parts if part) or "the whole network"


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"
