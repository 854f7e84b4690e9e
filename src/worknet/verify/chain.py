"""Level 3: evidence held against the network's contract, as a JSON-RPC of its chain shows it (section 9).

An RPC that lies can show a whole contract of its own making, so this level is worth what the RPC is; it
cannot put a record under a tree head that you know. One that loses events is found out where the contract's
state has the same: the log, the members of today, who voted for a listed pair; not where the file leaves out
that ballot, nor where the key has changed since.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from worknet.protocol.merkle import leaf_hash, root_of_hashes
from worknet.protocol.words import How, moved_leaf, record_leaf
from worknet.verify.errors import RefusedError, RpcError, require
from worknet.verify.form import Evidence
from worknet.verify.jsonrpc import Contract

Words = Mapping[str, Any]  # By name, all as numbers: of a record, of a ballot, of an event.
Events = Sequence[Words]
_HISTORY = ("Moved", "Recorded", "Enrolled", "Rotated")
_ATTEMPT = ("Opened", "Cast", "Sealed", "SealsBrought", "Revealed", "Reported")


def check(url: str, evidence: Evidence) -> list[str]:
    """What the chain behind the URL says about the evidence, all as of one block, in sentences.

    `RefusedError` for what does not hold; `RpcError` if the chain cannot be asked or contradicts itself.
    """
    record, ballots = _numbers(evidence.record), [_numbers(ballot) for ballot in evidence.ballots]
    head, contract = evidence.head, Contract(url, **evidence.network)
    history = contract.events(_HISTORY)
    logged = [event for event in history if "index" not in event]
    changes = [event for event in history if "index" in event]
    hashes = _log(contract, record, logged, changes)
    own = next((event for event in logged if event.get("voting_id") == record["voting_id"]), None)
    if own is None:
        hint = "the RPC is behind, or of another chain with the same id"
        raise RefusedError("record.voting_id", "the contract has no record of it", hint)
    kept = hashes[own["position"]] == leaf_hash(record_leaf(record))
    require(kept, "record", "not the one that the contract keeps")
    require(own["position"] == evidence.position, "position", "not where the contract's events have it")
    depth, [[confirmations]] = contract.block - own["moment"][0], contract.calls("confirmations()", ())
    deep = f"only {depth} blocks deep, and the network waits for {confirmations}"
    require(depth >= confirmations, "record", deep, "ask again in a moment")
    require(head.size <= len(hashes), "head.size", f"the chain's log has only {len(hashes)} leaves")
    same = root_of_hashes(hashes[: head.size]) == head.root
    require(same, "head.root", "the chain's log had another root at that size")
    about = contract.events(_ATTEMPT, record["voting_id"])
    events = [event for event in [*about, own] if event["attempt"] == record["attempt"]]
    due = max(own["moment"], logged[head.size - 1]["moment"])[0]
    _check_ballots(contract, record, ballots, events, changes, due)
    return [
        f"the contract keeps this very record, {depth} blocks deep in block {contract.block}",
        f"the head is that of the chain's log at {head.size} leaves (now {len(hashes)})",
        "the events of the attempt's opening and of the record, and of a report, say what the record does",
        "the contract counted each ballot listed, or took it from a signed report",
        "all ballots are listed that it had counted when the log got that head; later ones may be missing",
        "each worker had the listed key and operator when its ballot came",
    ]


def _log(contract: Contract, record: Words, logged: Events, changes: Events) -> list[bytes]:
    """The leaf hashes of the log; they must make the contract's own root, and changes lead to its members."""
    recorded = [(event["voting_id"],) for event in logged if event["name"] == "Recorded"]
    hashes = [word.to_bytes(32) for [word] in contract.calls("record(bytes32)", *recorded)]
    for moved in (event for event in logged if event["name"] == "Moved"):
        old = (moved[word] for word in ("chain_id", "contract", "size", "root"))
        hashes.insert(0, leaf_hash(moved_leaf(record["chain_id"], record["contract"], *old)))
    [[size]], [[root]] = contract.calls("size()", ()), contract.calls("root()", ())
    in_order = all(event.get("position", 0) == at for at, event in enumerate(logged))
    hint = "ask an RPC that keeps all events of the contract"
    if not in_order or len(hashes) != size or root_of_hashes(hashes) != root.to_bytes(32):
        raise RpcError("the events that the RPC gives are not those of the log that the contract has", hint)
    newest = {event["index"]: [event["operator"], event["key"]] for event in changes}
    members = contract.calls("member(uint256)", *((index,) for index in range(len(newest))), size=3)
    if newest != {index: member[:2] for index, member in enumerate(members)}:
        raise RpcError("the events that the RPC gives do not lead to the members that the contract has", hint)
    return hashes


def _check_events(record: Words, events: Events, on_chain: int) -> None:
    """The events of opening, record and report say what the record does; `on_chain` are its voters there."""
    first = {event["name"]: event for event in reversed(events)}
    for name, what in (("Opened", "the attempt's opening"), ("Recorded", "the record")):
        told = first.get(name, {"attempt": None})
        agrees = all(told[word] == record[word] for word in told if word in record)
        require(agrees, "record", f"not what the event of {what} says")
    report, where = first.get("Reported"), "record.voters"
    is_told = (report is not None) == (record["how"] == How.REPORT)
    require(is_told, "record.how", "not what the chain's events of reports say")
    if report is None:
        return
    members, voters, signers = report["participants"], report["voters"], report["signers"]
    require(not members & ~record["members"], where, "the report tells of one that is no member")
    require(not voters & ~members, where, "the report does not tell of all of its voters")
    require(not signers & ~voters, where, "one signed the report that did not vote for it")
    require(signers.bit_count() >= record["needed"], where, f"only {signers.bit_count()} signed the report")
    same = not voters & ~record["voters"] and not record["voters"] & ~(voters | on_chain)
    require(same, where, "not those of the report and of the ballots on chain")


def _check_ballots(
    contract: Contract, record: Words, ballots: Sequence[Words], events: Events, changes: Events, due: int
) -> None:
    """The ballots are those that the contract counted, all up to block `due`, of workers as they were."""
    pairs = [(ballot["input_root"], ballot["result_root"]) for ballot in ballots]
    asked = [(record["voting_id"], record["attempt"], *pair) for pair in pairs]
    answers = contract.calls("voters(bytes32,uint256,bytes32,bytes32)", *asked)
    voters, own = dict(zip(pairs, answers, strict=True)), (record["input_root"], record["result_root"])
    _check_events(record, events, voters[own][0])
    voters[own].append(record["voters"])  # What its last transaction counted may stand in the record alone.
    came, counted = dict[int, tuple[int, int]](), dict[int, int]()
    for event in events:
        if event["name"] in ("Cast", "Sealed", "SealsBrought", "Reported"):
            # A report tells of ballots that were counted before it, and of those that came with it.
            came |= dict.fromkeys(event["workers"] - set(counted), event["moment"])
        if event["name"] in ("Cast", "Revealed"):
            counted |= dict.fromkeys(event["workers"], event["moment"][0])
    for number, (ballot, pair) in enumerate(zip(ballots, pairs, strict=True)):
        worker, where = ballot["worker"], f"ballots[{number}]"
        has_voted = any(bitmap >> worker & 1 for bitmap in voters[pair])
        require(has_voted and worker in came, where, "the contract has no such ballot")
        known = [event for event in changes if event["index"] == worker and event["moment"] < came[worker]]
        require(bool(known), f"{where}.worker", "no worker of that index was enrolled")
        for what in ("key", "operator"):
            rule = f"not the worker's {what} at that time"
            require(ballot[what] == known[-1][what], f"{where}.{what}", rule)
    listed = [ballot["worker"] for ballot in ballots]
    for worker, block in counted.items():
        rule = f"the ballot of worker {worker}, which the contract counted, is missing"
        require(block > due or worker in listed, "ballots", rule)


def _numbers(named: Words) -> Words:
    return {name: int.from_bytes(it) if isinstance(it, bytes) else it for name, it in named.items()}
