"""Acts of owner, operators and workers against the transactions that did them: whose they are, what they say.

That can be seen where a transaction called the contract itself; where it called another one first, as a
multisig's does, it is counted as unseen.
"""

from typing import Any

from worknet.audit.facts import Happening, Place, asked
from worknet.audit.notes import Notes
from worknet.chain import events
from worknet.chain.events import policy_words
from worknet.chain.interface import Contract


def check_act(happening: Happening, place: Place, due: bytes, notes: Notes) -> None:
    """Checks that the account that is due did what is told, and nothing else."""
    interface: Contract = "Rewards" if isinstance(happening.event, events.RewardsSet) else "WorkerNetwork"
    contract = place.pool if interface == "Rewards" else place.contract
    if contract is None or happening.call.to != contract:
        notes.unseen["acts through other contracts, such as a multisig"] += 1
        return
    notes.checked["acts of owner, operators and workers"] += 1
    notes.differs("owner.acts", "an account did what only another may", happening, happening.call.sender, due)
    told = _call(happening.event)
    if asked(happening, contract, interface) != told:
        notes.broken("owner.acts", "something else is told than the transaction did", happening)


def _call(event: object) -> tuple[str, tuple[Any, ...]] | None:
    """The call, by function and values, that makes the contract tell an event of an act."""
    match event:
        case events.OwnershipOffered():
            return "transfer_ownership", (event.pending,)
        case events.OwnershipTransferred():
            return "accept_ownership", ()
        case events.OpeningPaused():
            return "pause_opening", (event.paused,)
        case events.Enrolled():
            return "enrol", (event.operator, event.worker, int(event.role), event.encryption_key)
        case events.Removed():
            return "remove", (event.index,)
        case events.Rotated():
            return "rotate", (event.index, event.worker, event.encryption_key)
        case events.CheckedIn():
            return "check_in", (event.index,)
        case events.PolicyAnnounced():
            return "announce", (event.workflow_id, policy_words(event.policy))
        case events.Reopened():
            return "reopen", (event.workflow_id, event.trigger_id)
        case events.RewardsSet():
            return "set_rewards", (event.base, event.consistency)
    return None
