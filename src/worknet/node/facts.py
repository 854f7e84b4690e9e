"""What a worker knows about one voting when it decides what to do: chain, journal and time in one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Voting


class Action(StrEnum):
    """A kind of transaction that a worker sends about a voting."""

    CAST = "cast"
    SEAL = "seal"
    REVEAL = "reveal"
    ADVANCE = "advance"


@dataclass(frozen=True)
class Prepared:
    """A ballot that the journal holds. Its salt stays there."""

    attempt: int
    pair: Pair


@dataclass(frozen=True)
class VotingFacts:
    """The facts about one voting, as one worker sees them.

    `voting` is what the transactions on chain left, without the time since; `confirmed` is the same as of
    the block that is as deep as the network's confirmations, at that block's time.
    `me` is the worker's index, None if it never had one, `is_enrolled` whether it has a role now (a removed
    worker still votes in the attempt that is open), and `is_active` whether that role lets it vote in
    attempt 1. `waiting` holds (action, attempt) of transactions whose fate is not known yet.
    `has_ended` says that the contract itself has told the voting's end (closed, or unresolved). `prepared`
    are the journal's ballots under this policy version, by attempt.
    """

    voting_id: bytes
    workflow: str
    slot: Slot
    policy: Policy
    policy_version: int
    voting: Voting
    now: int
    confirmed: Voting
    me: int | None
    is_enrolled: bool
    is_active: bool
    has_ended: bool = False
    prepared: Mapping[int, Prepared] = field(default_factory=dict)
    waiting: frozenset[tuple[Action, int]] = frozenset()
