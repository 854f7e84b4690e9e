"""What a fallback handler is shown of a voting, made of the facts about it. Pure.

Of the chain it is what is confirmed, so that every worker shows its handler the same; of this worker, the
roots of its own datasets and why it had no ballot. No row goes in.
"""

from collections.abc import Mapping, Sequence

from worknet.node.facts import Moment, VotingFacts
from worknet.node.journal.failures import Failure
from worknet.protocol.canonical import to_hex
from worknet.protocol.times import time_text
from worknet.protocol.voting import Attempt
from worknet.workflow import AttemptEvidence, Evidence, Roots, Window
from worknet.workflow.evidence import MOST_CAUSES


def evidence_of(
    facts: VotingFacts,
    moment: Moment,
    inputs: Mapping[int, Mapping[str, bytes]],
    failures: Sequence[Failure],
) -> Evidence:
    """The evidence at that moment: the attempts up to the moment's, as the confirmed chain has them.

    `inputs` are the roots of this worker's datasets by attempt and name, `failures` its preparations that
    gave no ballot, oldest first.
    """
    when, last = moment
    voting, trigger = facts.confirmed, facts.trigger
    attempts = [attempt for attempt in voting.attempts if attempt.number <= last]
    version = attempts[-1].policy_version if attempts else facts.policy_version
    window = trigger.window
    return Evidence(
        voting_id=to_hex(facts.voting_id),
        workflow=facts.workflow,
        trigger_id=to_hex(trigger.trigger_id),
        window=None if window is None else Window(time_text(window.start), time_text(window.end)),
        when=when,
        attempts=tuple(_shown(attempt) for attempt in attempts),
        policy_version=version,
        fallback=voting.policies[version].fallback.name.lower(),
        me=facts.me,
        inputs={
            attempt: {name: to_hex(root) for name, root in sorted(roots.items())}
            for attempt, roots in sorted(inputs.items())
        },
        causes=tuple((each.attempt, each.cause) for each in failures)[-MOST_CAUSES:],
    )


def _shown(attempt: Attempt) -> AttemptEvidence:
    return AttemptEvidence(
        number=attempt.number,
        opened=time_text(attempt.opened),
        n=attempt.n,
        needed=attempt.needed,
        members=_indices(attempt.members),
        ballots={
            worker: Roots(to_hex(pair.input_root), to_hex(pair.result_root))
            for worker, pair in sorted(attempt.ballots.items())
        },
        unopened=_indices(attempt.unrevealed()),
        policy_version=attempt.policy_version,
    )


def _indices(workers: int) -> tuple[int, ...]:
    """The worker indices of a bitmap, ascending."""
    return tuple(index for index in range(workers.bit_length()) if workers >> index & 1)
