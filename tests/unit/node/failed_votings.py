"""Votings that failed, one for each finding and cause, as `docs/guides/why-did-my-voting-fail.md` has them.

    python -m tests.unit.node.failed_votings

writes into the guide, below each case's heading, what `worknet voting show --explain` prints of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from worknet.chain.events import Role
from worknet.chain.index_members import IndexedMember
from worknet.node.causes import Cause
from worknet.node.errands import Outlets
from worknet.node.explaining import (
    Act,
    Compared,
    Finding,
    Handled,
    Known,
    Own,
    OwnBallot,
    OwnFailure,
    TableRoot,
    explain,
)
from worknet.node.facts import Errand, ErrandState
from worknet.node.moments import errand_of
from worknet.node.operations.outlets import fault_of
from worknet.protocol.ballots import Pair
from worknet.protocol.differences import Difference, RowDifference, TableDifference
from worknet.protocol.ids import Slot, voting_id, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.times import parse_time
from worknet.protocol.voting import Fact, Opened, Revealed, Sealed, Settled
from worknet.protocol.voting_rules import fold
from worknet.protocol.words import Ballots, Fallback
from worknet.sources.errors import (
    IncompleteError,
    Origin,
    RefusedError,
    SchemaViolationError,
    UnavailableError,
)
from worknet.sources.fetching import failed_with
from worknet.workflow import Alert, CallWebhook, SettlePlurality, When

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "why-did-my-voting-fail.md"
FIRST = "The first look"
"""The guide's section that shows a voting whole."""

SLOT = Slot.at(3600, parse_time("2026-01-31T09:00:00Z"))
VOTING = voting_id(31337, b"\xcc" * 20, workflow_id("hourly"), SLOT.trigger_id)
DUE = SLOT.due(0)
LATER = DUE + 86_400
POLICY = Policy(
    bundle_digest=b"\5" * 32,
    data_key_epoch=1,
    data_key_commitment=b"\6" * 32,
    every=3600,
    delay=0,
    start=0,
    max_age=7200,
    threshold_num=0,
    threshold_den=1,
    ballots=Ballots.SEALED,
    cast_window=300,
    reveal_window=300,
    stall=900,
    fallback=Fallback.ALERT,
)


ORIGIN = Origin("meters", "meters.example")


def member(index: int, role: Role = Role.ACTIVE) -> IndexedMember:
    key = sha256(b"key %d" % index).digest()
    return IndexedMember(index, sha256(b"operator %d" % index).digest()[:20], key[:20], role, key)


def pair(inputs: str = "a", result: str = "a", attempt: int = 1) -> Pair:
    """A pair by the names of its inputs and result, with the salts of that attempt."""
    names = (f"inputs {inputs} {attempt}", f"result {result} {attempt}")
    return Pair(*(sha256(name.encode()).digest() for name in names))


def attempt(
    number: int,
    votes: Mapping[int, Pair],
    *,
    unopened: Sequence[int] = (),
    copied: Mapping[int, int] | None = None,
    members: Sequence[int] = (0, 1, 2),
    n: int = 0,
    policy: Policy = POLICY,
) -> list[Fact]:
    """An attempt of sealed ballots: `unopened` seal and reveal nothing, `copied` send another's seal."""
    n = max(n, len(members))
    start = DUE + 5 + 800 * (number - 1)
    bitmap = sum(1 << worker for worker in members)
    facts: list[Fact] = [Opened(start, number, 1, bitmap, n, policy.needed(n))]
    seals = {worker: sha256(b"seal %d %d" % (worker, number)).digest() for worker in (*votes, *unopened)}
    seals |= {worker: seals[of] for worker, of in (copied or {}).items()}
    facts += [Sealed(start + 1, number, worker, seals[worker][:30] + b"\1\0") for worker in seals]
    for each in dict.fromkeys(votes.values()):
        voters = sum(1 << worker for worker, vote in votes.items() if vote == each)
        facts.append(Revealed(start + (2 if len(seals) == len(members) else 301), number, each, voters))
    return facts


def again(votes: Mapping[int, str], **more: Any) -> list[Fact]:
    """The same in attempts 1 and 2; a vote is the names of inputs and result, such as `ab`."""
    return [
        fact
        for number in (1, 2)
        for fact in attempt(number, {worker: pair(*vote, number) for worker, vote in votes.items()}, **more)
    ]


def known(facts: Sequence[Fact], now: int = LATER, policy: Policy = POLICY, **changes: Any) -> Known:
    """What anybody knows of the voting with these facts; `changes` are what is known besides."""
    settings: dict[str, Any] = {
        "voting_id": VOTING,
        "workflow": "hourly",
        "trigger": SLOT,
        "voting": fold({1: policy}, facts, now),
        "now": now,
        "members": tuple(member(index) for index in range(3)),
    }
    return Known(**{**settings, **changes})


AGREED = attempt(1, {0: pair(), 1: pair()})
"""Workers 0 and 1 agree in attempt 1, and worker 2 is missing."""
UNANIMOUS = replace(POLICY, threshold_num=1, threshold_den=1)
PLURAL = replace(POLICY, fallback=Fallback.PLURALITY)


def without_ballot(cause: Cause, message: str, detail: str = "", tries: int = 1) -> Known:
    """Worker 2's view of an attempt that the others decided, in which its own preparations failed."""
    return known(AGREED, own=Own(2, (OwnFailure(1, cause, message, detail),) * tries))


def _no_failover() -> Known:
    facts = again({0: "aa"})
    handled = Handled("failover", 2, "handler", (Act("alert", "", "done"),))
    policy = replace(POLICY, fallback=Fallback.FAILOVER)
    return known(facts, policy=policy, own=Own(0, handled=(handled,)))


def _fallback_failed() -> Known:
    alert = Outlets().fitted("hourly", Errand(0, Alert("no consensus")))
    unavailable = UnavailableError(Origin("the webhook billing", "billing.example"), failed_with(500))
    settle = errand_of(2, SettlePlurality(), (When.UNRESOLVED, 2))
    acts = (
        Act(alert.action.kind, "", alert.state.value, alert.error),
        Act(CallWebhook.kind, "billing", ErrandState.FAILED.value, fault_of(unavailable)),
        Act(settle.action.kind, "", settle.state.value, settle.error),
    )
    return known(again({0: "aa"}), own=Own(0, handled=(Handled("unresolved", 2, "handler", acts),)))


def _compared() -> Known:
    facts = again({0: "aa", 1: "aa", 2: "bb"}, policy=UNANIMOUS)
    row = RowDifference((("meter", "c1"), ("hour", 9)), ("wh",))
    meters = TableDifference(
        "dataset", "meters", 48, 48, True, 1, (row,), {"wh": 1}, 1, ((("meter", "c7"), ("hour", 9)),), 1
    )
    bills = TableDifference("table", "bills", 24, 24)
    differences = tuple(Difference(worker, False, False, True, (), (meters, bills)) for worker in (0, 1))
    own = Own(2, ballots=(OwnBallot(1, 1, pair("b", "b")),))
    return known(facts, policy=UNANIMOUS, own=own, compared=(Compared(1, differences),))


def _first_look() -> Known:
    """Worker 0's view of a voting that failed for several reasons at once."""
    facts = [
        *attempt(1, {0: pair("a", "a"), 2: pair("a", "b")}),
        *attempt(2, {0: pair("a", "a", 2)}, unopened=[2]),
    ]
    ballots = tuple(
        OwnBallot(
            number,
            1,
            pair("a", "a", number),
            (
                TableRoot("dataset", "meters", 48, sha256(b"meters %d" % number).digest()),
                TableRoot("dataset", "clocks", 1, committed=False),
                TableRoot("table", "bills", 24, sha256(b"bills %d" % number).digest()),
            ),
        )
        for number in (1, 2)
    )
    handled = Handled("unresolved", 2, "default", (Act("alert", "", "done"),))
    return known(facts, own=Own(0, ballots=ballots, handled=(handled,)))


CASES: Mapping[Finding | Cause, Callable[[], Known]] = {
    Finding.NEVER_OPENED: lambda: known([], DUE + 900),
    Finding.PAUSED: lambda: known([], DUE + 900, is_paused=True),
    Finding.TOO_OLD: lambda: known([], DUE + 7201),
    Finding.TOO_FEW: lambda: known(again({0: "aa"})),
    Finding.NEVER_CAST: lambda: known(AGREED),
    Finding.NOT_OPENED: lambda: known(again({0: "aa"}, unopened=[1, 2])),
    Finding.COPIED_SEAL: lambda: known(again({0: "aa", 1: "bb"}, copied={2: 0})),
    Finding.INPUTS_DIFFER: lambda: known(again({0: "aa", 1: "bb"})),
    Finding.RESULTS_DIFFER: lambda: known(again({0: "aa", 1: "ab"})),
    Finding.SEVERAL_GROUPS: lambda: known(again({0: "aa", 1: "ab", 2: "cc"})),
    Finding.MEMBERS_GONE: lambda: known(
        [
            *attempt(1, {0: pair("a"), 1: pair("b", "b")}),
            *attempt(2, {0: pair("a", "a", 2)}, members=[0], n=3),
        ],
        members=(member(0), member(1, Role.NONE), member(2, Role.NONE)),
    ),
    Finding.STALLED: lambda: known(attempt(1, {0: pair("a"), 1: pair("b", "b")})),
    Finding.NO_PLURALITY: lambda: known(again({0: "aa", 1: "bb"}, policy=PLURAL), policy=PLURAL),
    Finding.PLURALITY: lambda: known(
        [
            *again({0: "aa", 1: "aa", 2: "bb"}, policy=replace(UNANIMOUS, fallback=Fallback.PLURALITY)),
            Settled(DUE + 5000, pair("a", "a", 2)),
        ],
        policy=replace(UNANIMOUS, fallback=Fallback.PLURALITY),
    ),
    Finding.OUTVOTED: lambda: known(
        attempt(1, {0: pair(), 1: pair(), 2: pair("a", "b")}), own=Own(2, sent=frozenset({1}))
    ),
    Finding.LOST: lambda: known(AGREED, own=Own(2, sent=frozenset({1}))),
    Finding.SEAL_NOT_OPENED: lambda: known(
        attempt(1, {0: pair(), 1: pair()}, unopened=[2]), own=Own(2, sent=frozenset({1}))
    ),
    Finding.FALLBACK_FAILED: _fallback_failed,
    Finding.DATA_COMPARED: _compared,
    Cause.SOURCE_TIMEOUT: lambda: without_ballot(
        Cause.SOURCE_TIMEOUT, "dataset meters was not read within 240 s", tries=2
    ),
    Cause.SOURCE_UNAVAILABLE: lambda: without_ballot(
        Cause.SOURCE_UNAVAILABLE, str(UnavailableError(ORIGIN, "connection refused")), tries=3
    ),
    Cause.SOURCE_INCOMPLETE: lambda: without_ballot(
        Cause.SOURCE_INCOMPLETE, str(IncompleteError(ORIGIN, "ends in the middle of a line"))
    ),
    Cause.SOURCE_REFUSED: lambda: without_ballot(
        Cause.SOURCE_REFUSED, str(RefusedError(ORIGIN, "the server refused access (status 401)"))
    ),
    Cause.BAD_DATA: lambda: without_ballot(
        Cause.BAD_DATA, str(SchemaViolationError(ORIGIN, "null where a value is due", row=3, column="wh"))
    ),
    Cause.PARENT_MISSING: lambda: without_ballot(
        Cause.PARENT_MISSING,
        "of hourly@2026-01-31T03:00:00Z, voting 0x1919, this worker no longer holds the rows of scores",
    ),
    Cause.WORKFLOW_FAILED: lambda: without_ballot(
        Cause.WORKFLOW_FAILED, "workflow failed", "meter c1: 2 Wh of 1 Wh cannot be green"
    ),
    Cause.WORKFLOW_TIMEOUT: lambda: without_ballot(
        Cause.WORKFLOW_TIMEOUT, "workflow: the run exceeded its limit of 60 seconds"
    ),
    Cause.WORKFLOW_MEMORY: lambda: without_ballot(
        Cause.WORKFLOW_MEMORY, "workflow: the run exceeded its memory limit of 1024 MiB"
    ),
    Cause.WORKFLOW_RESULT: lambda: without_ballot(
        Cause.WORKFLOW_RESULT, "workflow: result: table bills, row 0, column cents: a floating point number"
    ),
    Cause.BUNDLE_MISSING: lambda: without_ballot(
        Cause.BUNDLE_MISSING,
        "no bundle of hourly has the digest 0x0505, which the policy pins: nowhere is there any",
    ),
    Cause.DATA_KEY_MISSING: lambda: without_ballot(
        Cause.DATA_KEY_MISSING, "the data key of epoch 2 is not the one that the policy of hourly commits to"
    ),
    Cause.CHAIN_UNAVAILABLE: lambda: without_ballot(
        Cause.CHAIN_UNAVAILABLE,
        "the chain could not be read from 2026-01-31T09:59:55Z to 2026-01-31T10:21:00Z",
    ),
    Cause.NOT_IN_TIME: lambda: known(AGREED, own=Own(2, ballots=(OwnBallot(1, 1, pair()),))),
    Cause.NOT_RUNNING: lambda: known(AGREED, own=Own(2)),
    Cause.NO_FAILOVER: _no_failover,
    Cause.FAULT: lambda: without_ballot(
        Cause.FAULT,
        "a fault of worknet itself: KeyError",
        "Traceback (most recent call last):\nKeyError: 'wh'",
    ),
}
"""A voting for each reason there is, as somebody knows it who can know the reason."""

_CASE = re.compile(r"(^### (.+)\n(?:(?!^#).*\n)*?```text\n)(?:(?!^```).*\n)*", re.MULTILINE)


def printed(about: str) -> str:
    """What `voting show --explain` prints of the case: of the first look all of it, else the reasons."""
    if about == FIRST:
        explanation = explain(_first_look())
        return "".join(f"{line}\n" for line in (*explanation.evidence(), *explanation.why()))
    case = next(case for each, case in CASES.items() if each.value == about)
    return "".join(f"{line}\n" for line in explain(case()).why())


def cases_in(text: str) -> list[str]:
    """The headings of the guide below which a case is shown."""
    return [found[2] for found in _CASE.finditer(text)]


def filled(text: str) -> str:
    """The guide's text with what is printed below each case's heading."""
    return _CASE.sub(lambda found: found[1] + printed(found[2]), text)


if __name__ == "__main__":
    GUIDE.write_text(filled(GUIDE.read_text()))
