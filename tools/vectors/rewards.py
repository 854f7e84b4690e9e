"""Vectors of rewards: networks with members, closings, amounts and claims that are paid or refused.

Periods are 1,000 seconds long. Three workers, enrolled in period 9, take part in votings of period 10, unless
a case says otherwise.
"""

from collections.abc import Sequence
from dataclasses import asdict

from tools.vectors.earnings import NAMES, VOTINGS, T, add_earnings, voting_json
from tools.vectors.form import Json, VectorFile, written

from worknet.protocol.records import Record
from worknet.protocol.rewards import (
    AMOUNT_BOUND,
    CheckedIn,
    Claimed,
    Closed,
    ClosingBooked,
    Enrolled,
    Fact,
    Funded,
    RecordLogged,
    Removed,
    Rewards,
    RewardsSet,
)
from worknet.protocol.words import MAX_WORKERS

LENGTH = 1000


def logs(name: str) -> RecordLogged:
    """The voting's record is logged."""
    return RecordLogged(NAMES[name].record)


def ends(name: str, time: int = T + 400) -> Closed:
    """The voting's window is over, and nothing was booked."""
    return Closed(time, NAMES[name])


def closes(name: str, time: int = T + 400) -> ClosingBooked:
    """The voting's closing is booked."""
    return ClosingBooked(time, NAMES[name])


def claims(worker: int, votings: str = "", periods: Sequence[int] = (), time: int = T + 1000) -> Claimed:
    """A claim for the votings of these names, with commas between them."""
    records = tuple(NAMES[name].record for name in votings.split(",") if name)
    return Claimed(time, worker, records, tuple(periods))


BEGINNING: list[Fact] = [
    *(Enrolled(T - 900, worker) for worker in range(3)),
    RewardsSet(T - 800, 1000, 300),
    Funded(T - 700, 10**6),
]
CLOSED_A: list[Fact] = [*BEGINNING, logs("A"), closes("A")]
CLOSED_AB: list[Fact] = [*BEGINNING, logs("A"), logs("B"), closes("A"), closes("B")]
CHECKED_IN: list[Fact] = [*BEGINNING, CheckedIn(T, 2)]
SHORT: list[Fact] = [*BEGINNING[:4], logs("A"), closes("A"), Funded(T + 400, 120)]

GOOD: dict[str, list[Fact]] = {
    "nothing happened": [],
    "the first fact stores who was enrolled before it, be it nobody": BEGINNING[:3],
    "who checks in in the period of its enrolment has no base": [
        *BEGINNING,
        CheckedIn(T - 1, 0),
        CheckedIn(T, 1),
        claims(1, "", [9, 10]),
    ],
    "a check-in earns the base": [*CHECKED_IN, claims(2, "", [10])],
    "a second check-in changes nothing": [*CHECKED_IN, CheckedIn(T + 1, 2), claims(2, "", [10])],
    "an agreeing ballot is as good as a check-in": [*CLOSED_A, claims(0, "", [10])],
    "the fastest": [*CLOSED_A, claims(0, "A")],
    "accurate, and not the fastest": [*CLOSED_A, claims(1, "A")],
    "who agreed after the record earns like the others, and may be the fastest": [
        *BEGINNING,
        logs("all"),
        closes("all"),
        claims(0, "all", [10]),
    ],
    "votings need not wait for the end of the period": [*CLOSED_A, claims(0, "A", time=T + 400)],
    "two votings and a period": [*CLOSED_AB, claims(1, "A,B", [10])],
    "one voting missed, no consistency": [*CLOSED_AB, claims(0, "A", [10])],
    "named twice, counted once": [*CLOSED_A, claims(0, "A,A", [10, 10])],
    "what was claimed is passed over": [*CLOSED_AB, claims(1, "A"), claims(1, "A,B", [10])],
    "what earns nothing is passed over": [*CLOSED_AB, claims(0, "A,B", [3, 10])],
    "claimed for by others in between": [*CLOSED_A, claims(1, "A"), claims(0, "A")],
    "a voting belongs to the period in which its closing is booked": [
        *BEGINNING,
        logs("late"),
        closes("late", T + 1000),
        claims(0, "late", [10, 11], T + 2000),
    ],
    "a voting whose window is over is claimed before its closing is booked, and the period after it": [
        *BEGINNING,
        logs("A"),
        ends("A"),
        claims(0, "A", [10]),
        closes("A", T + 1001),
        claims(0, "A", [11], T + 2000),
    ],
    "open ballots count for no period": [
        *BEGINNING,
        logs("open"),
        closes("open"),
        CheckedIn(T + 401, 2),
        claims(2, "open", [10]),
    ],
    "a plurality counts for no period and earns nothing": [
        *BEGINNING,
        logs("plurality"),
        closes("plurality"),
        CheckedIn(T + 401, 1),
        claims(1, "plurality", [10]),
    ],
    "a report counts and has no fastest": [
        *BEGINNING,
        logs("report"),
        closes("report"),
        claims(1, "report", [10]),
    ],
    "an accurate worker of a policy without amounts": [
        *BEGINNING,
        logs("free"),
        closes("free"),
        claims(0, "free", [10]),
    ],
    "a removed worker has no base, but consistency": [*CLOSED_A, Removed(T + 500, 0), claims(0, "A", [10])],
    "removed in the first second of a period": [
        *BEGINNING,
        Removed(T, 0),
        logs("A"),
        closes("A"),
        claims(0, "A", [10]),
    ],
    "removed and enrolled again": [
        *CLOSED_A,
        Removed(T + 500, 0),
        Enrolled(T + 600, 0),
        CheckedIn(T + 700, 0),
        CheckedIn(T + 1000, 0),
        claims(0, "", [10, 11], T + 2000),
    ],
    "amounts count from the next period": [
        *CHECKED_IN,
        RewardsSet(T + 1, 5, 6),
        CheckedIn(T + 1000, 2),
        claims(2, "", [10], T + 1000),
        claims(2, "", [11], T + 2000),
    ],
    "the last amounts of a period count": [
        *BEGINNING,
        RewardsSet(T, 5, 6),
        RewardsSet(T + 999, 7, 8),
        CheckedIn(T + 1000, 2),
        claims(2, "", [11], T + 2000),
    ],
    "amounts set much later change no earlier period": [
        *CHECKED_IN,
        RewardsSet(T + 5000, 1, 1),
        claims(2, "", [10], T + 9000),
    ],
    "a period whose first fact comes after a change of the amounts": [
        *BEGINNING,
        RewardsSet(T, 5, 6),
        Removed(T + 1, 1),
        CheckedIn(T + 2, 2),
        claims(2, "", [10]),
    ],
    "amounts count for periods without a change, in which something happened or nothing": [
        *BEGINNING,
        CheckedIn(T + 7000, 2),
        claims(2, "", [15, 17], T + 8000),
    ],
    "amounts that end": [
        *BEGINNING,
        RewardsSet(T, 0, 0),
        CheckedIn(T + 1, 2),
        CheckedIn(T + 1000, 2),
        claims(2, "", [10, 11], T + 2000),
    ],
    "the largest amounts": [
        *BEGINNING,
        RewardsSet(T, AMOUNT_BOUND - 1, 0),
        CheckedIn(T + 1000, 2),
        claims(2, "", [11], T + 2000),
    ],
    "a short pool pays what is there": [*SHORT, claims(0, "A")],
    "a short pool leaves nothing to the next": [*SHORT, claims(0, "A"), claims(1, "A")],
    "refilled, what is owed is paid without items": [
        *SHORT,
        claims(0, "A"),
        Funded(T + 1001, 20),
        claims(0, time=T + 1002),
        Funded(T + 1003, 20),
        claims(0, time=T + 1004),
    ],
    "refilled, what is owed is paid with what is new": [
        *SHORT,
        claims(0, "A"),
        Funded(T + 1001, 10**4),
        claims(0, "", [10], T + 1002),
    ],
    "an empty pool pays nothing of what is owed": [*SHORT, claims(0, "A"), claims(0)],
    "the highest index": [
        *BEGINNING,
        Enrolled(T - 1, 119),
        logs("highest"),
        closes("highest"),
        claims(119, "highest", [10]),
    ],
}
BAD: dict[str, tuple[list[Fact], str]] = {
    "enrolled twice": ([*BEGINNING, Enrolled(T, 1)], "members: already enrolled"),
    "removed before it was enrolled": ([*BEGINNING, Removed(T, 3)], "members: not enrolled"),
    "removed twice": ([*BEGINNING, Removed(T, 1), Removed(T, 1)], "members: not enrolled"),
    "a stranger checks in": ([*BEGINNING, CheckedIn(T, 3)], "members: not enrolled"),
    "an index above the highest removed": ([*BEGINNING, Removed(T, 120)], "members: not enrolled"),
    "an index above the highest checks in": ([*BEGINNING, CheckedIn(T, 120)], "members: not enrolled"),
    "a removed worker checks in": ([*BEGINNING, Removed(T, 1), CheckedIn(T, 1)], "members: not enrolled"),
    "a base of 129 bits": ([RewardsSet(T, AMOUNT_BOUND, 0)], "rewards: amount too large"),
    "a consistency of 129 bits": ([RewardsSet(T, 0, AMOUNT_BOUND)], "rewards: amount too large"),
    "a claim for nobody": ([*CLOSED_A, claims(3, "A")], "members: unknown index"),
    "a claim for an index above the highest": ([*CLOSED_A, claims(120, "A")], "members: unknown index"),
    "an empty claim": ([*CLOSED_A, claims(0)], "rewards: nothing to claim"),
    "a voting claimed twice": ([*CLOSED_A, claims(0, "A"), claims(0, "A")], "rewards: nothing to claim"),
    "a period claimed twice": (
        [*CHECKED_IN, claims(2, "", [10]), claims(2, "", [10], T + 5000)],
        "rewards: nothing to claim",
    ),
    "a claim of who was outvoted": ([*CLOSED_A, claims(2, "A", [10])], "rewards: nothing to claim"),
    "a period without a sign of life": ([*CHECKED_IN, claims(1, "", [10])], "rewards: nothing to claim"),
    "a period in which nothing happened": ([*CHECKED_IN, claims(2, "", [8])], "rewards: nothing to claim"),
    "a base of the period of enrolment": (
        [*BEGINNING, CheckedIn(T - 1, 0), claims(0, "", [9])],
        "rewards: nothing to claim",
    ),
    "a base of the period of removal": (
        [*CHECKED_IN, Removed(T + 999, 2), claims(2, "", [10])],
        "rewards: nothing to claim",
    ),
    "amounts set in the period itself": (
        [*BEGINNING[:3], RewardsSet(T, 1, 1), CheckedIn(T, 2), claims(2, "", [10])],
        "rewards: nothing to claim",
    ),
    "a plurality": (
        [*BEGINNING, logs("plurality"), closes("plurality"), claims(0, "plurality", [10])],
        "rewards: nothing to claim",
    ),
    "open ballots": (
        [*BEGINNING, logs("open"), closes("open"), claims(0, "open", [10])],
        "rewards: nothing to claim",
    ),
    "what is owed was paid": ([*CLOSED_A, claims(0, "A"), claims(0)], "rewards: nothing to claim"),
    "the last second of a period": ([*CHECKED_IN, claims(2, "", [10], T + 999)], "rewards: period not over"),
    "a period to come": ([*CHECKED_IN, claims(2, "", [10, 12], T + 1000)], "rewards: period not over"),
    "a record that is not closed": ([*BEGINNING, logs("A"), claims(0, "A")], "rewards: voting not closed"),
    "one of two that is not closed": (
        [*BEGINNING, logs("A"), logs("all"), closes("A"), claims(0, "A,all")],
        "rewards: voting not closed",
    ),
    "a voting without a record": ([*CLOSED_A, claims(1, "B")], "rewards: not the record"),
    "a record with another result": (
        [*CLOSED_A, claims(0, "A with another result")],
        "rewards: not the record",
    ),
    "a record with one more voter": ([*CLOSED_A, claims(2, "A with more voters")], "rewards: not the record"),
    "a record of another time": ([*CLOSED_A, claims(0, "A a second later")], "rewards: not the record"),
    "a record made otherwise": ([*CLOSED_A, claims(0, "A by report")], "rewards: not the record"),
    "altered words of what was claimed": (
        [*CLOSED_AB, claims(1, "A"), claims(1, "A a second later,B")],
        "rewards: not the record",
    ),
}
for _fact, _name in ((RewardsSet(T, -1, 0), "base"), (RewardsSet(T, 0, -1), "consistency")):
    BAD[f"a negative {_name}"] = ([_fact], "rewards: amount too large")
IMPOSSIBLE: dict[str, list[Fact]] = {
    "time that goes back": [*CHECKED_IN, CheckedIn(T - 1, 1)],
    "a closing before its record": [*BEGINNING, closes("A")],
    "booked twice": [*CLOSED_A, closes("A")],
    "closed after it was booked": [*CLOSED_A, ends("A")],
    "closed twice": [*BEGINNING, logs("A"), ends("A"), ends("A")],
    "closed with another record than was logged": [*BEGINNING, logs("A"), closes("A with more voters")],
    "closed under another policy": [*BEGINNING, logs("A"), closes("A under another policy")],
    "recorded twice": [*BEGINNING, logs("A"), logs("A")],
    "recorded again otherwise": [*BEGINNING, logs("A"), logs("A a second later")],
    "recorded with a stranger as member": [*BEGINNING, logs("highest")],
    "an index above the highest": [Enrolled(T, 120)],
}
"""Facts that no contract tells, whoever calls it: only who alters events."""


def rewards() -> VectorFile:
    """The fastest, earnings of votings and periods, and networks with claims that are paid or refused."""
    file = VectorFile(
        "Rewards (section 8): facts in their order on chain; in a bad case the last is refused."
    )
    add_earnings(file)
    for name, facts in GOOD.items():
        file.good(name, "rewards", _outcome(facts), **_given(facts))
    for name, (facts, rule) in BAD.items():
        file.bad(name, "rewards", "RewardError", rule, **_given(facts))
    for name, facts in IMPOSSIBLE.items():
        file.bad(name, "rewards", "FactError", **_given(facts))
    file.bad("periods of no length", "rewards", "FactError", **(_given([]) | {"length": 0}))
    return file


def _outcome(facts: Sequence[Fact]) -> Json:
    """What the vectors say of a network's rewards: its words where they are not zero, and every payment."""
    after = Rewards(LENGTH)
    payments = [asdict(payment) for fact in facts if (payment := after.apply(fact))]
    numbers = sorted({fact.time // LENGTH for fact in facts})
    claimed = {name: after.claimed_of_voting(voting.record.voting_id) for name, voting in VOTINGS.items()}
    return {
        "funded": after.funded,
        "paid": after.paid,
        "payments": payments,
        "owed": [
            {"worker": worker, "amount": after.owed(worker)}
            for worker in range(MAX_WORKERS)
            if after.owed(worker)
        ],
        "periods": [
            {"number": number}
            | asdict(after.period(number))
            | asdict(after.amounts_in(number))
            | {"claimed": after.claimed_of_period(number)}
            for number in numbers
        ],
        "claimed": [{"voting": name, "workers": workers} for name, workers in claimed.items() if workers],
    }


def _given(facts: Sequence[Fact]) -> dict[str, Json]:
    used = {name for fact in facts for name in _names(fact)}
    votings = {name: voting_json(voting) for name, voting in NAMES.items() if name in used}
    return {"length": LENGTH, "votings": votings, "facts": [_fact_json(fact) for fact in facts]}


def _names(fact: Fact) -> list[str]:
    match fact:
        case RecordLogged(record):
            return [_name_of(record)]
        case Closed(_, voting) | ClosingBooked(_, voting):
            return [next(name for name, known in NAMES.items() if known is voting)]
        case Claimed(_, _, records):
            return [_name_of(record) for record in records]
    return []


def _name_of(record: Record) -> str:
    return next(name for name, voting in NAMES.items() if voting.record == record)


def _fact_json(fact: Fact) -> Json:
    """A fact under its name, votings by theirs."""
    match fact:
        case RecordLogged():
            return {"fact": "recorded", "voting": _names(fact)[0]}
        case Closed() | ClosingBooked():
            name = "closed" if isinstance(fact, Closed) else "closing booked"
            return {"fact": name, "time": fact.time, "voting": _names(fact)[0]}
        case Claimed():
            items = {"votings": _names(fact), "periods": list(fact.periods)}
            return {"fact": "claimed", "time": fact.time, "worker": fact.worker} | items
    names = {
        Enrolled: "enrolled",
        Removed: "removed",
        CheckedIn: "checked in",
        RewardsSet: "rewards set",
        Funded: "funded",
    }
    return {"fact": names[type(fact)]} | written(asdict(fact))
