"""What an audit saw and found, made by hand: a short log of an hourly workflow."""

from typing import Any

from worknet.audit.ledger import Ledger
from worknet.audit.lines import Act, MemberLine, OpenVoting, RecordLine, Why, WithoutRecord, WorkerLine
from worknet.audit.members import Members
from worknet.audit.outcome import Audit
from worknet.audit.policies import Policies, PolicyLine
from worknet.audit.resume import FORMAT, AuditState, Head
from worknet.audit.slots import Slots
from worknet.chain.events import Role
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.policy import Ballots, Fallback, Policy
from worknet.protocol.records import How, Record
from worknet.protocol.trees import Frontier, Tree
from worknet.protocol.voting import State

CHAIN_ID = 31_337
CONTRACT = b"\xc0" * 20
WORKFLOW = workflow_id("hourly")
EVERY = 3_600
FIRST = 490_000
"""The number of the first slot."""
POLICY = Policy(
    bundle_digest=b"\xbd" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\x02" * 32,
    every=EVERY,
    delay=0,
    start=FIRST * EVERY,
    max_age=0,
    threshold_num=2,
    threshold_den=3,
    ballots=Ballots.SEALED,
    cast_window=600,
    reveal_window=600,
    stall=600,
    fallback=Fallback.ALERT,
)


def trigger(number: int) -> bytes:
    return Slot(EVERY, FIRST + number).trigger_id


def voting(number: int) -> bytes:
    return voting_id(CHAIN_ID, CONTRACT, WORKFLOW, trigger(number))


def line(position: int, **changes: Any) -> RecordLine:
    """A record for which workers 0 and 1 of four voted; worker 2 voted otherwise and worker 3 is missing."""
    record = Record(
        CHAIN_ID, CONTRACT, WORKFLOW, voting(position), trigger(position), 1, POLICY.hash(), b"\x0a" * 32,
        b"\x0b" * 32, 0b1111, 4, 2, 0b0011, How.QUORUM, (FIRST + position + 1) * EVERY + 60,
    )  # fmt: skip
    fields = {"position": position, "block": 100 + position, "record": record, "policy_version": 1}
    return RecordLine(**{**fields, "voters": 0b0011, "counted": 0b0111, "is_closed": True, **changes})


def leaves(size: int) -> list[bytes]:
    return [line(position).record.leaf_hash() for position in range(size)]


def head(size: int) -> Head:
    time = (FIRST + size + 1) * EVERY if size else 0
    return Head(size, Tree(leaves(size)).root, 100 + size, bytes([size]) * 32, time)


def state(size: int) -> AuditState:
    """What is left to the next audit, of a log that had so many records."""
    frontier = Frontier()
    for leaf in leaves(size):
        frontier.append(leaf)
    return AuditState(
        FORMAT, CHAIN_ID, CONTRACT, None, head(size), frontier.subtrees, Members(), Policies(), {}, Slots(),
        Ledger(86_400, 0),
    )  # fmt: skip


def audit(begin: int = 0, end: int = 5, **changes: Any) -> Audit:
    """An audit that found nothing, from one size to another."""
    late = (FIRST + end) * EVERY
    fields: dict[str, Any] = {
        "chain_id": CHAIN_ID,
        "contract": CONTRACT,
        "pool": b"\xb0" * 20,
        "is_resumed": begin > 0,
        "before": head(begin),
        "after": head(end),
        "path": tuple(Tree(leaves(end)).consistency(begin)) if begin else (),
        "appended": tuple(leaves(end)[begin:]),
        "findings": (),
        "records": tuple(line(position) for position in range(begin, end)),
        "open_votings": (OpenVoting(voting(end), WORKFLOW, trigger(end), State.UNRESOLVED, 2, late, 0),),
        "without_record": (WithoutRecord(WORKFLOW, EVERY, FIRST + end, FIRST + end + 2, Why.UNRESOLVED),),
        "workers": (
            WorkerLine(0, b"\xa0" * 20, b"\x01" * 20, Role.ACTIVE, end - begin, 0, 0, 10, 7, 5),
            WorkerLine(1, b"\xa1" * 20, b"\x02" * 20, Role.NONE, end - begin, 0, 0, 0, 0, 0),
        ),
        "policies": (PolicyLine(WORKFLOW, 1, POLICY, POLICY.hash(), 90, FIRST * EVERY - 60),),
        "members": (
            MemberLine(1, Act.REMOVED, b"\xa1" * 20, b"\x02" * 20, Role.NONE, 101, FIRST * EVERY + 60),
        ),
        "checked": {"records": end - begin},
        "unseen": {"ballots sent through another contract": 1},
        "state": state(end),
    }
    return Audit(**{**fields, **changes})
