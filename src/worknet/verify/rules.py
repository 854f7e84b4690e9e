"""Whether the record of an evidence file fits together: voting, policy, trigger, members, ballots and log.

Each check returns a sentence on what holds, or raises `RefusedError`. Bitmaps are of worker indices, times in
Unix seconds.
"""

from collections import Counter
from functools import lru_cache
from typing import Any

from worknet.protocol import words
from worknet.protocol.canonical import to_hex
from worknet.protocol.keccak import keccak256
from worknet.protocol.merkle import verify_inclusion
from worknet.protocol.times import time_text
from worknet.protocol.words import MAX_WORKERS, Ballots, Fallback, How
from worknet.verify.errors import refusing, require
from worknet.verify.form import Evidence

_FAILOVER_ATTEMPT, _LAST_ATTEMPT = 3, 255
_BOUNDS = {"natural": 1 << 32, "amount": 1 << 128}
_YEAR_10000 = 253402300800
_FAILOVERS = (Fallback.FAILOVER, Fallback.FAILOVER_THEN_PLURALITY)
_PLURALITIES = {Fallback.PLURALITY: 2, Fallback.FAILOVER_THEN_PLURALITY: _FAILOVER_ATTEMPT}

hash_of_known = lru_cache(maxsize=256)(keccak256)
"""The hash of what many files have in common: policies, names of workflows."""


def check_record(evidence: Evidence) -> list[str]:
    """What holds of the record, in sentences; `RefusedError` for the first rule that does not."""
    record, policy = evidence.record, evidence.policy
    checks = (_check_voting, _check_policy, _check_trigger, _check_members, _check_ballots, _check_how)
    sentences = [check(evidence, record, policy) for check in checks]
    with refusing("path", "the record is not in the log with this head"):
        leaf = words.record_leaf(record)
        verify_inclusion(leaf, evidence.position, evidence.head.size, evidence.path, evidence.head.root)
    return [*sentences, f"it stands at position {evidence.position} of the log with the head {evidence.head}"]


def slot(evidence: Evidence) -> tuple[int, int] | None:
    """Start and end of the slot that the voting is about; None for an event."""
    every = evidence.policy["every"]
    number = int.from_bytes(evidence.record["trigger_id"], "big") - (every << 128)
    is_slot = not every or 0 <= number < 1 << 64
    require(is_slot, "record.trigger_id", "no slot of the policy's length")
    return (number * every, (number + 1) * every) if every else None


def _check_voting(evidence: Evidence, record: Any, _: Any) -> str:
    for name, value in evidence.network.items():
        require(record[name] == value, f"record.{name}", "not that of the network")
    named = (record[name] for name in ("chain_id", "contract", "workflow_id", "trigger_id"))
    follows = record["voting_id"] == keccak256(words.voting_words(*named))
    require(follows, "record.voting_id", "does not follow from network, workflow and trigger")
    where = f"in the network {to_hex(record['contract'])} on chain {record['chain_id']}"
    return f"voting {to_hex(record['voting_id'])} is the one about this workflow and trigger {where}"


def _check_policy(_: Evidence, record: Any, policy: Any) -> str:
    with refusing("policy", "it has no hash"):
        is_recorded = hash_of_known(words.policy_words(policy)) == record["policy_hash"]
    require(is_recorded, "policy", "its hash is not the record's policy_hash")
    num, den, attempt = policy["threshold_num"], policy["threshold_den"], record["attempt"]
    is_sealed = policy["ballots"] is Ballots.SEALED
    for name, kind in words.POLICY.items():
        bound = (1 << 40) - 1 if name == "start" else _BOUNDS.get(kind)
        require(bound is None or policy[name] < bound, f"policy.{name}", f"{bound} or more")
    for name in ("bundle_digest", "data_key_commitment"):
        require(any(policy[name]), f"policy.{name}", "zero")
    for name in ("accuracy", "speed"):
        require(policy[name] == 0 or is_sealed, f"policy.{name}", "not paid for open ballots")
    require(0 <= num <= den != 0, "policy.threshold_num", f"a threshold of {num}/{den}")
    require(policy["cast_window"] > 0, "policy.cast_window", "lets nobody vote")
    require(policy["reveal_window"] > 0 or not is_sealed, "policy.reveal_window", "lets nobody reveal")
    require(1 <= attempt <= _LAST_ATTEMPT, "record.attempt", f"attempts are 1 to {_LAST_ATTEMPT}")
    has_failover = attempt != _FAILOVER_ATTEMPT or policy["fallback"] in _FAILOVERS
    require(has_failover, "record.attempt", "the policy has no failover attempt")
    has_time = policy["stall"] > 0 or attempt not in (2, _FAILOVER_ATTEMPT)
    require(has_time, "record.attempt", "the policy leaves no time for a further attempt (stall)")
    threshold = f"{num}/{den}, and a majority" if num else "a simple majority"
    return f"the policy is the one whose hash is recorded, and needs {threshold}"


def _check_trigger(evidence: Evidence, record: Any, policy: Any) -> str:
    """A slot is one that the policy governs, and was recorded after it was due."""
    time, attempt, span = record["time"], record["attempt"], slot(evidence)
    require(time < _YEAR_10000, "record.time", "after the year 9999")
    if span is None:
        return f"the trigger is an event; recorded at {time_text(time)}"
    due = span[1] + policy["delay"]
    require(time >= due, "record.time", "the record is older than its slot was due")
    governed = (span[0] if attempt <= _FAILOVER_ATTEMPT else time) >= policy["start"]
    require(governed, "policy.start", "later than the slot, or than the record of a reopening")
    latest = due + policy["max_age"] + policy["cast_window"] + policy["reveal_window"]
    has_age = attempt == 1 and record["how"] is not How.PLURALITY and policy["max_age"]
    require(not has_age or time < latest, "record.time", "the slot was too old by then (max_age)")
    start, end, at = map(time_text, (*span, time))
    return f"the trigger is the slot from {start} to {end}; recorded at {at}"


def _check_members(_: Evidence, record: Any, policy: Any) -> str:
    n, members, voters = record["n"], record["members"], record["voters"]
    count, opens_anew = members.bit_count(), record["attempt"] not in (2, _FAILOVER_ATTEMPT)
    needed = words.needed(n, policy["threshold_num"], policy["threshold_den"])
    require(members < 1 << MAX_WORKERS, "record.members", f"an index of {MAX_WORKERS} or more")
    require(words.MIN_WORKERS <= n <= MAX_WORKERS, "record.n", f"not from 2 to {MAX_WORKERS}")
    require(n == count or (n > count and not opens_anew), "record.n", "not the number of members")
    require(record["needed"] == needed, "record.needed", f"the policy needs {needed} of {n}")
    require(not voters & ~members, "record.voters", "a voter that is no member")
    require(voters != 0, "record.voters", "a record without voters")
    return f"attempt {record['attempt']} had {count} members (n = {n}); {needed} had to agree"


def _check_ballots(evidence: Evidence, record: Any, _: Any) -> str:
    """Each voter's ballot is there and is the recorded pair; keys and operators have one worker each."""
    listed, seen = 0, set()
    for number, ballot in enumerate(evidence.ballots):
        where, worker = f"ballots[{number}]", ballot["worker"]
        is_member = worker < MAX_WORKERS and record["members"] >> worker & 1
        require(bool(is_member), f"{where}.worker", "no member of the attempt")
        require(listed >> worker == 0, f"{where}.worker", "the workers do not ascend")
        listed |= 1 << worker
        for name in ("input_root", "result_root", "key", "operator"):
            require(any(ballot[name]), f"{where}.{name}", "zero")
        for name in ("key", "operator"):
            require((name, ballot[name]) not in seen, f"{where}.{name}", f"the {name} of two workers")
            seen.add((name, ballot[name]))
        agrees = _pair(ballot) == _pair(record) or not record["voters"] >> worker & 1
        require(agrees, where, "a voter's ballot is another pair than the recorded one")
    require(not record["voters"] & ~listed, "ballots", "the ballot of a voter is missing")
    return f"{len(evidence.ballots)} ballots are listed, and those of all voters are the recorded pair"


def _check_how(evidence: Evidence, record: Any, policy: Any) -> str:
    """The votes suffice for the way in which the record came about."""
    how, needed, voters = record["how"], record["needed"], record["voters"].bit_count()
    workers = ", ".join(str(index) for index in range(MAX_WORKERS) if record["voters"] >> index & 1)
    if how is not How.PLURALITY:
        require(voters >= needed, "record.voters", f"fewer than the {needed} needed")
        came = ", told by a signed report" if how is How.REPORT else ""
        return f"{voters} workers ({workers}) had voted for the recorded pair: a consensus{came}"
    latest, tally = _PLURALITIES.get(policy["fallback"], 0), Counter(map(_pair, evidence.ballots))
    require(latest > 0, "record.how", "the policy has no plurality")
    require(record["attempt"] <= latest, "record.attempt", "no attempt that a plurality can follow")
    require(voters < needed, "record.how", "enough voters for a consensus, yet recorded by plurality")
    require(voters >= 2 and voters * 3 > record["n"], "record.voters", "too few for a plurality")
    require(len(evidence.ballots) >= needed, "ballots", "too few were counted for a plurality")
    require(tally.pop(_pair(record)) == voters, "record.voters", "not all who voted for the recorded pair")
    require(voters > max(tally.values(), default=0), "ballots", "another pair has as many ballots")
    return f"{voters} workers ({workers}) voted for the pair: a plurality, NO consensus"


def _pair(ballot: Any) -> tuple[bytes, bytes]:
    return ballot["input_root"], ballot["result_root"]
