"""Evidence made up for the check of fallback handlers: one voting that went wrong in every way."""

from hashlib import sha256

from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Trigger
from worknet.protocol.times import time_text
from worknet.workflow.declare import Declaration
from worknet.workflow.evidence import AttemptEvidence, Evidence, Roots, When
from worknet.workflow.triggers import Window

_WORKERS = 7
_FALLBACKS = {When.FAILOVER: "failover", When.PLURALITY: "plurality", When.UNRESOLVED: "alert"}


def sample_evidence(declaration: Declaration, trigger: Trigger, when: When) -> Evidence:
    """Two attempts of seven workers: one silent, one with an unopened seal, the others of three minds."""
    window = trigger.window
    start = window.end if window is not None else 1_767_225_600
    return Evidence(
        voting_id=_word("voting"),
        workflow=declaration.name,
        trigger_id=to_hex(trigger.trigger_id),
        window=None if window is None else Window(time_text(window.start), time_text(window.end)),
        when=when,
        attempts=tuple(_attempt(number, start + 600 * number) for number in (1, 2)),
        fallback=_FALLBACKS[when],
        me=1,
        inputs={
            number: {
                dataset.name: _word(dataset.name) for dataset in declaration.datasets if dataset.committed
            }
            for number in (1, 2)
        },
        causes=((1, "source timeout"), (2, "source unavailable")),
    )


def _attempt(number: int, opened: int) -> AttemptEvidence:
    first = Roots(_word(f"input {number}"), _word(f"result {number}"))
    other = Roots(_word(f"other input {number}"), _word(f"other result {number}"))
    wrong = Roots(first.input_root, _word(f"wrong result {number}"))
    return AttemptEvidence(
        number=number,
        opened=time_text(opened),
        n=_WORKERS,
        needed=5,
        members=tuple(range(_WORKERS)),
        ballots={0: first, 1: first, 2: other, 3: wrong, 4: other},
        unopened=(5,),
    )


def _word(text: str) -> str:
    return to_hex(sha256(text.encode()).digest())
