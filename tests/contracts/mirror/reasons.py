"""The reasons of reverts: those that no model gives, with why, and which of several broken rules is named."""

from typing import Final

# Reasons that no model gives, and why it cannot: all others are the models'.
OWN_REASONS: Final = {
    **dict.fromkeys(("ownership: not the owner", "ownership: not offered to you"), "who calls"),
    **dict.fromkeys(
        (
            "members: no operator",
            "members: unknown role",
            "members: no worker",
            "members: no encryption key",
            "members: key of another index",
            "members: not the operator",
            "members: not the operator's key",
            "members: not the worker's key",
            "votings: not the worker's key",
        ),
        "keys and operators",
    ),
    **dict.fromkeys(
        (
            "policies: zero digest",
            "policies: number too large",
            "policies: bad threshold",
            "policies: unknown choice",
            "policies: no window",
            "policies: open ballots earn none",
        ),
        "a Policy with such a field does not exist in Python",
    ),
    **dict.fromkeys(
        (
            "policies: every changed",
            "policies: start decreases",
            "policies: start in the past",
            "policies: unknown version",
            "policies: version not in force",
            "policies: not a slot",
            "policies: slot not due",
            "policies: slot too old",
            "votings: other policy",
        ),
        "which version is in force: a fact names a version only where an attempt opens",
    ),
    "votings: opening is paused": "the pause is no fact of a voting",
    **dict.fromkeys(
        ("votings: seal not truncated", "votings: lengths differ", "votings: zero root"),
        "call data that no fact can hold",
    ),
    "votings: no seal taken": "a batch is as many facts as it has items that fit",
    **dict.fromkeys(
        ("votings: nothing to advance", "votings: not the recorded pair"),
        "time needs no fact in the model; so only the contract knows `advance`, and what is booked",
    ),
    "votings: not open": "`advance` again, of what never opened",
    **dict.fromkeys(
        (
            "votings: not a member",
            "votings: ballots are open",
            "votings: ballots are sealed",
            "votings: not casting",
            "votings: participant not member",
            "votings: voter not participant",
            "votings: signer not voter",
            "votings: too few signatures",
        ),
        "an attempt 2 or 3 without any member is no fact, and attempt 0 of a slot that never opened neither",
    ),
    "rewards: not the owner": "who calls",
    "rewards: operator refuses": "what a receiver does is no fact of the pool",
}

_OPENING = (
    "votings: other attempt",
    "votings: opening is paused",
    "votings: already recorded",
    "policies: unknown version",
    "policies: not a slot",
    "policies: version not in force",
    "policies: slot not due",
    "policies: slot too old",
    "votings: too few workers",
    "votings: other policy",
)
_CASTING = ("votings: ballots are sealed", "votings: ballots are open", "votings: not casting")
_BALLOT = ("votings: not a member", "votings: not the worker's key", "votings: already cast")
ORDER: Final[dict[str, tuple[str, ...]]] = {
    "cast": (*_OPENING, *_CASTING, *_BALLOT, "votings: zero root"),
    "seal": ("votings: seal not truncated", *_OPENING, *_CASTING, *_BALLOT),
    "bring_seals": ("votings: lengths differ", *_OPENING, *_CASTING, "votings: no seal taken"),
    "reveal": (
        "votings: lengths differ",
        "votings: not open",
        "votings: other attempt",
        "votings: other policy",
        "votings: ballots are open",
        "votings: not revealing",
        "votings: nothing to reveal",
        "votings: zero root",
    ),
    "report": (
        "votings: zero root",
        *_OPENING[:2],
        *_OPENING[3:],
        "votings: already recorded",
        "votings: not casting",
        "votings: participant not member",
        "votings: voter not participant",
        "votings: signer not voter",
        "votings: too few signatures",
        "votings: lengths differ",
        "votings: not the worker's key",
        "votings: cast window not over",
        "votings: voter of other pair",
    ),
    "reopen": (
        "ownership: not the owner",
        "votings: already recorded",
        "votings: not unresolved",
        "votings: too many attempts",
        "policies: unknown version",
        "policies: not a slot",
        "policies: version not in force",
        "policies: slot not due",
    ),
}


class Refused(Exception):
    """A transaction that must revert with this reason."""
