"""Random histories of votings: what might come on chain, most of it lawful, in any order that time allows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TypeVar

from hypothesis import strategies as st

from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Policy
from worknet.protocol.voting import (
    Cast,
    Fact,
    Opened,
    Reopened,
    Reported,
    Revealed,
    Sealed,
    Settled,
    State,
    Voting,
    VotingError,
)
from worknet.protocol.voting_rules import apply, members_of_next
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, Fallback

POLICY = Policy(
    bundle_digest=b"\1" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\2" * 32,
    every=3600,
    delay=0,
    start=0,
    max_age=0,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=20,
    reveal_window=10,
    stall=30,
    fallback=Fallback.ALERT,
)
PAIRS = [Pair(bytes([number]) * 32, b"\x99" * 32) for number in (1, 2, 3)]
FOREVER = 10**6
KINDS: dict[State, list[type[Fact]]] = {
    State.NONE: [Opened] * 7 + [Reopened],
    State.CASTING: [Sealed] * 11 + [Reported],
    State.REVEALING: [Revealed] * 3 + [Reported],
    State.PENDING: [Opened],
    State.SETTLING: [Settled],
    State.UNRESOLVED: [Reopened],
    State.CONSENSUS: [Revealed],
    State.SETTLED: [Settled],
}
EVERY_KIND: list[type[Fact]] = [Opened, Cast, Sealed, Revealed, Reported, Settled, Reopened]
# Rather short steps, so that windows end now and then and not always.
WAITS = [0, 0, 0, 0, 0, 0, 1, 1, 2, 9, 20]
T = TypeVar("T")


class Dice:
    """Choices read off one number, so that Hypothesis draws little; 0 is always the first choice."""

    def __init__(self, number: int) -> None:
        self._left = number

    def of(self, choices: Sequence[T]) -> T:
        self._left, chosen = divmod(self._left, len(choices))
        return choices[chosen]

    def some(self, workers: int) -> int:
        """All of these workers, or all but one, or some of them."""
        return workers & ~self.of([0, 0, 0, 1, 2, 4, 8, 16, 0b1010101, 0b0111100])


DICE = st.binary(min_size=10, max_size=10).map(lambda drawn: Dice(int.from_bytes(drawn, "little")))


@dataclass(frozen=True)
class History:
    """Policies, facts at times that never go back, most lawful, and the voting after each that is."""

    policies: dict[int, Policy]
    facts: list[Fact]
    steps: list[tuple[Fact, Voting]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A history over two policy versions and up to seven workers."""
    dice = draw(DICE)
    policies = {1: policy(dice), 2: policy(dice)}
    voting, time = Voting(policies), 1000
    facts: list[Fact] = []
    steps: list[tuple[Fact, Voting]] = []
    for dice in [draw(DICE) for _ in range(draw(st.integers(0, 40)))]:
        time += dice.of(WAITS)
        voting = at(voting, time)
        if voting.state is State.PENDING and dice.of([False, True]):
            time = voting.stalls
            voting = at(voting, time)
        fact = fact_after(voting, time, dice)
        facts.append(fact)
        try:
            voting = apply(voting, fact)
        except VotingError:
            continue
        steps.append((fact, voting))
    return History(policies, facts, steps)


def policy(dice: Dice) -> Policy:
    """A version of the workflow's policy."""
    num, den = dice.of([(0, 1), (0, 1), (2, 3)])
    return replace(
        POLICY,
        ballots=dice.of(list(Ballots)),
        fallback=dice.of(list(Fallback)),
        stall=dice.of([30, 30, 30, 0]),
        threshold_num=num,
        threshold_den=den,
    )


def fact_after(voting: Voting, time: int, dice: Dice) -> Fact:
    """A fact of the kind that may come next, with details that mostly fit; now and then any other."""
    kind = dice.of(KINDS[voting.state])
    number = voting.current.number if voting.attempts else 1
    if dice.of(range(12)) == 11:
        kind, number = dice.of(EVERY_KIND), dice.of(range(1, 6))
    elif voting.attempts and voting.policy.ballots is Ballots.OPEN and kind in {Sealed, Revealed}:
        kind = Cast
    pair = dice.of(PAIRS)
    if kind is Opened:
        return opening(voting, time, dice)
    if kind is Reopened:
        return reopening(voting, time)
    if kind is Settled:
        return Settled(time, (voting.current.leading() if voting.attempts else None) or pair)
    if kind is Reported:
        participants = dice.some(voting.current.members if voting.attempts else 0b111) | dice.of(
            [0] * 20 + [128]
        )
        voters = dice.some(participants)
        return Reported(time, number, pair, participants, voters, dice.some(voters))
    left = 0
    if voting.attempts:
        attempt = voting.current
        left = attempt.unrevealed() if kind is Revealed else attempt.missing() & ~bitmap(attempt.seals)
    if kind is Revealed and dice.of([True, False]):
        return Revealed(time, number, pair, dice.some(left))
    worker = dice.of(indices(left) or range(7))
    if kind is Revealed:
        return Revealed(time, number, pair, 1 << worker)
    return Cast(time, number, worker, pair) if kind is Cast else Sealed(time, number, worker, bytes(32))


def opening(voting: Voting, time: int, dice: Dice) -> Opened:
    """The opening of the next attempt, with some workers enrolled and some removed by then."""
    active = dice.of([0b11111, 0b111, 0b11, 0b1101, 0b11111])
    standbys = dice.of([0, 0b0100000, 0b1100000])
    version, number = 1, voting.next_attempt
    if number is None:
        return Opened(time, dice.of(range(1, 6)), version, active, active.bit_count(), 2)
    if number > 3:
        version = dice.of([1, 2])
    members, n = members_of_next(voting, active, dice.some(0b1111111) or 0b1111111)
    return Opened(time, number, version, members, n, voting.policies[version].needed(n), standbys)


def reopening(voting: Voting, time: int) -> Reopened:
    """The owner's permission for the attempt after the last, or for attempt 4."""
    rules = voting.policy if voting.attempts else voting.policies[1]
    last = voting.current.number if voting.attempts else 0
    return Reopened(time, max(last, 3) + 1, time + max(rules.stall, rules.cast_window))


def bitmap(workers: Iterable[int]) -> int:
    return sum(1 << worker for worker in workers)


def indices(workers: int) -> list[int]:
    return [worker for worker in range(workers.bit_length()) if workers >> worker & 1]


def moments(history: History) -> list[tuple[int, Voting]]:
    """The voting after each lawful fact, and at all its turns until the next one, with their times."""
    found: list[tuple[int, Voting]] = [(0, Voting(history.policies))]
    for (fact, voting), following in zip_longest(history.steps, history.steps[1:]):
        now, until = fact.time, following[0].time if following else FOREVER
        found.append((now, voting))
        while now < until:
            turns = [
                found[-1][1].stalls,
                *(time for one in voting.attempts for time in (one.cast_end, one.end)),
            ]
            now = min([time for time in turns if time > now] + [until])
            found.append((now, at(voting, now)))
    return found
