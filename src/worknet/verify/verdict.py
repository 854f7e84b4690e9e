"""What evidence shows, and how far: held against itself, a trusted tree head, and a chain (section 9).

Pure: the head comes from the caller, and what a chain says comes as a `ChainView`, which `rpc` reads. Every
rule that does not hold raises `RefusedError`; nothing is a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from worknet.protocol.ballots import Pair
from worknet.protocol.words import How
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
class Opening:
    """What the event of an attempt's opening says of what was frozen then."""

    workflow_id: bytes
    trigger_id: bytes
    members: int
    n: int
    needed: int


@dataclass(frozen=True)
class Report:
    """What the event of a report says, as bitmaps: of whom it tells, who had voted for the pair, who signed.

    The signatures are in the transaction; the contract took the report because they hold.
    """

    participants: int
    voters: int
    signers: int


@dataclass(frozen=True)
class Outcome:
    """What the event of a record says of the record's words."""

    attempt: int
    pair: Pair
    voters: int
    how: How


@dataclass(frozen=True)
class ChainView:
    """What a chain says about one piece of evidence, all as of block `block`.

    `leaf_hash` is what the contract keeps under the voting id, `position` where the events say that the
    record stands; both None where there is no record. `depth` counts the blocks above the record's,
    `confirmations` is how many the network waits for. `head` is that of the whole log, `head_then` of its
    first leaves, as many as the evidence's head has (None: the log is shorter). `opening`, `report` and
    `outcome` are what the events say of the recorded attempt, None where there is no such event. `voters` are
    bitmaps of the worker indices that voted for each pair that the evidence's ballots name; of the recorded
    pair some may stand in the record alone. `counted` is one of those whose ballots were counted up to the
    block of the last leaf under the evidence's head.
    """

    network: Network
    block: int
    leaf_hash: bytes | None
    position: int | None
    depth: int
    confirmations: int
    head: Head
    head_then: Head | None
    opening: Opening | None
    report: Report | None
    outcome: Outcome | None
    voters: Mapping[Pair, int]
    counted: int
    members: Mapping[int, Member]


@dataclass(frozen=True)
class Verdict:
    """How far evidence is verified: 0 (only sound in itself), 1 (trusted tree head) or 3 (chain).

    `how` says how the record came about: a plurality is no consensus. `checked` are sentences on what holds;
    `why_no_further` is one on what keeps it from a higher level.
    """

    level: int
    how: How
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
    how = evidence.record.how
    checked = check_record(evidence)
    if evidence.manifest is not None:
        checked.append(check_manifest(evidence, evidence.manifest))
    if evidence.disclosure is not None:
        checked.append(check_disclosure(evidence, evidence.disclosure))
    if head is not None:
        checked.append(_check_head(evidence, head))
    if chain is not None:
        checked += _check_chain(evidence, chain)
        return Verdict(3, how, tuple(checked), "there is no higher level" + ("" if contract else _WHOSE))
    if head is not None:
        why = "keys, operators and later ballots stand on the chain alone, and no RPC was given"
        return Verdict(1, how, tuple(checked), why)
    why = "nothing was given to hold it against: neither a tree head that you trust nor an RPC of the chain"
    return Verdict(0, how, tuple(checked), why)


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
    require(chain.head_then is not None, "head.size", f"the chain's log has only {chain.head.size} leaves")
    require(chain.head_then == evidence.head, "head.root", "the chain's log had another root at that size")
    came = _check_events(evidence, chain)
    _check_votes(evidence, chain)
    _check_keys(evidence, chain)
    report = ", or took it from the signed report" if record.how is How.REPORT else ""
    return [
        f"the contract keeps this very record, {chain.depth} blocks deep in block {chain.block}",
        f"the head is that of the chain's log at {evidence.head.size} leaves (now {chain.head.size})",
        came,
        f"the contract counted each ballot listed{report}",
        "all ballots are listed that it had counted when the log got that head; later ones may be missing",
        "each worker had the listed key and operator when its ballot came",
    ]


def _check_events(evidence: Evidence, chain: ChainView) -> str:
    """The events of the attempt's opening, of the report and of the record lead to the record's words."""
    record = evidence.record
    opening = Opening(record.workflow_id, record.trigger_id, record.members, record.n, record.needed)
    require(chain.opening == opening, "record", "not what the event of the attempt's opening says")
    outcome = Outcome(record.attempt, record.pair, record.voters, record.how)
    require(chain.outcome == outcome, "record", "not what the event of the record says")
    report = chain.report
    is_reported = record.how is How.REPORT
    require((report is not None) == is_reported, "record.how", "not what the chain's events of reports say")
    if report is None:
        return "the events of the attempt's opening and of the record say what the record does"
    where = "record.voters"
    require(not report.participants & ~record.members, where, "the report tells of one that is no member")
    require(not report.voters & ~report.participants, where, "the report does not tell of all of its voters")
    require(not report.signers & ~report.voters, where, "one signed the report that did not vote for it")
    signers = report.signers.bit_count()
    require(signers >= record.needed, where, f"only {signers} signed the report")
    on_chain = chain.voters.get(record.pair, 0)
    all_told = not report.voters & ~record.voters and not record.voters & ~(report.voters | on_chain)
    require(all_told, where, "not those of the report and of the ballots on chain")
    return (
        f"the record is that of a report on {report.participants.bit_count()} members, whose {signers} "
        "signatures the contract checked; the event of the attempt's opening says what the record does"
    )


def _check_votes(evidence: Evidence, chain: ChainView) -> None:
    record = evidence.record
    for number, ballot in enumerate(evidence.ballots):
        counted = chain.voters.get(ballot.pair, 0)
        if ballot.pair == record.pair:
            # Those the contract may keep in the record alone, whose words are its own: the leaf's hash is.
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
