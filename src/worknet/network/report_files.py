"""Files with a worker's signature under a Report: their format, and what is wrong with one.

Everything in a file is public. `docs/reference/report.md` has the format for others.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from worknet.chain.errors import SignatureError
from worknet.chain.signatures import SIGNATURE_BYTES, BallotDomain, Signature
from worknet.network.errors import NetworkError
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.canonical import CanonicalError, from_hex, to_hex
from worknet.protocol.errors import ProtocolError
from worknet.protocol.words import MAX_WORKERS

KIND = "worknet.report"
VERSION = 1

_LARGEST = 64 * 1024
_NUMBERS = {"attempt": 1 << 8, "policy_version": 1 << 16, "chain_id": 1 << 63}
_HEX = {
    "contract": 20,
    "workflow_id": 32,
    "trigger_id": 32,
    "voting_id": 32,
    "input_root": 32,
    "result_root": 32,
}


class ReportFileError(NetworkError):
    """A file that is no signature under a report, or not one that counts."""


@dataclass(frozen=True)
class Words:
    """What a report says, and of what. Participants and voters are bitmaps of worker indices."""

    chain_id: int
    contract: bytes
    workflow_id: bytes
    trigger_id: bytes
    voting_id: bytes
    attempt: int
    policy_version: int
    input_root: bytes
    result_root: bytes
    participants: int
    voters: int

    @property
    def place(self) -> Place:
        """The attempt and the policy version."""
        return Place(self.attempt, self.policy_version)

    @property
    def pair(self) -> Pair:
        """The pair that is reported."""
        return Pair(self.input_root, self.result_root)

    def digest(self) -> bytes:
        """What a worker signs."""
        domain = BallotDomain(self.chain_id, self.contract)
        return domain.report_digest(self.voting_id, self.place, self.pair, self.participants, self.voters)

    def differences(self, other: "Words") -> list[str]:
        """The names of the fields that another report has otherwise."""
        return [
            field.name for field in fields(Words) if getattr(self, field.name) != getattr(other, field.name)
        ]


@dataclass(frozen=True)
class SignedReport:
    """A report's words with the signature of one worker, by its index."""

    words: Words
    worker: int
    signature: Signature


def write(path: Path, signed: SignedReport) -> None:
    """Writes the file, over another one if there is one."""
    words = signed.words
    document: dict[str, Any] = {"kind": KIND, "version": VERSION, "chain_id": words.chain_id}
    document |= {name: to_hex(getattr(words, name)) for name in _HEX}
    document |= {"attempt": words.attempt, "policy_version": words.policy_version}
    document |= {"participants": indices(words.participants), "voters": indices(words.voters)}
    document |= {"worker": signed.worker, "signature": to_hex(signed.signature.to_bytes())}
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ReportFileError(f"{path} cannot be written: {error.strerror}", "name another file") from None


def read(path: Path) -> SignedReport:
    """The signed report in a file; ReportFileError names the file and what is wrong in it."""
    document = _document(path)
    try:
        return _signed(document)
    except (ProtocolError, CanonicalError, SignatureError, ValueError) as error:
        raise ReportFileError(f"{path}: {error}", "have its worker sign anew") from None


def indices(workers: int) -> list[int]:
    """The worker indices of a bitmap, ascending."""
    return [index for index in range(workers.bit_length()) if workers >> index & 1]


def bitmap(workers: Iterable[int]) -> int:
    """The bitmap of these worker indices."""
    return sum(1 << index for index in set(workers))


def parse_indices(text: str) -> int:
    """The bitmap that `0,2,5-7` names; ValueError for anything else."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", part.strip())
        if match is None:
            raise ValueError(f"{text[:80]!r} is no list of worker indices")
        found |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    if not found or max(found) >= MAX_WORKERS:
        raise ValueError(f"{text[:80]!r} names no worker, or one above {MAX_WORKERS - 1}")
    return bitmap(found)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        document = json.loads(content) if len(content) <= _LARGEST else None
    except OSError as error:
        raise ReportFileError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ReportFileError(f"{path} is no signature under a report", "`worknet report sign` writes one")
    if document.get("version") != VERSION:
        raise ReportFileError(
            f"{path} is of another version than {VERSION}", "use one release of worknet for all"
        )
    return document


def _signed(document: Mapping[str, Any]) -> SignedReport:
    known = {"kind", "version", "participants", "voters", "worker", "signature", *_HEX, *_NUMBERS}
    if document.keys() != known:
        odd = sorted(known ^ document.keys(), key=str)
        raise ValueError(f"a field is missing or unknown: {str(odd[0])[:40]}")
    values: dict[str, Any] = {name: _hex(document, name, size) for name, size in _HEX.items()}
    values |= {name: _number(document, name, bound) for name, bound in _NUMBERS.items()}
    values |= {name: _workers(document, name) for name in ("participants", "voters")}
    words = Words(**values)
    Pair(words.input_root, words.result_root)
    signature = Signature.of_bytes(_hex(document, "signature", SIGNATURE_BYTES))
    return SignedReport(words, _number(document, "worker", MAX_WORKERS), signature)


def _hex(document: Mapping[str, Any], name: str, size: int) -> bytes:
    try:
        return from_hex(str(document[name]), size)
    except CanonicalError as error:
        raise ValueError(f"{name}: {error}") from None


def _number(document: Mapping[str, Any], name: str, bound: int) -> int:
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < bound:
        raise ValueError(f"{name} is no number below {bound}")
    return value


def _workers(document: Mapping[str, Any], name: str) -> int:
    value = document[name]
    if not isinstance(value, list) or not all(
        isinstance(index, int) and not isinstance(index, bool) and 0 <= index < MAX_WORKERS for index in value
    ):
        raise ValueError(f"{name} is no list of worker indices")
    if value != sorted(set(value)):
        raise ValueError(f"{name} does not ascend")
    return bitmap(value)
