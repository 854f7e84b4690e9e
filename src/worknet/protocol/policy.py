"""Policies: the rules of a workflow's votings, their hash, and when a slot's voting may open (section 5)."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from worknet.protocol.errors import ProtocolError
from worknet.protocol.ids import Event, Trigger
from worknet.protocol.keccak import Hash, keccak256
from worknet.protocol.words import WORD_BYTES, Ballots, Fallback, needed, policy_words

SECONDS_BOUND = 1 << 32
START_BOUND = (1 << 40) - 1
EPOCH_BOUND = 1 << 32
DENOMINATOR_BOUND = 1 << 32


class PolicyError(ProtocolError):
    """A policy that breaks a rule, or a trigger that its policy does not admit."""


@dataclass(frozen=True)
class Policy:
    """One version of a workflow's rules. Times are in seconds; `accuracy` and `speed` in the chain's unit.

    `every` 0 means event-driven; `max_age` 0 means that slots never get too old; a threshold of 0/1 is
    the simple majority.
    """

    bundle_digest: bytes
    data_key_epoch: int
    data_key_commitment: bytes
    every: int
    delay: int
    start: int
    max_age: int
    threshold_num: int
    threshold_den: int
    ballots: Ballots
    cast_window: int
    reveal_window: int
    stall: int
    fallback: Fallback
    accuracy: int = 0
    speed: int = 0

    def __post_init__(self) -> None:
        for name in ("bundle_digest", "data_key_commitment"):
            if len(getattr(self, name)) != WORD_BYTES or not any(getattr(self, name)):
                raise PolicyError(f"{name} is not of {WORD_BYTES} bytes, or all of them are zero")
        for name, bound in (("data_key_epoch", EPOCH_BOUND), ("start", START_BOUND)):
            if not 0 <= getattr(self, name) < bound:
                raise PolicyError(f"{name} is no number below {bound}")
        for name in ("every", "delay", "max_age", "cast_window", "reveal_window", "stall"):
            if not 0 <= getattr(self, name) < SECONDS_BOUND:
                raise PolicyError(f"{name} is no number of seconds below 2^32")
        if not (0 < self.threshold_den < DENOMINATOR_BOUND and 0 <= self.threshold_num <= self.threshold_den):
            hint = "0/1 is the simple majority, 2/3 two of three"
            raise PolicyError(f"a threshold of {self.threshold_num}/{self.threshold_den}", hint)
        if self.cast_window == 0:
            raise PolicyError("a cast window of 0 seconds lets nobody vote")
        if self.ballots is Ballots.SEALED and self.reveal_window == 0:
            raise PolicyError("a reveal window of 0 seconds lets nobody reveal")
        if self.accuracy < 0 or self.speed < 0:
            raise PolicyError("a negative amount")
        if self.ballots is Ballots.OPEN and (self.accuracy or self.speed):
            hint = "an open ballot can be copied: use sealed ballots"
            raise PolicyError("accuracy and speed are not paid for open ballots", hint)

    def hash(self, keccak: Hash = keccak256) -> bytes:
        """`keccak256(abi.encode(TAG("policy"), fields...))`, the fields in the order of this class."""
        return keccak(policy_words(vars(self)))

    def needed(self, n: int) -> int:
        """How many equal ballots of n members are a consensus."""
        return needed(n, self.threshold_num, self.threshold_den)

    def check_opening(self, trigger: Trigger, now: int) -> None:
        """Raises `PolicyError` if attempt 1 about the trigger may not open at this time.

        Of an event only its kind can be checked: that this version is the newest, the caller knows.
        """
        if isinstance(trigger, Event):
            if self.every:
                raise PolicyError("the trigger is an event, the policy's are slots")
            return
        slot, due = trigger, trigger.due(self.delay)
        if slot.every != self.every:
            raise PolicyError(f"the slot is {slot.every} s long, the policy's are {self.every} s")
        if slot.window.start < self.start:
            raise PolicyError("the slot lies before the policy's start")
        if now < due:
            raise PolicyError(f"the slot is due in {due - now} s")
        if self.max_age and now > due + self.max_age:
            raise PolicyError(f"the slot was due {now - due} s ago, more than {self.max_age} s")


def version_at(starts: Sequence[int], time: int) -> int | None:
    """Which version governs a slot that begins at `time`, given the starts of versions 1, 2, ... in order.

    Version v governs it if `start_v <= time < start_(v+1)`; before the first start none does.
    """
    return bisect_right(starts, time) or None
