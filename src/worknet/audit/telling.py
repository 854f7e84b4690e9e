"""From what an audit saw to what it tells: names for ids, words for bitmaps, text for numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worknet.audit import report as told
from worknet.audit.findings import RULES, Finding
from worknet.audit.lines import OpenVoting, RecordLine
from worknet.audit.openings import trigger
from worknet.audit.outcome import Audit
from worknet.audit.publications import Publication
from worknet.audit.resume import Head
from worknet.chain.events import Role
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot
from worknet.protocol.policy import Policy
from worknet.protocol.times import TimeError, time_text

REWRITTEN = "log.prefix"
"""The rule that is broken where the log is not the one that was seen before."""


@dataclass(frozen=True)
class Context:
    """What a report says besides what the audit saw: the network's name and its workflows' by their ids, and
    of the published results those that were found, by voting id, and the places that could not be read.

    `is_given` says that the head before was not remembered but given.
    """

    network: str
    workflows: Mapping[bytes, str] = field(default_factory=dict)
    is_given: bool = False
    published: Mapping[bytes, Publication] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


def report_of(audit: Audit, context: Context) -> told.Report:
    """The report of an audit."""
    teller = _Teller(audit, context)
    return told.Report(
        format="worknet/audit",
        version=told.VERSION,
        verdict="findings" if audit.findings else "nothing found",
        network=told.Network(
            context.network,
            audit.chain_id,
            to_hex(audit.contract),
            None if audit.pool is None else to_hex(audit.pool),
        ),
        log=_log(audit, context),
        checked=_checks(audit.checked),
        unseen=_checks(audit.unseen),
        unread=[told.Unread(where, why) for where, why in context.unread.items()],
        findings=[_finding(each) for each in audit.findings],
        records=[teller.record(each) for each in audit.records],
        open_votings=[teller.open_voting(each) for each in audit.open_votings],
        without_record=[
            told.GapLine(
                teller.workflow(each.workflow_id),
                each.every,
                _time(each.first * each.every),
                _time(each.last * each.every),
                each.last - each.first + 1,
                each.why.value,
            )
            for each in audit.without_record
        ],
        workers=[
            told.WorkerLine(
                each.index,
                to_hex(each.operator),
                to_hex(each.key),
                _role(each.role),
                each.agreed,
                each.outvoted,
                each.missing,
                str(each.paid),
                str(each.owed),
                str(each.unclaimed),
            )
            for each in audit.workers
        ],
        policies=[
            told.PolicyLine(
                teller.workflow(each.workflow_id),
                each.version,
                _time(each.time),
                each.block > audit.before.block,
                _time(each.policy.start),
                to_hex(each.policy.bundle_digest),
                _threshold(each.policy),
                each.policy.ballots.name.lower(),
                each.policy.fallback.name.lower(),
                to_hex(each.policy_hash),
            )
            for each in audit.policies
        ],
        members=[
            told.MemberLine(
                each.index,
                each.act.value,
                _time(each.time),
                to_hex(each.operator),
                to_hex(each.key),
                _role(each.role),
            )
            for each in audit.members
        ],
    )


class _Teller:
    """Names what is about votings, which takes the workflows' names and the lengths of their slots."""

    def __init__(self, audit: Audit, context: Context) -> None:
        self._context = context
        self._every = {each.workflow_id: each.policy.every for each in audit.policies}

    def workflow(self, workflow_id: bytes) -> str:
        """The workflow's name, or its id where nobody named it."""
        return self._context.workflows.get(workflow_id) or to_hex(workflow_id)

    def record(self, line: RecordLine) -> told.RecordLine:
        record = line.record
        name, window = self._about(record.workflow_id, record.trigger_id)
        return told.RecordLine(
            position=line.position,
            voting=to_hex(record.voting_id),
            name=name,
            workflow=self.workflow(record.workflow_id),
            window=window,
            attempt=record.attempt,
            how=record.how.name.lower(),  # type: ignore[arg-type]  # its names are the outcomes
            time=_time(record.time),
            block=line.block,
            policy_version=line.policy_version,
            n=record.n,
            needed=record.needed,
            is_closed=line.is_closed,
            agreed=_indices(line.voters),
            outvoted=_indices(line.counted & ~line.voters),
            missing=_indices(record.members & ~line.counted),
            input_root=to_hex(record.input_root),
            result_root=to_hex(record.result_root),
            published=_published(self._context.published.get(record.voting_id)),
        )

    def open_voting(self, line: OpenVoting) -> told.OpenLine:
        name, window = self._about(line.workflow_id, line.trigger_id)
        return told.OpenLine(
            to_hex(line.voting_id),
            name,
            window,
            line.state.name.lower(),
            line.attempt,
            _time(line.since),
            _time(line.until) if line.until else None,
        )

    def _about(self, workflow_id: bytes, trigger_id: bytes) -> tuple[str, list[str] | None]:
        """The voting's name, and the window of its slot, if its trigger is one of the workflow."""
        workflow = self.workflow(workflow_id)
        about = trigger(trigger_id, self._every.get(workflow_id, 0))
        if not isinstance(about, Slot):
            kind = "event" if about is not None else "no slot of it:"
            return f"{workflow}, {kind} {to_hex(trigger_id)}", None
        window = about.window
        return f"{workflow}@{_time(window.start)}", [_time(window.start), _time(window.end)]


def _log(audit: Audit, context: Context) -> told.Log:
    is_rewritten = any(each.rule == REWRITTEN for each in audit.findings)
    # Also where the chain's block of then is gone, and all was read anew and held to what was remembered.
    is_remembered = audit.is_resumed or audit.before.size
    origin: told.Origin = "remembered" if is_remembered else "beginning"
    return told.Log(
        before=_head(audit.before),
        after=_head(audit.after),
        origin="given" if context.is_given else origin,
        path=[to_hex(each) for each in audit.path],
        is_rewritten=is_rewritten,
    )


def _head(head: Head) -> told.Head:
    return told.Head(head.size, to_hex(head.root), head.block, _time(head.time) if head.time else None)


def _checks(counts: Mapping[str, int]) -> list[told.Check]:
    return [told.Check(what, count) for what, count in counts.items()]


def _finding(finding: Finding) -> told.FindingLine:
    return told.FindingLine(
        finding.rule,
        RULES[finding.rule],
        finding.what,
        to_hex(finding.voting_id) if finding.voting_id else None,
        finding.position,
        finding.block,
        dict(finding.evidence),
    )


def _published(publication: Publication | None) -> told.Published | None:
    if publication is None:
        return None
    manifest = publication.manifest
    return told.Published(publication.where, manifest.summary, [to_hex(each) for each in manifest.parents])


def _indices(workers: int) -> list[int]:
    return [index for index in range(workers.bit_length()) if workers >> index & 1]


def _role(role: Role) -> str:
    return "removed" if role is Role.NONE else role.name.lower()


def _threshold(policy: Policy) -> str:
    return f"{policy.threshold_num}/{policy.threshold_den}" if policy.threshold_num else "majority"


def _time(seconds: int) -> str:
    try:
        return time_text(seconds)
    except TimeError:
        # A slot or a policy may lie beyond the year 9999; so far it is told as a number.
        return f"{seconds} s after 1970"
