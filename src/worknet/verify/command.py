"""`worknet verify`: reads the file, asks the chain if one is given, and says what came of it.

One function for both front ends, the command line of the project and `python -m worknet.verify`. Prints the
outcome and returns the exit code; raises nothing that a file, a head or an RPC can cause.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worknet.protocol.addresses import AddressError, read_address
from worknet.protocol.canonical import to_hex
from worknet.protocol.words import How
from worknet.verify.errors import EvidenceError, RefusedError, RpcError, VerifyError
from worknet.verify.evidence import Disclosure, Evidence
from worknet.verify.reading import MAX_BYTES, parse, parse_head
from worknet.verify.rpc import read_chain
from worknet.verify.verdict import Verdict, verify

VERIFIED = 0
REFUSED = 1
UNUSABLE = 2
"""The command line, the file's name or the RPC cannot be used: nothing is said about the evidence."""
SOUND = 3
"""Sound in itself, but nothing was given to hold it against."""

_LEVELS = {
    1: "level 1: held against a tree head that you trust",
    3: "level 3: held against the chain",
}
_HOW = {
    How.QUORUM: "recorded by quorum",
    How.PLURALITY: "RECORDED BY PLURALITY: enough workers did NOT agree on this result",
    How.REPORT: "recorded by report",
}


def run(
    file: Path,
    head: str | None = None,
    rpc: str | None = None,
    contract: str | None = None,
    as_json: bool = False,
) -> int:
    """Verifies the file and prints the outcome; returns the exit code.

    `head` is a text `SIZE:ROOT`, `rpc` a URL, `contract` the address of the network's contract.
    """
    try:
        trusted = None if head is None else parse_head(head)
        address = None if contract is None else _address(contract)
        data = _contents(file)
    except (VerifyError, OSError) as error:
        return _failed("unusable", UNUSABLE, file, error, as_json)
    try:
        evidence = parse(data)
        verdict = verify(evidence, trusted, contract=address)
        if rpc is not None:
            verdict = verify(evidence, trusted, read_chain(rpc, evidence), contract=address)
    except RpcError as error:
        return _failed("unusable", UNUSABLE, file, error, as_json)
    except VerifyError as error:
        return _failed("refused", REFUSED, file, error, as_json)
    _print(_json(evidence, verdict) if as_json else _text(file, evidence, verdict))
    return VERIFIED if verdict.level else SOUND


def _contents(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _address(text: str) -> bytes:
    try:
        return read_address(text)
    except AddressError as error:
        raise EvidenceError("--contract", str(error), error.hint) from error


def _failed(result: str, code: int, file: Path, error: VerifyError | OSError, as_json: bool) -> int:
    message = str(error) if isinstance(error, VerifyError) else f"cannot be read: {error.strerror or error}"
    hint = error.hint if isinstance(error, VerifyError) else ""
    if as_json:
        field = error.field if isinstance(error, EvidenceError | RefusedError) else None
        outcome = {"result": result, "level": None, "field": field, "message": message, "hint": hint}
        _print(json.dumps(outcome))
        return code
    said = "REFUSED" if result == "refused" else "not verified"
    lines = [f"{_shown(str(file))}: {said}", f"  {_shown(message)}"]
    lines += [f"  hint: {_shown(hint)}"] if hint else []
    _print("\n".join(lines))
    return code


def _json(evidence: Evidence, verdict: Verdict) -> str:
    record, disclosure = evidence.record, evidence.disclosure
    outcome: dict[str, Any] = {
        "result": "verified" if verdict.level else "sound",
        "level": verdict.level,
        "checked": verdict.checked,
        "why_no_further": verdict.why_no_further,
        "chain_id": record.chain_id,
        "contract": to_hex(record.contract),
        "voting_id": to_hex(record.voting_id),
        "attempt": record.attempt,
        "how": verdict.how.name.lower(),
        "position": evidence.position,
        "head": str(evidence.head),
        "row": None,
    }
    if disclosure is not None:
        outcome["row"] = {
            "kind": disclosure.kind,
            "name": disclosure.name,
            "index": disclosure.index,
            "values": disclosure.row.values,
        }
    return json.dumps(outcome)


def _text(file: Path, evidence: Evidence, verdict: Verdict) -> str:
    said = f"VERIFIED, {_LEVELS[verdict.level]}" if verdict.level else "sound in itself, but NOT VERIFIED"
    lines = [f"{_shown(str(file))}: {said}", _HOW[verdict.how], "", "checked:"]
    lines += [f"  - {_shown(sentence)}" for sentence in verdict.checked]
    lines += ["", f"no further, because {_shown(verdict.why_no_further)}"]
    if evidence.disclosure is not None:
        lines += ["", *_row(evidence.disclosure)]
    return "\n".join(lines)


def _row(disclosure: Disclosure) -> list[str]:
    values: Mapping[str, Any] = disclosure.row.values
    width = max(len(name) for name in values) if values else 0
    shown = [f"  {name:{width}}  {_value(value)}" for name, value in values.items()]
    return [f"row {disclosure.index} of the {disclosure.kind} {disclosure.name}:", *shown]


def _value(value: Any) -> str:
    return _shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _shown(text: str) -> str:
    """The text without what could steer a terminal or turn the order of letters."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _print(text: str) -> None:
    """Prints what the terminal's encoding has no letters for as escapes, instead of failing."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
