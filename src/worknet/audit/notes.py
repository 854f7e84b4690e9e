"""What an audit writes down as it goes: broken rules, and how much was and could not be checked."""

from collections import Counter

from worknet.audit.facts import Happening
from worknet.audit.findings import Finding, shown


class Notes:
    """The notes of one audit. `checked` and `unseen` count by words for people."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.checked: Counter[str] = Counter()
        self.unseen: Counter[str] = Counter()

    def broken(
        self,
        rule: str,
        what: str,
        at: Happening | None = None,
        *,
        voting_id: bytes = b"",
        position: int | None = None,
        **evidence: bytes | int | str | None,
    ) -> None:
        """A rule is broken: by the event `at`, if by one. `evidence` has the values that do not fit."""
        voting_id = voting_id or getattr(at and at.event, "voting_id", b"")
        transaction = at.transaction if at is not None else None
        self.findings.append(
            Finding(
                rule,
                what,
                voting_id,
                position,
                at.block if at is not None else None,
                shown(transaction=transaction, **evidence),
            )
        )

    def leave_out(self, what: str, count: int) -> None:
        """So many of something could not be checked; none is not told."""
        if count:
            self.unseen[what] += count

    def differs(
        self,
        rule: str,
        what: str,
        at: Happening,
        told: bytes | int,
        due: bytes | int | None,
        position: int | None = None,
    ) -> bool:
        """Whether what was told is not what is due, which breaks the rule."""
        if told == due:
            return False
        self.broken(rule, what, at, position=position, told=told, due="nothing" if due is None else due)
        return True
