"""What the contract's events say, as values; `read` makes them of logs. The protocol's words, no folding."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from worknet.chain.errors import ChainError
from worknet.chain.interface import event
from worknet.chain.rpc import Log
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import Ballots, Fallback, Policy
from worknet.protocol.records import How


class Role(IntEnum):
    """What an enrolled worker may do; NONE after its removal."""

    NONE = 0
    ACTIVE = 1
    STANDBY = 2


@dataclass(frozen=True)
class OwnershipTransferred:
    """The network has another owner."""

    previous: bytes
    owner: bytes


@dataclass(frozen=True)
class Enrolled:
    """An operator's worker takes part; its encryption key (X25519) stands nowhere else."""

    index: int
    operator: bytes
    worker: bytes
    role: Role
    encryption_key: bytes


@dataclass(frozen=True)
class Removed:
    """A worker takes no part in attempts that open from now on."""

    index: int
    operator: bytes
    worker: bytes


@dataclass(frozen=True)
class PolicyAnnounced:
    """A workflow has a new policy version."""

    workflow_id: bytes
    version: int
    policy_hash: bytes
    policy: Policy


@dataclass(frozen=True)
class Opened:
    """An attempt opened, its members frozen."""

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    attempt: int
    policy_version: int
    members: int
    n: int
    needed: int


@dataclass(frozen=True)
class Cast:
    """An open ballot was counted."""

    voting_id: bytes
    place: Place
    pair: Pair


@dataclass(frozen=True)
class Sealed:
    """A seal was stored, with the seconds left of the cast window in its last two bytes."""

    voting_id: bytes
    place: Place
    seal: bytes


@dataclass(frozen=True)
class Revealed:
    """Seals that hold one pair were opened; `workers` is a bitmap."""

    voting_id: bytes
    place: Place
    pair: Pair
    workers: int


@dataclass(frozen=True)
class Skipped:
    """An item of a batch had no effect, by this rule."""

    voting_id: bytes
    worker: int
    rule: str


@dataclass(frozen=True)
class Failed:
    """An attempt ended without consensus; `at` is when, by computation."""

    voting_id: bytes
    attempt: int
    at: int


@dataclass(frozen=True)
class Unresolved:
    """No attempt is left; `at` is since when, by computation."""

    voting_id: bytes
    at: int


@dataclass(frozen=True)
class Closed:
    """The ballots of a recorded voting are final, and booked."""

    voting_id: bytes


@dataclass(frozen=True)
class Recorded:
    """The outcome was appended to the log; `voters` is a bitmap. The leaf follows from earlier events."""

    voting_id: bytes
    position: int
    attempt: int
    pair: Pair
    voters: int
    how: How


Event: TypeAlias = (
    OwnershipTransferred
    | Enrolled
    | Removed
    | PolicyAnnounced
    | Opened
    | Cast
    | Sealed
    | Revealed
    | Skipped
    | Failed
    | Unresolved
    | Closed
    | Recorded
)

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        OwnershipTransferred,
        Enrolled,
        Removed,
        PolicyAnnounced,
        Opened,
        Cast,
        Sealed,
        Revealed,
        Skipped,
        Failed,
        Unresolved,
        Closed,
        Recorded,
    )
}


def read(log: Log) -> Event | None:
    """The event that a log is, None for one of a kind that this version does not know.

    Raises ChainError when the log says what the contract cannot say.
    """
    found = event(log)
    if found is None or found[0] not in _KINDS:
        return None
    name, fields = found
    try:
        if "input_root" in fields:
            fields["pair"] = Pair(fields.pop("input_root"), fields.pop("result_root"))
        if "place" in fields:
            fields["place"] = Place.of_word(fields["place"])
        if name == "Enrolled":
            fields["role"] = Role(fields["role"])
        if name == "Recorded":
            fields["how"] = How(fields["how"])
        if name == "PolicyAnnounced":
            fields["policy"] = policy_of(fields["policy"])
    except (ProtocolError, ValueError) as error:
        raise ChainError(f"the chain gave an impossible event {name} in block {log.block}: {error}") from None
    result: Event = _KINDS[name](**fields)
    return result


def policy_of(words: tuple[Any, ...]) -> Policy:
    """The policy with these words, in the order of its fields; raises ProtocolError or ValueError."""
    values = list(words)
    values[9] = Ballots(values[9])
    values[13] = Fallback(values[13])
    return Policy(*values)


def policy_words(policy: Policy) -> tuple[bytes | int, ...]:
    """The words of a policy, in the order in which the contract takes and hashes them."""
    return (
        policy.bundle_digest,
        policy.data_key_epoch,
        policy.data_key_commitment,
        policy.every,
        policy.delay,
        policy.start,
        policy.max_age,
        policy.threshold_num,
        policy.threshold_den,
        int(policy.ballots),
        policy.cast_window,
        policy.reveal_window,
        policy.stall,
        int(policy.fallback),
        policy.accuracy,
        policy.speed,
    )
