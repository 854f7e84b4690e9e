"""The words of records, policies and voting ids: their names, kinds and order, and what is hashed of them.

A mapping from name to value stands for a record (section 7) or a policy (section 5): `vars` of its class, or
what a verifier reads from a file.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

from worknet.protocol.abi import words
from worknet.protocol.tags import tag

MAX_WORKERS = 120
MIN_WORKERS = 2

Kind = Literal["natural", "amount", "hash", "address", "bitmap", "how", "ballots", "fallback"]


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


RECORD: Mapping[str, Kind] = {
    "chain_id": "natural",
    "contract": "address",
    "workflow_id": "hash",
    "voting_id": "hash",
    "trigger_id": "hash",
    "attempt": "natural",
    "policy_hash": "hash",
    "input_root": "hash",
    "result_root": "hash",
    "members": "bitmap",
    "n": "natural",
    "needed": "natural",
    "voters": "bitmap",
    "how": "how",
    "time": "natural",
}
POLICY: Mapping[str, Kind] = {
    "bundle_digest": "hash",
    "data_key_epoch": "natural",
    "data_key_commitment": "hash",
    "every": "natural",
    "delay": "natural",
    "start": "natural",
    "max_age": "natural",
    "threshold_num": "natural",
    "threshold_den": "natural",
    "ballots": "ballots",
    "cast_window": "natural",
    "reveal_window": "natural",
    "stall": "natural",
    "fallback": "fallback",
    "accuracy": "amount",
    "speed": "amount",
}


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
    """What the id of the voting about a trigger of a workflow is the hash of, in the network of that contract."""
    return words(tag("voting"), chain_id, contract, workflow_id, trigger_id)


def needed(n: int, num: int, den: int) -> int:
    """`max(floor(n/2) + 1, ceil(n*num/den))`: two different pairs can never both have it."""
    return max(n // 2 + 1, -(-n * num // den))
