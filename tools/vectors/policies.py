"""Vectors of policies, of ballots and seals, and of what is signed under EIP-712."""

from dataclasses import asdict
from typing import Any

from tools.vectors.form import VectorFile, sample
from tools.vectors.ids import CONTRACT, HOUR, NOON, VOTING

from worknet.protocol import ballots as protocol_ballots
from worknet.protocol import eip712
from worknet.protocol.ballots import Pair
from worknet.protocol.ids import Slot, voting_id
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback, needed

VOTING_ID = voting_id(**VOTING)
PAIR = Pair(sample("input root"), sample("result root"))
POLICY: dict[str, Any] = {
    "bundle_digest": sample("bundle digest"),
    "data_key_epoch": 1,
    "data_key_commitment": sample("commitment"),
    "every": HOUR,
    "delay": 900,
    "start": NOON,
    "max_age": 86_400,
    "threshold_num": 2,
    "threshold_den": 3,
    "ballots": Ballots.SEALED,
    "cast_window": 600,
    "reveal_window": 300,
    "stall": 1800,
    "fallback": Fallback.ALERT,
    "accuracy": 10**18,
    "speed": 5 * 10**17,
}
OPEN: dict[str, Any] = POLICY | {"ballots": Ballots.OPEN, "accuracy": 0, "speed": 0}


def policies() -> VectorFile:
    """Hashes of policies, thresholds, the opening of slots, and policies that no owner can set."""
    file = VectorFile(
        "Policies (section 5). `ballots` is 0 (open) or 1 (sealed), `fallback` 0 to 3 in the order of the "
        "table; times are seconds."
    )
    good: dict[str, dict[str, Any]] = {
        "sealed ballots": POLICY,
        "open ballots": OPEN,
        "the simple majority": POLICY | {"threshold_num": 0, "threshold_den": 1},
        "unanimity": POLICY | {"threshold_num": 1, "threshold_den": 1},
        "event-driven, never too old": POLICY | {"every": 0, "delay": 0, "start": 0, "max_age": 0},
        "the longest times": POLICY | dict.fromkeys(("every", "delay", "max_age", "cast_window"), 2**32 - 1),
        "open ballots without a reveal window": OPEN | {"reveal_window": 0},
    }
    good["no second attempt"] = POLICY | {"stall": 0}
    good |= {f"fallback {fallback.name.lower()}": POLICY | {"fallback": fallback} for fallback in Fallback}
    for name, fields in good.items():
        file.good(name, "policy_hash", Policy(**fields).hash(), **asdict(Policy(**fields)))
    changes: dict[str, dict[str, Any]] = {
        "no denominator": {"threshold_den": 0},
        "a threshold above one": {"threshold_num": 4},
        "a negative threshold": {"threshold_num": -1},
        "no cast window": {"cast_window": 0},
        "no reveal window": {"reveal_window": 0},
        "a delay of 2 to the 32": {"delay": 2**32},
        "a negative delay": {"delay": -1},
        "a negative length": {"every": -1},
        "a cast window of 2 to the 32": {"cast_window": 2**32},
        "a negative stall": {"stall": -1},
        "a denominator of 2 to the 32": {"threshold_den": 2**32},
        "a negative start": {"start": -1},
        "a start of 2 to the 40": {"start": 2**40},
        "an epoch of 2 to the 32": {"data_key_epoch": 2**32},
        "a negative reward": {"accuracy": -1},
        "no bundle": {"bundle_digest": bytes(32)},
        "no data key": {"data_key_commitment": bytes(32)},
        "a negative age": {"max_age": -1},
        "a short bundle digest": {"bundle_digest": bytes(20)},
        "a short commitment": {"data_key_commitment": bytes(31)},
        "a reward for open ballots' accuracy": {"ballots": Ballots.OPEN, "speed": 0},
        "a reward for open ballots' speed": {"ballots": Ballots.OPEN, "accuracy": 0},
    }
    for name, change in changes.items():
        file.bad(name, "policy_hash", "PolicyError", **(POLICY | change))
    for n, num, den in (
        (2, 0, 1),
        (3, 0, 1),
        (3, 2, 3),
        (4, 1, 2),
        (5, 2, 3),
        (6, 2, 3),
        (7, 1, 1),
        (120, 99, 100),
    ):
        file.good(f"{num}/{den} of {n}", "needed", needed(n, num, den), n=n, num=num, den=den)
    _openings(file)
    return file


def _openings(file: VectorFile) -> None:
    due = NOON + HOUR + POLICY["delay"]
    for name, now in {"when it is due": due, "at its greatest age": due + POLICY["max_age"]}.items():
        slot = Slot.at(HOUR, NOON)
        given: dict[str, Any] = {"every": slot.every, "number": slot.number, "now": now}
        file.good(f"a slot {name}", "check_opening", None, policy=POLICY, **given)
    for name, every, time, now in (
        ("a second before it is due", HOUR, NOON, due - 1),
        ("a second too old", HOUR, NOON, due + POLICY["max_age"] + 1),
        ("before the policy's start", HOUR, NOON - HOUR, due),
        ("of another length", 900, NOON, due),
        ("that is yet to come", HOUR, NOON + 9 * HOUR, due),
    ):
        slot = Slot.at(every, time)
        given = {"every": slot.every, "number": slot.number, "now": now}
        file.bad(f"a slot {name}", "check_opening", "PolicyError", policy=POLICY, **given)
    for name, fields in {"seconds": 1, "a day": 86_400}.items():
        change = POLICY | {"every": fields, "start": 0}
        wrong = {"every": fields + 1, "number": 1, "now": due}
        file.bad(f"a slot of other {name}", "check_opening", "PolicyError", policy=change, **wrong)


SEAL: dict[str, Any] = {
    "chain_id": 246,
    "contract": CONTRACT,
    "voting_id": VOTING_ID,
    "attempt": 1,
    "worker": 0,
    "pair": PAIR,
    "salt": sample("seal salt"),
}


def ballots() -> VectorFile:
    """Seals, which differ in everything that they bind, and ballots that are none."""
    file = VectorFile("Seals and ballots (section 6). `worker` is the worker's index.")
    other_chain, other_contract = {"chain_id": 73_799}, {"contract": sample("contract 2", 20)}
    next_slot = {"trigger_id": Slot.at(HOUR, NOON + HOUR).trigger_id}
    changes: dict[str, dict[str, Any]] = {
        "a seal": {},
        "of the next attempt": {"attempt": 2},
        "of another worker": {"worker": 119},
        "on another chain": other_chain | {"voting_id": voting_id(**(VOTING | other_chain))},
        "on another chain, with this one's voting id": other_chain,
        "at another contract": other_contract | {"voting_id": voting_id(**(VOTING | other_contract))},
        "at another contract, with this one's voting id": other_contract,
        "of another voting": {"voting_id": voting_id(**(VOTING | next_slot))},
        "of another pair": {"pair": Pair(PAIR.result_root, PAIR.input_root)},
        "with another salt": {"salt": sample("seal salt 2")},
    }
    for name, change in changes.items():
        given = SEAL | change
        file.good(name, "seal", protocol_ballots.seal(**given), **_flat(given))
    stored = protocol_ballots.seal(**SEAL)[:-2] + (517).to_bytes(2, "big")
    gives = {"sent": protocol_ballots.without_time(stored), "seconds_left": 517}
    file.good("a stored seal", "stored_seal", gives, stored=stored)
    zero = bytes(32)
    for name, error, change in (
        ("no input root", "BallotError", {"input_root": zero}),
        ("no result root", "BallotError", {"result_root": zero}),
        ("no roots", "BallotError", {"input_root": zero, "result_root": zero}),
        ("an input root of 31 bytes", "BallotError", {"input_root": PAIR.input_root[1:]}),
        ("a result root of 20 bytes", "BallotError", {"result_root": PAIR.result_root[12:]}),
        ("a salt of 31 bytes", "BallotError", {"salt": SEAL["salt"][1:]}),
        ("a salt of 16 bytes", "BallotError", {"salt": SEAL["salt"][16:]}),
        ("no salt", "BallotError", {"salt": b""}),
        ("a negative worker", "EncodingError", {"worker": -1}),
        ("a negative attempt", "EncodingError", {"attempt": -1}),
        ("a contract of 21 bytes", "EncodingError", {"contract": CONTRACT + b"\0"}),
    ):
        file.bad(name, "seal", error, **(_flat(SEAL) | change))
    return file


def _flat(given: dict[str, Any]) -> dict[str, Any]:
    """What is given with the pair as its two roots."""
    roots = {"input_root": given["pair"].input_root, "result_root": given["pair"].result_root}
    return {key: value for key, value in given.items() if key != "pair"} | roots


def eip712_digests() -> VectorFile:
    """Domain separators and the digests that workers sign."""
    file = VectorFile("EIP-712 (section 6): domain separators, digests of `Seal` and `Report`.")
    domains = [(246, CONTRACT), (73_799, CONTRACT), (246, sample("contract 2", 20)), (2**64, CONTRACT)]
    for chain_id, contract in domains:
        separator = eip712.domain_separator(chain_id, contract)
        domain = {"chain_id": chain_id, "contract": contract}
        file.good(f"domain on chain {chain_id}", "domain_separator", separator, **domain)
        signed: dict[str, Any] = {"voting_id": VOTING_ID, "attempt": 1, "policy_version": 7}
        seal = protocol_ballots.seal(**SEAL)
        digest = eip712.seal_digest(separator, **signed, seal=seal)
        file.good(f"seal on chain {chain_id}", "seal_digest", digest, **domain, **signed, seal=seal)
        bitmaps: dict[str, Any] = {"participants": 2**120 - 1, "voters": 2**119 + 1}
        digest = eip712.report_digest(separator, **signed, pair=PAIR, **bitmaps)
        roots = asdict(PAIR)
        file.good(
            f"report on chain {chain_id}", "report_digest", digest, **domain, **signed, **roots, **bitmaps
        )
    one: dict[str, Any] = {
        "chain_id": 246,
        "contract": CONTRACT,
        "voting_id": VOTING_ID,
        "attempt": 1,
        "policy_version": 7,
    }
    changes: dict[str, dict[str, Any]] = {
        "a negative chain id": {"chain_id": -1},
        "a chain id of 257 bits": {"chain_id": 2**256},
        "a contract of 19 bytes": {"contract": CONTRACT[1:]},
        "no contract": {"contract": b""},
        "a voting id of 33 bytes": {"voting_id": VOTING_ID + b"\0"},
        "a voting id of 31 bytes": {"voting_id": VOTING_ID[1:]},
        "a negative attempt": {"attempt": -1},
        "a negative policy version": {"policy_version": -1},
        "an attempt of 257 bits": {"attempt": 2**256},
    }
    for name, change in changes.items():
        seal = sample("seal", 32)
        file.bad(f"seal with {name}", "seal_digest", "EncodingError", **(one | {"seal": seal} | change))
    file.bad("a seal of 30 bytes", "seal_digest", "EncodingError", **one, seal=sample("seal", 30))
    report: dict[str, Any] = one | asdict(PAIR) | {"participants": 7, "voters": 3}
    for name, error, change in (
        ("no roots", "BallotError", {"input_root": bytes(32)}),
        ("a short root", "BallotError", {"result_root": bytes(31)}),
        ("negative voters", "EncodingError", {"voters": -1}),
        ("participants of 257 bits", "EncodingError", {"participants": 2**256}),
    ):
        file.bad(f"report with {name}", "report_digest", error, **(report | change))
    return file
