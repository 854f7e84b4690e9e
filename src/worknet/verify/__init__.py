"""From an evidence file to a verdict that anyone can reach alone: standard library and `protocol` only.

`parse` reads a file's bytes, `verify` judges them, `rpc` asks a chain for what only it knows. The command is
`worknet verify FILE`, or `python -m worknet.verify FILE` where nothing else is installed.
"""

from worknet.verify.errors import EvidenceError, RefusedError, RpcError, VerifyError
from worknet.verify.evidence import (
    Ballot,
    Disclosure,
    Evidence,
    Field,
    Head,
    Header,
    ManifestProof,
    Network,
    RowFields,
    WholeRow,
)
from worknet.verify.reading import parse, parse_head
from worknet.verify.verdict import ChainView, Member, Opening, Outcome, Report, Verdict, verify

__all__ = [
    "Ballot",
    "ChainView",
    "Disclosure",
    "Evidence",
    "EvidenceError",
    "Field",
    "Head",
    "Header",
    "ManifestProof",
    "Member",
    "Network",
    "Opening",
    "Outcome",
    "RefusedError",
    "Report",
    "RowFields",
    "RpcError",
    "Verdict",
    "VerifyError",
    "WholeRow",
    "parse",
    "parse_head",
    "verify",
]
