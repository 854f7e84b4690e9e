"""`worknet replay --disclosed`: an auditor computes a voting again from what a member handed over."""

import json
from pathlib import Path
from typing import Any

import typer

from worknet.audit.disclosed import Disclosed, read_disclosed
from worknet.audit.foreign import plain
from worknet.cli.failures import REFUSED
from worknet.cli.options import address
from worknet.config.secrets import SecretRef
from worknet.protocol.canonical import to_hex
from worknet.verify import Verdict, VerifyError, parse_head, verify
from worknet.verify.command import SOUND
from worknet.workflow.again import Again
from worknet.workflow.process import Limits
from worknet.workflow.runner import Runner


def replay_disclosed(
    folder: Path,
    key: Path,
    held_against: tuple[str | None, str | None, str | None],
    limits: Limits,
    allow_unisolated: bool,
    as_json: bool,
) -> None:
    """Computes again what the folder holds, says what came of it, and ends with the exit code.

    `held_against`: a trusted tree head as SIZE:ROOT, an RPC's URL, the contract's address; or None.
    """
    disclosed = read_disclosed(folder, SecretRef(file=key).resolve_bytes(32))
    verdict, refused = _verdict(disclosed, *held_against)
    again = None
    if not refused:
        with Runner(disclosed.bundle, limits, allow_unisolated=allow_unisolated, waiting=0) as runner:
            again = disclosed.compute_again(runner)
    if as_json:
        typer.echo(json.dumps(_document(disclosed, verdict, refused, again)))
    else:
        for label, text in _lines(disclosed, verdict, refused, again):
            # Names and values come from whoever handed it over, and messages from the bundle.
            typer.echo(f"{label:<10}{plain(text)}")
    if again is None or again.text:
        raise typer.Exit(REFUSED)
    if verdict is None or not verdict.level:
        raise typer.Exit(SOUND)


def _verdict(
    disclosed: Disclosed, head: str | None, rpc: str | None, contract: str | None
) -> tuple[Verdict | None, str]:
    """How far the record is verified, or why it is refused. An RPC that cannot be asked raises."""
    trusted = None if head is None else parse_head(head)
    whose = None if contract is None else address("--contract", contract)
    try:
        return verify(disclosed.evidence, trusted, rpc, contract=whose), ""
    except VerifyError as error:
        if getattr(error, "rule", None) is None:
            raise
        return None, f"{error} ({error.hint})" if error.hint else str(error)


def _document(
    disclosed: Disclosed, verdict: Verdict | None, refused: str, again: Again | None
) -> dict[str, Any]:
    record = disclosed.evidence.record
    return {
        "voting": to_hex(record["voting_id"]),
        "attempt": record["attempt"],
        "bundle": to_hex(disclosed.bundle.digest),
        "level": verdict.level if verdict else None,
        "refused": refused,
        "rows": {f"{kind}-{name}": len(rows) for (kind, name), rows in sorted(disclosed.rows.items())},
        "unproven": list(disclosed.unproven),
        "same": again is not None and not again.text,
        "text": again.text if again else "",
        "row": again.difference.document() if again and again.difference else None,
    }


def _lines(
    disclosed: Disclosed, verdict: Verdict | None, refused: str, again: Again | None
) -> list[tuple[str, str]]:
    record = disclosed.evidence.record
    lines = [("voting", to_hex(record["voting_id"])), ("attempt", str(record["attempt"]))]
    lines += [
        (kind, f"{name}, {len(rows)} rows{_proven(disclosed, kind, name)}")
        for (kind, name), rows in sorted(disclosed.rows.items())
    ]
    lines.append(("bundle", f"{to_hex(disclosed.bundle.digest)}, which the policy pins"))
    if verdict is None:
        return [*lines, ("REFUSED", refused)]
    if verdict.level:
        lines.append(("record", f"verified, level {verdict.level}"))
    else:
        lines.append(("record", f"sound in itself, but NOT VERIFIED: {verdict.why_no_further}"))
    if again is not None:
        told = f"DIFFERS: {again.text}" if again.text else "the same: these inputs give the recorded result"
        lines.append(("result", told))
    return lines


def _proven(disclosed: Disclosed, kind: str, name: str) -> str:
    if kind == "dataset" and name in disclosed.unproven:
        return ", UNCOMMITTED: nothing shows that these are the rows of then"
    return ", proven" if kind == "table" else ", proven against the input root"
