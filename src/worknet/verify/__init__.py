"""From an evidence file to a verdict that anyone can reach alone: standard library and `protocol` only.

`parse` reads a file's bytes, `verify` judges what stands in it; `chain` asks a chain for what only it knows.
What is loaded of worknet is short enough to be read by whoever relies on it.
"""

from typing import NamedTuple

from worknet.protocol.words import How
from worknet.verify.contents import check_disclosure, check_manifest
from worknet.verify.errors import EvidenceError, RefusedError, RpcError, VerifyError, require
from worknet.verify.form import Evidence, Head, parse, parse_head
from worknet.verify.rules import check_record

__all__ = ["Evidence", "EvidenceError", "Head", "RefusedError", "RpcError", "Verdict", "VerifyError"]
__all__ += ["parse", "parse_head", "verify"]


class Verdict(NamedTuple):
    """How far evidence is verified: 0 (only sound in itself), 1 (trusted tree head) or 3 (chain).

    `how` says how the record came about: a plurality is no consensus. `checked` are sentences on what holds;
    `why_no_further` is one on what keeps it from a higher level.
    """

    level: int
    how: How
    checked: tuple[str, ...]
    why_no_further: str


def verify(
    evidence: Evidence, head: Head | None = None, rpc: str | None = None, contract: bytes | None = None
) -> Verdict:
    """The level that the evidence reaches; `RefusedError` if anything in it does not hold.

    It must agree with the head, with what the JSON-RPC behind the URL `rpc` says, and with the address of the
    network's contract, each if it is given. `RpcError` if the chain cannot be asked.
    """
    is_meant = contract is None or evidence.network["contract"] == contract
    require(is_meant, "network.contract", "not the network that you mean")
    checked = check_record(evidence)
    level, why = 0, "neither a tree head that you trust nor an RPC of the chain was given to hold it against"
    if evidence.manifest is not None:
        checked.append(check_manifest(evidence, evidence.manifest))
    if evidence.disclosure is not None:
        checked.append(check_disclosure(evidence, evidence.disclosure))
    if head is not None:
        hint = "ask for evidence made against the head that you trust: option --size of who makes it"
        require(evidence.head.size == head.size, "head.size", f"not the trusted head's, {head.size}", hint)
        require(evidence.head.root == head.root, "head.root", "not the root that you trust")
        level, why = 1, "keys, operators and later ballots stand on the chain alone, and no RPC was given"
        checked.append("that head is the one that you trust")
    if rpc is not None:
        from worknet.verify import chain  # Who asks no chain loads nothing that could.

        checked += chain.check(rpc, evidence)
        level, why = 3, "there is no higher level"
        if contract is None:  # Anyone can deploy a contract of the same code, with members of his own.
            why += "; whether the contract is the network's is for you to know (option --contract)"
    return Verdict(level, evidence.record["how"], tuple(checked), why)
