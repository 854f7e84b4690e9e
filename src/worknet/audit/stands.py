"""What the contract must answer of votings without a record, and of attempts of which no record tells."""

from dataclasses import dataclass
from typing import Any

from worknet.audit.facts import Expected, Question, bitmap_of, workers_of
from worknet.protocol.ballots import Pair
from worknet.protocol.voting import Attempt, State, Voting
from worknet.protocol.words import MAX_WORKERS, Ballots

MOST_PAIRS = MAX_WORKERS
"""Pairs of other attempts for which an attempt's voters are asked: as many as one attempt may have."""


@dataclass(frozen=True)
class Stands:
    """What of the answer of `voting` follows from events; the rest is the contract's own bookkeeping of them.

    `ballots` and `cast` are None where a report has changed their meaning.
    """

    state: int
    attempt: int
    policy_version: int
    deadline: int
    members: int
    n: int
    needed: int
    ballots: int | None
    cast: int | None

    @classmethod
    def of(cls, voting: Voting) -> "Stands":
        """What the contract must answer at the time at which the voting stands so."""
        if not voting.attempts:
            return cls(int(voting.state), 0, 0, voting.stalls or voting.ended, 0, 0, 0, None, None)
        attempt = voting.current
        has_seals = voting.policy.ballots is Ballots.SEALED
        in_seals = has_seals and voting.state is State.CASTING
        return cls(
            state=int(voting.state),
            attempt=attempt.number,
            policy_version=attempt.policy_version,
            deadline=_deadline(voting),
            members=attempt.members,
            n=attempt.n,
            needed=attempt.needed,
            ballots=None
            if attempt.report
            else bitmap_of([*(attempt.seals if in_seals else attempt.ballots)]),
            cast=None if attempt.report else len(attempt.seals if has_seals else attempt.ballots),
        )

    def fits(self, answer: tuple[Any, ...]) -> bool:
        """Whether this is what the contract answered."""
        state, attempt, version, _, _, booked, deadline, members, n, needed, ballots, cast, _, _ = answer
        told = (state, attempt, deadline, members, n, needed)
        if booked or told != (self.state, self.attempt, self.deadline, self.members, self.n, self.needed):
            return False
        # Of a slot that never opened the contract keeps the version that governs it.
        if self.attempt and version != self.policy_version:
            return False
        return self.ballots is None or (ballots, cast) == (self.ballots, self.cast)


def ballots_of(voting_id: bytes, attempt: Attempt, voting: Voting) -> tuple[list[Expected], int]:
    """What the contract must answer about the ballots of an attempt of a voting: all seals, and the voters of
    its pairs and of those of the other attempts, of which the number is how many are too many to ask for.
    """
    what = f"the contract has other ballots in attempt {attempt.number}"
    due = []
    for worker in workers_of(attempt.members):
        sealed = attempt.seals.get(worker)
        question = Question("WorkerNetwork", "seal_of", (voting_id, attempt.number, worker))
        stored = bytes(32) if sealed is None else sealed.seal
        due.append(Expected(question, stored, "voting.answers", what, voting_id))
    own = attempt.tally()
    others = [pair for pair in _pairs(voting) if pair not in own]
    for pair in [*own, *others[:MOST_PAIRS]]:
        about = (voting_id, attempt.number, pair.input_root, pair.result_root)
        question = Question("WorkerNetwork", "voters", about)
        due.append(Expected(question, attempt.voters(pair), "voting.answers", what, voting_id))
    return due, max(0, len(others) - MOST_PAIRS)


def _pairs(voting: Voting) -> list[Pair]:
    """The pairs that anyone voted for, those of the newest attempt first."""
    found: dict[Pair, None] = {}
    for attempt in reversed(voting.attempts):
        told = {*attempt.ballots.values(), *([attempt.report.pair] if attempt.report else [])}
        found |= dict.fromkeys(sorted(told, key=lambda pair: (pair.input_root, pair.result_root)))
    return [*found]


def _deadline(voting: Voting) -> int:
    match voting.state:
        case State.CASTING:
            return voting.current.cast_end
        case State.REVEALING | State.CONSENSUS:
            return voting.current.end
        case State.PENDING:
            return voting.stalls
    return voting.ended
