"""What an audit tells: one document of plain values, from which text, JSON and page are drawn, so that all
three say the same.

Ids and roots are `0x` hex, times RFC 3339 in UTC, amounts decimal text in wei, workers their indices, slots
and votings named as people name them (`WORKFLOW@START`) where the workflow's name is known. The form is
`docs/reference/audit.schema.json`, made of these classes.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

VERSION = 1

Verdict = Literal["nothing found", "findings"]
Outcome = Literal["quorum", "plurality", "report"]
Origin = Literal["beginning", "remembered", "given"]


@dataclass(frozen=True)
class Network:
    """Which network was audited: its name in network.toml, its contract and the pool beside it, if any."""

    name: str
    chain_id: int
    contract: str
    pool: str | None


@dataclass(frozen=True)
class Head:
    """The log when it had `size` leaves; `block` and `time` are where it was seen, if that is known."""

    size: int
    root: str
    block: int | None
    time: str | None


@dataclass(frozen=True)
class Log:
    """How far the audit went: from the head `before`, which is of this `origin`, to the confirmed `after`.

    `path` is the consistency proof (RFC 9162) from one to the other; `is_rewritten` says that the log at
    the old size is not what `before` says.
    """

    before: Head
    after: Head
    origin: Origin
    path: list[str]
    is_rewritten: bool


@dataclass(frozen=True)
class Check:
    """How many of something were checked, or could not be."""

    what: str
    count: int


@dataclass(frozen=True)
class FindingLine:
    """One thing that is not as it must be: the rule by name and in a sentence, what was seen, and where."""

    rule: str
    sentence: str
    what: str
    voting: str | None
    position: int | None
    block: int | None
    evidence: dict[str, str | int]


@dataclass(frozen=True)
class Published:
    """What a workflow made public of a result, after it was held against the record: the manifest's summary,
    and the votings whose results this one consumed."""

    where: str
    summary: Any
    parents: list[str]


@dataclass(frozen=True)
class RecordLine:
    """One record: what was decided, when, how, and what every member did in the recorded attempt.

    `window` is the span that its slot covers, start and end; null for a voting about an event.
    """

    position: int
    voting: str
    name: str
    workflow: str
    window: list[str] | None
    attempt: int
    how: Outcome
    time: str
    block: int
    policy_version: int
    n: int
    needed: int
    is_closed: bool
    agreed: list[int]
    outvoted: list[int]
    missing: list[int]
    input_root: str
    result_root: str
    published: Published | None


@dataclass(frozen=True)
class OpenLine:
    """A voting that is not over: its state since when, and until when time leaves it so (null: for ever).

    Unresolved ones are among them, since the owner may reopen them. `window` as for records.
    """

    voting: str
    name: str
    window: list[str] | None
    state: str
    attempt: int
    since: str
    until: str | None


@dataclass(frozen=True)
class GapLine:
    """Slots of a workflow that were due and have no record: `count` in a row, `every` seconds each, by the
    starts of the first and the last; `why` as far as the events tell."""

    workflow: str
    every: int
    first: str
    last: str
    count: int
    why: str


@dataclass(frozen=True)
class WorkerLine:
    """One worker: who it is, its part in the votings closed in this audit, its rewards over the pool's life.

    Of what it earned `paid` went to its operator, `owed` was claimed and the pool could not pay it, and
    `unclaimed` nobody has claimed yet.
    """

    index: int
    operator: str
    key: str
    role: str
    agreed: int
    outvoted: int
    missing: int
    paid: str
    owed: str
    unclaimed: str


@dataclass(frozen=True)
class PolicyLine:
    """A version of a workflow's policy: when it was announced, and whether in this audit's part of the chain;
    from when on it governs, its rules in words, its hash."""

    workflow: str
    version: int
    announced: str
    is_new: bool
    start: str
    bundle: str
    threshold: str
    ballots: str
    fallback: str
    policy_hash: str


@dataclass(frozen=True)
class MemberLine:
    """A change of the membership in this audit's part of the chain, with who and what the worker is then."""

    index: int
    act: str
    time: str
    operator: str
    key: str
    role: str


@dataclass(frozen=True)
class Unread:
    """A place of publications that could not be read, and why: nothing is said about what lies there."""

    where: str
    why: str


@dataclass(frozen=True)
class Report:
    """Everything that an audit saw and found."""

    format: Literal["worknet/audit"]
    version: int
    verdict: Verdict
    network: Network
    log: Log
    checked: list[Check]
    unseen: list[Check]
    unread: list[Unread]
    findings: list[FindingLine]
    records: list[RecordLine]
    open_votings: list[OpenLine]
    without_record: list[GapLine]
    workers: list[WorkerLine]
    policies: list[PolicyLine]
    members: list[MemberLine]

    def document(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return asdict(self)
