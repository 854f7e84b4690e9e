"""Made-up histories of a simulation, in which all promises are kept: tests break one at a time."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

from worknet.chain import events
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Fact, Opened, Recorded, Revealed, Sealed, State, Voting
from worknet.protocol.voting_rules import fold
from worknet.protocol.words import Ballots, Fallback, How
from worknet.testing.faults import Role
from worknet.testing.history import Claim, History, Kept, Seen, VotingHistory, WorkerHistory

VOTING = b"\x11" * 32
OPENED = 1_700_000_000
END = OPENED + 5_000
HONEST = Pair(b"\x01" * 32, b"\x02" * 32)
FALSE = Pair(b"\x01" * 32, b"\x03" * 32)


def a_policy(**changes: Any) -> Policy:
    settings: dict[str, Any] = {
        "bundle_digest": b"\x01" * 32,
        "data_key_epoch": 1,
        "data_key_commitment": b"\x02" * 32,
        "every": 3600,
        "delay": 0,
        "start": 0,
        "max_age": 0,
        "threshold_num": 0,
        "threshold_den": 1,
        "ballots": Ballots.SEALED,
        "cast_window": 300,
        "reveal_window": 300,
        "stall": 600,
        "fallback": Fallback.ALERT,
    }
    return Policy(**{**settings, **changes})


def a_seal(worker: int, attempt: int = 1) -> bytes:
    return sha256(bytes([worker, attempt])).digest()[:30] + bytes(2)


def seen(fact: Fact) -> Seen:
    """The event with which the contract tells a fact."""
    match fact:
        case Opened():
            event: events.Event = events.Opened(
                VOTING, b"w", b"t", fact.attempt, 1, fact.members, fact.n, fact.needed
            )
        case Sealed():
            event = events.Sealed(VOTING, Place(fact.attempt, 1, fact.worker), fact.seal)
        case Revealed():
            event = events.Revealed(VOTING, Place(fact.attempt, 1), fact.pair, fact.workers)
        case _:
            raise AssertionError(fact)
    return Seen(fact.time, event)


def attempt(policy: Policy, number: int, opened: int, pairs: dict[int, Pair], workers: int = 3) -> list[Fact]:
    """The facts of an attempt in which these workers seal, and open these pairs."""
    facts: list[Fact] = [
        Opened(opened, number, 1, (1 << workers) - 1, workers, policy.needed(workers)),
        *(Sealed(opened + 5, number, worker, a_seal(worker, number)) for worker in pairs),
    ]
    reveals = opened + (10 if len(pairs) == workers else policy.cast_window + 10)
    return facts + [Revealed(reveals, number, pair, 1 << worker) for worker, pair in pairs.items()]


def a_history(
    *attempts: dict[int, Pair], roles: tuple[Role, ...] = (Role.HONEST,) * 3, **policy: Any
) -> History:
    """A history of one voting with these attempts, by the ballots that were counted in each."""
    rules = a_policy(**policy)
    facts: list[Fact] = []
    opened = OPENED
    for number, pairs in enumerate(attempts, start=1):
        facts += attempt(rules, number, opened, pairs, len(roles))
        opened += rules.cast_window + rules.reveal_window + 60
    voting = fold({1: rules}, facts, END)
    told = [seen(fact) for fact in facts]
    if voting.recorded is not None:
        told.append(recorded(voting.recorded))
    if voting.state is State.UNRESOLVED:
        told.append(Seen(voting.ended, events.Unresolved(VOTING, voting.ended)))
    kept = {
        worker: {
            (VOTING, number): Kept(HONEST, a_seal(worker, number), HONEST.input_root)
            for number in range(1, len(attempts) + 1)
        }
        for worker, role in enumerate(roles)
        if role.computes
    }
    return History(
        policy=rules,
        votings=(a_voting(voting, tuple(told)),),
        workers=tuple(WorkerHistory(index, role, kept.get(index, {})) for index, role in enumerate(roles)),
        active=(1 << len(roles)) - 1,
        now=END,
    )


def a_voting(voting: Voting, told: tuple[Seen, ...] = ()) -> VotingHistory:
    leaf = b"\x99" * 32 if voting.recorded else None
    return VotingHistory(VOTING, Slot(3600, OPENED // 3600 - 1), OPENED - 60, voting, told, leaf)


def recorded(record: Recorded) -> Seen:
    return Seen(
        record.time, events.Recorded(VOTING, 0, record.attempt, record.pair, record.voters, How.QUORUM)
    )


def with_worker(history: History, index: int, **changes: Any) -> History:
    """The history with another past of one worker."""
    workers = list(history.workers)
    workers[index] = replace(workers[index], **changes)
    return replace(history, workers=tuple(workers))


def with_voting(history: History, **changes: Any) -> History:
    """The history with another past of its voting."""
    return replace(history, votings=(replace(history.votings[0], **changes),))


def earned(history: History, index: int, by_rules: int, counted: int, paid: int) -> History:
    return with_worker(history, index, claim=Claim(by_rules, counted, paid))
