"""What worknet promises, each promise audited over a finished simulation by one who trusts no worker's word.

A promise holds as long as what it assumes does; where it is broken, the violation says whether the faults
were more than the protocol assumes, or whether worknet itself is at fault. Pure: a history in, violations
out.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from worknet.chain import events
from worknet.protocol.ballots import without_time
from worknet.protocol.voting import FAILOVER_ATTEMPT, ORDINARY_ATTEMPTS, Attempt, Recorded, State
from worknet.protocol.words import Ballots, Fallback, How
from worknet.testing.faults import Role
from worknet.testing.history import History, VotingHistory, WorkerHistory
from worknet.workflow.evidence import When

SKEW_PART = 4
LATE_PART = 16
"""A worker whose clock is off by more than this part of a window is promised nothing about it; for a late
worker, which leaves itself less time, the second."""

_PAID_FOR_WRONG = "rewards go by what is recorded, and a wrong result is"

OPENING_SECONDS = 15
"""So long before the time is over a worker must see, and have confirmed, that an attempt may open: its ballot
needs a block."""

HANDLING_SECONDS = 20
"""So long after the contract told a voting's end, and its skew, a worker that is there has handled it."""


@dataclass(frozen=True)
class Violation:
    """A promise that was broken: what happened, and where. `because` says what the faults were that no
    network of this size and policy withstands; empty if worknet is at fault."""

    promise: str
    what: str
    voting_id: bytes = b""
    attempt: int = 0
    worker: int | None = None
    because: str = ""


Found: TypeAlias = Iterator[Violation]


@dataclass(frozen=True)
class Promise:
    """A promise by its name, in a sentence, and the audit of it."""

    name: str
    sentence: str
    audit: Callable[[History], Found]


PROMISES: list[Promise] = []
"""All promises, in the order in which they are told."""


def audit(history: History) -> list[Violation]:
    """Every promise that was broken, in the order of the promises."""
    return [
        replace(violation, promise=promise.name)
        for promise in PROMISES
        for violation in promise.audit(history)
    ]


def _promise(name: str, sentence: str) -> Callable[[Callable[[History], Found]], Callable[[History], Found]]:
    def add(check: Callable[[History], Found]) -> Callable[[History], Found]:
        PROMISES.append(Promise(name, sentence, check))
        return check

    return add


def _broken(
    what: str,
    voting: VotingHistory | None = None,
    attempt: Attempt | None = None,
    worker: WorkerHistory | None = None,
    because: str = "",
) -> Violation:
    return Violation(
        "",
        what,
        voting.voting_id if voting else b"",
        attempt.number if attempt else 0,
        worker.index if worker else None,
        because,
    )


@_promise("honest result", "What is recorded is what some honest worker computed.")
def honest_result(history: History) -> Found:
    for voting in history.votings:
        recorded = voting.voting.recorded
        if recorded is None:
            continue
        place = (voting.voting_id, recorded.attempt)
        kept = (worker.kept.get(place) for worker in history.workers if worker.role.computes)
        if recorded.pair in {ballot.pair for ballot in kept if ballot is not None}:
            continue
        attempt = voting.voting.current
        votes = attempt.voters(recorded.pair).bit_count()
        what = (
            f"a result that no honest worker computed is recorded by {recorded.how.name.lower()}: {votes} of "
        )
        what += f"{attempt.n} voted for it"
        yield _broken(what, voting, attempt, because=_too_many(history, attempt, recorded))


@_promise("one record", "A voting has one record at the most, and the contract keeps the one that it told.")
def one_record(history: History) -> Found:
    for voting in history.votings:
        told = [seen for seen in voting.events if isinstance(seen.event, events.Recorded)]
        if len(told) > 1:
            yield _broken(f"{len(told)} records were told", voting)
        if (voting.leaf is not None) != bool(told) or bool(told) != (voting.voting.recorded is not None):
            yield _broken("the contract's record is not what it told", voting)


@_promise("one ballot", "A worker has one ballot in an attempt, whatever it tries.")
def one_ballot(history: History) -> Found:
    for voting in history.votings:
        counted: Counter[tuple[str, int, int]] = Counter()
        for seen in voting.events:
            counted.update(_ballots_of(seen.event))
        for (kind, number, worker), times in counted.items():
            if times > 1:
                what = f"{times} ballots of one worker were {kind}"
                yield _broken(what, voting, voting.voting.attempt(number), history.workers[worker])


@_promise("no ballot lost", "The ballot of an honest worker that is there is counted, as its journal has it.")
def no_ballot_lost(history: History) -> Found:
    for voting in history.votings:
        for attempt in voting.voting.attempts:
            for worker in _dependable(history, attempt):
                if worker.index not in attempt.ballots and not attempt.participants >> worker.index & 1:
                    yield _broken("the ballot was not counted", voting, attempt, worker)
            for worker in history.members(attempt):
                ballot = attempt.ballots.get(worker.index)
                kept = worker.kept.get((voting.voting_id, attempt.number))
                if worker.role.computes and ballot and (kept is None or kept.pair != ballot):
                    yield _broken("the ballot on chain is not the journal's", voting, attempt, worker)


@_promise("salt on disk", "The salt of an honest worker's seal is in its journal, so that no crash loses it.")
def salt_on_disk(history: History) -> Found:
    for voting in history.votings:
        for attempt in voting.voting.attempts:
            for worker in history.members(attempt):
                sealed = attempt.seals.get(worker.index)
                kept = worker.kept.get((voting.voting_id, attempt.number))
                if not worker.role.computes or sealed is None:
                    continue
                if kept is None or kept.seal != without_time(sealed.seal):
                    yield _broken("the journal cannot open the seal", voting, attempt, worker)


@_promise("copies stay shut", "A seal that was copied from another worker is never opened.")
def copies_stay_shut(history: History) -> Found:
    for voting in history.votings:
        for attempt in voting.voting.attempts:
            seals = {index: without_time(sealed.seal) for index, sealed in attempt.seals.items()}
            times = Counter(seals.values())
            for index in attempt.ballots:
                is_copy = history.workers[index].role is Role.COPY
                if is_copy and index in seals and times[seals[index]] > 1:
                    what = "a seal that was copied from another worker was opened"
                    yield _broken(what, voting, attempt, history.workers[index])


@_promise(
    "consensus in time", "Where enough honest workers are there, an attempt has a result, the first too."
)
def consensus_in_time(history: History) -> Found:
    for voting in history.votings:
        recorded = voting.voting.recorded
        by_votes = recorded is not None and recorded.how is not How.PLURALITY
        for attempt in voting.voting.attempts:
            there = _dependable(history, attempt)
            if by_votes and recorded is not None and recorded.attempt == attempt.number:
                continue
            if len(there) >= attempt.needed and history.now >= attempt.end:
                what = f"{len(there)} honest workers were there, {attempt.needed} are enough: no consensus"
                yield _broken(what, voting, attempt)


@_promise(
    "no result without reason", "A voting without a result had no honest workers to open or to lead it."
)
def reason_for_no_result(history: History) -> Found:
    for voting in history.votings:
        if voting.voting.recorded is not None:
            continue
        for number, members, start, end in _unopened(history, voting):
            there = [
                worker
                for worker in history.dependable(members, start, end)
                if start + worker.behind + history.confirming + OPENING_SECONDS <= end
            ]
            if there:
                yield _broken(
                    f"attempt {number} never opened, and {len(there)} honest workers were there", voting
                )
        state = voting.voting.state
        ends = {State.UNRESOLVED, State.NONE}
        # What the workflow's own handler does not settle stays so.
        ends |= {State.SETTLING} if When.PLURALITY in history.handlers else set()
        if state not in ends or voting.voting_id in history.unfinished:
            yield _broken(f"the voting came to no end: it is {state.name.lower()}", voting)


@_promise("evidence kept", "An honest worker keeps what stands behind its ballots, of every attempt.")
def evidence_kept(history: History) -> Found:
    for voting in history.votings:
        for attempt in voting.voting.attempts:
            for worker in history.members(attempt):
                if not worker.role.computes or not _has_voted(attempt, worker.index):
                    continue
                kept = worker.kept.get((voting.voting_id, attempt.number))
                if kept is None or kept.input_root is None:
                    yield _broken("the journal holds no rows", voting, attempt, worker)
                elif kept.input_root != kept.pair.input_root:
                    yield _broken("the rows do not make the input root", voting, attempt, worker)


@_promise(
    "handled once", "What the protocol leaves to a workflow's handlers each honest worker asks them once."
)
def handled_once(history: History) -> Found:
    for voting in history.votings:
        for worker in history.workers:
            if not worker.role.computes:
                continue
            times = Counter(when for when, _ in worker.handled.get(voting.voting_id, ()))
            for when, count in times.items():
                if count > 1:
                    yield _broken(f"the moment {when.value} was handled {count} times", voting, worker=worker)
            if _must_have_handled(history, voting, worker) and not times[When.UNRESOLVED]:
                yield _broken("that the voting is unresolved was not handled", voting, worker=worker)


@_promise(
    "rewards by the rules", "Rewards are what the rules say, paid once, and none for what was not computed."
)
def rewards_by_the_rules(history: History) -> Found:
    paid = sum(worker.claim.paid for worker in history.workers)
    if paid > history.funded:
        yield _broken(f"{paid} wei were paid, and {history.funded} were there")
    cheated = any(True for _ in honest_result(history))
    idle = {Role.SILENT, Role.WRONG, Role.COPY, Role.WITHHOLD}
    for worker in history.workers:
        claim = worker.claim
        if claim.earned != claim.by_rules:
            what = f"the contract counts {claim.earned} wei, by the rules it is {claim.by_rules}"
            yield _broken(what, worker=worker)
        if claim.paid > claim.earned:
            yield _broken(f"{claim.paid} wei were paid for {claim.earned} earned", worker=worker)
        if worker.role in idle and claim.earned:
            what = f"a worker that is {worker.role.value} was rewarded"
            yield _broken(what, worker=worker, because=_PAID_FOR_WRONG if cheated else "")


@_promise("provable log", "The log's root is that of its records, and their evidence verifies.")
def provable_log(history: History) -> Found:
    for fault in history.log_faults:
        yield _broken(fault)


@_promise("one chain for all", "Every honest worker's index tells of the chain what the chain tells.")
def one_chain_for_all(history: History) -> Found:
    for worker in history.workers:
        if worker.role.computes and worker.strays:
            yield _broken(worker.strays, worker=worker)


def _ballots_of(event: events.Event) -> list[tuple[str, int, int]]:
    """What an event does to ballots: in what way, in which attempt, whose."""
    match event:
        case events.Cast(place=place):
            return [("cast", place.attempt, place.worker)]
        case events.Sealed(place=place):
            return [("sealed", place.attempt, place.worker)]
        case events.SealsBrought(place=place):
            return [("sealed", place.attempt, worker) for worker in event.by_worker]
        case events.Revealed(place=place):
            workers = (index for index in range(event.workers.bit_length()) if event.workers >> index & 1)
            return [("opened", place.attempt, worker) for worker in workers]
    return []


def _dependable(history: History, attempt: Attempt) -> list[WorkerHistory]:
    """The members that must have a ballot in an attempt: honest, and there from its opening to its end."""
    policy = history.policy
    window = policy.cast_window
    if policy.ballots is Ballots.SEALED:
        window = min(window, policy.reveal_window)
    found = history.dependable(attempt.members, attempt.opened, attempt.end)
    parts = {Role.LATE: LATE_PART}
    left = window - history.confirming
    return [each for each in found if history.skew * parts.get(each.role, SKEW_PART) <= left]


def _has_voted(attempt: Attempt, worker: int) -> bool:
    return worker in attempt.ballots or worker in attempt.seals


def _too_many(history: History, attempt: Attempt, recorded: Recorded) -> str:
    """Why no network of this size withstands a wrong record in an attempt; empty where it should have."""
    members = history.members(attempt)
    liars = [worker for worker in members if attempt.ballots.get(worker.index) == recorded.pair]
    if not all(worker.role.is_malicious for worker in liars):
        return ""
    if len(liars) >= attempt.needed:
        told = f"{len(liars)} of {len(members)} members lie alike, and {attempt.needed} equal ballots make a"
        return f"{told} result: the protocol protects against fewer than that"
    if recorded.how is How.PLURALITY:
        honest = sum(worker.role.computes and worker.index in attempt.ballots for worker in members)
        told = (
            f"of the honest members only {honest} had a ballot counted, and the most ballots are a plurality"
        )
        return f"{told}: under a fallback without plurality nothing would be recorded"
    return ""


def _unopened(history: History, voting: VotingHistory) -> Iterator[tuple[int, int, int, int]]:
    """The attempts up to 3 that never opened though they might: number, who could open it, from, until."""
    policy, attempts = history.policy, voting.voting.attempts
    if not attempts:
        yield 1, history.active, voting.due, voting.due + policy.max_age if policy.max_age else history.now
        return
    first, since = attempts[0], attempts[0].end
    if len(attempts) == 1 or attempts[1].number != ORDINARY_ATTEMPTS:
        yield ORDINARY_ATTEMPTS, first.members, since, since + policy.stall
        since += policy.stall
    else:
        since = attempts[1].end
    fails_over = policy.fallback in {Fallback.FAILOVER, Fallback.FAILOVER_THEN_PLURALITY}
    if fails_over and attempts[-1].number != FAILOVER_ATTEMPT and When.FAILOVER not in history.handlers:
        yield FAILOVER_ATTEMPT, first.members | first.standbys, since, since + policy.stall


def _must_have_handled(history: History, voting: VotingHistory, worker: WorkerHistory) -> bool:
    """Whether the worker was there when the voting ended without a result, and long enough after that.

    Who is late may handle it late.
    """
    told = [seen.time for seen in voting.events if isinstance(seen.event, events.Unresolved)]
    if not told or voting.voting.state is not State.UNRESOLVED or worker.role is Role.LATE:
        return False
    if not (voting.voting.attempts and voting.voting.current.is_member(worker.index)):
        return False
    until = told[-1] + HANDLING_SECONDS + history.skew
    return until <= history.now and worker.is_there(voting.voting.ended, until)
