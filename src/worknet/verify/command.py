"""`worknet verify`, and `python -m worknet.verify` for those who have nothing else installed.

Prints what came of it and returns the exit code; raises nothing that a file, a head or an RPC can cause.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from worknet.verify import EvidenceError, RpcError, VerifyError, parse, parse_head, verify
from worknet.verify.form import MAX_BYTES

VERIFIED, REFUSED, UNUSABLE, SOUND = range(4)
"""Exit codes; unusable is the command line, the file's name or the RPC: nothing is said about the file."""

_CODES = {"verified": VERIFIED, "refused": REFUSED, "unusable": UNUSABLE, "sound": SOUND}
_SAID = {"refused": "REFUSED", "unusable": "not verified", "sound": "sound in itself, but NOT VERIFIED"}
_LEVELS = {1: "held against a tree head that you trust", 3: "held against the chain"}
_TOLD = ("chain_id", "contract", "voting_id", "attempt", "how")
_EPILOG = """exit codes: 0 verified, and at which level; 1 refused, and why; 2 the command line, the file's
name or the RPC cannot be used; 3 sound in itself, but nothing was given to hold it against"""


def main(arguments: list[str] | None = None) -> int:
    """Parses the arguments (default: those of the process) and returns the exit code."""
    purpose = "Checks an evidence file without trusting the party that hands it over."
    parser = argparse.ArgumentParser(prog="python -m worknet.verify", description=purpose, epilog=_EPILOG)
    parser.add_argument("file", type=Path, metavar="FILE", help="the evidence file")
    parser.add_argument("--head", metavar="SIZE:ROOT", help="a tree head of the result log that you trust")
    parser.add_argument("--rpc", metavar="URL", help="a JSON-RPC of the network's chain that you trust")
    parser.add_argument("--contract", metavar="ADDRESS", help="the contract of the network that you mean")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
    try:
        return run(**vars(parser.parse_args(arguments)))
    except KeyboardInterrupt:
        return 130  # What shells report for a process that ended by Ctrl-C.


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
    outcome = _outcome(file, head, rpc, contract)
    lines = [json.dumps(outcome)] if as_json else _text(file, outcome)
    # Nothing that could steer a terminal; what it has no letters for comes as escapes.
    shown = ["".join(c if c.isprintable() else ascii(c)[1:-1] for c in line) + "\n" for line in lines]
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write("".join(shown).encode(encoding, "backslashreplace").decode(encoding))
    return _CODES[outcome["result"]]


def _outcome(file: Path, head: str | None, rpc: str | None, contract: str | None) -> dict[str, Any]:
    result = "unusable"
    try:
        trusted = None if head is None else parse_head(head)
        if contract is not None and not re.fullmatch("0x[0-9a-fA-F]{40}", contract):
            raise EvidenceError("--contract", "no address", "0x and 40 hex digits")
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        result = "refused"
        evidence = parse(data)
        verdict = verify(evidence, trusted, rpc, bytes.fromhex(contract[2:]) if contract else None)
    except OSError as error:
        return _failure(result, VerifyError(f"cannot be read: {error.strerror or error}"))
    except VerifyError as error:
        return _failure("unusable" if isinstance(error, RpcError) else result, error)
    return {
        "result": "verified" if verdict.level else "sound",
        "level": verdict.level,
        "checked": verdict.checked,
        "why_no_further": verdict.why_no_further,
        **{name: evidence.document["record"][name] for name in _TOLD},
        "position": evidence.position,
        "head": str(evidence.head),
        "disclosure": evidence.disclosure and _disclosed(evidence.disclosure),
    }


def _failure(result: str, error: VerifyError) -> dict[str, Any]:
    field = getattr(error, "field", None)
    return {"result": result, "level": None, "field": field, "message": str(error), "hint": error.hint}


def _disclosed(disclosure: Any) -> dict[str, Any]:
    """What is shown: the values of a row by column, or how many rows."""
    shown = disclosure["shown"]
    told = {"kind": disclosure["kind"], "name": disclosure["name"]}
    if "rows" in shown:
        return told | {"shown": "whole", "rows": len(shown["rows"])}
    fields = {field["name"]: field["value"] for field in shown.get("fields", [])}
    told |= {"shown": "fields" if "fields" in shown else "row", "index": shown["index"]}
    return told | {"values": shown.get("values", fields)}


def _text(file: Path, outcome: dict[str, Any]) -> list[str]:
    said = _SAID.get(outcome["result"]) or f"VERIFIED, level {outcome['level']}: {_LEVELS[outcome['level']]}"
    if outcome["level"] is None:
        hints = [f"  hint: {outcome['hint']}"] if outcome["hint"] else []
        return [f"{file}: {said}", f"  {outcome['message']}", *hints]
    how = "RECORDED BY PLURALITY: enough workers did NOT agree on this result"
    lines = [f"{file}: {said}", how if outcome["how"] == "plurality" else f"recorded by {outcome['how']}"]
    lines += ["", "checked:", *(f"  - {sentence}" for sentence in outcome["checked"])]
    lines += ["", f"no further, because {outcome['why_no_further']}"]
    if (shown := outcome["disclosure"]) is not None:
        part = f"row {shown['index']}" if "values" in shown else f"all {shown['rows']} rows"
        where = ":" if "values" in shown else " stand in the file, at disclosure.shown.rows"
        lines += ["", f"{part} of the {shown['kind']} {shown['name']}{where}"]
        for name, value in shown.get("values", {}).items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f"  {name}  {text}")
    return lines
