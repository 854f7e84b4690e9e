"""Vectors of votings: what happened on chain, and where the voting stands then, or which rule refuses it.

The histories here are those of attempts 1 and 2; of what follows them `fallbacks` has more, `reports` those
with reports.
"""

from dataclasses import asdict, replace
from typing import Any

from tools.vectors import fallbacks, reports
from tools.vectors.facts import (
    ALL_SEALED,
    CAST_END,
    OPEN_SPLIT,
    OPENLY,
    REVEAL_END,
    SEALED,
    SECOND,
    SPLIT,
    TWO_SEALED,
    A,
    B,
    Bad,
    Good,
    Impossible,
    Policies,
    T,
    casts,
    opens,
    reveals,
    seals,
)
from tools.vectors.form import Json, VectorFile, written

from worknet.protocol import voting_rules
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Fact, Voting

GOOD: Good = {
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
    "a stall of 0 leaves no time for attempt 2": ([replace(SEALED[0], stall=0)], SPLIT, T + 10),
    "the highest index": (
        SEALED,
        [opens(members=1 << 119 | 1, n=2), seals(119), seals(0), reveals(1 << 119 | 1, A)],
        T + 10,
    ),
}
BAD: Bad = {
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
IMPOSSIBLE: Impossible = {
    "needed below the policy's": (SEALED, [replace(opens(), needed=1)]),
    "needed above the policy's": (SEALED, [replace(opens(), needed=3)]),
    "n above the number of members": (SEALED, [opens(n=9)]),
    "n below the number of members": (SEALED, [opens(n=2)]),
    "a member above the highest index": (SEALED, [opens(members=1 << 120 | 3)]),
    "the second attempt with a stranger": (SEALED, [*SPLIT, opens(T + 50, 2, members=0b1011)]),
    "the second attempt with a lower n": (SEALED, [*SPLIT, opens(T + 50, 2, members=0b011, n=2)]),
    "the second attempt with a lower bar": (SEALED, [*SPLIT, replace(opens(T + 50, 2), needed=1)]),
    "a policy version that was never announced": (SEALED, [opens(version=2)]),
    "the second attempt without members": (SEALED, [*SPLIT, opens(T + 50, 2, members=0)]),
    "the second attempt with a standby": (
        SEALED,
        [opens(standbys=0b1000), *SPLIT[1:], opens(T + 50, 2, members=0b1111)],
    ),
}


def votings() -> VectorFile:
    """Sequences of facts, the voting that they make, and facts that are refused."""
    file = VectorFile(
        "Votings (section 6): facts in their order on chain; in a bad case the last is refused."
    )
    for name, (policies, facts, now) in (GOOD | fallbacks.GOOD | reports.GOOD).items():
        gives = outcome(voting_rules.fold(dict(enumerate(policies, start=1)), facts, now))
        file.good(name, "fold", gives, **_given(policies, facts), now=now)
    for name, (policies, facts, rule) in (BAD | fallbacks.BAD | reports.BAD).items():
        file.bad(name, "fold", "VotingError", f"votings: {rule}", **_given(policies, facts))
    for name, (policies, facts) in (IMPOSSIBLE | fallbacks.IMPOSSIBLE).items():
        file.bad(name, "fold", "FactError", **_given(policies, facts))
    return file


def fact_json(fact: Fact) -> Json:
    """A fact under its name, a pair as its two roots; standbys only where there are some."""
    fields: dict[str, Any] = asdict(fact)
    if not fields.get("standbys"):
        fields.pop("standbys", None)
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
            "participants": now.participants,
            "missing": now.missing(),
            "tally": [asdict(pair) | {"voters": voters} for pair, voters in tally],
        }
    return {
        "state": after.state.name,
        "closed": after.closed,
        "next_attempt": after.next_attempt,
        "ended": after.ended,
        "stalls": after.stalls,
        "attempt": attempt,
        "recorded": recorded,
    }


def _given(policies: Policies, facts: list[Fact]) -> dict[str, Json]:
    return {"policies": [_rules(policy) for policy in policies], "facts": [fact_json(fact) for fact in facts]}


def _rules(policy: Policy) -> dict[str, Json]:
    """What of a policy a voting depends on."""
    return {
        "threshold_num": policy.threshold_num,
        "threshold_den": policy.threshold_den,
        "ballots": policy.ballots,
        "cast_window": policy.cast_window,
        "reveal_window": policy.reveal_window,
        "stall": policy.stall,
        "fallback": policy.fallback,
    }
