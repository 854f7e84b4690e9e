"""What a worker knows about one voting when it decides what to do: chain, journal and time in one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Trigger
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Voting
from worknet.workflow import Action as Decided
from worknet.workflow import When


class Action(StrEnum):
    """A kind of transaction that a worker sends about a voting."""

    CAST = "cast"
    SEAL = "seal"
    REVEAL = "reveal"
    SETTLE = "settle"
    ADVANCE = "advance"


@dataclass(frozen=True)
class Prepared:
    """A ballot that the journal holds. Its salt stays there."""

    attempt: int
    policy_version: int
    pair: Pair


class ErrandState(StrEnum):
    """How far an errand has come; all but the first are for good."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    """It was tried as often as is allowed."""
    REFUSED = "refused"
    """The policy does not allow it at that moment, or the operator has not configured it."""


@dataclass(frozen=True)
class Errand:
    """One action that a workflow's handler decided on, and what became of it.

    `number` counts the handler's actions from 0, `tries` how often it was begun. `error` says why it was
    refused, or why the last try failed; no row and no secret stands in it.
    """

    number: int
    action: Decided
    state: ErrandState = ErrandState.WAITING
    tries: int = 0
    error: str = ""


Moment: TypeAlias = tuple[When, int]
"""When a handler runs, and the last attempt that had opened by then: 0 if none had."""


@dataclass(frozen=True)
class VotingFacts:
    """The facts about one voting, as one worker sees them.

    `voting` is what the transactions on chain left, without the time since; `confirmed` is the same as of
    the block that is as deep as the network's confirmations, at that block's time. Both have all of the
    workflow's policies. `policy_version` is the one that governs the trigger (of an event, the newest until
    its voting opens), `version_in_force` the one that governs what begins now, and so a reopened attempt
    (None: no version has begun). `since` is since when the voting could open: when a slot was due, when an
    event was seen.
    `me` is the worker's index, None if it never had one, `is_enrolled` whether it has a role now (a removed
    worker still votes in the attempt that is open), and `is_active` whether that role lets it vote in
    attempt 1; `enrolled_since` is the chain's time since which it has a role without a break. `holds_key`
    says that its key still is the one behind the index: one that was rotated out may only open what it has
    sealed. `is_paused` says that attempt 1 may not open now.
    `has_ended` says that the contract itself has told the voting's end (closed, or unresolved), and has not
    reopened it since. `prepared` are the journal's ballots by attempt and policy version. `waiting` holds
    (action, attempt) of transactions whose fate is not known yet. `handled` holds what was decided at the
    moments at which the workflow's handlers have run.
    """

    voting_id: bytes
    workflow: str
    trigger: Trigger
    since: int
    policy_version: int
    version_in_force: int | None
    voting: Voting
    now: int
    confirmed: Voting
    me: int | None
    is_enrolled: bool
    is_active: bool
    enrolled_since: int = 0
    holds_key: bool = True
    is_paused: bool = False
    has_ended: bool = False
    prepared: Mapping[tuple[int, int], Prepared] = field(default_factory=dict)
    waiting: frozenset[tuple[Action, int]] = frozenset()
    handled: Mapping[Moment, tuple[Errand, ...]] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        """The policy that governs the trigger."""
        return self.voting.policies[self.policy_version]
