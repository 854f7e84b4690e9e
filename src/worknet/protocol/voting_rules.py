"""What each fact does to a voting, and which facts the rules refuse (section 6).

`apply` applies one fact: first the time that has passed until then, then itself; `fold` a list of them. The
checks stand in the contract's order, so that both refuse for the same reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from worknet.protocol.ballots import Pair
from worknet.protocol.policy import Policy
from worknet.protocol.voting import (
    FAILOVER_ATTEMPT,
    MAX_ATTEMPT,
    ORDINARY_ATTEMPTS,
    Attempt,
    Cast,
    Fact,
    FactError,
    Opened,
    Recorded,
    Reopened,
    Reported,
    Revealed,
    Sealed,
    Settled,
    State,
    Voting,
    VotingError,
)
from worknet.protocol.voting_time import at
from worknet.protocol.words import MAX_WORKERS, MIN_WORKERS, Ballots, How


def fold(policies: Mapping[int, Policy], facts: Iterable[Fact], now: int | None = None) -> Voting:
    """The voting after these facts, in their order on chain, and at the time `now` if it is given.

    `policies` are all of the workflow, by version. Raises what `apply` raises.
    """
    voting = Voting(policies)
    for fact in facts:
        voting = apply(voting, fact)
    return voting if now is None else at(voting, now)


def apply(voting: Voting, fact: Fact) -> Voting:
    """The voting after a fact, at the fact's time.

    Raises `VotingError` if the rules refuse it, `FactError` if no contract can have told it.
    """
    voting = at(voting, fact.time)
    match fact:
        case Opened():
            after = _opened(voting, fact)
        case Cast():
            after = _cast(voting, fact)
        case Sealed():
            after = _sealed(voting, fact)
        case Revealed():
            after = _revealed(voting, fact)
        case Reported():
            after = _reported(voting, fact)
        case Settled():
            after = _settled(voting, fact)
        case Reopened():
            after = _reopened(voting, fact)
    return at(after, fact.time)


def members_of_next(voting: Voting, active: int, enrolled: int) -> tuple[int, int]:
    """The members, and n, with which the next attempt would open.

    `active` and `enrolled` are who has that standing now. A removal never lowers n. Raises `VotingError` if
    no attempt may open.
    """
    if voting.next_attempt is None:
        raise VotingError("votings: other attempt")
    if _is_anew(voting.next_attempt):
        return active, active.bit_count()
    first = voting.attempts[0]
    standbys = first.standbys if voting.next_attempt == FAILOVER_ATTEMPT else 0
    members = (first.members | standbys) & enrolled
    return members, max(first.n, members.bit_count())


def _opened(voting: Voting, fact: Opened) -> Voting:
    _check_written(voting, fact.attempt)
    if fact.attempt != voting.next_attempt:
        raise VotingError("votings: other attempt")
    if _is_anew(fact.attempt):
        if fact.n < MIN_WORKERS:
            raise VotingError("votings: too few workers")
    elif fact.policy_version != voting.current.policy_version:
        raise VotingError("votings: other policy")
    policy = voting.policies.get(fact.policy_version)
    if policy is None:
        raise FactError(f"attempt {fact.attempt} names policy version {fact.policy_version}, never announced")
    _check_members(voting, fact, policy)
    cast_end = fact.time + policy.cast_window
    attempt = Attempt(
        number=fact.attempt,
        opened=fact.time,
        policy_version=fact.policy_version,
        members=fact.members,
        standbys=fact.standbys,
        n=fact.n,
        needed=fact.needed,
        cast_end=cast_end,
        end=_end_after(policy, cast_end),
    )
    attempts = (*voting.attempts, attempt)
    return replace(voting, attempts=attempts, state=State.CASTING, next_attempt=None, ended=0, stalls=0)


def _cast(voting: Voting, fact: Cast) -> Voting:
    """Counts an open ballot; at `needed` equal ones the voting is in consensus."""
    _check_written(voting, fact.attempt)
    attempt = _current(voting, fact.attempt)
    if voting.policy.ballots is not Ballots.OPEN:
        raise VotingError("votings: ballots are sealed")
    if voting.closed or voting.state not in {State.CASTING, State.CONSENSUS}:
        raise VotingError("votings: not casting")
    _check_member(attempt, fact.worker, attempt.ballots)
    attempt = replace(attempt, ballots={**attempt.ballots, fact.worker: fact.pair})
    if not attempt.missing():
        attempt = replace(attempt, cast_end=fact.time, end=fact.time)
    return _tallied(_with(voting, attempt), fact.pair, fact.time)


def _sealed(voting: Voting, fact: Sealed) -> Voting:
    """Stores a seal; when every member has sealed, revealing starts."""
    _check_written(voting, fact.attempt)
    attempt = _current(voting, fact.attempt)
    if voting.policy.ballots is not Ballots.SEALED:
        raise VotingError("votings: ballots are open")
    if voting.state is not State.CASTING:
        raise VotingError("votings: not casting")
    _check_member(attempt, fact.worker, attempt.seals)
    attempt = replace(attempt, seals={**attempt.seals, fact.worker: fact})
    if len(attempt.seals) == attempt.members.bit_count():
        attempt = replace(attempt, cast_end=fact.time, end=_end_after(voting.policy, fact.time))
    return _with(voting, attempt)


def _revealed(voting: Voting, fact: Revealed) -> Voting:
    """Counts a batch of opened seals for one pair, whole, then tallies it once."""
    if voting.is_record_only:
        raise VotingError("votings: not open")
    attempt = _current(voting, fact.attempt)
    if voting.policy.ballots is not Ballots.SEALED:
        raise VotingError("votings: ballots are open")
    if voting.closed or voting.state not in {State.REVEALING, State.CONSENSUS}:
        raise VotingError("votings: not revealing")
    if not fact.workers or fact.workers & ~attempt.unrevealed():
        raise VotingError("votings: nothing to reveal")
    workers = [worker for worker in attempt.seals if fact.workers >> worker & 1]
    attempt = replace(attempt, ballots={**attempt.ballots, **dict.fromkeys(workers, fact.pair)})
    if not attempt.unrevealed():
        attempt = replace(attempt, end=fact.time)
    return _tallied(_with(voting, attempt), fact.pair, fact.time)


def _reported(voting: Voting, fact: Reported) -> Voting:
    """Records the report's pair; with all members in it, or none outside it to reveal, that closes it."""
    _check_written(voting, fact.attempt)
    attempt = _current(voting, fact.attempt)
    if voting.recorded is not None:
        raise VotingError("votings: already recorded")
    if voting.state not in {State.CASTING, State.REVEALING}:
        raise VotingError("votings: not casting")
    if fact.participants & ~attempt.members:
        raise VotingError("votings: participant not member")
    if fact.voters & ~fact.participants:
        raise VotingError("votings: voter not participant")
    if fact.signers & ~fact.voters:
        raise VotingError("votings: signer not voter")
    if fact.signers.bit_count() < attempt.needed:
        raise VotingError("votings: too few signatures")
    if fact.participants != attempt.members and voting.state is not State.REVEALING:
        raise VotingError("votings: cast window not over")
    if any(fact.voters >> worker & 1 and pair != fact.pair for worker, pair in attempt.ballots.items()):
        raise VotingError("votings: voter of other pair")
    attempt = replace(attempt, report=fact)
    if not attempt.unrevealed():
        attempt = replace(attempt, cast_end=min(attempt.cast_end, fact.time), end=fact.time)
    voters = fact.voters | attempt.voters(fact.pair)
    return _recorded(_with(voting, attempt), State.CONSENSUS, fact.pair, voters, How.REPORT, fact.time)


def _settled(voting: Voting, fact: Settled) -> Voting:
    if voting.state is not State.SETTLING:
        raise VotingError("votings: not settling")
    if fact.pair != voting.current.leading():
        raise VotingError("votings: not the leading pair")
    voters = voting.current.voters(fact.pair)
    settled = _recorded(voting, State.SETTLED, fact.pair, voters, How.PLURALITY, fact.time)
    return replace(settled, ended=0, closed=True)


def _reopened(voting: Voting, fact: Reopened) -> Voting:
    """Waits for one more attempt; what a slot has to be that never opened, only the contract knows."""
    if voting.is_record_only:
        raise VotingError("votings: already recorded")
    if voting.state not in {State.NONE, State.UNRESOLVED}:
        raise VotingError("votings: not unresolved")
    last = voting.current.number if voting.attempts else 0
    number = max(last, FAILOVER_ATTEMPT) + 1
    if number > MAX_ATTEMPT:
        raise VotingError("votings: too many attempts")
    # Which version governs a slot that never opened, the voting does not know: one of them.
    policies = [voting.policy] if voting.attempts else voting.policies.values()
    untils = {fact.time + max(policy.stall, policy.cast_window) for policy in policies}
    if fact.attempt != number or fact.until not in untils:
        raise FactError(f"reopened for attempt {fact.attempt} until {fact.until}, which no policy gives")
    return replace(voting, state=State.PENDING, next_attempt=number, ended=fact.time, stalls=fact.until)


def _is_anew(attempt: int) -> bool:
    """Whether an attempt opens with the active workers of its own opening, and under its own version."""
    return not ORDINARY_ATTEMPTS <= attempt <= FAILOVER_ATTEMPT


def _check_members(voting: Voting, fact: Opened, policy: Policy) -> None:
    """Members only from attempt 1's opening, its n, needed as the policy says: the rest is the contract's."""
    if fact.members >> MAX_WORKERS:
        raise FactError(f"a network has {MAX_WORKERS} workers, attempt {fact.attempt} another one")
    if not fact.members:
        raise FactError(f"attempt {fact.attempt} has no members, and only a member's ballot opens it")
    members, n = members_of_next(voting, fact.members, fact.members)
    if members != fact.members:
        raise FactError(f"attempt {fact.attempt} has members that attempt 1 could not give it")
    if fact.n != n:
        raise FactError(f"attempt {fact.attempt} has n {fact.n}, by its members it is {n}")
    needed = policy.needed(n)
    if fact.needed != needed:
        raise FactError(f"attempt {fact.attempt} needs {fact.needed} of {n}, by the policy {needed}")


def _check_written(voting: Voting, attempt: int) -> None:
    """A report on an unopened voting writes only its record: what names attempt 1 still wants to open it."""
    if attempt == 1 and voting.is_record_only:
        raise VotingError("votings: already recorded")


def _current(voting: Voting, attempt: int) -> Attempt:
    if voting.state is State.NONE:
        raise VotingError("votings: not open")
    if not voting.attempts or voting.current.number != attempt:
        raise VotingError("votings: other attempt")
    return voting.current


def _check_member(attempt: Attempt, worker: int, done: Mapping[int, object]) -> None:
    if not attempt.is_member(worker):
        raise VotingError("votings: not a member")
    if worker in done:
        raise VotingError("votings: already cast")


def _tallied(voting: Voting, pair: Pair, now: int) -> Voting:
    voters = voting.current.voters(pair)
    if voting.recorded is not None or voters.bit_count() < voting.current.needed:
        return voting
    return _recorded(voting, State.CONSENSUS, pair, voters, How.QUORUM, now)


def _recorded(voting: Voting, state: State, pair: Pair, voters: int, how: How, now: int) -> Voting:
    return replace(voting, recorded=Recorded(voting.current.number, pair, voters, how, now), state=state)


def _with(voting: Voting, attempt: Attempt) -> Voting:
    return replace(voting, attempts=(*voting.attempts[:-1], attempt))


def _end_after(policy: Policy, cast_end: int) -> int:
    return cast_end + (policy.reveal_window if policy.ballots is Ballots.SEALED else 0)
