"""What the contracts' events say, as values; `read` and `read_of_pool` make them of logs. No folding here."""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeAlias, get_args

from worknet.chain.answers import Log
from worknet.chain.errors import ChainError
from worknet.chain.interface import Contract, event
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.errors import ProtocolError
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback, How


class Role(IntEnum):
    """What an enrolled worker may do; NONE after its removal."""

    NONE = 0
    ACTIVE = 1
    STANDBY = 2


@dataclass(frozen=True)
class OwnershipOffered:
    """The owner offers the network to an account; zero withdraws the offer."""

    owner: bytes
    pending: bytes


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
class Rotated:
    """Another key stands behind an index, at once and also in open attempts; with its encryption key."""

    index: int
    operator: bytes
    worker: bytes
    encryption_key: bytes


@dataclass(frozen=True)
class CheckedIn:
    """A worker showed that it is there in a reward period, by the period's number."""

    index: int
    period: int


@dataclass(frozen=True)
class OpeningPaused:
    """The opening of attempt 1 is paused from now on, or not any more."""

    paused: bool


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
class SealsBrought:
    """Seals that their workers had signed were stored: `workers` is a bitmap, `seals` follow its bits from
    the lowest, as `Sealed` has them."""

    voting_id: bytes
    place: Place
    workers: int
    seals: tuple[bytes, ...]

    @property
    def by_worker(self) -> dict[int, bytes]:
        """The seals by worker, ascending."""
        workers = (index for index in range(self.workers.bit_length()) if self.workers >> index & 1)
        return dict(zip(workers, self.seals, strict=True))


@dataclass(frozen=True)
class Revealed:
    """Seals that hold one pair were opened; `workers` is a bitmap."""

    voting_id: bytes
    place: Place
    pair: Pair
    workers: int


@dataclass(frozen=True)
class Reported:
    """A report was taken; its pair stands in the record that follows. All but the place are bitmaps."""

    voting_id: bytes
    place: Place
    participants: int
    voters: int
    signers: int


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
class Settling:
    """The leading pair may be settled; `at` is since when, by computation."""

    voting_id: bytes
    at: int


@dataclass(frozen=True)
class Unresolved:
    """No attempt is left; `at` is since when, by computation."""

    voting_id: bytes
    at: int


@dataclass(frozen=True)
class Reopened:
    """The owner gave an unresolved voting, or a slot that never opened, one more attempt.

    `attempt` is its number, `until` the time by which it must open.
    """

    voting_id: bytes
    workflow_id: bytes
    trigger_id: bytes
    attempt: int
    until: int


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


@dataclass(frozen=True)
class Moved:
    """The log began as the continuation of another one: of that network, at that size, with that root."""

    chain_id: int
    contract: bytes
    size: int
    root: bytes


@dataclass(frozen=True)
class Funded:
    """Somebody paid into the pool, in wei."""

    funder: bytes
    amount: int


@dataclass(frozen=True)
class RewardsSet:
    """Other amounts per period, in wei, count from that period on."""

    base: int
    consistency: int
    since_period: int


@dataclass(frozen=True)
class Claimed:
    """A worker's rewards were claimed, in wei: what it earned by that, and what its operator was paid."""

    index: int
    operator: bytes
    earned: int
    paid: int


Event: TypeAlias = (
    OwnershipOffered
    | OwnershipTransferred
    | Enrolled
    | Removed
    | Rotated
    | CheckedIn
    | OpeningPaused
    | PolicyAnnounced
    | Opened
    | Cast
    | Sealed
    | SealsBrought
    | Revealed
    | Reported
    | Skipped
    | Failed
    | Settling
    | Unresolved
    | Reopened
    | Closed
    | Recorded
    | Moved
)
"""What a network's own contract tells."""

PoolEvent: TypeAlias = Funded | RewardsSet | Claimed
"""What the contract of a network's pool tells."""

REMEMBERED = 8192
"""How many events are kept decoded."""

_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}
_POOL_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(PoolEvent)}


@lru_cache(maxsize=REMEMBERED)
def read(log: Log) -> Event | None:
    """The event that a log of a network's contract is, None for one of a kind unknown to this version.

    Raises ChainError when the log says what the contract cannot say. Those read lately are remembered: as
    long as a voting is open it is looked at again at every block.
    """
    result: Event | None = _read(log, "WorkerNetwork", _KINDS)
    return result


def read_of_pool(log: Log) -> PoolEvent | None:
    """The same, of a log of the pool's contract."""
    result: PoolEvent | None = _read(log, "Rewards", _POOL_KINDS)
    return result


def _read(log: Log, contract: Contract, kinds: dict[str, type[Any]]) -> Any:
    found = event(log, contract)
    if found is None or found[0] not in kinds:
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
        if name == "SealsBrought":
            fields["seals"] = _seals(fields["workers"], fields["seals"])
    except (ProtocolError, ValueError) as error:
        raise ChainError(f"the chain gave an impossible event {name} in block {log.block}: {error}") from None
    return kinds[name](**fields)


def _seals(workers: int, seals: tuple[bytes, ...]) -> tuple[bytes, ...]:
    if workers.bit_count() != len(seals):
        raise ValueError("not one seal for each worker")
    return tuple(seals)


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
