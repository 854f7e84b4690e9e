"""What an audit can find: the rules that it holds a network to, and a broken one with its place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Shown: TypeAlias = str | int
"""A value as reports show it: text, hashes and addresses as 0x hex, a number from 2^53 on as decimal text."""

_EXACT = 1 << 53

RULES: Mapping[str, str] = {
    "chain.block": "The block up to which was audited before is still part of the chain.",
    "code.network": "The code at the network's address is that of the contract this software ships.",
    "code.pool": "The code at the pool's address is that of the pool this software ships.",
    "log.prefix": "The log that was audited before is the beginning of the log as it is now.",
    "log.root": "The tree head computed from the events is the contract's.",
    "log.size": "The contract counts as many leaves as the events have appended.",
    "log.position": "Positions ascend by one, without a gap and without a double.",
    "log.leaf": "The leaf that the contract keeps of a record is that of the words which the events give.",
    "log.moved": "A log that continues another one begins with the leaf that names it, and has one such.",
    "record.once": "A voting has one record at the most, and does not open again after it.",
    "record.consensus": "A record is made when the rules make it, neither earlier, nor otherwise, nor not.",
    "record.attempt": "A record is of the attempt in which its pair was voted for.",
    "record.pair": "A record's pair is the one that the counted ballots, or the report, make the result.",
    "record.voters": "A record's voters are those who had voted for its pair by then.",
    "record.how": "A record says truly whether a quorum, a plurality or a report made it.",
    "ballot.member": "Only members of the attempt have ballots in it.",
    "ballot.once": "A worker has one ballot in an attempt.",
    "ballot.time": "Ballots and seals come while there is casting, reveals while there is revealing.",
    "ballot.kind": "Ballots are open or sealed as the policy says.",
    "ballot.place": "A ballot names the attempt that is going on and its policy version.",
    "ballot.call": "A ballot, seal, reveal or report is taken as its transaction brought it.",
    "ballot.key": "A ballot or seal is sent, or signed, by the key that stands behind its index then.",
    "ballot.seal": "A seal is stored as it was sent, with the seconds that were left for casting.",
    "ballot.opens": "What is revealed are members' unrevealed seals, and salt and pair make each of them.",
    "ballot.skipped": "An item of a batch is passed over only for a reason that holds.",
    "report.workers": "Of a report: signers are voters, voters participants, participants members.",
    "report.signatures": "A report has enough signatures, each by the key that stands behind its index then.",
    "report.time": "A report comes while the attempt runs; one of some members after the cast window.",
    "report.ballots": "No voter of a report has a ballot for another pair on chain.",
    "closing.time": "A closing is told once the ballots are final, at once where a ballot makes them so.",
    "attempt.order": "Attempts open in their order, each while it may.",
    "attempt.members": "The members of an attempt, and n, are those of the member set that counts for it.",
    "attempt.needed": "An attempt needs as many equal ballots as its policy says.",
    "attempt.policy": "An attempt has an announced policy version, the one that governs its slot or voting.",
    "attempt.due": "No attempt opens before its slot is due.",
    "attempt.age": "Attempt 1 opens before its slot is too old.",
    "attempt.paused": "No voting opens while the opening is paused.",
    "attempt.end": "What time ends is told as the rules compute it: failed, settling, unresolved.",
    "attempt.reopening": "Only an unresolved voting or a missed slot is reopened, for the time that follows.",
    "voting.id": "A voting's id is that of its workflow and its trigger.",
    "voting.open": "Only what has opened, and is not closed, has ballots, an end and a record.",
    "voting.answers": "What is not over, has failed or never opened stands as the events tell.",
    "policy.version": "Versions of a policy are numbered from 1, one by one.",
    "policy.hash": "A policy's hash is that of the words announced with it.",
    "policy.start": "Starts never decrease, later ones are not in the past, and slots keep their length.",
    "policy.answers": "The contract holds the policies that were announced.",
    "member.enrolled": "A worker is enrolled while it is not, under the next index or its operator's.",
    "member.removed": "Only an enrolled worker is removed, or checks in, the latter in the present period.",
    "member.operator": "An index stays its operator's.",
    "member.key": "A key stands for the index that used it first, and an enrolment brings no other key back.",
    "member.answers": "The contract holds the members that the events tell.",
    "owner.acts": "What only the owner, an operator or a worker may do, that account did, as is told.",
    "owner.transfer": "The ownership goes to whom the owner has offered it.",
    "owner.answers": "The contract has the owner, and the pause, that the events tell.",
    "rewards.amounts": "Amounts per period count from the next period on.",
    "rewards.claim": "A claim earns what the rules give for the votings and periods it names, once.",
    "rewards.paid": "A claim pays what is earned and owed, as far as the pool has it.",
    "rewards.operator": "The operator of the index is paid.",
    "rewards.period": "A period counts who was enrolled, seen, accurate and not, as the events tell.",
    "rewards.answers": "The pool owes, and has paid for, what the events tell.",
    "event.form": "What the contract tells has the form in which it can be told.",
    "publication": "A publication is the evidence of its record: sound, of this record, with its manifest.",
    "parents.record": "What a result was made from is recorded in this log.",
    "parents.before": "What a result was made from stands before it in the log, so that no circle is made.",
    "parents.window": "What a result about a window was made from is about slots of that window.",
    "parents.complete": "A result made from others leaves out none that was recorded when it was due.",
}
"""Every rule that an audit checks, with its sentence; the gravest first."""

_GRAVITY = {rule: number for number, rule in enumerate(RULES)}


@dataclass(frozen=True)
class Finding:
    """A rule that was broken: what was seen, and where.

    `voting_id` is empty, `position` (in the log) and `block` are None where it is about none. `evidence`
    names the values that do not fit.
    """

    rule: str
    what: str
    voting_id: bytes = b""
    position: int | None = None
    block: int | None = None
    evidence: Mapping[str, Shown] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise KeyError(f"{self.rule} is no rule of an audit")


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each once: the gravest rules first, of one rule in the order of the chain."""
    unique: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        unique.setdefault((finding.rule, finding.what, finding.voting_id, finding.block), finding)
    return tuple(
        sorted(
            unique.values(),
            key=lambda each: (_GRAVITY[each.rule], each.block is None, each.block or 0, each.position or 0),
        )
    )


def shown(**values: bytes | int | str | None) -> dict[str, Shown]:
    """Values as evidence shows them; None is left out."""
    found: dict[str, Shown] = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            found[name] = f"0x{value.hex()}"
        elif isinstance(value, int) and not -_EXACT < value < _EXACT:
            found[name] = str(value)
        elif value is not None:
            found[name] = value
    return found
