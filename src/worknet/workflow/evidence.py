"""What a fallback handler is shown: a voting's attempts as the chain tells them, and what this worker knows.

No rows and no values of them, so that no handler can let any out. The attempts are the same at every worker;
`me`, `inputs` and `causes` are this worker's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from worknet.protocol.canonical import Value, check_name, from_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.times import parse_time
from worknet.protocol.voting import MAX_ATTEMPT
from worknet.protocol.words import MAX_WORKERS, WORD_BYTES, Fallback
from worknet.workflow.errors import EvidenceError
from worknet.workflow.triggers import Window

MOST_CAUSES = 1000
"""Causes in one evidence; whoever gathers them leaves out the oldest."""
_MOST_CAUSE = 200
_MOST_TOLD = 16


class When(StrEnum):
    """The moments of a voting at which its workflow's fallback handlers run (section 6 of the protocol)."""

    FAILOVER = "failover"
    """Attempt 2 failed or was not opened in time, and the policy allows attempt 3, with the standbys."""
    PLURALITY = "plurality"
    """No attempt reached consensus, and the pair that leads the last one may be settled."""
    UNRESOLVED = "unresolved"
    """No attempt reached consensus, and nothing is left but the owner's reopening."""


class Roots(NamedTuple):
    """The pair that a ballot votes for, each `0x` and 64 hex digits."""

    input_root: str
    result_root: str


@dataclass(frozen=True)
class AttemptEvidence:
    """One attempt that opened: at `opened` (RFC 3339), with these members, `n` and `needed` frozen for it.

    Workers are their indices, ascending. `ballots` are those counted, by worker; `unopened` are the members
    who sealed a ballot and did not open it.
    """

    number: int
    opened: str
    n: int
    needed: int
    members: tuple[int, ...]
    ballots: Mapping[int, Roots] = field(default_factory=dict)
    unopened: tuple[int, ...] = ()
    policy_version: int = 1

    def __post_init__(self) -> None:
        where = f"attempt {self.number}"
        _check_count(self.number, "attempt", 1, MAX_ATTEMPT)
        _check_time(self.opened, where)
        _check_count(self.n, f"{where}: n", 1, MAX_WORKERS)
        _check_count(self.needed, f"{where}: needed", 1, self.n)
        _check_count(self.policy_version, f"{where}: policy version", 1)
        _check_workers(self.members, f"{where}: members")
        _check_workers(self.unopened, f"{where}: unopened")
        if not {*self.ballots, *self.unopened} <= {*self.members} or {*self.ballots} & {*self.unopened}:
            raise EvidenceError(f"{where}: a ballot is of no member, or counted and unopened at once")
        for roots in self.ballots.values():
            if not isinstance(roots, Roots):
                raise EvidenceError(f"{where}: a ballot is no pair of roots", "write Roots(input, result)")
            for root in roots:
                _check_word(root, f"{where}: root")

    @property
    def missing(self) -> tuple[int, ...]:
        """The members without a counted ballot: those who cast none, and those who did not open theirs."""
        return tuple(worker for worker in self.members if worker not in self.ballots)

    def pairs(self) -> list[tuple[Roots, tuple[int, ...]]]:
        """The pairs that were voted for, each with its voters: the one with the most first."""
        voters: dict[Roots, list[int]] = {}
        for worker in sorted(self.ballots):
            voters.setdefault(self.ballots[worker], []).append(worker)
        found = [(roots, tuple(workers)) for roots, workers in voters.items()]
        return sorted(found, key=lambda pair: (-len(pair[1]), pair[0]))

    @property
    def inputs_differ(self) -> bool:
        """Whether workers voted on different inputs: their sources did not say the same."""
        return len({roots.input_root for roots in self.ballots.values()}) > 1

    @property
    def results_differ(self) -> bool:
        """Whether workers came to different results from the same inputs: their code or machines differ."""
        pairs = set(self.ballots.values())
        return len(pairs) > len({roots.input_root for roots in pairs})

    def text(self) -> str:
        """The attempt in one line of plain words, the same at every worker."""
        counted = f"{len(self.ballots)} of {self.n} ballots, {self.needed} equal ones needed"
        parts = [f"attempt {self.number}: {counted}"]
        if never := [worker for worker in self.missing if worker not in self.unopened]:
            parts.append(f"no ballot of {_workers(never)}")
        if self.unopened:
            parts.append(f"sealed and not opened by {_workers(self.unopened)}")
        if self.inputs_differ:
            parts.append("inputs differ")
        if self.results_differ:
            parts.append("results differ on the same inputs")
        return "; ".join(parts)

    def document(self) -> dict[str, Value]:
        """The attempt as a JSON document."""
        return {
            "number": self.number,
            "opened": self.opened,
            "policy_version": self.policy_version,
            "n": self.n,
            "needed": self.needed,
            "members": list(self.members),
            "ballots": [
                {"worker": worker, **self.ballots[worker]._asdict()} for worker in sorted(self.ballots)
            ],
            "missing": list(self.missing),
            "unopened": list(self.unopened),
        }

    @classmethod
    def _of_document(cls, document: Any) -> "AttemptEvidence":
        return cls(
            number=document["number"],
            opened=document["opened"],
            n=document["n"],
            needed=document["needed"],
            members=tuple(document["members"]),
            ballots={
                ballot["worker"]: Roots(ballot["input_root"], ballot["result_root"])
                for ballot in document["ballots"]
            },
            unopened=tuple(document["unopened"]),
            policy_version=document["policy_version"],
        )


@dataclass(frozen=True)
class Evidence:
    """What is known of a voting when its handlers run. Ids are `0x` and 64 hex digits.

    `window` is the slot's, None of an event. `attempts` are those that opened, in order: there may be none.
    `policy_version` and `fallback` are of the policy that brought the voting here. `me` is this worker's
    index, None if it has none; `inputs` are the roots of its own datasets, by attempt and name; `causes` say
    what kept it from a ballot, if only for a while: (attempt, cause), such as `source timeout`, oldest first.
    """

    voting_id: str
    workflow: str
    trigger_id: str
    window: Window | None
    when: When
    attempts: tuple[AttemptEvidence, ...]
    policy_version: int = 1
    fallback: str = Fallback.ALERT.name.lower()
    me: int | None = None
    inputs: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    causes: tuple[tuple[int, str], ...] = ()

    def __post_init__(self) -> None:
        _check_word(self.voting_id, "voting id")
        _check_word(self.trigger_id, "trigger id")
        _check_name(self.workflow, "workflow")
        if not isinstance(self.when, When):
            raise EvidenceError(f"no handlers run at {self.when!r}", f"these moments are {', '.join(When)}")
        if self.window is not None:
            _check_time(self.window.start, "window")
            _check_time(self.window.end, "window")
        numbers = [attempt.number for attempt in self.attempts]
        if numbers != sorted(set(numbers)):
            raise EvidenceError("the attempts are not in order")
        _check_count(self.policy_version, "policy version", 1)
        if self.fallback not in {fallback.name.lower() for fallback in Fallback}:
            raise EvidenceError(f"no fallback is called {self.fallback!r}")
        if self.me is not None:
            _check_workers((self.me,), "me")
        for attempt, roots in self.inputs.items():
            _check_count(attempt, "inputs: attempt", 1, MAX_ATTEMPT)
            for name, root in roots.items():
                _check_name(name, "dataset")
                _check_word(root, f"inputs of attempt {attempt}: {name}")
        if len(self.causes) > MOST_CAUSES:
            raise EvidenceError(f"{len(self.causes)} causes, more than {MOST_CAUSES}")
        for attempt, cause in self.causes:
            _check_count(attempt, "causes: attempt", 1, MAX_ATTEMPT)
            if not isinstance(cause, str) or not cause or len(cause) > _MOST_CAUSE or not cause.isprintable():
                raise EvidenceError(f"attempt {attempt}: a cause is a few printable words")

    @property
    def last(self) -> AttemptEvidence | None:
        """The last attempt that opened."""
        return self.attempts[-1] if self.attempts else None

    def text(self) -> str:
        """How the last attempts went, and what kept this worker from its ballots: a line each, for people."""
        causes = list(dict.fromkeys(self.causes))[-_MOST_TOLD:]
        return "\n".join(
            [attempt.text() for attempt in self.attempts[-_MOST_TOLD:]]
            + [f"this worker in attempt {attempt}: {cause}" for attempt, cause in causes]
        )

    def document(self) -> dict[str, Value]:
        """The evidence as a JSON document, of canonical values: fit for a webhook's payload.

        Of some 300 ballots and more, in all attempts, it is larger than what a handler may give.
        """
        window = self.window
        return {
            "voting_id": self.voting_id,
            "workflow": self.workflow,
            "trigger_id": self.trigger_id,
            "window": None if window is None else {"start": window.start, "end": window.end},
            "when": self.when.value,
            "policy_version": self.policy_version,
            "fallback": self.fallback,
            "attempts": [attempt.document() for attempt in self.attempts],
            "me": self.me,
            "inputs": [
                {"attempt": attempt, "datasets": dict(self.inputs[attempt])}
                for attempt in sorted(self.inputs)
            ],
            "causes": [{"attempt": attempt, "cause": str(cause)} for attempt, cause in self.causes],
        }

    @classmethod
    def of_document(cls, document: Any) -> "Evidence":
        """The evidence that a document stands for; `EvidenceError` for anything else."""
        try:
            window = document["window"]
            evidence = cls(
                voting_id=document["voting_id"],
                workflow=document["workflow"],
                trigger_id=document["trigger_id"],
                window=None if window is None else Window(window["start"], window["end"]),
                when=When(document["when"]),
                attempts=tuple(AttemptEvidence._of_document(attempt) for attempt in document["attempts"]),
                policy_version=document["policy_version"],
                fallback=document["fallback"],
                me=document["me"],
                inputs={entry["attempt"]: dict(entry["datasets"]) for entry in document["inputs"]},
                causes=tuple((entry["attempt"], entry["cause"]) for entry in document["causes"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ProtocolError) as error:
            raise EvidenceError(f"not the document of evidence ({type(error).__name__})") from None
        if evidence.document() != document:
            raise EvidenceError("not the document of evidence")
        return evidence


def _workers(workers: Sequence[int]) -> str:
    return f"worker{'s' if len(workers) > 1 else ''} {', '.join(map(str, workers))}"


def _check_count(number: object, what: str, least: int, most: int | None = None) -> None:
    if type(number) is not int or number < least or (most is not None and number > most):
        raise EvidenceError(f"{what}: {number!r} is not in {least}..{'' if most is None else most}")


def _check_workers(workers: tuple[int, ...], what: str) -> None:
    for worker in workers:
        _check_count(worker, what, 0, MAX_WORKERS - 1)
    if list(workers) != sorted(set(workers)):
        raise EvidenceError(f"{what}: the indices do not ascend")


def _check_word(text: object, what: str) -> None:
    try:
        from_hex(text, WORD_BYTES)
    except ProtocolError as error:
        raise EvidenceError(f"{what}: {error}") from None


def _check_name(name: object, what: str) -> None:
    try:
        check_name(name if isinstance(name, str) else "", what)
    except ProtocolError as error:
        raise EvidenceError(str(error), error.hint) from None


def _check_time(text: object, what: str) -> None:
    try:
        parse_time(text)
    except ProtocolError as error:
        raise EvidenceError(f"{what}: {error}") from None
