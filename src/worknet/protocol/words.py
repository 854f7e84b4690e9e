"""What is hashed in words: `abi.encode` of static words, domain tags, and the words of records and policies.

A mapping from name to value stands for a record (section 7) or a policy (section 5): `vars` of its class, or
what a verifier reads from a file.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from worknet.protocol.errors import ProtocolError
from worknet.protocol.keccak import keccak256

VERSION = 1
PREFIX = "worknet/v1/"
NAMES = frozenset({"voting", "policy", "seal", "record", "moved", "datakey"})
_TAGS = {name: keccak256((PREFIX + name).encode()) for name in NAMES}

ADDRESS_BYTES = 20
WORD_BYTES = 32
MAX_WORKERS = 120
MIN_WORKERS = 2


class TagError(ProtocolError):
    """A tag that the registry does not hold."""


class EncodingError(ProtocolError):
    """A value is no static word: a negative or too large integer, or bytes of another length."""


class How(IntEnum):
    """How a record came about."""

    QUORUM = 1
    PLURALITY = 2
    REPORT = 3


class Ballots(IntEnum):
    """Whether a worker's vote can be read at once (open) or only after all have voted (sealed)."""

    OPEN = 0
    SEALED = 1


class Fallback(IntEnum):
    """What happens when attempt 2 fails or stalls (section 6, "No consensus")."""

    ALERT = 0
    PLURALITY = 1
    FAILOVER = 2
    FAILOVER_THEN_PLURALITY = 3


def named(text: str) -> dict[str, Any]:
    """Names with their kinds, in order, from a text like `natural size, hash root`."""
    return {name: kind for kind, name in (word.split() for word in text.split(", "))}


RECORD = named(
    "natural chain_id, address contract, hash workflow_id, hash voting_id, hash trigger_id, natural attempt, "
    "hash policy_hash, hash input_root, hash result_root, bitmap members, natural n, natural needed, "
    "bitmap voters, how how, natural time"
)
POLICY = named(
    "hash bundle_digest, natural data_key_epoch, hash data_key_commitment, natural every, natural delay, "
    "natural start, natural max_age, natural threshold_num, natural threshold_den, ballots ballots, "
    "natural cast_window, natural reveal_window, natural stall, fallback fallback, amount accuracy, "
    "amount speed"
)


def tag(name: str) -> bytes:
    """`TAG(name) = keccak256("worknet/v1/" + name)`, for a name of the registry (section 2)."""
    if name not in _TAGS:
        raise TagError(f"no tag is called {name!r}", hint=f"the registry holds {', '.join(sorted(NAMES))}")
    return _TAGS[name]


def words(*values: int | bytes) -> bytes:
    """`abi.encode` of the values, 32 bytes each: of a uint256 (an integer), a bytes32, or an address."""
    return b"".join(_word(value) for value in values)


def _word(value: int | bytes) -> bytes:
    if isinstance(value, int):
        if not 0 <= value < 1 << 256:
            raise EncodingError(f"{value} does not fit into a uint256")
        return value.to_bytes(WORD_BYTES, "big")
    if len(value) not in {WORD_BYTES, ADDRESS_BYTES}:
        raise EncodingError(f"{len(value)} bytes are neither a word (32) nor an address (20)")
    return value.rjust(WORD_BYTES, b"\0")


def record_leaf(record: Mapping[str, int | bytes]) -> bytes:
    """The leaf data of a record: `abi.encode(TAG("record"), words...)`."""
    return words(tag("record"), *(record[name] for name in RECORD))


def moved_leaf(
    chain_id: int, contract: bytes, old_chain_id: int, old_contract: bytes, old_size: int, old_root: bytes
) -> bytes:
    """The leaf data with which the log of a network begins that moved from another contract."""
    return words(tag("moved"), chain_id, contract, old_chain_id, old_contract, old_size, old_root)


def policy_words(policy: Mapping[str, int | bytes]) -> bytes:
    """What the hash of a policy is taken of: `abi.encode(TAG("policy"), fields...)`."""
    return words(tag("policy"), *(policy[name] for name in POLICY))


def voting_words(chain_id: int, contract: bytes, workflow_id: bytes, trigger_id: bytes) -> bytes:
    """What the id of a voting is taken of: the voting of that network about a trigger of a workflow."""
    return words(tag("voting"), chain_id, contract, workflow_id, trigger_id)


def needed(n: int, num: int, den: int) -> int:
    """`max(floor(n/2) + 1, ceil(n*num/den))`: two different pairs can never both have it."""
    return max(n // 2 + 1, -(-n * num // den))
