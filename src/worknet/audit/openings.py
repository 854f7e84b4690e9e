"""The opening and reopening of attempts, held to the policy, the members and the time (sections 5, 6)."""

from worknet.audit.facts import Happening
from worknet.audit.members import Members
from worknet.audit.notes import Notes
from worknet.audit.policies import Policies
from worknet.chain import events
from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Event, Slot, Trigger, trigger_of
from worknet.protocol.policy import Policy
from worknet.protocol.voting import FAILOVER_ATTEMPT, State, Voting, VotingError
from worknet.protocol.voting_rules import members_of_next
from worknet.protocol.words import MIN_WORKERS


def trigger(trigger_id: bytes, every: int) -> Trigger | None:
    """What a voting of a workflow with such slots is about; None for an id that names no slot of it."""
    try:
        found = trigger_of(trigger_id, every)
    except ProtocolError:
        return None
    return None if isinstance(found, Slot) and found.every != every else found


def check_opening(
    happening: Happening,
    event: events.Opened,
    voting: Voting,
    members: Members,
    policies: Policies,
    notes: Notes,
) -> None:
    """Checks an attempt that opens against what was announced and enrolled by then.

    `voting` is as it stood before, at that time.
    """
    notes.checked["attempts"] += 1
    policy = voting.policies.get(event.policy_version)
    if policy is None:
        notes.broken(
            "attempt.policy",
            "an attempt names a policy version that was never announced",
            happening,
            version=event.policy_version,
        )
        return
    about = trigger(event.trigger_id, policy.every)
    if about is None:
        notes.broken(
            "attempt.policy",
            "the trigger is no slot of the workflow",
            happening,
            trigger=event.trigger_id,
            every=policy.every,
        )
        return
    _check_version(happening, event, voting, about, policies, notes)
    if event.attempt == 1:
        _check_first(happening, about, policy, members.paused, notes)
    _check_members(happening, event, voting, members, notes)
    notes.differs(
        "attempt.needed",
        "an attempt needs another number of equal ballots than its policy says",
        happening,
        event.needed,
        policy.needed(event.n),
    )


def check_reopening(
    happening: Happening,
    event: events.Reopened,
    voting: Voting,
    policies: Policies,
    notes: Notes,
) -> None:
    """Checks that a voting, or a slot that never opened, may be reopened, and until when."""
    if voting.attempts:
        policy: Policy | None = voting.policy
        may = voting.state is State.UNRESOLVED
    else:
        policy, may = _of_missed(happening, event, voting, policies)
    if not may or policy is None:
        notes.broken(
            "attempt.reopening",
            "what is reopened is neither unresolved nor a missed slot",
            happening,
            state=voting.state.name.lower(),
        )
        return
    due = happening.time + max(policy.stall, policy.cast_window)
    notes.differs("attempt.reopening", "a reopening ends at another time", happening, event.until, due)


def _of_missed(
    happening: Happening, event: events.Reopened, voting: Voting, policies: Policies
) -> tuple[Policy | None, bool]:
    """The policy of a slot that never opened, and whether it was due for longer than `stall`."""
    every = policies.every(event.workflow_id)
    about = None if not every else trigger(event.trigger_id, every)
    if not isinstance(about, Slot):
        return None, False
    version = policies.governing(event.workflow_id, about.window.start)
    if version is None:
        return None, False
    policy = voting.policies[version]
    is_missed = happening.time > about.due(policy.delay) + policy.stall
    return policy, voting.state is State.NONE and is_missed


def _check_version(
    happening: Happening,
    event: events.Opened,
    voting: Voting,
    about: Trigger,
    policies: Policies,
    notes: Notes,
) -> None:
    if isinstance(about, Event):
        governing = policies.governing(event.workflow_id, 0)
    else:
        start = about.window.start if event.attempt == 1 else happening.time
        governing = policies.governing(event.workflow_id, start)
    if 1 < event.attempt <= FAILOVER_ATTEMPT and voting.attempts:
        governing = voting.current.policy_version
    notes.differs(
        "attempt.policy", "another policy version governs", happening, event.policy_version, governing
    )


def _check_first(happening: Happening, about: Trigger, policy: Policy, paused: bool, notes: Notes) -> None:
    if paused:
        notes.broken("attempt.paused", "a voting opens while the opening is paused", happening)
    if not isinstance(about, Slot):
        return
    due = about.due(policy.delay)
    if happening.time < due:
        notes.broken("attempt.due", "a slot opens before it is due", happening, time=happening.time, due=due)
    if policy.max_age and happening.time > due + policy.max_age:
        notes.broken(
            "attempt.age",
            "a slot opens that is too old",
            happening,
            time=happening.time,
            due=due,
            max_age=policy.max_age,
        )


def _check_members(
    happening: Happening, event: events.Opened, voting: Voting, members: Members, notes: Notes
) -> None:
    try:
        due, n = members_of_next(voting, members.active, members.enrolled)
    except VotingError:
        return
    is_anew = not 1 < event.attempt <= FAILOVER_ATTEMPT
    if event.members != due or event.n != n or (is_anew and n < MIN_WORKERS):
        notes.broken(
            "attempt.members",
            "the members of an attempt are not those that were enrolled",
            happening,
            members=f"{event.members:#x}",
            due=f"{due:#x}",
            n=event.n,
            n_due=n,
        )
