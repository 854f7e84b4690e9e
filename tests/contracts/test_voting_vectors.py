"""The histories of `vectors/votings.json` on the contract: the same outcome, the same refusal.

The vectors' facts are what the contract tells; here they are made again by calls. What is made to fit: an
opening is the call of the ballot behind it, the members are enrolled and removed before it, the policy is
event-driven, and a seal is one of the pair that its worker reveals later.
"""

import json
from pathlib import Path
from typing import Any

import boa
import pytest

from worknet.protocol.ballots import Pair, without_time
from worknet.protocol.records import How, Record
from worknet.protocol.voting import State

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "votings.json").read_text())
TRIGGER = b"\x11" * 32
Given = dict[str, Any]

CANNOT_BE_TOLD: dict[str, tuple[str, str | list[str]]] = {
    "a seal before the opening": ("a ballot that names attempt 1 opens it", ["Opened", "Sealed"]),
    "a ballot before the opening": ("a ballot that names attempt 1 opens it", ["Opened", "Cast"]),
    "opened twice": (
        "nothing opens without a ballot, so the second opening is the first",
        ["Opened", "Sealed"],
    ),
    "the first attempt again": (
        "a ballot for the last attempt opens none, it comes late",
        "votings: not casting",
    ),
    "a reveal of one with and one without": ("who does not fit is skipped", ["Skipped", "Revealed"]),
}
"""Bad cases whose last fact the contract never tells: why, and what it does instead with the same call."""


def data(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def pair_of(given: Given) -> Pair:
    return Pair(data(given["input_root"]), data(given["result_root"]))


def indices(bitmap: int | str) -> list[int]:
    return [index for index in range(120) if int(bitmap) >> index & 1]


class Replay:
    """A history on a network of its own."""

    def __init__(self, network: Any, given: Given) -> None:
        self.network = network
        self.facts: list[Given] = given["facts"]
        self.told: list[Given] = []
        network.trigger = TRIGGER
        boa.env.timestamp = (self.facts[0]["time"] if self.facts else given["now"]) - 1
        event_driven = {"every": 0, "delay": 0, "start": 0, "max_age": 0}
        self.policy = network.announce(**event_driven, **given["policy"])

    def replay(self, count: int) -> None:
        """The first so many facts, all lawful."""
        for position in range(count):
            if self.facts[position]["fact"] != "opened" or position == len(self.facts) - 1:
                self.call(position)

    def call(self, position: int) -> list[str]:
        """Makes the call that a fact tells of; the names of the events."""
        fact = self.facts[position]
        boa.env.timestamp = fact["time"]
        openings = [earlier for earlier in self.facts[: position + 1] if earlier["fact"] == "opened"]
        if openings and openings[-1] in self.facts[max(0, position - 1) : position + 1]:
            self.make_members(int(openings[-1]["members"]))
        elif not openings:
            self.make_members(0b111)
        version = openings[-1]["policy_version"] if openings else 1
        place = fact["attempt"] << 32 | version << 16 | fact.get("worker", 0)
        told = self.network.call(*self.arguments(fact, place), sender=self.sender(fact))
        self.told += [as_fact(name, fields, fact["time"]) for name, fields in told if name in READ]
        return [name for name, _ in told]

    def arguments(self, fact: Given, place: int) -> tuple[Any, ...]:
        about = (self.network.workflow, TRIGGER, place)
        if fact["fact"] == "revealed":
            workers = indices(fact["workers"])
            salts = [self.network.salt(worker, fact["attempt"]) for worker in workers]
            return ("reveal", *about, data(fact["input_root"]), data(fact["result_root"]), workers, salts)
        if fact["fact"] == "sealed" or (fact["fact"] == "opened" and self.policy.ballots):
            return ("seal", *about, self.seal_of(fact))
        pair = pair_of(fact) if fact["fact"] == "cast" else self.network.pair("any")
        return ("cast", *about, pair.input_root, pair.result_root)

    def seal_of(self, fact: Given) -> bytes:
        """A seal of the pair that the worker reveals in this attempt, of some other if it never does."""
        worker = fact.get("worker", 0)
        reveals = [
            later
            for later in self.facts
            if later["fact"] == "revealed"
            and later["attempt"] == fact["attempt"]
            and worker in indices(later["workers"])
        ]
        pair = pair_of(reveals[0]) if reveals else self.network.pair("any")
        return bytes(self.network.seal_for(worker, pair, fact["attempt"]))

    def sender(self, fact: Given) -> Any:
        return None if fact["fact"] == "revealed" else self.network.keys.get(fact.get("worker", 0))

    def make_members(self, members: int) -> None:
        """Enrols until these are the active ones, standbys between them; removes who is none of them."""
        for index in range(self.network.contract.member_count(), members.bit_length()):
            self.network.enrol(1, role=1 if members >> index & 1 else 2)
        for index in indices(self.network.contract.active() & ~members):
            self.network.call("remove", index)

    def expected(self) -> list[Given]:
        """The facts as they should be told: with the seals that were made to fit."""
        seals = {"sealed": lambda fact: {"seal": "0x" + self.seal_of(fact).hex()}}
        return [fact | seals.get(fact["fact"], lambda _: {})(fact) for fact in self.facts]

    def check(self, gives: Given) -> None:
        """Holds what the contract shows against what the vector gives."""
        there = self.network.voting()
        assert (State(there.state).name, there.closed) == (gives["state"], gives["closed"])
        self.check_record(gives)
        attempt = gives["attempt"]
        if attempt is None:
            assert not any(there)
            return
        assert (there.attempt, there.n, there.needed) == (attempt["number"], attempt["n"], attempt["needed"])
        assert there.members == int(attempt["members"])
        deadlines = {
            "CASTING": attempt["cast_end"],
            "REVEALING": attempt["end"],
            "PENDING": gives["ended"] + self.policy.stall,
            "UNRESOLVED": gives["ended"],
            "CONSENSUS": attempt["end"],
        }
        assert there.deadline == deadlines[gives["state"]]
        self.check_ballots(there, attempt)

    def check_ballots(self, there: Any, attempt: Given) -> None:
        voters = {pair_of(one): int(one["voters"]) for one in attempt["tally"]}
        for pair, bitmap in voters.items():
            assert self.network.voters(pair, attempt["number"]) == bitmap
        counts = sorted((bitmap.bit_count() for bitmap in voters.values()), reverse=True) or [0]
        assert (there.highest, there.shared) == (counts[0], counts[1:2] == counts[:1])
        counted, sealed = sum(voters.values()), int(attempt["sealed"])
        assert there.members & ~counted == int(attempt["missing"])
        assert there.cast == (sealed if there.sealed else counted).bit_count()
        casting_sealed = there.sealed and there.state == State.CASTING
        assert there.ballots == (sealed if casting_sealed else counted)
        for worker in indices(there.members):
            seal = self.network.contract.seal_of(self.network.voting_id(), attempt["number"], worker)
            assert (seal != bytes(32)) == bool(sealed >> worker & 1)

    def check_record(self, gives: Given) -> None:
        kept, recorded = self.network.contract.record(self.network.voting_id()), gives["recorded"]
        if recorded is None:
            assert kept == bytes(32)
            return
        record = Record(
            chain_id=self.network.chain_id,
            contract=self.network.address,
            workflow_id=self.network.workflow,
            voting_id=self.network.voting_id(),
            trigger_id=TRIGGER,
            attempt=recorded["attempt"],
            policy_hash=self.policy.hash(),
            input_root=data(recorded["input_root"]),
            result_root=data(recorded["result_root"]),
            members=int(gives["attempt"]["members"]),
            n=gives["attempt"]["n"],
            needed=gives["attempt"]["needed"],
            voters=int(recorded["voters"]),
            how=How(recorded["how"]),
            time=recorded["time"],
        )
        assert kept == record.leaf_hash()

    def advance(self, state: int, recorded: Given | None) -> None:
        """Advances, if there is anything to: a stored state that time has ended, a closing to book."""
        there = self.network.voting()
        pair = pair_of(recorded) if recorded else None
        if there.state != state or there.closed > there.booked:
            self.network.advance(pair)
        else:
            with self.network.refuses("votings: nothing to advance"):
                self.network.advance(pair)


READ = {"Opened", "Cast", "Sealed", "Revealed"}


def as_fact(name: str, fields: dict[str, Any], time: int) -> Given:
    """An event as the vectors write it."""
    fact: Given = {"fact": name.lower(), "time": time}
    if name == "Opened":
        names = ("attempt", "policy_version", "members", "n", "needed")
        return fact | {key: written(fields[key]) for key in names}
    fact |= {"attempt": fields["place"] >> 32, "worker": fields["place"] & 0xFFFF}
    if name == "Sealed":
        return fact | {"seal": written(without_time(fields["seal"]))}
    fact |= {key: written(fields[key]) for key in ("input_root", "result_root")}
    if name == "Revealed":
        assert fact.pop("worker") == 0
        fact["workers"] = written(fields["workers"])
    return fact


def written(value: int | bytes) -> int | str:
    """A value as the vectors write it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value if value < 2**53 else str(value)


def cases(quality: str) -> list[Any]:
    """The cases, but for the facts that no call makes a contract tell."""
    told = [case for case in VECTORS[quality] if case.get("error") != "FactError"]
    return [pytest.param(case, id=case["name"]) for case in told]


@pytest.mark.parametrize("case", cases("good"))
def test_a_history_ends_on_the_contract_as_the_vector_says(bare, case):
    replay = Replay(bare, case["given"])
    replay.replay(len(replay.facts))
    assert replay.told == replay.expected()
    stored = bare.voting().state
    boa.env.timestamp = case["given"]["now"]
    replay.check(case["gives"])
    if replay.facts:
        replay.advance(stored, case["gives"]["recorded"])
        replay.check(case["gives"])


@pytest.mark.parametrize("case", cases("bad"))
def test_the_last_fact_is_refused_by_the_contract_for_the_vectors_rule(bare, case):
    replay = Replay(bare, case["given"])
    last = len(replay.facts) - 1
    replay.replay(last)
    instead = CANNOT_BE_TOLD.get(case["name"], ("", case["rule"]))[1]
    if isinstance(instead, list):
        assert replay.call(last) == instead
        return
    with bare.refuses(instead):
        replay.call(last)


def test_what_the_contract_never_tells_is_among_the_bad_cases():
    assert CANNOT_BE_TOLD.keys() <= {case["name"] for case in VECTORS["bad"]}
    assert all(case["does"] == "fold" for quality in ("good", "bad") for case in VECTORS[quality])
