"""From facts to reasons: why a voting came to what it came to, as far as it is known. Pure.

First what concerns the voting as a whole, then attempt by attempt what the chain tells, then what this
worker knows of its own ballots. What is equal in several attempts is told once.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from worknet.node.causes import Cause
from worknet.node.explaining.attempts import AttemptView, Group, Lack, attempts_of, workers_of
from worknet.node.explaining.comparing import reasons_of_compared
from worknet.node.explaining.finding import Finding, Reason
from worknet.node.explaining.known import Known, Own
from worknet.node.explaining.words import act_text, and_list, moment, people, plural
from worknet.protocol.voting import FAILOVER_ATTEMPT, ORDINARY_ATTEMPTS, Part, State, Voting
from worknet.protocol.words import Fallback
from worknet.workflow import StartFailover, When

FIRST_LINES, LAST_LINES = 3, 5
"""How much is shown of what a failed workflow said: its message, and where a traceback ends."""

_FAILOVER = (Fallback.FAILOVER, Fallback.FAILOVER_THEN_PLURALITY)
_PLURALITY = (Fallback.PLURALITY, Fallback.FAILOVER_THEN_PLURALITY)


def reasons_of(known: Known) -> tuple[Reason, ...]:
    """All reasons, the most general first."""
    views = attempts_of(known.voting, known.now)
    found = [*_of_voting(known)]
    me = None if known.own is None else known.own.me
    for view in views:
        if view.over or view.recorded:
            found += [*_of_attempt(view, known.own), *_absences(view, me)]
    if known.own is not None:
        found += _of_own(known, known.own, views)
    found += reasons_of_compared(known.compared)
    return tuple(_merged(found))


def unopened(known: Known) -> int | None:
    """The attempt that was due and that nobody opened in time; None if there is none, or it still may."""
    voting = known.voting
    if voting.state in {State.NONE, State.PENDING, State.CASTING, State.REVEALING} or voting.recorded:
        return None
    last = voting.attempts[-1].number if voting.attempts else 0
    if any(number > last for number in known.reopened):
        return max(known.reopened)
    if not voting.attempts:
        return None
    fallback = voting.policies[voting.attempts[-1].policy_version].fallback
    if last < ORDINARY_ATTEMPTS and fallback not in _FAILOVER:
        return ORDINARY_ATTEMPTS
    if last < FAILOVER_ATTEMPT and fallback in _FAILOVER:
        return FAILOVER_ATTEMPT
    return None


def _of_voting(known: Known) -> Iterator[Reason]:
    voting = known.voting
    if voting.state is State.NONE:
        yield from _of_unopened(known)
        return
    stalled = unopened(known)
    if stalled is not None:
        yield Reason(Finding.STALLED, (stalled,), _stalled_text(voting, stalled))
    if voting.state is State.SETTLED and voting.recorded is not None:
        voters = workers_of(voting.recorded.voters)
        text = f"no attempt had enough equal ballots; the pair of {people(voters)} led, and was recorded"
        yield Reason(Finding.PLURALITY, (voting.recorded.attempt,), text, voters)
    if voting.state is State.UNRESOLVED and _wanted_plurality(voting):
        yield Reason(Finding.NO_PLURALITY, (voting.current.number,), _no_plurality(voting))


def _of_unopened(known: Known) -> Iterator[Reason]:
    policy = known.voting.policies.get(known.policy_version)
    if policy is None:
        return
    due = known.due or 0
    if known.now < due:
        return
    if policy.max_age and due and known.now > due + policy.max_age:
        text = f"it could open until {moment(due + policy.max_age)}, and nobody cast a ballot until then"
        yield Reason(Finding.TOO_OLD, (), text)
        return
    since = f" since it was due at {moment(due)}" if due else ""
    yield Reason(Finding.NEVER_OPENED, (), f"nobody has cast a ballot{since}")
    if known.is_paused:
        yield Reason(Finding.PAUSED, (), "the owner has paused the opening of votings")


def _stalled_text(voting: Voting, number: int) -> str:
    if number > FAILOVER_ATTEMPT:
        return f"the owner had allowed attempt {number}, and nobody opened it in time"
    stall = voting.policy.stall
    after = f"within {plural(stall, 'second')}" if stall else "for the policy leaves it no time (stall 0)"
    before = (
        "attempt 2 or its successor" if voting.current.number == 1 and number == 3 else "attempt before it"
    )
    return f"attempt {number} was due when the {before} was over, and nobody opened it {after}"


def _wanted_plurality(voting: Voting) -> bool:
    """Whether a plurality was looked for: what the owner reopened ends without."""
    has_failed = voting.attempts and voting.current.number <= FAILOVER_ATTEMPT
    return bool(has_failed) and voting.policy.fallback in _PLURALITY


def _no_plurality(voting: Voting) -> str:
    attempt = voting.current
    counts = sorted((voters.bit_count() for voters in attempt.tally().values()), reverse=True)
    if len(attempt.ballots) < attempt.needed:
        return f"a plurality needs {attempt.needed} counted ballots, and there were {len(attempt.ballots)}"
    if len(counts) > 1 and counts[0] == counts[1]:
        return f"two pairs lead with {plural(counts[0], 'ballot')} each, and one alone must lead"
    ballots = f"{plural(counts[0], 'ballot')} of {attempt.n}"
    return f"the leading pair has {ballots}; it must have at least 2 and more than a third"


def _of_attempt(view: AttemptView, own: Own | None) -> Iterator[Reason]:
    at = (view.number,)
    if not view.recorded and len(view.members) < view.needed:
        left = f"{plural(len(view.members), 'member')} of {view.n} still enrolled"
        text = f"{left}, {view.needed} equal ballots needed"
        yield Reason(Finding.MEMBERS_GONE, at, text, view.members)
    elif not view.recorded and view.counted < view.needed:
        text = f"{plural(view.counted, 'ballot')} of {view.n} counted, {view.needed} equal ones needed"
        yield Reason(Finding.TOO_FEW, at, text)
    tables = [table for ballot in own.ballots for table in ballot.tables] if own is not None else []
    yield from _disagreement(view, sorted({table.name for table in tables if not table.committed}))


def _absences(view: AttemptView, me: int | None) -> Iterator[Reason]:
    """Whose ballots are missing for good; of this worker itself more is known, and told apart."""
    at = (view.number,)
    if never := tuple(worker for worker in view.lacking(Lack.NEVER_CAST) if worker != me):
        text = f"{people(never)} sent nothing before the cast window ended"
        yield Reason(Finding.NEVER_CAST, at, text, never)
    if sealed := tuple(worker for worker in view.lacking(Lack.NOT_OPENED) if worker != me):
        text = f"{people(sealed)} sealed a ballot and did not reveal it before the reveal window ended"
        yield Reason(Finding.NOT_OPENED, at, text, sealed)
    for absence in view.missing:
        if absence.lack is Lack.COPIED and absence.same_as is not None:
            both = (absence.worker, absence.same_as)
            text = f"the seal of worker {both[0]} is that of worker {both[1]}, and only its maker can open it"
            yield Reason(Finding.COPIED_SEAL, at, text, both)


def _disagreement(view: AttemptView, uncommitted: Sequence[str]) -> Iterator[Reason]:
    """How the pairs of an attempt differ from each other; `uncommitted` are datasets that no root covers."""
    if len(view.groups) < 2:
        return
    by_inputs: dict[bytes, list[Group]] = {}
    for group in view.groups:
        by_inputs.setdefault(group.pair.input_root, []).append(group)
    alike = [groups for groups in by_inputs.values() if len(groups) > 1]
    voters = tuple(sorted(worker for group in view.groups for worker in group.workers))
    if len(by_inputs) > 1:
        named = and_list([_named(group) for group in view.groups])
        text = f"{named} voted on {'partly ' if alike else ''}different input data"
        if len({group.pair.result_root for group in view.groups}) < len(view.groups):
            text += "; some of them came to the same result all the same"
        yield Reason(Finding.INPUTS_DIFFER, (view.number,), text, voters)
    for groups in alike:
        named = and_list([_named(group) for group in groups])
        text = f"{named} read the same input data and computed different results"
        if uncommitted:
            text += f"; in no root, so perhaps different: {and_list(uncommitted)}"
        involved = tuple(sorted(worker for group in groups for worker in group.workers))
        yield Reason(Finding.RESULTS_DIFFER, (view.number,), text, involved)
    if len(view.groups) > 2:
        most = plural(len(view.groups[0].workers), "ballot")
        text = f"{len(view.groups)} different pairs, of which A has {most}"
        if not view.recorded:
            text += f" of the {view.needed} needed"
        yield Reason(Finding.SEVERAL_GROUPS, (view.number,), text, voters)


def _named(group: Group) -> str:
    return f"{group.letter} ({people(group.workers)})"


def _of_own(known: Known, own: Own, views: tuple[AttemptView, ...]) -> Iterator[Reason]:
    if known.voting.part_of(own.me) is Part.OUTVOTED:
        view = views[-1]
        group = view.group_of(own.me)
        mine = "another pair" if group is None else f"pair {group.letter}"
        yield Reason(
            Finding.OUTVOTED,
            (view.number,),
            f"this worker voted for {mine}, not for the recorded one",
            (own.me,),
            own=True,
        )
    due = [view for view in views if own.me in view.members]
    for view in due:
        yield from _own_absence(own, view)
    never = unopened(known) or (1 if known.voting.state is State.NONE else known.voting.next_attempt)
    if never is not None:
        yield from _causes(own, never) or _left_out(own, never)
    yield from _of_fallbacks(own)


def _own_absence(own: Own, view: AttemptView) -> Iterator[Reason]:
    """Why this worker's ballot of the attempt is missing, if it is for good."""
    if view.group_of(own.me) is not None or own.me in view.otherwise:
        return
    lack = next((absence.lack for absence in view.missing if absence.worker == own.me), Lack.NOT_YET)
    at = (view.number,)
    if lack is Lack.NOT_YET:
        return
    if lack is not Lack.NEVER_CAST:
        text = "this worker sealed its ballot and revealed nothing in time"
        yield Reason(Finding.SEAL_NOT_OPENED, at, text, (own.me,), own=True)
    elif view.number in own.sent:
        text = "this worker sent its ballot, and no block held it in time"
        yield Reason(Finding.LOST, at, text, (own.me,), own=True)
    elif causes := _causes(own, view.number) or _left_out(own, view.number):
        yield from causes
    elif any(ballot.attempt == view.number for ballot in own.ballots):
        text = "this worker's ballot was ready, and was not sent before the window ended"
        yield Reason(Cause.NOT_IN_TIME, at, text, (own.me,), own=True)
    else:
        text = "this worker prepared nothing while the ballot was due"
        yield Reason(Cause.NOT_RUNNING, at, text, (own.me,), own=True)


def _ends(lines: Sequence[str]) -> list[str]:
    if len(lines) <= FIRST_LINES + LAST_LINES:
        return list(lines)
    return [*lines[:FIRST_LINES], "...", *lines[-LAST_LINES:]]


def _left_out(own: Own, attempt: int) -> list[Reason]:
    """That this worker's fallback handler did not start the failover, if this is it."""
    decided = [each for each in own.handled if each.when == When.FAILOVER and each.by]
    if attempt != FAILOVER_ATTEMPT or not decided:
        return []
    if any(act.kind == StartFailover.kind and act.state == "done" for act in decided[-1].acts):
        return []
    text = f"this worker's fallback, decided by the {decided[-1].by}, did not start attempt {attempt}"
    return [Reason(Cause.NO_FAILOVER, (attempt,), text, (own.me,), own=True)]


def _of_fallbacks(own: Own) -> Iterator[Reason]:
    """What this worker's fallbacks could not do."""
    for handled in own.handled:
        at = (handled.attempt,) if handled.attempt else ()
        if handled.fault:
            text = f"the handler on {handled.when} failed: {handled.fault}"
            yield Reason(Finding.FALLBACK_FAILED, at, text, (own.me,), own=True)
        for act in handled.acts:
            if act.state in {"failed", "refused"}:
                text = f"{act_text(act)}: {act.state}{', ' + act.error if act.error else ''}"
                yield Reason(Finding.FALLBACK_FAILED, at, text, (own.me,), own=True)


def _causes(own: Own, attempt: int) -> list[Reason]:
    """The causes for which this worker's preparations of an attempt failed, each with its last message."""
    failed = [failure for failure in own.failures if failure.attempt == attempt]
    tries = Counter(failure.cause for failure in failed)
    last = {failure.cause: failure for failure in failed}
    return [
        Reason(
            cause,
            (attempt,),
            failure.message,
            (own.me,),
            own=True,
            private=tuple(f"| {line}" for line in _ends(failure.detail.splitlines())),
            tries=tries[cause],
        )
        for cause, failure in last.items()
    ]


def _merged(found: Iterable[Reason]) -> Iterator[Reason]:
    """The same of several attempts as one, with all of its tries; in the order of their first."""
    same: dict[Reason, list[Reason]] = {}
    for reason in found:
        same.setdefault(replace(reason, attempts=(), tries=0), []).append(reason)
    for reason, each in same.items():
        tries = sum(one.tries for one in each)
        yield replace(
            reason,
            attempts=tuple(dict.fromkeys(number for one in each for number in one.attempts)),
            text=f"{reason.text} ({plural(tries, 'try', 'tries')})" if tries else reason.text,
            tries=tries,
        )
