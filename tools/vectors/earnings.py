"""Vectors of earnings: who was the fastest, what a voting earns, what a period earns.

Three workers take part in the votings, unless a case says otherwise; the lowest of the accurate has the most
seconds left.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from tools.vectors.form import Json, VectorFile, sample, written
from tools.vectors.policies import OPEN, POLICY
from tools.vectors.records import record_of_hour

from worknet.protocol import earnings
from worknet.protocol.earnings import Amounts, ClosedVoting, Period
from worknet.protocol.policy import Policy
from worknet.protocol.words import MAX_WORKERS, Ballots, How

T = 10_000
SEALED, OPENLY = Policy(**(POLICY | {"accuracy": 100, "speed": 50})), Policy(**OPEN)
Votings = Mapping[str, ClosedVoting]


def id_with_first(first: int) -> bytes:
    """A voting id whose remainder by 120 is `first`: whoever is first at or after it wins a tie."""
    number = int.from_bytes(sample(f"voting id {first}"), "big")
    return (number - number % MAX_WORKERS + first).to_bytes(32, "big")


def stored(worker: int, left: int) -> bytes:
    """A seal as the contract keeps it, with the seconds left."""
    return sample(f"stored seal {worker}", 30) + left.to_bytes(2, "big")


def closed(
    name: str,
    accurate: int = 0b011,
    members: int = 0b111,
    how: How = How.QUORUM,
    policy: Policy = SEALED,
    time: int = T + 100,
    voters: int = 0,
) -> ClosedVoting:
    """A closed voting; `voters` are those at the moment of the record, if not all that are accurate."""
    workers = [worker for worker in range(MAX_WORKERS) if accurate >> worker & 1]
    n = members.bit_count()
    record = replace(
        record_of_hour(0),
        voting_id=sample(f"voting {name}"),
        policy_hash=policy.hash(),
        members=members,
        n=n,
        needed=policy.needed(n),
        voters=voters or accurate,
        how=how,
        time=time,
    )
    seals = {worker: stored(worker, 60 - place) for place, worker in enumerate(workers)}
    return ClosedVoting(record, policy, accurate, seals if policy.ballots is Ballots.SEALED else {})


VOTINGS: Votings = {
    "A": closed("A"),
    "B": closed("B", 0b110, time=T + 200),
    "all": closed("all", 0b111, time=T + 300, voters=0b110),
    "open": closed("open", policy=OPENLY),
    "plurality": closed("plurality", how=How.PLURALITY),
    "report": closed("report", 0b110, how=How.REPORT),
    "late": closed("late", time=T + 999),
    "highest": closed("highest", 1 << 119 | 1, 1 << 119 | 1),
    "free": closed("free", policy=replace(SEALED, accuracy=0, speed=0)),
}
ALTERED: Votings = {
    "A with another result": replace(
        VOTINGS["A"], record=replace(VOTINGS["A"].record, result_root=sample("other"))
    ),
    "A with more voters": closed("A", 0b111),
    "A a second later": closed("A", time=T + 101),
    "A by report": closed("A", how=How.REPORT),
    "A under another policy": replace(VOTINGS["A"], policy=replace(SEALED, accuracy=10**18)),
}
NAMES: Votings = {**VOTINGS, **ALTERED}

# first (the voting id's remainder by 120), seconds left by worker, who was the fastest
FASTEST: dict[str, tuple[int, dict[int, int], int | None]] = {
    "nobody": (0, {}, None),
    "alone": (5, {3: 10}, 3),
    "the most seconds left": (0, {0: 10, 1: 30, 2: 20}, 1),
    "no seconds left": (1, {0: 0, 1: 1}, 1),
    "more than 65,535 seconds left are 65,535": (2, {0: 65_535, 1: 65_535}, 0),
    "a tie, from the first index": (0, {0: 30, 1: 30, 2: 30}, 0),
    "a tie, at the id's own index": (1, {0: 30, 1: 30, 2: 30}, 1),
    "a tie, after the id's own index": (2, {0: 30, 1: 30, 7: 30}, 7),
    "a tie, beyond the last index": (3, {0: 30, 1: 30, 2: 30}, 0),
    "a tie, from the highest index": (119, {0: 30, 118: 30, 119: 30}, 119),
    "a tie, round the highest index": (119, {0: 30, 118: 30}, 0),
    "a tie, up to the highest index": (1, {0: 30, 119: 30}, 119),
    "a tie of some": (2, {0: 30, 1: 30, 2: 29, 3: 28}, 0),
}
WRONG: dict[str, tuple[int, dict[int, int], int]] = {
    "the least seconds left": (0, {0: 10, 1: 30, 2: 20}, 0),
    "the lowest index of a tie": (1, {0: 30, 1: 30, 2: 30}, 0),
    "the highest index of a tie": (0, {0: 30, 1: 30, 2: 30}, 2),
    "the index before the id's own": (119, {0: 30, 118: 30}, 118),
    "the id's own index with less time": (2, {0: 30, 1: 30, 2: 29}, 2),
    "a number read as signed": (0, {0: 32_768, 1: 32_767}, 1),
    "the count of members instead of 120": (4, {0: 30, 1: 30, 2: 30}, 1),
}


def add_earnings(file: VectorFile) -> None:
    """Who was the fastest, and what votings and periods earn."""
    for name, (first, left, worker) in FASTEST.items():
        given = _sealed(first, left)
        assert earnings.fastest(**given) == worker, name
        file.good(name, "fastest", worker, **given)
    for name, (first, left, claimed) in WRONG.items():
        file.bad(name, "fastest", "Mismatch", **_sealed(first, left), claimed=claimed)
    for name, worker in (("A", 0), ("A", 1), ("A", 2), ("report", 1), ("plurality", 0), ("open", 0)):
        voting = NAMES[name]
        gives = earnings.of_voting(voting, worker)
        file.good(f"worker {worker} of {name}", "of_voting", gives, voting=voting_json(voting), worker=worker)
    sound = voting_json(NAMES["A"])
    contradictions: dict[str, dict[str, Json]] = {
        "accurate and no member": {"accurate": 0b1011},
        "a voter that is not accurate": {"accurate": 0b001},
        "accurate without a seal": {"seals": {0: stored(0, 60)}},
        "a seal of 31 bytes": {"seals": {0: stored(0, 60), 1: stored(1, 59)[1:]}},
    }
    for name, change in contradictions.items():
        file.bad(name, "of_voting", "FactError", voting=sound | written(change), worker=0)
    for name, (voting_name, worker, claimed) in {
        "accuracy of who was outvoted": ("A", 2, 100),
        "speed of the second": ("A", 1, 150),
        "speed by report": ("report", 1, 150),
        "accuracy by plurality": ("plurality", 0, 100),
    }.items():
        given = {"voting": voting_json(NAMES[voting_name]), "worker": worker, "claimed": claimed}
        file.bad(name, "of_voting", "Mismatch", **given)
    lived = Period(eligible=0b0111, checked_in=0b1001, taken=0b0110, missed=0b0100)
    amounts = Amounts(base=1000, consistency=300)
    given = {"period": asdict(lived), "amounts": asdict(amounts)}
    for name, worker in {
        "checked in": 0,
        "taken, none missed": 1,
        "taken and missed": 2,
        "checked in, enrolled too late": 3,
        "neither": 4,
    }.items():
        gives = earnings.of_period(lived, amounts, worker)
        file.good(f"a period: {name}", "of_period", gives, **given, worker=worker)
    for name, (worker, claimed) in {
        "base though enrolled too late": (3, 1000),
        "consistency though one was missed": (2, 1300),
        "consistency for presence": (0, 1300),
    }.items():
        file.bad(name, "of_period", "Mismatch", **given, worker=worker, claimed=claimed)


def voting_json(voting: ClosedVoting) -> dict[str, Json]:
    """A closed voting as the vectors give it."""
    parts = {"record": asdict(voting.record), "policy": asdict(voting.policy)}
    given: dict[str, Json] = written(parts | {"accurate": voting.accurate, "seals": voting.seals})
    return given


def _sealed(first: int, left: dict[int, int]) -> dict[str, Any]:
    seals = {worker: stored(worker, seconds) for worker, seconds in left.items()}
    return {
        "voting_id": id_with_first(first),
        "accurate": sum(1 << worker for worker in left),
        "seals": seals,
    }
