"""What an audit saw and found, as one value: all that a report says comes from here."""

from collections.abc import Mapping
from dataclasses import dataclass

from worknet.audit.findings import Finding
from worknet.audit.lines import MemberLine, OpenVoting, RecordLine, WithoutRecord, WorkerLine
from worknet.audit.policies import PolicyLine
from worknet.audit.resume import AuditState, Head


@dataclass(frozen=True)
class Audit:
    """All that an audit saw and found between two blocks.

    `before` is the head from which it went on; of a first audit the empty log before the contract's block.
    `path` proves by RFC 9162 that the one is a prefix of the other, empty where that needs no path.
    `findings` are in the order of their gravity. `checked` counts what was checked, `unseen` what could not
    be, and why: both by words for people.
    `appended` are the leaf hashes of the log from `before` on, the records' among them.
    `without_record` are all slots that are without, also from before this audit; `policies` likewise.
    """

    chain_id: int
    contract: bytes
    pool: bytes | None
    is_resumed: bool
    before: Head
    after: Head
    path: tuple[bytes, ...]
    appended: tuple[bytes, ...]
    findings: tuple[Finding, ...]
    records: tuple[RecordLine, ...]
    open_votings: tuple[OpenVoting, ...]
    without_record: tuple[WithoutRecord, ...]
    workers: tuple[WorkerLine, ...]
    policies: tuple[PolicyLine, ...]
    members: tuple[MemberLine, ...]
    checked: Mapping[str, int]
    unseen: Mapping[str, int]
    state: AuditState

    @property
    def is_sound(self) -> bool:
        """Whether no rule was found broken."""
        return not self.findings
