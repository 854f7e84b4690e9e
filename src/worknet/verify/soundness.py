"""Whether the record of an evidence file fits together: voting, members, policy, trigger, ballots and log.

Each check returns a sentence on what holds, or raises `RefusedError`. What hangs below the record's roots
(manifest, rows) is the business of `contents`. Bitmaps are of worker indices.
"""

from worknet.protocol import ids, merkle
from worknet.protocol.canonical import to_hex
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.times import time_text
from worknet.protocol.words import MAX_WORKERS, MIN_WORKERS, Fallback, How
from worknet.verify.errors import refusing, require
from worknet.verify.evidence import Evidence

_FAILOVER_ATTEMPT = 3
_FAILOVERS = (Fallback.FAILOVER, Fallback.FAILOVER_THEN_PLURALITY)
_PLURALITIES = (Fallback.PLURALITY, Fallback.FAILOVER_THEN_PLURALITY)


def check_record(evidence: Evidence) -> list[str]:
    """What holds of the record, in sentences; `RefusedError` for the first rule that does not."""
    return [
        _check_voting(evidence),
        _check_policy(evidence),
        _check_trigger(evidence),
        _check_members(evidence),
        _check_ballots(evidence),
        _check_how(evidence),
        _check_log(evidence),
    ]


def _check_voting(evidence: Evidence) -> str:
    """The record belongs to the network, and its voting id follows from network, workflow and trigger."""
    network, record = evidence.network, evidence.record
    require(record.chain_id == network.chain_id, "record.chain_id", "not that of the network")
    require(record.contract == network.contract, "record.contract", "not that of the network")
    expected = ids.voting_id(record.chain_id, record.contract, record.workflow_id, record.trigger_id)
    require(
        record.voting_id == expected, "record.voting_id", "does not follow from network, workflow and trigger"
    )
    return (
        f"voting {to_hex(record.voting_id)} is the one about this workflow and trigger in the network "
        f"{to_hex(network.contract)} on chain {network.chain_id}"
    )


def _check_policy(evidence: Evidence) -> str:
    """The policy is the recorded one, and allows an attempt of this number."""
    record, policy = evidence.record, evidence.policy
    with refusing("policy"):
        policy_hash = policy.hash()
    require(policy_hash == record.policy_hash, "policy", "its hash is not the record's policy_hash")
    require(record.attempt >= 1, "record.attempt", "attempts count from 1")
    if record.attempt == _FAILOVER_ATTEMPT:
        require(policy.fallback in _FAILOVERS, "record.attempt", "the policy has no failover attempt")
    if record.attempt != 1 and _is_ordinary(record):
        require(policy.stall > 0, "record.attempt", "the policy leaves no time for a further attempt (stall)")
    return f"the policy is the one whose hash is recorded, and needs {_threshold(policy)}"


def _check_trigger(evidence: Evidence) -> str:
    """A slot's voting is about a slot that the policy governs, and was recorded after the slot was due."""
    record, policy = evidence.record, evidence.policy
    with refusing("record.time"):
        recorded = f"recorded at {time_text(record.time)}"
    if not policy.every:
        return f"the trigger is an event; {recorded}"
    with refusing("record.trigger_id"):
        slot = ids.Slot.of_trigger(record.trigger_id)
    due = slot.due(policy.delay)
    require(slot.every == policy.every, "record.trigger_id", "a slot of another length than the policy's")
    require(record.time >= due, "record.time", "the record is older than its slot was due")
    if _is_ordinary(record):
        require(slot.window.start >= policy.start, "policy.start", "the slot lies before the policy's start")
    else:
        require(record.time >= policy.start, "policy.start", "the policy was not in force yet")
    if record.attempt == 1 and record.how is not How.PLURALITY and policy.max_age:
        latest = due + policy.max_age + policy.cast_window + policy.reveal_window
        require(record.time < latest, "record.time", "the slot was too old by then (max_age)")
    with refusing("record.trigger_id"):
        start, end = time_text(slot.window.start), time_text(slot.window.end)
    return f"the trigger is the slot from {start} to {end}; {recorded}"


def _check_members(evidence: Evidence) -> str:
    """The frozen members, n and needed fit together."""
    record = evidence.record
    members = record.members.bit_count()
    require(record.members < 1 << MAX_WORKERS, "record.members", f"an index of {MAX_WORKERS} or more")
    require(record.n >= MIN_WORKERS, "record.n", f"fewer than {MIN_WORKERS} workers")
    require(record.n <= MAX_WORKERS, "record.n", f"more than {MAX_WORKERS} workers")
    require(record.n >= members, "record.n", "smaller than the number of members")
    if record.attempt == 1 or not _is_ordinary(record):
        require(record.n == members, "record.n", "not the number of members, with which this attempt opened")
    needed = evidence.policy.needed(record.n)
    require(record.needed == needed, "record.needed", f"the policy needs {needed} of {record.n}")
    require(not record.voters & ~record.members, "record.voters", "a voter that is no member")
    require(record.voters != 0, "record.voters", "a record without voters")
    return f"attempt {record.attempt} had {members} members (n = {record.n}); {record.needed} had to agree"


def _check_ballots(evidence: Evidence) -> str:
    """Each voter's ballot is there and is the recorded pair; keys and operators have one worker each."""
    record = evidence.record
    with refusing("record"):
        pair = record.pair
    listed, keys, operators = 0, set(), set()
    for number, ballot in enumerate(evidence.ballots):
        where = f"ballots[{number}]"
        require(ballot.worker < MAX_WORKERS, f"{where}.worker", f"an index of {MAX_WORKERS} or more")
        require(listed >> ballot.worker == 0, f"{where}.worker", "the workers do not ascend")
        listed |= 1 << ballot.worker
        require(bool(record.members & 1 << ballot.worker), f"{where}.worker", "no member of the attempt")
        if record.voters & 1 << ballot.worker:
            require(ballot.pair == pair, where, "a voter's ballot is another pair than the recorded one")
        require(any(ballot.key), f"{where}.key", "a key of zeros")
        require(any(ballot.operator), f"{where}.operator", "an operator of zeros")
        require(ballot.key not in keys, f"{where}.key", "the key of two workers")
        require(ballot.operator not in operators, f"{where}.operator", "the operator of two workers")
        keys.add(ballot.key)
        operators.add(ballot.operator)
    require(not record.voters & ~listed, "ballots", "the ballot of a voter is missing")
    return f"{len(evidence.ballots)} ballots are listed, and those of all voters are the recorded pair"


def _check_how(evidence: Evidence) -> str:
    """The votes suffice for the way in which the record came about."""
    record, policy = evidence.record, evidence.policy
    voters = record.voters.bit_count()
    if record.how is not How.PLURALITY:
        require(voters >= record.needed, "record.voters", f"fewer than the {record.needed} needed")
        came = ", told by a signed report" if record.how is How.REPORT else ""
        return (
            f"{voters} workers had voted for the recorded pair ({_workers(record.voters)}): a consensus{came}"
        )
    require(policy.fallback in _PLURALITIES, "record.how", "the policy has no plurality")
    latest = 2 if policy.fallback is Fallback.PLURALITY else _FAILOVER_ATTEMPT
    require(record.attempt <= latest, "record.attempt", "no attempt that a plurality can follow")
    require(voters < record.needed, "record.how", "enough voters for a consensus, yet recorded by plurality")
    require(voters >= 2 and voters * 3 > record.n, "record.voters", "too few for a plurality")
    require(len(evidence.ballots) >= record.needed, "ballots", "too few were counted for a plurality")
    tally: dict[object, int] = {}
    for ballot in evidence.ballots:
        tally[ballot.pair] = tally.get(ballot.pair, 0) + 1
    require(tally[record.pair] == voters, "record.voters", "not all who voted for the recorded pair")
    others = [count for pair, count in tally.items() if pair != record.pair]
    require(voters > max(others, default=0), "ballots", "another pair has as many ballots")
    return f"{voters} workers ({_workers(record.voters)}) voted for the pair: a plurality, NO consensus"


def _check_log(evidence: Evidence) -> str:
    """The record stands in the log at its position."""
    head = evidence.head
    with refusing("path", "the record is not in the log with this head"):
        merkle.verify_inclusion(
            evidence.record.leaf(), evidence.position, head.size, evidence.path, head.root
        )
    return f"the record stands at position {evidence.position} of the log with the head {head}"


def _is_ordinary(record: Record) -> bool:
    """Whether the attempt keeps the voting's own policy version (section 5), as reopenings do not."""
    return record.attempt <= _FAILOVER_ATTEMPT


def _threshold(policy: Policy) -> str:
    if policy.threshold_num == 0:
        return "a simple majority"
    return f"{policy.threshold_num}/{policy.threshold_den}, and a majority"


def _workers(bitmap: int) -> str:
    indices = [str(index) for index in range(bitmap.bit_length()) if bitmap >> index & 1]
    return f"worker{'s' if len(indices) > 1 else ''} {', '.join(indices)}"
