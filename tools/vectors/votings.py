"""Vectors of votings: what happened on chain, and where the voting stands then, or which rule refuses it.

Written for three workers, needed 2, and the windows of `POLICY`, unless a case says otherwise.
"""

from dataclasses import asdict, replace
from typing import Any

from tools.vectors.form import Json, VectorFile, sample, written
from tools.vectors.policies import OPEN, POLICY

from worknet.protocol import voting
from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Ballots, Policy
from worknet.protocol.voting import Cast, Fact, Opened, Revealed, Sealed, Voting

A, B, C = (Pair(sample(f"input {name}"), sample(f"result {name}")) for name in "ABC")
T = 10_000
CAST_END = T + 600
REVEAL_END = CAST_END + 300
SEALED, OPENLY = Policy(**POLICY), Policy(**OPEN)


def opens(time: int = T, attempt: int = 1, members: int = 0b111, n: int = 3, version: int = 1) -> Opened:
    """An attempt opens; two thirds of n are needed."""
    return Opened(time, attempt, version, members, n, SEALED.needed(n))


def seals(worker: int, time: int = T, attempt: int = 1) -> Sealed:
    """A worker's seal is stored."""
    return Sealed(time, attempt, worker, sample(f"seal {worker} {attempt}", 30) + b"\0\0")


def casts(worker: int, pair: Pair, time: int = T, attempt: int = 1) -> Cast:
    """A worker's open ballot is counted."""
    return Cast(time, attempt, worker, pair)


def reveals(workers: int, pair: Pair, time: int = T + 10, attempt: int = 1) -> Revealed:
    """A batch is revealed."""
    return Revealed(time, attempt, pair, workers)


ALL_SEALED: list[Fact] = [opens(), seals(0), seals(1, T + 1), seals(2, T + 2)]
TWO_SEALED = ALL_SEALED[:3]
SPLIT: list[Fact] = [*ALL_SEALED, reveals(1, A), reveals(2, B), reveals(4, C)]
SECOND: list[Fact] = [*SPLIT, opens(T + 50, 2), *(seals(worker, T + 50, 2) for worker in range(3))]
OPEN_SPLIT: list[Fact] = [opens(), casts(0, A), casts(1, B), casts(2, C, T + 5)]

GOOD: dict[str, tuple[Policy, list[Fact], int]] = {
    "nothing happened": (SEALED, [], T),
    "one seal": (SEALED, TWO_SEALED[:2], T),
    "the last second of casting": (SEALED, TWO_SEALED, CAST_END - 1),
    "casting over: revealing": (SEALED, TWO_SEALED, CAST_END),
    "all sealed: revealing starts at once": (SEALED, ALL_SEALED, T + 2),
    "all sealed: the reveal window counts from then": (SEALED, ALL_SEALED, T + 301),
    "all sealed, nobody reveals": (SEALED, ALL_SEALED, T + 302),
    "one revealed, not enough": (SEALED, [*ALL_SEALED, reveals(1, A)], T + 20),
    "two equal reveals: consensus": (SEALED, [*ALL_SEALED, reveals(1, A), reveals(4, A)], T + 20),
    "a batch is tallied once, whole": (SEALED, [*ALL_SEALED, reveals(0b111, A)], T + 20),
    "a reveal after consensus still counts": (SEALED, [*ALL_SEALED, reveals(3, A), reveals(4, A)], T + 20),
    "a reveal of another pair after consensus": (SEALED, [*ALL_SEALED, reveals(3, A), reveals(4, B)], T + 20),
    "consensus closes when the window is over": (SEALED, [*ALL_SEALED, reveals(3, A)], T + 302),
    "consensus is open until then": (SEALED, [*ALL_SEALED, reveals(3, A)], T + 301),
    "sealed and not revealed does not count": (SEALED, [*TWO_SEALED, reveals(1, A, CAST_END)], REVEAL_END),
    "three pairs: the attempt fails at once": (SEALED, SPLIT, T + 10),
    "the next attempt is awaited": (SEALED, SPLIT, T + 10 + 1799),
    "stalled": (SEALED, SPLIT, T + 10 + 1800),
    "stalled, looked at much later": (SEALED, SPLIT, T + 10**6),
    "a window that nobody watched": (SEALED, TWO_SEALED[:2], REVEAL_END + 1799),
    "all phases passed at once": (SEALED, TWO_SEALED[:2], REVEAL_END + 1800),
    "the second attempt begins anew": (SEALED, SECOND[:-2], T + 50),
    "consensus in the second attempt": (SEALED, [*SECOND, reveals(6, B, T + 60, 2)], T + 60),
    "the second attempt fails: unresolved": (SEALED, SECOND, T + 350),
    "a removed worker does not lower the bar": (
        SEALED,
        [
            *SPLIT,
            opens(T + 50, 2, members=0b011),
            seals(0, T + 50, 2),
            seals(1, T + 50, 2),
            reveals(3, A, T + 60, 2),
        ],
        T + 60,
    ),
    "one open ballot": (OPENLY, OPEN_SPLIT[:2], T),
    "two equal open ballots: consensus": (OPENLY, [opens(), casts(0, A), casts(2, A)], T),
    "an open ballot after consensus": (
        OPENLY,
        [opens(), casts(0, A), casts(2, A), casts(1, B, T + 9)],
        T + 9,
    ),
    "open consensus closes when the window is over": (OPENLY, [opens(), casts(0, A), casts(2, A)], CAST_END),
    "two open pairs, time over": (OPENLY, OPEN_SPLIT[:3], CAST_END),
    "three open pairs: the attempt fails at once": (OPENLY, OPEN_SPLIT, T + 5),
    "the highest index": (
        SEALED,
        [opens(members=1 << 119 | 1, n=2), seals(119), seals(0), reveals(1 << 119 | 1, A)],
        T + 10,
    ),
}
BAD: dict[str, tuple[Policy, list[Fact], str]] = {
    "a seal before the opening": (SEALED, [seals(0)], "not open"),
    "a ballot before the opening": (OPENLY, [casts(0, A)], "not open"),
    "a reveal before the opening": (SEALED, [reveals(1, A)], "not open"),
    "one worker alone": (SEALED, [opens(members=1, n=1)], "too few workers"),
    "no workers": (SEALED, [opens(members=0, n=0)], "too few workers"),
    "the second attempt first": (SEALED, [opens(attempt=2)], "other attempt"),
    "attempt 0": (SEALED, [opens(attempt=0)], "other attempt"),
    "opened twice": (SEALED, [opens(), opens()], "other attempt"),
    "opened while casting": (SEALED, [*TWO_SEALED, opens(T + 5, 2)], "other attempt"),
    "opened while revealing": (SEALED, [*ALL_SEALED, opens(T + 5, 2)], "other attempt"),
    "opened after consensus": (SEALED, [*ALL_SEALED, reveals(7, A), opens(T + 20, 2)], "other attempt"),
    "opened after the stall": (SEALED, [*SPLIT, opens(T + 1810, 2)], "other attempt"),
    "a third attempt": (SEALED, [*SECOND, opens(T + 400, 3)], "other attempt"),
    "the first attempt again": (SEALED, [*SPLIT, opens(T + 50, 1)], "other attempt"),
    "an attempt left out": (SEALED, [*SPLIT, opens(T + 50, 3)], "other attempt"),
    "another policy in attempt 2": (SEALED, [*SPLIT, opens(T + 50, 2, version=2)], "other policy"),
    "a seal of the last attempt": (SEALED, [*SECOND[:-2], seals(1, T + 51, 1)], "other attempt"),
    "a reveal of the last attempt": (SEALED, [*SECOND, reveals(1, A, T + 60, 1)], "other attempt"),
    "a seal for the next attempt": (SEALED, [*TWO_SEALED, seals(2, T, 2)], "other attempt"),
    "a seal of a stranger": (SEALED, [opens(), seals(3)], "not a member"),
    "a ballot of a stranger": (OPENLY, [opens(), casts(119, A)], "not a member"),
    "sealed twice": (SEALED, [*TWO_SEALED, seals(1)], "already cast"),
    "cast twice alike": (OPENLY, [opens(), casts(0, A), casts(0, A)], "already cast"),
    "cast twice otherwise": (OPENLY, [opens(), casts(0, A), casts(0, B)], "already cast"),
    "a seal for open ballots": (OPENLY, [opens(), seals(0)], "ballots are open"),
    "an open ballot where they are sealed": (SEALED, [opens(), casts(0, A)], "ballots are sealed"),
    "a seal at the end of casting": (SEALED, [*TWO_SEALED, seals(2, CAST_END)], "not casting"),
    "a seal after all have sealed": (SEALED, [*ALL_SEALED, seals(0, T + 3)], "not casting"),
    "a seal after consensus": (
        SEALED,
        [*ALL_SEALED[:3], reveals(3, A, CAST_END), seals(2, CAST_END)],
        "not casting",
    ),
    "a ballot at the end of casting": (OPENLY, [*OPEN_SPLIT[:3], casts(2, A, CAST_END)], "not casting"),
    "a ballot after an open failure": (OPENLY, [*OPEN_SPLIT, casts(0, A, T + 6)], "not casting"),
    "a ballot after closing": (
        OPENLY,
        [opens(), casts(0, A), casts(1, A), casts(2, A, CAST_END)],
        "not casting",
    ),
    "a reveal while casting": (SEALED, [*TWO_SEALED, reveals(1, A)], "not revealing"),
    "a reveal at the end of revealing": (SEALED, [*ALL_SEALED, reveals(1, A, T + 302)], "not revealing"),
    "a reveal after closing": (SEALED, [*ALL_SEALED, reveals(3, A), reveals(4, A, T + 302)], "not revealing"),
    "a reveal without a seal": (SEALED, [*TWO_SEALED, reveals(4, A, CAST_END)], "nothing to reveal"),
    "a reveal of one with and one without": (
        SEALED,
        [*TWO_SEALED, reveals(5, A, CAST_END)],
        "nothing to reveal",
    ),
    "revealed twice": (SEALED, [*ALL_SEALED, reveals(1, A), reveals(1, B)], "nothing to reveal"),
    "a reveal of nobody": (SEALED, [*ALL_SEALED, reveals(0, A)], "nothing to reveal"),
    "a reveal after open consensus": (
        OPENLY,
        [opens(), casts(0, A), casts(1, A), reveals(1, A)],
        "ballots are open",
    ),
}
IMPOSSIBLE: dict[str, list[Fact]] = {
    "needed below the policy's": [replace(opens(), needed=1)],
    "needed above the policy's": [replace(opens(), needed=3)],
    "n above the number of members": [opens(n=9)],
    "n below the number of members": [opens(n=2)],
    "a member above the highest index": [opens(members=1 << 120 | 3)],
    "the second attempt with a stranger": [*SPLIT, opens(T + 50, 2, members=0b1011)],
    "the second attempt with a lower n": [*SPLIT, opens(T + 50, 2, members=0b011, n=2)],
    "the second attempt with a lower bar": [*SPLIT, replace(opens(T + 50, 2), needed=1)],
}
"""Facts that no contract tells, whoever calls it: only who alters events."""


def votings() -> VectorFile:
    """Sequences of facts, the voting that they make, and facts that are refused."""
    file = VectorFile(
        "Votings (section 6): facts in their order on chain; in a bad case the last is refused."
    )
    given: dict[str, Any]
    for name, (policy, facts, now) in GOOD.items():
        gives = outcome(voting.fold(policy, facts, now))
        file.good(name, "fold", gives, policy=_rules(policy), facts=[fact_json(f) for f in facts], now=now)
    for name, (policy, facts, rule) in BAD.items():
        given = {"policy": _rules(policy), "facts": [fact_json(fact) for fact in facts]}
        file.bad(name, "fold", "VotingError", f"votings: {rule}", **given)
    for name, facts in IMPOSSIBLE.items():
        given = {"policy": _rules(SEALED), "facts": [fact_json(fact) for fact in facts]}
        file.bad(name, "fold", "FactError", **given)
    no_stall = replace(SEALED, stall=0)
    gives = outcome(voting.fold(no_stall, SPLIT, T + 10))
    given = {"policy": _rules(no_stall), "facts": [fact_json(fact) for fact in SPLIT], "now": T + 10}
    file.good("a stall of 0 leaves no time for attempt 2", "fold", gives, **given)
    return file


def fact_json(fact: Fact) -> Json:
    """A fact under its name, a pair as its two roots."""
    fields: dict[str, Any] = asdict(fact)
    pair = fields.pop("pair", {})
    return {"fact": type(fact).__name__.lower()} | written(fields | pair)


def outcome(after: Voting) -> Json:
    """What the vectors say of a voting."""
    recorded: Json = None
    if after.recorded:
        recorded = written(asdict(after.recorded))
        recorded |= recorded.pop("pair")
    attempt: Json = None
    if after.attempts:
        now = after.current
        tally = sorted((pair, voters) for pair, voters in now.tally().items())
        attempt = {
            "number": now.number,
            "members": now.members,
            "n": now.n,
            "needed": now.needed,
            "cast_end": now.cast_end,
            "end": now.end,
            "sealed": sum(1 << worker for worker in now.seals),
            "missing": now.missing(),
            "tally": [asdict(pair) | {"voters": voters} for pair, voters in tally],
        }
    return {
        "state": after.state.name,
        "closed": after.closed,
        "ended": after.ended,
        "attempt": attempt,
        "recorded": recorded,
    }


def _rules(policy: Policy) -> dict[str, Json]:
    """What of a policy a voting depends on."""
    return {
        "threshold_num": policy.threshold_num,
        "threshold_den": policy.threshold_den,
        "ballots": Ballots(policy.ballots),
        "cast_window": policy.cast_window,
        "reveal_window": policy.reveal_window,
        "stall": policy.stall,
    }
