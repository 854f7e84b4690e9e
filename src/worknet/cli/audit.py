"""`worknet audit`: anybody's check that the log only grows, and that every record was made by the rules."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from worknet.audit import state as remembered
from worknet.audit.audit import audit
from worknet.audit.errors import AuditError
from worknet.audit.findings import ordered
from worknet.audit.held import hold, roots
from worknet.audit.outcome import Audit
from worknet.audit.parents import check_parents
from worknet.audit.publications import Known, Publication, Publications
from worknet.audit.report import Report
from worknet.audit.report_html import page
from worknet.audit.report_text import text
from worknet.audit.telling import Context, report_of
from worknet.chain.client import NetworkClient
from worknet.cli.failures import REFUSED
from worknet.cli.options import AsJson, File, RpcUrl
from worknet.cli.published import PublishedPlaces, places_of
from worknet.config import NetworkConfig
from worknet.config.values import Url
from worknet.network import access
from worknet.protocol.ids import workflow_id
from worknet.sources.shared_files import write_whole
from worknet.verify import Head, parse_head

STATE_FILE = "audit-state.json"
UNKNOWN = "parents whose own manifest is not published"
EARLIER = "parents recorded before this audit, whose window it does not know"
PROGRESS_SECONDS = 3.0

FORMS: dict[str, Callable[[Report], str]] = {
    ".txt": text,
    ".json": lambda report: json.dumps(report.document(), indent=1) + "\n",
    ".html": page,
}
"""The forms of a report, by the ending of its file's name."""


def audit_network(
    file: File,
    rpc: RpcUrl = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="FILE",
            help=f"Where the head is remembered; default: {STATE_FILE} beside network.toml.",
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="SIZE:ROOT",
            help="A head that you know from elsewhere: audit from the beginning, and hold the log to it.",
        ),
    ] = None,
    published: PublishedPlaces = None,
    reports: Annotated[
        list[Path] | None,
        typer.Option(
            "--report", metavar="FILE", help="Write the report: .txt, .json or .html; for more, again."
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Remember the new head although something was found: you have read it."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Follow the log from the remembered head to the current one, and check all that led to it; needs no key.

    Checks every append, every record against its events, ballots, policy and members of that time, and the
    rewards paid. Without a remembered head it begins at the beginning. The new head is remembered if nothing
    was found; after findings only with --accept, and never where the log was rewritten.
    Exit codes: 0 nothing was found; 1 findings; 2 the audit cannot be made, and nothing is remembered.
    """
    network = NetworkConfig.load(file)
    contract, start = network.deployed()
    chain_id = network.network.chain_id
    state_file = file.parent / STATE_FILE if state is None else state
    written = [*dict.fromkeys(reports or [])]
    _check_targets(state_file, written)
    if given is not None and given.startswith("0:"):
        raise AuditError("--from: the head of an empty log begins every log", "leave --from out")
    head = None if given is None else parse_head(given)
    places = places_of(network, published or [])
    since = remembered.read(state_file, chain_id, contract)

    client = access.reading_client(network, access.connect(network, rpc))
    resumed = since if head is None else None
    made = audit(client, start, network.rewards.contract, since=resumed, progress=_Progress())
    if head is not None:
        # What was remembered is not forgotten because another head is given.
        known = [] if since is None else [Head(since.head.size, since.head.root)]
        made = hold(made, [head, *(each for each in known if each.size)])
    made, found, unread = _with_publications(made, places, roots(made, since))
    made = _with_parents(made, found, client)
    names = {workflow_id(name): name for name in network.workflows}
    context = Context(network.network.name, names, head is not None, found, unread)
    report = report_of(made, context)
    for target in written:
        _write(target, FORMS[target.suffix](report).encode())
    is_remembered = made.is_sound or (accept and not report.log.is_rewritten)
    if is_remembered:
        _write(state_file, remembered.content(made.state, chain_id, contract))
    if as_json:
        typer.echo(json.dumps(report.document()))
    else:
        typer.echo(text(report), nl=False)
        typer.echo(_told(state_file, report, is_remembered))
    if report.findings:
        raise typer.Exit(REFUSED)


def _with_publications(
    made: Audit, places: list[Path | Url], heads: Mapping[int, bytes]
) -> tuple[Audit, dict[bytes, Publication], dict[str, str]]:
    """The audit with what publications add to it, those that were proven, and places that were not read."""
    if not places:
        return made, {}, {}
    reader = Publications(places)
    known = [Known(line.record, line.position) for line in made.records]
    findings, proven = list(made.findings), {}
    # Every place: a sound publication in one of them says nothing of what another one tells people.
    for each in reader.find(known, every_place=True, root_at=heads.get):
        findings += each.findings
        if each.publication is not None:
            proven[each.voting_id] = each.publication
    return replace(made, findings=ordered(findings)), proven, reader.faults


def _with_parents(made: Audit, found: Mapping[bytes, Publication], client: NetworkClient) -> Audit:
    """The audit with what comes of the parents that published results name."""

    def is_earlier(voting_id: bytes) -> bool:
        # What the contract has a record of by the new head, and this part of the log has not, came before.
        return made.is_resumed and client.record(voting_id, made.after.block) is not None

    manifests = {voting_id: each.manifest for voting_id, each in found.items()}
    parents = check_parents(made.records, manifests, made.policies, is_earlier)
    count = sum(len(each) for each in parents.of.values())
    unseen = {UNKNOWN: len(parents.unknown), EARLIER: parents.earlier}
    return replace(
        made,
        findings=ordered((*made.findings, *parents.findings)),
        checked={**made.checked, "parents of published results": count} if count else made.checked,
        unseen={**made.unseen, **{what: number for what, number in unseen.items() if number}},
    )


def _told(state_file: Path, report: Report, is_remembered: bool) -> str:
    """What became of the remembered head, for people."""
    if is_remembered:
        return f"remembered head {report.log.after.size:,} in {state_file}"
    kept = f", {state_file} stays as it is" if state_file.exists() else ""
    if report.log.is_rewritten:
        files = "it, and " if kept else ""
        return f"not remembered{kept}; keep {files}the head of before, as evidence"
    return f"not remembered{kept}: the next audit finds this again, unless --accept"


def _check_targets(state_file: Path, reports: list[Path]) -> None:
    """Finds before a long audit what would keep its outcome from being written."""
    for report in reports:
        if report.suffix not in FORMS:
            raise AuditError(
                f"--report {report}: no form of a report", f"end the name with {', '.join(FORMS)}"
            )
        if report.absolute() == state_file.absolute():
            raise AuditError(f"--report {report} is where the head is remembered", "name another file")
    for target in (state_file, *reports):
        if not target.absolute().parent.is_dir():
            raise AuditError(f"{target} cannot be written: there is no such folder", "make the folder first")
        if target.is_dir() or not os.access(target.absolute().parent, os.W_OK):
            raise AuditError(f"{target} cannot be written", "name a file in a folder of yours")


def _write(target: Path, content: bytes) -> None:
    """The file, whole or not at all."""
    try:
        write_whole(target, content, f".{target.name}.{os.getpid()}.part")
    except OSError as error:
        hint = "the audit is done but not kept: make room, or name another file"
        raise AuditError(f"{target} cannot be written: {error.strerror}", hint) from None


class _Progress:
    """How far a long audit is, on standard error: a line every few seconds, none for a short one."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, stage: str, done: int, of: int) -> None:
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            typer.echo(f"{stage}: {done:,} of {of:,}", err=True)
