"""Where a voting stands that is not over, as the contract's `voting` must answer it."""

from dataclasses import dataclass
from typing import Any

from worknet.audit.facts import bitmap_of
from worknet.protocol.voting import State, Voting
from worknet.protocol.words import Ballots


@dataclass(frozen=True)
class Stands:
    """What of the contract's answer follows from events; the rest is its own bookkeeping of them.

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


def _deadline(voting: Voting) -> int:
    match voting.state:
        case State.CASTING:
            return voting.current.cast_end
        case State.REVEALING | State.CONSENSUS:
            return voting.current.end
        case State.PENDING:
            return voting.stalls
    return voting.ended
