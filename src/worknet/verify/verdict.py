"""What evidence shows, and how far: held against itself, a trusted tree head, and a chain (section 9).

Pure: the head comes from the caller, and what a chain says comes as a `ChainView`, which `rpc` reads. Every
rule that does not hold raises `RefusedError`; nothing is a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from worknet.protocol.ballots import Pair
from worknet.protocol.records import How
from worknet.verify.contents import check_disclosure, check_manifest
from worknet.verify.errors import require
from worknet.verify.evidence import Evidence, Head, Network
from worknet.verify.soundness import check_record

# Anyone can deploy a contract of the same code, with members of his own.
_WHOSE = "; that the contract is the one of the network you mean is for you to know (option --contract)"


@dataclass(frozen=True)
class Member:
    """A worker's key and operator, as the chain's events show them when its ballot came."""

    key: bytes
    operator: bytes


@dataclass(frozen=True)
class ChainView:
    """What a chain says about one piece of evidence, all as of block `block`.

    `leaf_hash` is what the contract keeps under the voting id, `position` where the events say that the
    record stands; both None where there is no record. `depth` counts the blocks above the record's,
    `confirmations` is how many the network waits for. `head` is that of the whole log, `head_then` of its
    first leaves, as many as the evidence's head has (None: the log is shorter). `voters` are bitmaps of the
    worker indices that voted for each pair that the evidence's ballots name. `counted` is one of those whose
    ballots were counted up to the block of the last record under the evidence's head.
    """

    network: Network
    block: int
    leaf_hash: bytes | None
    position: int | None
    depth: int
    confirmations: int
    head: Head
    head_then: Head | None
    voters: Mapping[Pair, int]
    counted: int
    members: Mapping[int, Member]


@dataclass(frozen=True)
class Verdict:
    """How far evidence is verified: 0 (only sound in itself), 1 (trusted tree head) or 3 (chain).

    `checked` are sentences on what holds; `why_no_further` is one on what keeps it from a higher level.
    """

    level: int
    checked: tuple[str, ...]
    why_no_further: str


def verify(
    evidence: Evidence,
    head: Head | None = None,
    chain: ChainView | None = None,
    *,
    contract: bytes | None = None,
) -> Verdict:
    """The level that the evidence reaches; `RefusedError` if anything in it does not hold.

    It must agree with the head, the chain and the address of the network's contract, each if it is given.
    """
    if contract is not None:
        require(evidence.network.contract == contract, "network.contract", "not the network that you mean")
    checked = check_record(evidence)
    if evidence.manifest is not None:
        checked.append(check_manifest(evidence, evidence.manifest))
    if evidence.disclosure is not None:
        checked.append(check_disclosure(evidence, evidence.disclosure))
    if head is not None:
        checked.append(_check_head(evidence, head))
    if chain is not None:
        checked += _check_chain(evidence, chain)
        return Verdict(3, tuple(checked), "there is no higher level" + ("" if contract else _WHOSE))
    if head is not None:
        why = "keys, operators and later ballots stand on the chain alone, and no RPC was given"
        return Verdict(1, tuple(checked), why)
    why = "nothing was given to hold it against: neither a tree head that you trust nor an RPC of the chain"
    return Verdict(0, tuple(checked), why)


def _check_head(evidence: Evidence, head: Head) -> str:
    hint = "ask for evidence made against the head that you trust: worknet prove --size SIZE"
    require(evidence.head.size == head.size, "head.size", f"not the trusted head's, {head.size}", hint)
    require(evidence.head.root == head.root, "head.root", "not the root that you trust")
    return "that head is the one that you trust"


def _check_chain(evidence: Evidence, chain: ChainView) -> list[str]:
    record = evidence.record
    require(chain.network == evidence.network, "network", "not the network that the chain view is of")
    hint = "the RPC is behind, or of another chain with the same id"
    require(chain.leaf_hash is not None, "record.voting_id", "the contract has no record of it", hint)
    require(chain.leaf_hash == record.leaf_hash(), "record", "not the one that the contract keeps")
    require(chain.position == evidence.position, "position", "not where the contract's events have it")
    confirmed = chain.depth >= chain.confirmations
    deep = f"only {chain.depth} blocks deep, and the network waits for {chain.confirmations}"
    require(confirmed, "record", deep, "ask again in a moment")
    require(chain.head_then is not None, "head.size", f"the chain's log has only {chain.head.size} records")
    require(chain.head_then == evidence.head, "head.root", "the chain's log had another root at that size")
    _check_votes(evidence, chain)
    _check_keys(evidence, chain)
    report = ", or took it from the signed report" if record.how is How.REPORT else ""
    return [
        f"the contract keeps this very record, {chain.depth} blocks deep in block {chain.block}",
        f"the head is that of the chain's log at {evidence.head.size} records (now {chain.head.size})",
        f"the contract counted each ballot listed{report}",
        "all ballots are listed that it had counted when the log got that head; later ones may be missing",
        "each worker had the listed key and operator when its ballot came",
    ]


def _check_votes(evidence: Evidence, chain: ChainView) -> None:
    record = evidence.record
    for number, ballot in enumerate(evidence.ballots):
        counted = chain.voters.get(ballot.pair, 0)
        if record.how is How.REPORT and ballot.pair == record.pair:
            counted |= record.voters
        require(bool(counted >> ballot.worker & 1), f"ballots[{number}]", "the contract has no such ballot")
    missing = chain.counted & ~sum(1 << ballot.worker for ballot in evidence.ballots)
    worker = missing.bit_length() - 1
    require(not missing, "ballots", f"the ballot of worker {worker}, which the contract counted, is missing")


def _check_keys(evidence: Evidence, chain: ChainView) -> None:
    for number, ballot in enumerate(evidence.ballots):
        member = chain.members.get(ballot.worker)
        require(member is not None, f"ballots[{number}].worker", "no worker of that index was enrolled")
        if member is not None:
            require(member.key == ballot.key, f"ballots[{number}].key", "not the worker's key at that time")
            operator = f"ballots[{number}].operator"
            require(member.operator == ballot.operator, operator, "not the worker's operator at that time")
