"""How log lines name a voting."""

from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, Trigger
from worknet.protocol.times import time_text


def about(workflow: str, trigger: Trigger, voting_id: bytes, attempt: int) -> dict[str, object]:
    """The fields by which a log line names a voting."""
    started = (
        {"slot": time_text(trigger.window.start)}
        if isinstance(trigger, Slot)
        else {"trigger": to_hex(trigger.trigger_id)}
    )
    return {"workflow": workflow, **started, "voting": to_hex(voting_id), "attempt": attempt}
