"""Ballots: the pair a worker votes for, its place, and the seal that hides it until all voted (section 6)."""

from dataclasses import dataclass

from worknet.protocol.errors import ProtocolError
from worknet.protocol.keccak import Hash, keccak256
from worknet.protocol.words import WORD_BYTES, tag, words

SEAL_SALT_BYTES = 32

_TIME_BYTES = 2


class BallotError(ProtocolError):
    """A ballot or seal of the wrong form. Never holds a salt."""


@dataclass(frozen=True, order=True)
class Pair:
    """What a ballot says: the root over the inputs and the root over the result. Neither is zero."""

    input_root: bytes
    result_root: bytes

    def __post_init__(self) -> None:
        for root in (self.input_root, self.result_root):
            if len(root) != WORD_BYTES or not any(root):
                raise BallotError("a root of a ballot is 32 bytes, not all of them zero")


@dataclass(frozen=True)
class Place:
    """What a ballot belongs to: attempt, policy version, worker index (0 where no single worker is meant)."""

    attempt: int
    policy_version: int
    worker: int = 0

    def word(self) -> int:
        """`attempt << 32 | policy version << 16 | worker`: `place` in the contract's functions and events."""
        return self.attempt << 32 | self.policy_version << 16 | self.worker

    @classmethod
    def of_word(cls, word: int) -> "Place":
        """The place that a word names."""
        return cls(word >> 32, word >> 16 & 0xFFFF, word & 0xFFFF)


def seal(
    chain_id: int,
    contract: bytes,
    voting_id: bytes,
    attempt: int,
    worker: int,
    pair: Pair,
    salt: bytes,
    keccak: Hash = keccak256,
) -> bytes:
    """The seal of a ballot as it is sent and signed: its last two bytes are zero.

    `worker` is the worker's index, so that a copied seal cannot be opened by the copier; `salt` is 32
    random bytes that must be on disk before the seal leaves the machine.
    """
    if len(salt) != SEAL_SALT_BYTES:
        raise BallotError(f"a seal's salt has {SEAL_SALT_BYTES} bytes, this one {len(salt)}")
    encoded = words(
        tag("seal"), chain_id, contract, voting_id, attempt, worker, pair.input_root, pair.result_root, salt
    )
    return without_time(keccak(encoded))


def without_time(stored: bytes) -> bytes:
    """The seal as it was sent: without the seconds that the contract keeps in its last two bytes."""
    return stored[:-_TIME_BYTES] + bytes(_TIME_BYTES)


def seconds_left(stored: bytes) -> int:
    """The seconds of the cast window that were left when the contract stored the seal; at most 65,535."""
    return int.from_bytes(stored[-_TIME_BYTES:], "big")
