"""Evidence for tests of fallback handlers, out of a few letters: who voted for what in each attempt."""

from hashlib import sha256

from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Trigger
from worknet.protocol.times import parse_time, time_text
from worknet.protocol.words import Fallback
from worknet.workflow import AttemptEvidence, Declaration, Evidence, Roots, When, Window, WorkflowError

MISSING, UNOPENED = "-", "?"
_ATTEMPT_SECONDS = 1800
_EVENT_TIME = "2026-01-01T00:00:00Z"
_FALLBACKS = {
    When.FAILOVER: Fallback.FAILOVER_THEN_PLURALITY,
    When.PLURALITY: Fallback.PLURALITY,
    When.UNRESOLVED: Fallback.ALERT,
}


def evidence_of(declaration: Declaration, trigger: Trigger, when: When, *attempts: str) -> Evidence:
    """The evidence of a voting of the workflow about the trigger.

    Each attempt is a text with a character for each worker: a capital letter is the pair of roots it voted
    for, the same small letter another result on the same inputs, `-` no ballot, `?` one that was sealed and
    not opened: `evidence_of(declaration, trigger, When.UNRESOLVED, "AAab-", "AAaB?")`. A majority of them is
    needed. Raises `WorkflowError` for other characters.
    """
    window = trigger.window
    due = declaration.delay + (window.end if window else parse_time(_EVENT_TIME))
    return Evidence(
        voting_id=to_hex(sha256(b"voting" + trigger.trigger_id).digest()),
        workflow=declaration.name,
        trigger_id=to_hex(trigger.trigger_id),
        window=Window(time_text(window.start), time_text(window.end)) if window else None,
        when=when,
        attempts=tuple(
            _attempt(number, time_text(due + (number - 1) * _ATTEMPT_SECONDS), votes)
            for number, votes in enumerate(attempts, start=1)
        ),
        fallback=_FALLBACKS[when].name.lower(),
    )


def _attempt(number: int, opened: str, votes: str) -> AttemptEvidence:
    for vote in votes:
        if not (vote.isascii() and vote.isalpha()) and vote not in {MISSING, UNOPENED}:
            hint = f"a letter is a pair of roots, {MISSING} no ballot, {UNOPENED} one that was not opened"
            raise WorkflowError(f"attempt {number}: {vote!r} is no vote", hint)
    return AttemptEvidence(
        number=number,
        opened=opened,
        n=len(votes),
        needed=len(votes) // 2 + 1,
        members=tuple(range(len(votes))),
        ballots={worker: _roots(vote) for worker, vote in enumerate(votes) if vote.isalpha()},
        unopened=tuple(worker for worker, vote in enumerate(votes) if vote == UNOPENED),
    )


def _roots(vote: str) -> Roots:
    parts = (f"input {vote.upper()}", f"result {vote}")
    input_root, result_root = (to_hex(sha256(part.encode()).digest()) for part in parts)
    return Roots(input_root, result_root)
